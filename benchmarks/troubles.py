"""What a run meets beside sudden death: full disk, read-only folders, clocks, orphans, rivals, readers, new files.

Each trouble is one function: (ground, moment) → what was wrong (nothing where all is well), and whether the trouble
really struck. `benchmarks.torture` runs them, keeps a line for each and goes on where it was interrupted. Mounts need
root, the clock needs the program `faketime`: a trouble that cannot be made here says so and counts as not run.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from benchmarks import torture
from benchmarks.torture import Ground, fingerprint, in_child, run_pipeline, served

LARGE = "2g"
FULL = [("front", k) for k in range(13)] + [("all", k) for k in range(14)] + [("back", k) for k in range(13)]
FOLDERS = (".", "landing", "releases", "closed", "recipes", "restricted", "gate", "dagster", "inbox")
BERLIN = "Europe/Berlin"
CLOCK_CHANGES = (date(2025, 3, 30), date(2025, 10, 26))


class CannotBeMade(RuntimeError):
    """This machine cannot make the trouble; the message says what is missing."""


def old_or_new(ground: Ground, root: Path) -> list[str]:
    """Nothing if readers find the release before or the new one, whole."""
    try:
        found = served(root)
    except (AssertionError, OSError, ValueError) as error:
        return [f"served: {error}"]
    return [] if found in (ground.old, ground.new) else [f"served: {found}"]


# --- a full disk ----------------------------------------------------------------------------------------------------


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBeMade(f"{' '.join(command[:2])}: {done.stderr.strip()[:200]}")


@contextmanager
def small_disk(ground: Ground, part: str) -> Iterator[Path]:
    """The workspace on a file system of its own, in memory."""
    place = ground.folder / "small"
    place.mkdir(exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={LARGE}", "tmpfs", str(place))
    try:
        shutil.copytree(ground.folder / ("mid" if part == "back" else "start"), place / "w", symlinks=True)
        yield place / "w"
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def _used(root: Path) -> int:
    found = os.statvfs(root)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def growth(ground: Ground, part: str) -> int:
    """Bytes that the part needs beside what is there, at its peak; measured once."""
    note = ground.folder / f"growth_{part}"
    if not note.exists():
        with small_disk(ground, part) as root:
            before, most = _used(root), 0
            child = torture.CONTEXT.Process(target=torture._silently, args=(run_pipeline, (root, ground.days[1], part)))
            child.start()
            while child.is_alive():
                most = max(most, _used(root))
                time.sleep(0.02)
            torture.must(child.exitcode)
            note.write_text(str(max(most, _used(root)) - before))
    return int(note.read_text())


def disk_full(ground: Ground, moment: list) -> tuple[list[str], bool]:
    """The disk ends within the part, then somebody frees space."""
    part, k = moment
    n_sizes = sum(other == part for other, _ in FULL)
    needed = growth(ground, part)
    with small_disk(ground, part) as root:
        limit = _used(root) + int(needed * k / n_sizes)
        _run("mount", "-o", f"remount,size={max(limit, 4096)}", str(root.parent))
        code = in_child(run_pipeline, root, ground.days[1], part)
        _run("mount", "-o", f"remount,size={LARGE}", str(root.parent))
        return ground.judge(root, part), code != 0


# --- folders that nobody may write ----------------------------------------------------------------------------------


def read_only(ground: Ground, moment: str) -> tuple[list[str], bool]:
    """A folder is mounted read-only for a run."""
    root = ground.begin("all")
    place = root / moment
    _run("mount", "--bind", str(place), str(place))
    try:
        _run("mount", "-o", "remount,ro,bind", str(place))
        code = in_child(run_pipeline, root, ground.days[1], "all")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)
    # Nothing is ever written to the inbox: there the run goes well.
    wrong = [f"ended with {code}"] if code != (0 if moment == "inbox" else 1) else []
    return wrong + ground.judge(root, "all"), True


# --- clocks ---------------------------------------------------------------------------------------------------------


def _by_faketime(root: Path, day: date, clock: str, zone: str) -> subprocess.CompletedProcess:
    """A run by another clock: `clock` as faketime reads it, in a time zone."""
    if shutil.which("faketime") is None:
        raise CannotBeMade("the program faketime is not installed")
    code = (
        "import sys; from pathlib import Path; from datetime import date; from benchmarks.torture import run_pipeline;"
        f"sys.exit(run_pipeline(Path({str(root)!r}), date.fromisoformat({str(day)!r}), 'all') != 'success')"
    )
    command = ["faketime", "-f", clock, sys.executable, "-c", code]
    return subprocess.run(
        command, capture_output=True, check=False, env=os.environ | {"TZ": zone}, timeout=torture.RUN_SECONDS
    )


def clock_changes(ground: Ground, moment: str) -> tuple[list[str], bool]:
    """A run that goes on while clocks change, on a machine that keeps that time and on one that keeps UTC."""
    prints = []
    for zone, begins in ((BERLIN, "01:59:50"), ("UTC", "00:59:50")):
        root = ground.begin("all")
        done = _by_faketime(root, date.fromisoformat(moment), f"@{moment} {begins}", zone)
        if done.returncode:
            return [f"in {zone} it ended with {done.returncode}"], True
        served(root)
        prints.append(fingerprint(root))
    names = prints[0].keys() | prints[1].keys()
    return [f"differs by time zone: {name}" for name in names if prints[0].get(name) != prints[1].get(name)], True


def clock_set_back(ground: Ground, moment: int) -> tuple[list[str], bool]:
    """The clock was set back by so many days after the last release; then it is right again."""
    root = ground.begin("all")
    done = _by_faketime(root, ground.days[1], f"-{moment}d", "UTC")
    wrong = [f"ended with {done.returncode}"] if done.returncode else ground.differs(fingerprint(root))
    return wrong + ground.judge(root, "all"), True


# --- others at work -------------------------------------------------------------------------------------------------


def _orphan(root: Path, day: date, n: int, waits: Path, goes_on: Path) -> str:
    """A run that loses its lock before its n-th step, sleeps, and comes back when another has finished."""
    import fcntl

    import durable

    seen = 0

    def sleep(_name: str) -> None:
        nonlocal seen
        seen += 1
        if seen != n:
            return
        for handle in Path("/proc/self/fd").iterdir():
            try:
                if handle.readlink() == root / ".lock":
                    fcntl.flock(int(handle.name), fcntl.LOCK_UN)
                    waits.touch()
            except OSError:
                continue
        while not goes_on.exists():
            time.sleep(0.05)

    durable.before = sleep
    return run_pipeline(root, day, "back")


def orphan(ground: Ground, moment: int) -> tuple[list[str], bool]:
    """A step of a run that was given up wakes after another run has published."""
    root = ground.begin("back")
    waits, goes_on = ground.folder / "waits", ground.folder / "goes_on"
    for flag in (waits, goes_on):
        flag.unlink(missing_ok=True)
    lost = torture.CONTEXT.Process(
        target=torture._silently, args=(_orphan, (root, ground.days[1], moment, waits, goes_on))
    )
    lost.start()
    try:
        while lost.is_alive() and not waits.exists():
            time.sleep(0.05)
        other = in_child(run_pipeline, root, ground.days[1], "back")
        between = old_or_new(ground, root)
    finally:
        goes_on.touch()
        lost.join(torture.RUN_SECONDS)
    wrong = between + old_or_new(ground, root)
    if other == 0:  # else the orphan held the warehouse, and the other left at once
        wrong += ground.differs(fingerprint(root))
    return wrong + ground.judge(root, "back"), waits.exists()


def pair(ground: Ground, moment: int) -> tuple[list[str], bool]:
    """Two runs begin within seconds of each other."""
    root = ground.begin("back")
    delay = random.Random(moment).uniform(0.0, 4.0)
    runs = [
        torture.CONTEXT.Process(target=torture._silently, args=(run_pipeline, (root, ground.days[1], "back")))
        for _ in range(2)
    ]
    runs[0].start()
    time.sleep(delay)
    runs[1].start()
    for run in runs:
        run.join(torture.RUN_SECONDS)
    wrong = old_or_new(ground, root)
    if not any(run.exitcode == 0 for run in runs):
        return [*wrong, "neither came to an end"], True
    wrong += ground.differs(fingerprint(root))
    lines = [json.loads(line) for line in (root / "ledger.jsonl").read_text().splitlines()]
    turned_away = sum(line["event"] == "turned_away" for line in lines)
    return wrong, turned_away == 1


def _runs_in_a_row(root: Path, first: date, n: int) -> str:
    """`n` releases, each of a later day."""
    for k in range(n):
        if run_pipeline(root, first + timedelta(days=k), "all") != "success":  # a part keeps its own day
            return "failure"
    return "success"


def _read_until(root: Path, stop: Path, note: Path) -> None:
    """Open what is served, again and again, as a reader would; note how often, how many releases, and what was torn."""
    import duckdb

    from publish.release import current_release, manifest_of

    n, seen, torn = 0, set(), []
    while not stop.exists():
        try:
            release = current_release(root / "releases")
            manifest = manifest_of(release)
            with duckdb.connect(str(release / "metrics.duckdb"), read_only=True) as connection:
                for name, facts in manifest["tables"].items():
                    [(rows,)] = connection.execute(f"select count(*) from {name}").fetchall()
                    assert rows == facts["rows"], f"{release.name}: {name} has {rows} rows"
            assert (release / "index.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
            seen.add(release.name)
        except Exception as error:
            torn.append(f"{type(error).__name__}: {error}"[:200])
        n += 1
        time.sleep(0.02)  # or a reader takes a whole core from the run that it waits for
    note.write_text(json.dumps({"n": n, "seen": len(seen), "torn": torn[:20]}))


def readers(ground: Ground, moment: int) -> tuple[list[str], bool]:
    """A reader looks again and again while so many releases are published."""
    root = ground.begin("back")
    stop, note = ground.folder / "stop", ground.folder / "readings"
    stop.unlink(missing_ok=True)
    reader = torture.CONTEXT.Process(target=torture._silently, args=(_read_until, (root, stop, note)))
    reader.start()
    try:
        code = in_child(_runs_in_a_row, root, ground.days[1], moment, kill_after=3 * 3600)
    finally:
        stop.touch()
        reader.join(torture.RUN_SECONDS)
    found = json.loads(note.read_text())
    wrong = [*found["torn"], *([f"the runs ended with {code}"] if code else [])]
    if found["seen"] < min(moment, 3):
        wrong.append(f"the reader saw {found['seen']} releases only")
    print(f"  {found['n']} readings of {found['seen']} releases", flush=True)
    return wrong, True


# --- files that change under us -------------------------------------------------------------------------------------


def _while_landing(root: Path, day: date, where: str, struck: Path) -> str:
    """A run during which a file changes: in the inbox while it is copied, or its frozen copy once it is there."""
    import durable

    def change(name: str) -> None:
        [sent] = sorted((root / "inbox" / "hris").glob("*.csv"))[-1:]
        if where == "inbox" and name == "write content.csv":
            durable.before = None
            with sent.open("a", encoding="utf-8") as file:
                file.write("more\n")
            struck.touch()
        if where == "landing" and name == "commit":
            durable.before = None
            newest = max(root.glob("landing/*/landed.json"), key=lambda path: json.loads(path.read_text())["sequence"])
            [copy] = newest.parent.glob("content*")
            copy.chmod(0o600)
            copy.write_bytes(copy.read_bytes().replace(b"1", b"2"))
            struck.touch()

    durable.before = change
    return run_pipeline(root, day, "all")


def file_changed(ground: Ground, moment: str) -> tuple[list[str], bool]:
    """The file is put right afterwards (sent again, or restored), and the next run ends like the clean one."""
    root = ground.begin("all")
    struck = ground.folder / "struck"
    struck.unlink(missing_ok=True)
    code = in_child(_while_landing, root, ground.days[1], moment, struck)
    wrong = old_or_new(ground, root)
    start = ground.folder / "start"
    for path in sorted((start / "inbox").rglob("*.csv")):
        there = root / path.relative_to(start)
        if there.read_bytes() != path.read_bytes():
            shutil.copy2(path, there)
    clean = {path.relative_to(ground.folder / "clean"): path for path in (ground.folder / "clean").glob("landing/*/*")}
    for place, path in clean.items():
        there = root / place
        if there.exists() and there.read_bytes() != path.read_bytes():
            shutil.copy2(path, there)
    if moment == "landing" and code == 0:
        wrong.append("a run that read a changed copy went well")
    return wrong + ground.judge(root, "all"), struck.exists()


Trouble = Callable[[Ground, object], tuple[list[str], bool]]
TROUBLES: dict[str, tuple[Trouble, Callable[[Ground], list]]] = {
    "disk full": (disk_full, lambda _: [list(one) for one in FULL]),
    "read only": (read_only, lambda _: list(FOLDERS)),
    "clock changes": (clock_changes, lambda _: [str(day) for day in CLOCK_CHANGES]),
    "clock set back": (clock_set_back, lambda _: [1, 400]),
    "orphan": (orphan, lambda ground: list(range(1, ground.n_steps("back") + 1, 12))),
    "pair": (pair, lambda _: list(range(50))),
    "readers": (readers, lambda _: [100]),
    "file changed": (file_changed, lambda _: ["inbox", "landing"]),
}


def meet(ground: Ground, name: str, moment: object) -> dict:
    """One trouble at one moment, as a line of the report."""
    trouble, _ = TROUBLES[name]
    begun = time.monotonic()
    try:
        wrong, struck = trouble(ground, moment)
    except CannotBeMade as error:
        return {"part": name, "at": moment, "skipped": str(error), "killed": False, "wrong": []}
    seconds = round(time.monotonic() - begun, 1)
    return {"part": name, "at": moment, "killed": struck, "wrong": wrong, "seconds": seconds}

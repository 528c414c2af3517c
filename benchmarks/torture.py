"""Kill the run before each of its own writes, fsyncs, renames and commits, and at random moments.

A clean run is kept for comparison. Then, for each n, the run is run in a process of its own that ends itself
(SIGKILL) before its n-th step. What readers find then must be the release before or the new one, whole; the run is
run again and must end like the clean one: equal bytes of every released file, closed cell and landing, equal rows of
every raw table, nothing doubled, nothing left over. Steps up to the load of the files are run by themselves (`front`),
those after dbt from a copy of the workspace as dbt left it (`back`), so that a kill costs seconds; `random` kills whole
runs, dbt too, by the clock.

What else can go wrong (full disk, read-only folders, clocks, orphans, rivals, readers, changed files) is in
`benchmarks/troubles.py`. Resumable: one JSON line per moment in FOLDER/kills.jsonl. Run:
`python -m benchmarks.torture [folder] [parts with commas|all] [every]` (`every` 10: each tenth moment).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import dagster as dg

from orchestration.definitions import execute, graph
from orchestration.workspace import Workspace

DESIGN = {"people": 200, "months": 12, "seed": 5}
KILLS = ("front", "back", "random")
RANDOM_KILLS = 200
RUN_SECONDS = 600
CONTEXT = multiprocessing.get_context("forkserver")

FRONT = ("raw", "closed")  # layers before the models
BACK = ("estimates", "candidate", "restricted", "gate", "release")  # layers after the models


@cache
def home() -> Workspace:
    """The workspace that the environment names first: its graph serves all others, and children inherit it."""
    return Workspace.from_environment()


def own_assets(workspace: Workspace, layers: Collection[str]) -> list[dg.AssetKey]:
    """The assets of these layers that are computed here and not by dbt."""
    steps = graph(workspace).resolve_asset_graph().assets_defs
    return [key for one in steps if one.node_def.name != "transform" for key in one.keys if key.path[0] in layers]


def run_pipeline(root: Path, day: date, part: str) -> str:
    """The job, or its part, in this process; how the run ended."""
    there, of_graph = Workspace(root), home()
    there.prepare_dagster_home()
    assets = own_assets(of_graph, {"front": FRONT, "back": BACK}[part]) if part != "all" else None
    os.environ["COACHING_WORKSPACE"] = str(root)
    with dg.DagsterInstance.local_temp(str(there.dagster_home)) as instance:
        result = execute(of_graph, instance, assets=assets, as_of=str(day))
    return "success" if result.success else "failure"


def in_child(work: Callable, *arguments, kill_after: float | None = None) -> int:
    """Do it in a process of its own, silent; its exit code, or minus the signal that ended it.

    Forked from a server that has imported everything and used nothing: a process that ran polars cannot be forked.
    """
    child = CONTEXT.Process(target=_silently, args=(work, arguments))
    child.start()
    child.join(kill_after if kill_after is not None else RUN_SECONDS)
    if child.is_alive():
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.killpg(child.pid, signal.SIGKILL)  # with dbt, as a machine that loses power would
        child.join()
        if kill_after is None:
            raise TimeoutError(f"a run took more than {RUN_SECONDS} seconds")
    return child.exitcode


def _silently(work: Callable, arguments: tuple) -> None:
    os.setsid()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    outcome = work(*arguments)
    os._exit(0 if outcome in (None, "success") else 1)


def steps_of(root: Path, day: date, part: str, steps: Path) -> None:
    """Run a part and note its steps."""
    import durable

    with steps.open("a", encoding="utf-8") as file:
        durable.before = lambda name: file.write(name + "\n")
        run_pipeline(root, day, part)


def until_estimates(root: Path, day: date) -> None:
    """Run a run that ends before its first estimate."""
    import orchestration.assets.estimates as module

    module.estimate_study = lambda *_, **__: os._exit(0)
    run_pipeline(root, day, "all")


def killed_before(root: Path, day: date, part: str, n: int) -> None:
    """Run a part that ends before its n-th step."""
    import durable

    seen = 0

    def count(_name: str) -> None:
        nonlocal seen
        seen += 1
        if seen == n:
            os.kill(os.getpid(), signal.SIGKILL)

    durable.before = count
    run_pipeline(root, day, part)


def served(root: Path) -> str:
    """The id of the release that readers find; raises if it is not whole."""
    from publish.release import current_release, manifest_of

    release = current_release(root / "releases")
    if release is None:
        return "nothing"
    for name, facts in manifest_of(release)["tables"].items():
        found = hashlib.sha256((release / "parquet" / f"{name}.parquet").read_bytes()).hexdigest()
        if found != facts["sha256"]:
            raise AssertionError(f"{release.name}: {name} is not what its manifest says")
    if not (release / "index.html").read_text(encoding="utf-8").rstrip().endswith("</html>"):
        raise AssertionError(f"{release.name}: the page is cut off")
    return release.name


def fingerprint(root: Path) -> dict[str, str]:
    """Digests of what must be equal after every way here: released files, raw rows, closed cells, landing."""
    import duckdb

    found = {}
    for folder in ("releases", "restricted"):
        current = root / folder / "current"
        for path in sorted(current.resolve().rglob("*")) if current.exists() else []:
            if path.is_file():
                found[f"release/{folder}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted([*(root / "closed").glob("*/*.parquet"), *(root / "landing").glob("*/content*")]):
        found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'raw' and table_type = 'BASE TABLE'"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"select count(*), sum(hash(t)::hugeint) from raw.{table} as t").fetchall()
            found[f"raw.{table}"] = str(rows)
    return found


def left_over(root: Path) -> list[str]:
    """Temporary files that a whole run leaves behind."""
    return [str(path.relative_to(root)) for path in root.rglob("*.tmp") if "dagster" not in path.parts]


class Ground:
    """The workspaces: `start` (files in the inbox, one release served), `clean` after a run, `mid` as dbt left it."""

    def __init__(self, folder: Path, study: str = ""):
        """`study`: its text; the template's where none is given."""
        from orchestration.workspace import PROJECT_ROOT
        from simulation import Design

        self.folder = folder
        self.study = study or (PROJECT_ROOT / "orchestration" / "templates" / "study.yml").read_text(encoding="utf-8")
        self.design = Design(**DESIGN)
        self.days = (self.design.closed_on - timedelta(days=31), self.design.closed_on)

    def prepare(self) -> None:
        """Make them, unless they are there."""
        from simulation import simulate

        start, clean, mid, victim = (self.folder / name for name in ("start", "clean", "mid", "victim"))
        if not (self.folder / "ready").exists():
            for path in (start, clean, mid, victim):
                shutil.rmtree(path, ignore_errors=True)
            # All are made where the victims will lie: of a warehouse at another path dbt parses its project anew.
            simulate(self.design, victim / "inbox", truth_path=victim / "truth.json")
            (victim / "study.yml").write_text(self.study, encoding="utf-8")
            last_month = str(self.design.month(DESIGN["months"] - 1))[:7]
            late = [path for path in (victim / "inbox").rglob("*") if last_month in path.name]
            for path in late:  # the last month arrives for the run that is tortured
                path.rename(self.folder / f"{path.parent.name}__{path.name}")
            must(in_child(run_pipeline, victim, self.days[0], "all"))
            for path in self.folder.glob("*__*"):
                source, name = path.name.split("__")
                path.rename(victim / "inbox" / source / name)
            victim.rename(start)
            (self.folder / "steps_all").unlink(missing_ok=True)
            root, begun = self.begin("all"), time.monotonic()
            must(in_child(steps_of, root, self.days[1], "all", self.folder / "steps_all"))
            (self.folder / "seconds").write_text(str(time.monotonic() - begun))
            victim.rename(clean)
            must(in_child(until_estimates, self.begin("all"), self.days[1]))
            victim.rename(mid)
            (self.folder / "ready").write_text(served(start))
        self.old = (self.folder / "ready").read_text()
        self.seconds = float((self.folder / "seconds").read_text())  # of a whole run
        self.clean = fingerprint(clean)
        self.new = served(clean)
        if self.old == self.new:
            raise AssertionError("the tortured run would publish nothing new")

    def begin(self, part: str) -> Path:
        """A fresh copy for one kill."""
        root = self.folder / "victim"
        for place in [root, *root.glob("*")]:
            if place.is_mount():  # left by a campaign that was killed
                subprocess.run(["umount", "-l", str(place)], check=False)
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.folder / ("mid" if part == "back" else "start"), root, symlinks=True)
        return root

    def n_steps(self, part: str) -> int:
        """How many steps the part has."""
        path = self.folder / f"steps_{part}"
        if not path.exists():
            root = self.begin(part)
            must(in_child(steps_of, root, self.days[1], part, path))
        return len(path.read_text(encoding="utf-8").splitlines())

    def differs(self, after: dict[str, str], part: str = "all") -> list[str]:
        """What of a workspace's fingerprint is not as in the clean run; before dbt nothing is released."""
        asked = [name for name in self.clean if part != "front" or not name.startswith(("release/", "closed/"))]
        return [f"differs: {name}" for name in asked if after.get(name) != self.clean[name]]

    def judge(self, root: Path, part: str) -> list[str]:
        """What is wrong after a kill and a second run; nothing where all is well."""
        wrong = []
        try:
            if (found := served(root)) not in (self.old, self.new):
                wrong.append(f"served after the kill: {found}")
        except (AssertionError, OSError, ValueError) as error:
            wrong.append(f"served after the kill: {error}")
        again = in_child(run_pipeline, root, self.days[1], part)
        if again:
            wrong.append(f"the second run ended with {again}")
            return wrong
        after = fingerprint(root)
        wrong += self.differs(after, part)
        more = [name for name in after.keys() - self.clean.keys() if part != "front" or name.startswith("landing/")]
        wrong += [f"more than in a clean run: {name}" for name in more]
        return wrong + [f"left over: {name}" for name in left_over(root)]


def must(code: int) -> None:
    """Raise unless a child ended well."""
    if code:
        raise RuntimeError(f"a run that nobody killed ended with {code}")


def moments(ground: Ground, part: str) -> list:
    """When the part is struck, in order: before which step, after which share of a run's time, or what the trouble
    names."""
    if part in troubles():
        return troubles()[part][1](ground)
    if part == "random":
        return [n / 1000 for n in random.Random(20_260_101).sample(range(10, 1000), RANDOM_KILLS)]
    return list(range(1, ground.n_steps(part) + 1))


def one(ground: Ground, part: str, at: float) -> dict:
    """Kill, look, run again, compare."""
    root = ground.begin(part)
    begun = time.monotonic()
    if part == "random":
        code = in_child(run_pipeline, root, ground.days[1], "all", kill_after=at * ground.seconds)
        name = f"{at:.1%} of the run"
    else:
        code = in_child(killed_before, root, ground.days[1], part, int(at))
        name = (ground.folder / f"steps_{part}").read_text(encoding="utf-8").splitlines()[int(at) - 1]
    wrong = ground.judge(root, "all" if part == "random" else part)
    return {
        "part": part,
        "at": at,
        "step": name,
        "killed": code == -signal.SIGKILL,
        "wrong": wrong,
        "seconds": round(time.monotonic() - begun, 1),
    }


def begin_server(folder: Path, *more: str) -> None:
    """The process that others are forked from: it has imported everything (and `more` modules) and used nothing."""
    os.environ |= {"COACHING_WORKSPACE": str(folder / "workspace"), "DO_NOT_TRACK": "1"}
    os.environ.setdefault("COACHING_PSEUDONYM_KEY", "the key of nobody, for torture only")
    CONTEXT.set_forkserver_preload(["benchmarks.torture_server", *more])


def troubles() -> dict:
    """What is no kill, by name (benchmarks/troubles.py uses this module)."""
    from benchmarks.troubles import TROUBLES

    return TROUBLES


def strike(ground: Ground, part: str, moment) -> dict:
    """One moment of a part, as a line of the report."""
    from benchmarks.troubles import meet

    try:
        return meet(ground, part, moment) if part in troubles() else one(ground, part, moment)
    except Exception as error:  # what nobody foresaw is wrong too, and stops nothing
        return {"part": part, "at": moment, "killed": True, "wrong": [f"{type(error).__name__}: {error}"[:300]]}


def main(folder: Path, parts: list[str], every: int) -> int:
    folder = folder.resolve()  # dbt runs elsewhere
    folder.mkdir(parents=True, exist_ok=True)
    from orchestration.workspace import code_version

    version = folder / "version"
    if version.exists() and version.read_text() != code_version():
        raise SystemExit(
            f"{folder} was made by code {version.read_text()}, this is {code_version()}: use another folder"
        )
    version.write_text(code_version())
    begin_server(folder)
    ground = Ground(folder)
    ground.prepare()
    log = folder / "kills.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {json.dumps([line["part"], line["at"]]) for line in lines}
    for part in parts:
        for moment in moments(ground, part)[::every]:
            if json.dumps([part, moment]) not in done:
                line = strike(ground, part, moment)
                lines.append(line)
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                print(line, flush=True)
    print(report(ground, lines))
    return 1 if any(line["wrong"] for line in lines) else 0


def report(ground: Ground, lines: list[dict]) -> str:
    """A row per part, as Markdown."""
    rows = ["| part | moments | of | struck | wrong | not possible here |", "|---|---|---|---|---|---|"]
    for part in dict.fromkeys(line["part"] for line in lines):
        mine = [line for line in lines if line["part"] == part]
        counts = (
            len(mine),
            len(moments(ground, part)),
            sum(line["killed"] for line in mine),
            sum(bool(line["wrong"]) for line in mine),
            sum("skipped" in line for line in mine),
        )
        rows.append(f"| {part} | {' | '.join(map(str, counts))} |")
    return "\n".join(rows)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asked = arguments[1] if len(arguments) > 1 else "all"
    sys.exit(
        main(
            Path(arguments[0]) if arguments else Path(tempfile.mkdtemp(prefix="coaching-torture-")),
            [*KILLS, *troubles()] if asked == "all" else asked.split(","),
            int(arguments[2]) if len(arguments) > 2 else 1,
        )
    )

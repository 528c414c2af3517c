"""Is the workspace closed, whole and alive? Each finding says what to fix; nothing is changed.

Belongs here: what can be seen of files, modes, key, releases and the last runs from outside of a run.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from ingest import land
from ingest.closed_tables import CLOSED_TABLES
from ingest.erase.files import ERASING
from ingest.pseudonyms import KeyMissing, Pseudonyms
from ingest.warehouse import WarehouseBusy, WarehouseUnreadable, warehouse
from orchestration.configuration import checked_study
from orchestration.deletion import RecordsOverdue, check_kept
from orchestration.pending import HistoryLost, find_pending_changes, n_closed
from orchestration.workspace import PROJECT_ROOT, Workspace
from publish import closed, ledger
from publish.release import list_releases, manifest_of
from study.strict_yaml import ConfigError

Level = Literal["ok", "warning", "error"]
OTHERS = stat.S_IRWXG | stat.S_IRWXO
LATE_AFTER = timedelta(hours=36)  # a day and a half
FREE_SPACE = 2  # times the warehouse's size that should be free: a rebuild writes it once more


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `error`: the run may fail or people may be seen; `warning`: somebody should know."""

    about: str
    level: Level
    says: str


def examine(workspace: Workspace, now: datetime) -> Iterator[Finding]:
    """All findings; `now` has a time zone."""
    yield _study(workspace)
    yield _key(workspace)
    yield from _modes(workspace)
    yield _place(workspace)
    yield _free_space(workspace)
    yield _inbox(workspace)
    yield _warehouse(workspace)
    yield _landing(workspace)
    yield _closed(workspace)
    yield from _releases(workspace)
    yield _server()
    yield from _runs(workspace, now)


def _study(workspace: Workspace) -> Finding:
    try:
        study = checked_study(workspace)
    except (ConfigError, OSError) as error:
        return Finding("study.yml", "error", str(error))
    try:
        check_kept(workspace, study)
    except RecordsOverdue as error:
        return Finding("study.yml", "error", str(error))
    return Finding("study.yml", "ok", f"{study.programme}, {len(study.outcomes)} outcomes")


def _key(workspace: Workspace) -> Finding:
    try:
        key = Pseudonyms.from_environment(workspace.key_file)
    except KeyMissing as error:
        return Finding("pseudonym key", "error", str(error))
    return Finding("pseudonym key", "ok", f"key {key.key_id}; keep a copy elsewhere: another key makes other people")


def _modes(workspace: Workspace) -> Iterator[Finding]:
    """Everything but releases belongs to its owner alone; the group may pass through the workspace to read those."""
    open_to_others, links, listed = [], [], 0
    for path in (workspace.root, *sorted(workspace.root.rglob("*"))):
        is_release = workspace.releases in (path, *path.parents)
        if path.is_symlink():
            links += [] if path.resolve().is_relative_to(workspace.root.resolve()) else [path]
            continue
        allowed = stat.S_IXGRP if path == workspace.root else 0
        if is_release:
            allowed = stat.S_IRGRP | stat.S_IXGRP
        elif workspace.inbox in (path, *path.parents) and _has_access_list(path):
            # What its mode shows of the group is the list's mask.
            listed, allowed = listed + 1, stat.S_IRWXG
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:  # a run's file that is gone already
            continue
        if mode & OTHERS & ~allowed:
            open_to_others.append(path)
    if open_to_others:
        first = ", ".join(str(path.relative_to(workspace.root.parent)) for path in open_to_others[:3])
        root = shlex.quote(str(workspace.root))
        repair = f"chmod -R go-rwx {root} && chmod g+x {root}"
        if workspace.releases.exists():
            repair += f" && chmod -R g+rX {root}/releases"
        yield Finding(
            "file modes", "error", f"{len(open_to_others)} file(s) are open to others ({first}); run: {repair}"
        )
        return
    lists = f"; {listed} in the inbox with an access list of their own (getfacl shows it)" if listed else ""
    if links:
        more = f" (and {len(links) - 1} more)" if len(links) > 1 else ""
        seen = f"{links[0]} is a link{more}: what it leads to is not looked at; of the rest others read releases only"
        yield Finding("file modes", "warning", seen + lists)
    else:
        yield Finding("file modes", "ok", f"nothing but releases can be read by other accounts{lists}")


def _has_access_list(path: Path) -> bool:
    try:
        return "system.posix_acl_access" in os.listxattr(path)
    except (OSError, AttributeError):  # a file system, or a system, without them
        return False


def _place(workspace: Workspace) -> Finding:
    if PROJECT_ROOT in (workspace.root, *workspace.root.parents) and workspace.root.parent != PROJECT_ROOT:
        return Finding("place", "error", f"the workspace lies inside the program ({PROJECT_ROOT}); move it elsewhere")
    repository = next((p for p in (workspace.root, *workspace.root.parents) if (p / ".git").exists()), None)
    if repository and not (workspace.root / ".gitignore").exists():
        return Finding(
            "place",
            "error",
            f"it lies in the git repository {repository} and has no .gitignore: data could be committed",
        )
    return Finding("place", "ok", str(workspace.root))


def _free_space(workspace: Workspace) -> Finding:
    free = shutil.disk_usage(workspace.root).free
    size = workspace.warehouse.stat().st_size if workspace.warehouse.exists() else 0
    wanted = max(FREE_SPACE * size, 1 << 30)
    level: Level = "ok" if free >= wanted else "error"
    return Finding("disk", level, f"{free / 2**30:,.1f} GiB free, {wanted / 2**30:,.1f} GiB wanted")


def _inbox(workspace: Workspace) -> Finding:
    if not workspace.inbox.is_dir():
        return Finding("inbox", "error", f"{workspace.inbox} is not there (not mounted?): no run can begin")
    waiting = land.scan(workspace.inbox).waiting
    if waiting:
        first = "; ".join(f"{path.name}: {reason}" for path, reason in waiting[:3])
        return Finding("inbox", "warning", f"{len(waiting)} file(s) are left where they are ({first})")
    return Finding("inbox", "ok", "every file in it can be taken")


def _warehouse(workspace: Workspace) -> Finding:
    if not workspace.warehouse.exists():
        return Finding("warehouse", "ok", "not there yet; the next run makes it from landing/")
    try:
        with warehouse(workspace.warehouse):
            return Finding("warehouse", "ok", "can be opened")
    except WarehouseBusy as error:
        return Finding("warehouse", "warning", str(error))
    except WarehouseUnreadable as error:
        return Finding("warehouse", "error", str(error))


def _landing(workspace: Workspace) -> Finding:
    """Everything is rebuilt from here: a copy that is not what arrived makes other numbers of the same file."""
    files, changed = land.landed_files(workspace.landing), []
    if list(workspace.landing.glob(f"*/{ERASING}")):
        return Finding(
            "landing", "warning", "an erasure was interrupted; the next run, or `coaching erase` again, finishes it"
        )
    for one in files:
        try:
            land.check_frozen(workspace.landing, one)
        except land.FrozenCopyChanged:
            changed.append(f"{one.source}/{one.file_name}")
    if changed:
        return Finding(
            "landing", "error", f"{len(changed)} cop(ies) are not what arrived ({', '.join(changed[:3])}): restore them"
        )
    return Finding("landing", "ok", f"{len(files)} file(s), each as it arrived")


def _closed(workspace: Workspace) -> Finding:
    try:
        known = closed.check_all_there(workspace.closed, n_closed(workspace))
        closed.read(workspace.closed, CLOSED_TABLES)
    except (closed.ClosedLost, HistoryLost) as error:
        return Finding("closed", "error", str(error))
    except Exception as error:
        return Finding("closed", "error", f"it cannot be read ({type(error).__name__}); restore it from a backup")
    return Finding("closed", "ok", f"{len(known)} batch(es) of closed periods; back the folder up with landing/")


def _releases(workspace: Workspace) -> Iterator[Finding]:
    found = list_releases(workspace.releases)
    changed = [name for name in found if not _is_as_written(workspace.releases / name)]
    if changed:
        yield Finding(
            "releases", "error", f"{', '.join(changed[:5])}: a table is not what the manifest says; restore it"
        )
    else:
        yield Finding("releases", "ok", f"{len(found)}, every table as its manifest says")
    if workspace.releases.exists():
        left = [path.name for path in workspace.releases.iterdir() if path.name.endswith(".tmp")]
        if left:
            yield Finding(
                "releases", "warning", f"left by an interrupted run: {', '.join(left[:5])}; the next run clears up"
            )


def _is_as_written(release: Path) -> bool:
    tables = manifest_of(release)["tables"]
    files = {name: release / "parquet" / f"{name}.parquet" for name in tables}
    return all(
        path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == tables[name]["sha256"]
        for name, path in files.items()
    )


def _server() -> Finding:
    """Dagster's web server has no log-in: on this machine it must listen on loopback only."""
    try:
        lines = [
            line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        ]
    except OSError:
        return Finding("web server", "warning", "cannot be seen on this system; keep it on 127.0.0.1")
    listening = {line[1].rsplit(":", 1)[1]: line[1].rsplit(":", 1)[0] for line in lines if line[3] == "0A"}
    anywhere = listening.get(f"{3000:04X}", "").strip("0") == "" and f"{3000:04X}" in listening
    if anywhere:
        return Finding("web server", "error", "something answers on port 3000 of every address: bind it to 127.0.0.1")
    return Finding("web server", "ok", "port 3000 is not open to other machines")


def end_of(events: list[dict]) -> dict:
    """The last event that says how a run ended; {} where none does."""
    return next((event for event in reversed(events) if event["event"] in ENDS), {})


def _runs(workspace: Workspace, now: datetime) -> Iterator[Finding]:
    events = ledger.read(workspace.ledger)
    if not events:
        yield Finding("runs", "warning", "there was none yet")
        return
    last = events[-1]
    at = datetime.fromisoformat(last["at"])
    if at > now + timedelta(minutes=5):
        yield Finding("clock", "error", f"the last event is of {last['at']}, later than now: the clock was set back")
    yield Finding("runs", *last_run(events))
    published = [datetime.fromisoformat(event["at"]) for event in events if event["event"] == "published"]
    is_nightly = os.environ.get("COACHING_NIGHTLY", "").lower() in ("on", "1", "true", "yes")
    if published and is_nightly and now - published[-1] > LATE_AFTER and (pending := _news(workspace)):
        days = (now - published[-1]).days
        yield Finding("runs", "error", f"the last release is {days} day(s) old, runs are due nightly, and {pending}")


def _news(workspace: Workspace) -> str:
    """What a run would find new; without it an old release is as it should be."""
    try:
        return "; ".join(find_pending_changes(workspace).reasons)
    except ConfigError as error:
        return str(error)


def last_run(events: list[dict]) -> tuple[Level, str]:
    """How the last run ended, in one line."""
    runs = [event for event in events if event["event"] in ENDS or event["event"] == "started"]
    if not runs:
        return "warning", "there was none yet"
    last = runs[-1]
    reasons = "; ".join(last.get("reasons", [])) or last.get("reason", "")
    level, words = ENDS.get(last["event"], ("error", "began and did not end: it was killed, or is still running"))
    is_out = any(event["event"] == "published" and event.get("run_id") == last.get("run_id") for event in runs)
    if is_out and last["event"] != "published":
        words = "published its release, and stopped at what comes after it"
    return level, f"{last['at']} (UTC): {words}" + (f": {reasons[:300]}" if reasons else "")


ENDS: dict[str, tuple[Level, str]] = {
    "published": ("ok", "published"),
    "refused": ("error", "the gate refused; nothing new was published"),
    "failed": ("error", "failed; nothing new was published"),
    "turned_away": ("warning", "turned away"),
}


def as_of_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)

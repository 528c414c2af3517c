"""What only past runs left, taken away: the gate's pages and the orchestrator's history of all but the newest runs.

Each run adds some megabytes of both, and nothing reads the old ones. Releases, ledger, recipes, landed files and closed
periods are never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import durable
from orchestration.lock import hold
from orchestration.workspace import Workspace, creating
from publish import ledger
from publish.release import CURRENT, current_release, manifest_of


@dataclass(frozen=True)
class Pruned:
    """What was taken away, in numbers."""

    n_verdicts: int
    n_runs: int
    n_bytes: int


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def prune(workspace: Workspace, keep: int) -> Pruned:
    """Keep the newest `keep` runs (at least 1) of either, and the verdict on the served release.

    Raises WorkspaceBusy.
    """
    with hold(workspace.lock, run_id="prune"):
        before = _size(workspace.gate) + _size(workspace.dagster_home)
        n_verdicts = _verdicts(workspace, keep)
        n_runs = _history(workspace, keep) if (workspace.dagster_home / "history").exists() else 0
        after = _size(workspace.gate) + _size(workspace.dagster_home)
    return Pruned(n_verdicts, n_runs, before - after)


def _verdicts(workspace: Workspace, keep: int) -> int:
    """Folders written before the oldest run that is kept began, but for what the served releases rest on."""
    events = [event for event in ledger.read(workspace.ledger) if event.get("run_id")]
    judged = [event["run_id"] for event in reversed(events) if event["event"] in ledger.JUDGED]
    newest = set(list(dict.fromkeys(judged))[:keep])
    since = min((event["at"] for event in events if event["run_id"] in newest), default="")
    served = [current_release(workspace.releases), workspace.restricted / CURRENT]
    manifests = [manifest_of(one) for one in served if one and (one / "manifest.json").exists()]
    kept = {manifest["verdict"]["content_hash"][:16] for manifest in manifests}
    old = [path for path in workspace.gate.glob("*") if path.name not in kept and _written(path) < since]
    for path in old:
        durable.remove(path)
    return len(old)


def _written(folder: Path) -> str:
    """When (UTC), as the ledger writes it."""
    return datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _history(workspace: Workspace, keep: int) -> int:
    import dagster as dg

    with creating(workspace), dg.DagsterInstance.from_config(str(workspace.dagster_home)) as instance:
        old = [run.run_id for run in instance.get_runs() if run.is_finished][keep:]  # newest first
        for run_id in old:
            instance.delete_run(run_id)
    for run_id in old:
        # Dagster empties these files and leaves them.
        (workspace.dagster_home / "history" / "runs" / f"{run_id}.db").unlink(missing_ok=True)
        durable.remove(workspace.dagster_home / "storage" / run_id)
    return len(old)

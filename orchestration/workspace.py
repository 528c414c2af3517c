"""The workspace: the user's side of the wall, a folder with everything that is data."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

WORKSPACE_VARIABLE = "COACHING_WORKSPACE"
DEFAULT = "workspace"
PROJECT_ROOT = Path(__file__).parent.parent
# How the names of workspaces inside a workspace begin.
RESTATING, REPRODUCING, PLANNING = ".restate-", ".reproduce-", ".plan-"
PACKAGES = ("durable", "study", "ingest", "dbt_project", "inference", "expectations", "publish", "orchestration")
DAGSTER_YAML = """\
# The orchestrator's home. Nothing is reported to anybody.
telemetry:
  enabled: false
# A run whose process was killed is found and marked as failed; it is not resumed: the next run begins anew.
run_monitoring:
  enabled: true
  max_resume_run_attempts: 0
  poll_interval_seconds: 60
# One run at a time, whoever starts it: a second one waits.
concurrency:
  runs:
    max_concurrent_runs: 1
# Nobody is asked for an address.
nux:
  enabled: false
"""


@dataclass(frozen=True)
class Workspace:
    """Where things lie; making one creates nothing."""

    root: Path

    @classmethod
    def from_environment(cls) -> Workspace:
        """The workspace that COACHING_WORKSPACE names, else ./workspace."""
        return cls(Path(os.environ.get(WORKSPACE_VARIABLE, DEFAULT)).resolve())

    study = property(lambda self: self.root / "study.yml")
    sources = property(lambda self: self.root / "sources")
    inbox = property(lambda self: self.root / "inbox")
    landing = property(lambda self: self.root / "landing")
    registration = property(lambda self: self.root / "registration.json")
    warehouse = property(lambda self: self.root / "warehouse.duckdb")
    releases = property(lambda self: self.root / "releases")
    restricted = property(lambda self: self.root / "restricted")
    closed = property(lambda self: self.root / "closed")
    gate = property(lambda self: self.root / "gate")
    ledger = property(lambda self: self.root / "ledger.jsonl")
    key_file = property(lambda self: self.root / "secrets" / "pseudonym.key")
    seen = property(lambda self: self.root / ".seen.json")
    lock = property(lambda self: self.root / ".lock")
    dagster_home = property(lambda self: self.root / "dagster")
    dbt_target = property(lambda self: self.root / "dagster" / "dbt")

    def prepare_dagster_home(self) -> Path:
        """Create the orchestrator's home with telemetry off; returns it."""
        self.dagster_home.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = self.dagster_home / "dagster.yaml"
        if not config.exists():
            config.touch(mode=0o600)
            config.write_text(DAGSTER_YAML, encoding="utf-8")
        return self.dagster_home


def first_line(error: Exception) -> str:
    """The first line of an error's own words: those of a database library quote a whole statement below it."""
    return next(iter(str(error).splitlines()), type(error).__name__)[:500]


class HistoryUnreadable(RuntimeError):
    """The orchestrator's home is damaged; the message says what to do."""


@contextmanager
def creating(workspace: Workspace) -> Iterator[None]:
    """Wait until no other process is making what the orchestrator's home lacks; then keep the others waiting."""
    file = os.open(workspace.prepare_dagster_home() / ".creating", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def open_history(workspace: Workspace):
    """Dagster's history (an instance). Whoever comes first makes its tables, alone: two at once break them for good.

    `DAGSTER_HOME` must be the workspace's. No child that opens the history on its own may be started before.
    """
    import dagster as dg

    with creating(workspace):
        try:
            return dg.DagsterInstance.get()
        except Exception as error:  # whatever the settings or the database say
            raise HistoryUnreadable(
                f"{workspace.dagster_home} cannot be used ({first_line(error)}). It holds the history of runs and "
                "nothing else: delete it, the next start makes it again"
            ) from None


@cache
def code_version() -> str:
    """The package's version and a hash of the layers' files: two runs with equal ones run equal code."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((PROJECT_ROOT / package).rglob("*")):
            if path.suffix in (".py", ".sql", ".yml", ".csv", ".j2") and "target" not in path.parts:
                digest.update(path.relative_to(PROJECT_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{metadata.version('coaching-outcomes')}+{digest.hexdigest()[:12]}"

"""What every step of the run shares: the workspace, the day it looks from, and the lock."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, datetime
from functools import cached_property

import dagster as dg
import duckdb
from pydantic import PrivateAttr

from ingest import land
from ingest.mapping.model import Mapping
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import Pseudonyms
from ingest.warehouse import WarehouseBusy, WarehouseUnreadable, warehouse
from orchestration import built
from orchestration.alarm import report_broken_run, report_failed_steps, report_turned_away
from orchestration.configuration import checked_study
from orchestration.deletion import check_kept
from orchestration.lock import Held, WorkspaceBusy, hold
from orchestration.pending import check_day, taken_back
from orchestration.workspace import Workspace
from publish import ledger
from publish.release import manifest_of, newest_release
from study.model import Study

LOCK_SECONDS = 10  # seconds


class PipelineRun(dg.ConfigurableResource):
    """The run's own facts. Holding it is holding the workspace: a second run is turned away before its first step.

    In-process execution makes one Run per run; steps in processes of their own would each try to hold it.
    """

    as_of: str = ""
    restate: bool = False  # compute closed periods again
    uses_all: bool = False  # all that landed is used, whatever lies in the inbox: a workspace made for one computation

    _built_for: date | None = PrivateAttr(default=None)
    _held: Held | None = PrivateAttr(default=None)
    _run_id: str = PrivateAttr(default="")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[PipelineRun, None, None]:
        """Hold the workspace's lock as long as the run lasts."""
        run_id = context.run_id or "no run"
        try:
            with hold(self.workspace.lock, run_id=run_id) as held:
                self._held, self._run_id, self._built_for = held, run_id, None
                self._open_warehouse(run_id)
                yield self
                report_failed_steps(self.workspace, context.instance, run_id)
        except WorkspaceBusy as error:
            ledger.append(self.workspace.ledger, "turned_away", run_id=run_id, reason=str(error))
            raise

    def _open_warehouse(self, run_id: str) -> None:
        """That the warehouse can be opened is known before the first step; a command that reads it is waited for."""
        if not self.workspace.warehouse.exists():
            return
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                with warehouse(self.workspace.warehouse):
                    return
            except WarehouseBusy as error:
                if time.monotonic() < until:
                    time.sleep(1)
                    continue
                report_turned_away(self.workspace, run_id=run_id, reason=str(error))
                raise
            except WarehouseUnreadable as error:
                report_broken_run(self.workspace, run_id=run_id, reason=str(error), kind=type(error).__name__)
                raise

    @cached_property
    def workspace(self) -> Workspace:
        """Where the data is: as the process's environment says; no run can be pointed elsewhere."""
        return Workspace.from_environment()

    @cached_property
    def study(self) -> Study:
        """The study as declared; read once per run. Raises RecordsOverdue after its `keep_until`."""
        study = checked_study(self.workspace)
        check_kept(self.workspace, study)
        return study

    @cached_property
    def mappings(self) -> list[Mapping]:
        """The mappings of sources; read once per run."""
        return load_mappings(self.workspace.sources)

    @cached_property
    def inbox(self) -> land.Inbox:
        """What lies in the inbox; looked at once per run."""
        return land.scan(self.workspace.inbox, seen=self.workspace.seen)

    @cached_property
    def landed(self) -> list[land.Landed]:
        """Everything that ever landed; listed once per run, after this run's files have."""
        return land.landed_files(self.workspace.landing)

    @cached_property
    def taken_back(self) -> frozenset[str]:
        """Loads whose file left the inbox before any release used it; found out once per run."""
        return frozenset() if self.uses_all else taken_back(self.workspace, self.landed, self.inbox)

    @cached_property
    def used(self) -> list[land.Landed]:
        """The landed files that the warehouse is made of, in the order of arrival."""
        return [one for one in self.landed if one.load_id not in self.taken_back]

    @cached_property
    def _asked_for(self) -> date:
        if not self.as_of:
            return datetime.now(self.study.zone).date()
        day = date.fromisoformat(self.as_of)
        check_day(self.workspace, day)
        return day

    @property
    def day(self) -> date:
        """The as-of date: as configured, else today in the study's time zone, the same for all steps. Of steps after
        the models it is the date that the warehouse's tables were built for."""
        return self._built_for or self._asked_for

    def take_date_of(self, connection: duckdb.DuckDBPyConnection) -> None:
        """From here on the as-of date is the warehouse's. Raises NotBuilt where its tables are of other files or of
        another date than the configured one."""
        built_for = built.read(connection, self.study.digest)
        if self.as_of and str(built_for) != self.as_of:
            raise built.NotBuilt(
                f"the tables are of {built_for}, and {self.as_of} is asked for: materialise everything"
            )
        self._built_for = built_for

    @property
    def is_as_of_run(self) -> bool:
        """Whether the run looks from a day before that of the newest release."""
        newest = newest_release(self.workspace.releases)
        return newest is not None and str(self.day) < manifest_of(self.workspace.releases / newest)["as_of"]

    def seal(self, text: str) -> str:
        """What only this workspace's key can write below a text: whoever edits the text cannot."""
        return Pseudonyms.from_environment(self.workspace.key_file).seal(text)

    def record(self, event: str, **facts) -> None:
        """One line in the ledger, with the run's id."""
        ledger.append(self.workspace.ledger, event, run_id=self._run_id, **facts)

    def check_lock(self) -> None:
        """Raise LockLost if another run has taken over."""
        if self._held is None:
            raise RuntimeError("the run is not holding its workspace")
        self._held.check()

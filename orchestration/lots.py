"""Lots that were drawn, as the ledger has them, and where the lists that the last run read depart from them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from inference import lot
from ingest.warehouse import warehouse
from orchestration.workspace import Workspace
from publish import ledger
from study.model import load_study

NOW_QUERY = """
    select units.unit_id, units.kickoff_date, units.stratum, leads.trained_date
    from intermediate.int_unit_assignments as units
    left join (select unit_id, min(trained_date) as trained_date from intermediate.int_unit_leads group by unit_id)
        as leads using (unit_id)
"""
KICKOFFS_QUERY = "select distinct kickoff_date from intermediate.int_unit_assignments where kickoff_date is not null"
LOADED_QUERY = "select distinct file_name from raw.load_log where source = 'roster'"
IS_BUILT_QUERY = "select count(*) = 2 from duckdb_tables() where table_name in ('load_log', 'int_unit_leads')"


def newest_lot(workspace: Workspace) -> dict | None:
    """The ledger's newest event of a lot; None where none was drawn."""
    return next((event for event in reversed(ledger.read(workspace.ledger)) if event["event"] == "drawn"), None)


def kickoffs(workspace: Workspace) -> list[date]:
    """The days on which cohorts began or will, as the last run or the lot knows them.

    Raises WarehouseBusy, WarehouseUnreadable."""
    known = [date.fromisoformat(day) for day in (newest_lot(workspace) or {}).get("kickoffs", [])]
    known += [cohort.kickoff_date for cohort in load_study(workspace.study).cohorts]
    if workspace.warehouse.exists():
        with warehouse(workspace.warehouse) as connection:
            if connection.sql(IS_BUILT_QUERY).fetchall()[0][0]:
                known += [day for (day,) in connection.sql(KICKOFFS_QUERY).fetchall()]
    return known


def lots(events: Iterable[dict]) -> dict[str, lot.Place]:
    """What lots say of each unit that was in one (of several the last one); `events` are the ledger's."""
    found = {}
    for event in events:
        if event["event"] == "drawn":
            for unit, (at, stratum) in event["lot"].items():
                found[unit] = lot.Place(date.fromisoformat(at) if at else None, stratum)
    return found


def departures(workspace: Workspace) -> list[tuple[str, str]]:
    """What is not as it was drawn: lists and units, with words, as the last run read them. Lots that no run came after
    say nothing yet. Raises WarehouseBusy, WarehouseUnreadable."""
    events = ledger.read(workspace.ledger)
    runs = [place for place, event in enumerate(events) if event["event"] in ("published", "refused")]
    drawn = [event for event in events[: max(runs, default=0)] if event["event"] == "drawn"]
    if not drawn or not workspace.warehouse.exists():
        return []
    with warehouse(workspace.warehouse) as connection:
        if not connection.sql(IS_BUILT_QUERY).fetchall()[0][0]:
            return []
        loaded = {name for (name,) in connection.sql(LOADED_QUERY).fetchall()}
        rows = connection.sql(NOW_QUERY).fetchall()
    listed = {unit: lot.Place(kickoff, stratum) for unit, kickoff, stratum, _ in rows}
    trained = {unit: day for unit, _, _, day in rows if day}
    unread = [(event["file"], "was drawn, and no run has read it") for event in drawn if event["file"] not in loaded]
    return unread + lot.departures(lots(drawn), listed, trained)

"""The organisation as it is before a pilot: its units, and their past, from what lies in the inbox.

Files are loaded and modelled in a workspace of its own, with every unit that is in no cohort yet as a control: so units
have their past in the very cells that the study will compare, and nothing is published of them.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import yaml

from inference import lot
from ingest import land
from ingest.warehouse import warehouse
from orchestration import restating
from orchestration.lock import hold
from orchestration.pending import taken_back
from orchestration.restating import lay_out, link, place_file
from orchestration.workspace import PLANNING, Workspace
from publish import ledger
from study.model import load_study

# Who is in which unit in the newest month, where, and whom they report to.
PEOPLE_QUERY = """
    select units.unit_id as unit, people.site, people.department, links.manager_person_id as manager
    from intermediate.int_unit_memberships as units
    inner join intermediate.int_team_memberships as people using (person_id, month)
    left join intermediate.int_manager_links as links using (person_id, month)
    where units.unit_id is not null
        and units.month = (select max(month) from intermediate.int_unit_memberships)
"""
# In which cohort a unit is already, and in which stratum of an earlier lot.
LISTED_QUERY = """
    select unit_id as unit, case when arm = 'pilot' then cohort end as cohort, nullif(stratum, 'all') as stratum
    from intermediate.int_unit_assignments
"""
STAYED_QUERY = """
    with months as (select max(month) as month from intermediate.int_unit_memberships)
    select avg((later.person_id is not null)::int)
    from intermediate.int_unit_memberships as earlier
    inner join months on earlier.month = (months.month - interval 12 months)::date
    left join intermediate.int_unit_memberships as later
        on earlier.person_id = later.person_id and later.month = months.month
"""
PERIODS_QUERY = "select metric, period, label, unit from staging.stg_study__outcomes where kind = 'mean'"
NOW_QUERY = """
    select units.unit_id as unit, units.kickoff_date, leads.trained_date
    from intermediate.int_unit_assignments as units
    left join (select unit_id, min(trained_date) as trained_date from intermediate.int_unit_leads group by unit_id)
        as leads using (unit_id)
"""
KICKOFFS_QUERY = "select distinct kickoff_date from intermediate.int_unit_assignments where kickoff_date is not null"
LOADED_QUERY = "select distinct file_name from raw.load_log where source = 'roster'"
IS_BUILT_QUERY = "select count(*) = 2 from duckdb_tables() where table_name in ('load_log', 'int_unit_leads')"


@dataclass(frozen=True)
class Organisation:
    """What is known of the organisation before a pilot.

    `units` has a row per unit of the newest month: the columns that `inference.lot.why_not` reads; site and department
    (where most of its people are), stratum (of an earlier lot). `cells` is `cell_means` of whole units, all outcomes;
    `outcomes` has metric, period, label, unit; `stayed` is the share of people of a year ago who are still there (None:
    no month a year ago).
    """

    units: pl.DataFrame
    cells: pl.DataFrame
    outcomes: pl.DataFrame
    stayed: float | None


def read_organisation(workspace: Workspace, as_of: str) -> Organisation:
    """What the files in the workspace say about its units as of a day.

    Raises CannotRestate where they cannot be loaded, WorkspaceBusy while a run holds the workspace.
    """
    for left in workspace.root.glob(f"{PLANNING}*"):  # by a command that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=workspace.root, prefix=PLANNING) as folder:
        there = Workspace(Path(folder))
        texts = {path.name: path.read_text(encoding="utf-8") for path in workspace.sources.glob("*.y*ml")}
        with hold(workspace.lock, run_id="assign"):
            lay_out(workspace, there, _study_of_all(workspace), texts)
            _lay_out_files(workspace, there)
        restating.build_in_child(there, as_of)
        with warehouse(there.warehouse) as connection:
            return Organisation(
                _units(connection.sql(PEOPLE_QUERY).pl(), connection.sql(LISTED_QUERY).pl()),
                connection.sql("from cells.cell_means where segment = 'all'").pl(),
                connection.sql(PERIODS_QUERY).pl(),
                connection.sql(STAYED_QUERY).fetchall()[0][0],
            )


def _lay_out_files(workspace: Workspace, there: Workspace) -> None:
    landed, inbox = land.landed_files(workspace.landing), land.scan(workspace.inbox)
    gone = taken_back(workspace, landed, inbox)
    for one in landed:
        if one.load_id not in gone:
            place_file(land.content_path(workspace.landing, one), one, there, is_new=False)
    for path in workspace.inbox.rglob("*"):
        if path.is_file():
            target = there.inbox / path.relative_to(workspace.inbox)
            target.parent.mkdir(parents=True, exist_ok=True)
            link(path, target)


def _study_of_all(workspace: Workspace) -> str:
    """The study as if every unit that is in no cohort were a control."""
    load_study(workspace.study)  # says what is wrong with it
    document = yaml.safe_load(workspace.study.read_text(encoding="utf-8"))
    assignment = (document.get("assignment") or {}) | {"unlisted_units": "control"}
    return yaml.safe_dump(document | {"assignment": assignment}, allow_unicode=True)


def _units(people: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """One row per unit of people (unit, site, department, manager), by name."""
    where = [pl.col(name).mode(maintain_order=False).sort().first() for name in ("site", "department")]
    managers = (
        people.filter(pl.col("manager").is_not_null())
        .group_by("unit", "manager")
        .len()
        .group_by("unit")
        .agg(n_with_manager=pl.col("len").sum().cast(pl.Int64), n_of_manager=pl.col("len").max().cast(pl.Int64))
    )
    sizes = people.group_by("unit").agg(*where, n_people=pl.len().cast(pl.Int64))
    known = sizes.join(managers, on="unit", how="left").join(listed, on="unit", how="left")
    return known.with_columns(pl.col("n_with_manager", "n_of_manager").fill_null(0)).sort("unit")


def newest_lot(workspace: Workspace) -> dict | None:
    """The ledger's newest event of a lot; None where none was drawn."""
    return next((event for event in reversed(ledger.read(workspace.ledger)) if event["event"] == "drawn"), None)


def kickoffs(workspace: Workspace) -> list[date]:
    """The days on which cohorts began or will, as the last run or the lot knows them."""
    known = [date.fromisoformat(day) for day in (newest_lot(workspace) or {}).get("kickoffs", [])]
    known += [cohort.kickoff_date for cohort in load_study(workspace.study).cohorts]
    if workspace.warehouse.exists():
        with warehouse(workspace.warehouse) as connection:
            if connection.sql(IS_BUILT_QUERY).fetchall()[0][0]:
                known += [day for (day,) in connection.sql(KICKOFFS_QUERY).fetchall()]
    return known


def departures(workspace: Workspace) -> list[tuple[str, str]]:
    """Units that are not coached as they were drawn, in what the last run loaded; empty where it loaded no lot.

    Raises WarehouseBusy.
    """
    events = [event for event in ledger.read(workspace.ledger) if event["event"] == "drawn"]
    if not events or not workspace.warehouse.exists():
        return []
    with warehouse(workspace.warehouse) as connection:
        if not connection.sql(IS_BUILT_QUERY).fetchall()[0][0]:
            return []
        loaded = {name for (name,) in connection.sql(LOADED_QUERY).fetchall()}
        drawn = {}
        for event in events:
            if event["file"] in loaded:
                drawn |= {unit: date.fromisoformat(at) if at else None for unit, at in event["lot"].items()}
        return lot.departures(drawn, connection.sql(NOW_QUERY).pl()) if drawn else []

"""The organisation as it is before a pilot: its units, and their past, from what lies in the inbox.

Files are loaded and modelled in a workspace of its own, with every unit that is in no cohort yet as a control: so units
have their past in the very cells that the study will compare, and nothing is published of them.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import yaml

import durable
from ingest import land
from ingest.warehouse import warehouse
from orchestration import restating
from orchestration.lots import lots
from orchestration.pending import taken_back
from orchestration.restating import lay_out, link, place_file
from orchestration.workspace import PLANNING, Workspace
from publish import ledger
from study.model import load_study
from study.strict_yaml import ConfigError

# Who is in which unit in the newest month, where, and whom they report to.
PEOPLE_QUERY = """
    select units.unit_id as unit, people.site, people.department, links.manager_person_id as manager
    from intermediate.int_unit_memberships as units
    inner join intermediate.int_team_memberships as people using (person_id, month)
    left join intermediate.int_manager_links as links using (person_id, month)
    where units.unit_id is not null
        and units.month = (select max(month) from intermediate.int_unit_memberships)
"""
LISTED_QUERY = """
    select unit_id as unit, cohort, kickoff_date from intermediate.int_unit_assignments where arm = 'pilot'
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


class UnreadList(ConfigError):
    """A roster waits in the inbox that no run has read."""


@dataclass(frozen=True)
class Organisation:
    """What is known of the organisation before a pilot.

    `units` has a row per unit of the newest month: the columns that `inference.lot.why_not` reads; site and department
    (where most of its people are), stratum (of an earlier lot). `cells` is `cell_means` of whole units, all outcomes;
    `outcomes` has metric, period, label, unit; `stayed` is the share of people of a year ago who are still there (None:
    no month a year ago); `first_kickoff` is that of the cohorts there are.
    """

    units: pl.DataFrame
    cells: pl.DataFrame
    outcomes: pl.DataFrame
    stayed: float | None
    first_kickoff: date | None

    def cells_of(self, units: pl.DataFrame, metric: str) -> pl.DataFrame:
        """Cells of an outcome with anybody observed, of these units."""
        mine = (pl.col("metric") == metric) & (pl.col("n_observed") > 0)
        return self.cells.filter(mine & pl.col("unit_id").is_in(units["unit"].implode()))

    def period_of(self, metric: str) -> str:
        """Month or quarter, as an outcome is asked."""
        return self.outcomes.filter(pl.col("metric") == metric)["period"].item()


def read_organisation(workspace: Workspace, as_of: str) -> Organisation:
    """What the files in the workspace say about its units as of a day.

    The caller holds the workspace. Raises CannotRestate where they cannot be loaded, UnreadList where a list waits.
    """
    for left in workspace.root.glob(f"{PLANNING}*"):  # by a command that was killed
        durable.remove(left)
    with tempfile.TemporaryDirectory(dir=workspace.root, prefix=PLANNING) as folder:
        there = Workspace(Path(folder))
        texts = {path.name: path.read_text(encoding="utf-8") for path in workspace.sources.glob("*.y*ml")}
        lay_out(workspace, there, _study_of_all(workspace), texts)
        _lay_out_files(workspace, there)
        restating.build_in_child(there, as_of)
        drawn = {unit: place.stratum for unit, place in lots(ledger.read(workspace.ledger)).items()}
        with warehouse(there.warehouse) as connection:
            listed = connection.sql(LISTED_QUERY).pl()
            return Organisation(
                _units(connection.sql(PEOPLE_QUERY).pl(), listed, drawn, has_leads=_has_leads(workspace)),
                connection.sql("from cells.cell_means where segment = 'all'").pl(),
                connection.sql(PERIODS_QUERY).pl(),
                connection.sql(STAYED_QUERY).fetchall()[0][0],
                listed["kickoff_date"].min(),
            )


def _has_leads(workspace: Workspace) -> bool:
    """Whether a unit has one manager: a department or a site has many."""
    return load_study(workspace.study).assignment.unit == "team"


def _lay_out_files(workspace: Workspace, there: Workspace) -> None:
    landed, inbox = land.landed_files(workspace.landing), land.scan(workspace.inbox)
    waiting = [name for source, name in _unread(landed, inbox) if source == "roster"]
    if waiting:
        raise UnreadList(
            f"{', '.join(waiting)} in {workspace.inbox / 'roster'} has not been read yet, and which of two lists "
            "counts depends on the order in which they come: run first"
        )
    gone = taken_back(workspace, landed, inbox)
    for one in landed:
        if one.load_id not in gone:
            place_file(land.content_path(workspace.landing, one), one, there, is_new=False)
    for path in workspace.inbox.rglob("*"):
        if path.is_file():
            target = there.inbox / path.relative_to(workspace.inbox)
            target.parent.mkdir(parents=True, exist_ok=True)
            link(path, target)


def _unread(landed: list[land.Landed], inbox: land.Inbox) -> list[tuple[str, str]]:
    known = {one.load_id for one in landed}
    return [(one.source, one.file_name) for load_id, one in inbox.files.items() if load_id not in known]


def _study_of_all(workspace: Workspace) -> str:
    """The study as if every unit that is in no cohort were a control."""
    load_study(workspace.study)  # says what is wrong with it
    document = yaml.safe_load(workspace.study.read_text(encoding="utf-8"))
    assignment = (document.get("assignment") or {}) | {"unlisted_units": "control"}
    return yaml.safe_dump(document | {"assignment": assignment}, allow_unicode=True)


def _units(people: pl.DataFrame, listed: pl.DataFrame, drawn: dict[str, str], *, has_leads: bool) -> pl.DataFrame:
    """One row per unit of people (unit, site, department, manager), by name; of managers where anybody's is known."""
    where = [pl.col(name).mode(maintain_order=False).sort().first() for name in ("site", "department")]
    known = people.group_by("unit").agg(*where, n_people=pl.len().cast(pl.Int64))
    known = known.join(listed.select("unit", "cohort"), on="unit", how="left").with_columns(
        stratum=pl.col("unit").replace_strict(drawn, default=None, return_dtype=pl.String)
    )
    managers = people.filter(pl.col("manager").is_not_null()).group_by("unit", "manager").len()
    if has_leads and managers.height:
        counts = managers.group_by("unit").agg(
            n_with_manager=pl.col("len").sum().cast(pl.Int64), n_of_manager=pl.col("len").max().cast(pl.Int64)
        )
        known = known.join(counts, on="unit", how="left").with_columns(
            pl.col("n_with_manager", "n_of_manager").fill_null(0)
        )
    return known.sort("unit")

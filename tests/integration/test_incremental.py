"""Cells that were closed equal what a rebuild from nothing gives, and stay when a file corrects the past."""

import shutil
from datetime import date

import pytest

from ingest.closed_tables import CLOSED_TABLES
from ingest.warehouse import replace_table, warehouse
from publish import closed
from tests.integration.small import Small, csv

STUDY = """
programme: small
title: Small
assignment: {unit: team}
retention_months: 3
covariates: [tenure_years]
outcomes:
  - {metric: output_per_fte_month, role: primary}
  - {metric: layers}
"""
HEAD = "Employee ID,Hire Date,Termination Date,Department,Team ID,Manager ID,Cases Closed"
ROSTER = csv("Team ID,Wave,Arm,Kick-off", [("TA", "one", "Pilot", "2026-04-01"), ("TB", None, "Control", None)])


def snapshot(month: int, *, a1: int = 10) -> str:
    rows = [("top", "01/01/2020", None, "D", "HQ", "NO_MANAGER", None)]
    for team in "ab":
        for n in range(1, 5):
            closed = a1 if (team, n) == ("a", 1) else 5 + n
            rows.append((f"{team}{n}", f"0{n}/01/2021", None, "D", f"T{team.upper()}", "top", closed))
    if month == 5:
        rows[-1] = (*rows[-1][:2], "05/20/2026", *rows[-1][3:])
    return csv(HEAD, [row for row in rows if not (row[0] == "b4" and month > 5)])


def tables(made: Small) -> dict[str, list]:
    """Every mart, as sorted rows."""
    names = made.rows(
        "select table_schema, table_name from information_schema.tables "
        "where table_schema in ('panels', 'cells', 'comparisons', 'restricted') order by all"
    )
    assert len(names) > 40
    return {f"{schema}.{name}": made.rows(f"from {schema}.{name} order by all") for schema, name in names}


@pytest.fixture
def grown(tmp_path):
    """Built of six months of files, and of nine."""
    made = Small(tmp_path / "grown", STUDY)
    made.drop("roster", "roster.csv", ROSTER)
    for month in range(1, 7):
        made.drop("hris", f"hris_2026-{month:02d}.csv", snapshot(month))
    made.build(date(2026, 9, 1))
    for month in range(7, 10):
        made.drop("hris", f"hris_2026-{month:02d}.csv", snapshot(month))
    made.build(date(2026, 12, 1))
    return made


def publish(made: Small) -> None:
    """Close what has closed, as a release does, and load it back."""
    with warehouse(made.warehouse) as connection:
        frames = closed.newly_closed(connection)
        closed.keep(made.root / "closed", frames, release="r", as_of="a day", definitions={})
        for name, frame in closed.read(made.root / "closed", CLOSED_TABLES).items():
            replace_table(connection, name, frame, schema_name="closed")


def rebuilt(made: Small, path, day: date) -> Small:
    """A fresh warehouse of the same files, with the same closed cells."""
    fresh = Small(path, STUDY)
    shutil.copytree(made.root / "inbox", fresh.root / "inbox")
    fresh.load()
    if (made.root / "closed").exists():
        with warehouse(fresh.warehouse) as connection:
            for name, frame in closed.read(made.root / "closed", CLOSED_TABLES).items():
                replace_table(connection, name, frame, schema_name="closed")
    fresh.build(day)
    return fresh


def differing(one: Small, other: Small) -> list[str]:
    first, second = tables(one), tables(other)
    assert first.keys() == second.keys()
    return [name for name in first if first[name] != second[name]]


def test_what_was_closed_in_two_steps_equals_one_build_from_nothing(grown, tmp_path):
    publish(grown)  # three quarters
    for month in range(10, 13):
        grown.drop("hris", f"hris_2026-{month:02d}.csv", snapshot(month))
    grown.build(date(2027, 3, 1))
    assert grown.rows("select count(*) from panels.pnl_calendar where is_kept") == [(6,)]
    assert grown.rows("select distinct period_start from panels.pnl_changes") == [(date(2026, 10, 1),)]
    marks = ("panels.pnl_calendar", "panels.pnl_pairs", "panels.pnl_changes")
    fresh = Small(tmp_path / "fresh", STUDY)
    shutil.copytree(grown.root / "inbox", fresh.root / "inbox")
    fresh.build(date(2027, 3, 1))
    assert set(differing(grown, fresh)) == set(marks)  # they say what is kept; every cell and comparison is the same


def test_a_file_that_corrects_a_closed_quarter_changes_nothing_and_an_open_one_is_computed(grown, tmp_path):
    publish(grown)
    before = {name: rows for name, rows in tables(grown).items() if name.startswith("cells.")}
    grown.drop("hris", "hris_2026-02_corrected.csv", snapshot(2, a1=40))
    grown.build(date(2026, 12, 1))
    after = tables(grown)
    assert [name for name in before if before[name] != after[name]] == []
    assert grown.rows(
        "select value from panels.pnl_values where metric = 'output_per_fte_month' and subject_id in "
        "(select subject_id from panels.pnl_values where value = 20) and period_start = '2026-01-01'"
    ) == [(20.0,)]  # a1's corrected (10 + 40 + 10) / 3 is there, and waits
    assert differing(grown, rebuilt(grown, tmp_path / "again", date(2026, 12, 1))) == []

    open_only = Small(tmp_path / "nothing_closed", STUDY)
    shutil.copytree(grown.root / "inbox", open_only.root / "inbox")
    open_only.build(date(2026, 12, 1))
    changed = dict(
        open_only.rows(
            "select unit_id, change_sum from cells.cell_differences where metric = 'output_per_fte_month' "
            "and period_start = '2026-04-01' and base_period_start = '2026-01-01'"
        )
    )
    assert changed == {"TA": -10.0, "TB": 0.0}


def test_a_cohort_that_is_named_later_takes_its_closed_cells_along(grown):
    publish(grown)
    sums = "select unit_id, period_start, value_sum from cells.cell_means where unit_id = 'TB' order by all"
    before = grown.rows(sums)
    named = csv(
        "Team ID,Wave,Arm,Kick-off",
        [("TA", "one", "Pilot", "2026-04-01"), ("TB", "two", "Pilot", "2026-10-01"), ("HQ", None, "Control", None)],
    )
    grown.drop("roster", "roster_2.csv", named)
    grown.build(date(2026, 12, 1))
    assert grown.rows("select distinct cohort, arm from cells.cell_means where unit_id = 'TB'") == [("two", "pilot")]
    assert grown.rows(sums) == before


def test_an_as_of_run_sees_as_closed_what_had_closed_by_then(grown, tmp_path):
    """An as-of run after a later run: what closed after its day is gone from cells."""
    publish(grown)
    grown.build(date(2026, 9, 1))
    fresh = Small(tmp_path / "fresh", STUDY)
    shutil.copytree(grown.root / "inbox", fresh.root / "inbox")
    fresh.build(date(2026, 9, 1))
    assert set(differing(grown, fresh)) == {"panels.pnl_calendar", "panels.pnl_pairs", "panels.pnl_changes"}

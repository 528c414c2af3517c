"""What is kept from earlier nights equals what a rebuild from nothing gives, also when a file corrects the past."""

import shutil
from datetime import date

import pytest

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
    """Built in June, again in October, and once more after a file corrected February."""
    made = Small(tmp_path / "grown", STUDY)
    made.drop("roster", "roster.csv", ROSTER)
    for month in range(1, 7):
        made.drop("hris", f"hris_2026-{month:02d}.csv", snapshot(month))
    made.build(date(2026, 7, 1))
    for month in range(7, 10):
        made.drop("hris", f"hris_2026-{month:02d}.csv", snapshot(month))
    made.build(date(2026, 10, 1))
    return made


def fingerprints(made: Small) -> set:
    return set(
        made.rows("select distinct metric, period_start, base_period_start, fingerprint from panels.pnl_changes")
    )


def test_incremental_equals_full_also_when_a_file_corrects_the_past(grown, tmp_path):
    before = fingerprints(grown)
    grown.drop("hris", "hris_2026-02_corrected.csv", snapshot(2, a1=40))
    grown.build(date(2026, 10, 1))
    after = fingerprints(grown)
    again = {pair[:3] for pair in after - before}
    quarters = [date(2026, month, 1) for month in (1, 4, 7)]
    # The first quarter's output is corrected: pairs with it are computed anew, the others and all layers are not.
    assert again == {("output_per_fte_month", later, quarters[0]) for later in quarters[1:]}
    assert {pair[:3] for pair in before} == {pair[:3] for pair in after} and len(after - (after - before)) >= 3

    fresh = Small(tmp_path / "fresh", STUDY)
    shutil.copytree(grown.root / "inbox", fresh.root / "inbox")
    fresh.build(date(2026, 10, 1))
    kept, rebuilt = tables(grown), tables(fresh)
    assert kept.keys() == rebuilt.keys()
    assert [name for name in kept if kept[name] != rebuilt[name]] == []
    changed = dict(
        grown.rows(
            "select unit_id, change_sum from cells.cell_differences where metric = 'output_per_fte_month' "
            "and period_start = '2026-04-01' and base_period_start = '2026-01-01'"
        )
    )
    assert changed == {"TA": -10.0, "TB": 0.0}  # a1 closed 60 in the first quarter, (10 + 40 + 10) / 3 = 20 a month


def test_a_second_build_of_the_same_files_computes_nothing_anew_and_changes_nothing(grown):
    from ingest.load import warehouse

    first = tables(grown)
    with warehouse(grown.warehouse) as connection:
        connection.execute("update panels.pnl_changes set change = change + 1000 where metric = 'layers'")
    grown.build(date(2026, 10, 1))
    marked = grown.rows("select min(change) from panels.pnl_changes where metric = 'layers'")
    assert marked[0][0] >= 999  # kept as it was found: nothing of it was computed again
    done = grown.dbt(date(2026, 10, 1), "build", "--full-refresh", "--exclude", "test_type:unit")
    assert done.returncode == 0, done.stdout[-4000:]
    assert tables(grown) == first


def test_a_day_that_knows_less_leaves_nothing_of_what_came_later(grown, tmp_path):
    """A look back after a later night: pairs of periods that lie ahead are gone."""
    grown.build(date(2026, 7, 1))
    fresh = Small(tmp_path / "fresh", STUDY)
    shutil.copytree(grown.root / "inbox", fresh.root / "inbox")
    fresh.build(date(2026, 7, 1))
    assert tables(grown) == tables(fresh)

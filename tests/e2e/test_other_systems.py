"""The same organisation through other systems' exports: the same numbers are published, to the last byte."""

import polars as pl
import pytest

from publish.release import current_release, manifest_of
from simulation import Design, simulate

pytestmark = pytest.mark.slow
SYSTEMS = {
    "history tables, codes, a table": {"hris": "workday_tables", "survey": "culture_amp", "checkins": "table"},
    "names instead of ids, labels, e-mail addresses": {"hris": "adp", "survey": "microsoft_forms", "checkins": "log"},
}


# Working time, levels, output, further scales and leaders come from the report, the log and Qualtrics only.
STUDY = """
programme: managers_as_coaches
title: The same organisation
outcomes:
  - {metric: engagement_score, role: primary}
  - {metric: goals_met_share, role: primary}
  - {metric: retention, role: primary}
  - {metric: autonomy_score}
  - {metric: goals_self_set_share}
  - {metric: checkins_held_share}
segments: [tenure]
"""
# Who is listed in which month is the files' own matter: a late exit lists the leaver once more in the report,
# and its impossible hire dates in March and August quarantine one record each: months of employment, and with
# them hazards, differ by those. Only the report says which leavers are regretted; addresses, which trainings name, are
# not in the history tables: nor is who took part.
OWN_MATTERS = r"^(hazard_difference_in_differences|left_regretted_.*|as_treated|complier)$"
# History tables reach back to an earlier window of retention, which makes its answer more certain.
CERTAINTY = ("certainty", "certainty_reason")
COMPARED = {f"pub_{name}.parquet" for name in ("money", "outcomes", "levels", "responses", "retention")}


@pytest.fixture(scope="module")
def as_reported(tmp_path_factory, run_pipeline):
    from orchestration.workspace import Workspace

    made = Workspace(tmp_path_factory.mktemp("as_reported") / "workspace")
    design = Design(people=600, months=12, seed=7)
    simulate(design, made.inbox, truth_path=made.root / "truth.json")
    made.study.write_text(STUDY)
    code, last, _ = run_pipeline(made, design.closed_on)
    assert code == 0, last
    return made


@pytest.mark.parametrize("systems", SYSTEMS.values(), ids=SYSTEMS)
def test_the_numbers_do_not_depend_on_the_systems_that_wrote_the_files(systems, as_reported, workspace, run_pipeline):
    first = current_release(as_reported.releases)
    design = Design(people=600, months=12, seed=7)
    simulate(design, workspace.inbox, truth_path=workspace.root / "truth.json", dialects=systems)
    workspace.study.write_text(STUDY)
    code, last, _ = run_pipeline(workspace, design.closed_on)
    assert code == 0, last
    other = workspace.releases / last["release"]
    assert manifest_of(other)["sources_hash"] == manifest_of(first)["sources_hash"]
    tables = sorted(path.name for path in (first / "parquet").iterdir())
    assert len(tables) > 5 and tables == sorted(path.name for path in (other / "parquet").iterdir())
    assert set(tables) >= COMPARED
    different = [
        name for name in COMPARED if (first / "parquet" / name).read_bytes() != (other / "parquet" / name).read_bytes()
    ]
    assert different == []
    decisions = [
        pl.read_parquet(folder / "parquet" / "pub_decisions.parquet").drop(CERTAINTY) for folder in (first, other)
    ]
    assert decisions[0].equals(decisions[1])
    released = [pl.read_parquet(folder / "parquet" / "pub_estimates.parquet") for folder in (first, other)]
    same, also = (table.filter(~pl.col("estimator").str.contains(OWN_MATTERS)) for table in released)
    assert same.equals(also) and same.height > 80

"""A programme that does nothing, in an organisation whose better teams volunteered: nothing may be claimed of it."""

import json
import shutil
from datetime import date

import polars as pl
import pytest

from publish.release import current_release
from simulation import Design, simulate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def idle(tmp_path_factory, run_pipeline):
    from orchestration.workspace import PROJECT_ROOT, Workspace

    made = Workspace(tmp_path_factory.mktemp("idle") / "workspace")
    made.root.mkdir()
    shutil.copy(PROJECT_ROOT / "orchestration" / "templates" / "study.yml", made.study)
    # One draw with a fixed seed: of many, one in twenty would claim something, and benchmarks/coverage.py counts them.
    design = Design(people=1_200, months=24, seed=11, effect=0.0)
    simulate(design, made.inbox, truth_path=made.root / "truth.json")
    code, last, _ = run_pipeline(made, date(2026, 3, 2))
    assert code == 0, last
    return made


def test_the_truth_is_nothing(idle):
    truth = json.loads((idle.root / "truth.json").read_text())
    assert {metric["simple"] for metric in truth.values()} == {0.0}


def test_page_and_tables_claim_nothing_where_a_naive_comparison_would(idle):
    release = current_release(idle.releases)
    decisions = pl.read_parquet(release / "parquet" / "pub_decisions.parquet")
    assert decisions["verdict"].unique().to_list() == ["no effect seen"]
    assert "go" not in decisions["decision"].to_list()
    headlines = pl.read_parquet(release / "parquet" / "pub_estimates.parquet").filter("is_headline")
    assert not (headlines["p_value_adjusted"] < 0.05).any()
    page = (release / "index.html").read_text()
    assert page.count('<div class="word">No effect shown</div>') == 3
    naive = pl.read_parquet(release / "parquet" / "pub_outcomes.parquet").filter(pl.col("metric") == "engagement_score")
    assert naive["difference_after"].item() > 3.0  # what the dashboard that we replace would have shown

"""The same job on files that others wrote: a placebo that must stay a null, and a single snapshot full of quirks."""

import csv
import shutil
from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ingest.pseudonyms import normal_name
from ingest.warehouse import warehouse
from publish.release import current_release, manifest_of

INPUT = Path(__file__).parents[1] / "real_input"
pytestmark = pytest.mark.slow


def built(tmp_path_factory, name, file):
    from orchestration.workspace import Workspace

    made = Workspace(tmp_path_factory.mktemp(name) / "workspace")
    (made.inbox / "hris").mkdir(parents=True)
    shutil.copytree(INPUT / name, made.root, dirs_exist_ok=True)
    shutil.copy(file, made.inbox / "hris" / file.name)
    return made


@pytest.fixture(scope="module")
def ola_file(reference):
    return reference("hris/ola_monthly_snapshots.csv")


@pytest.fixture(scope="module")
def ola(ola_file, tmp_path_factory, run_pipeline):
    made = built(tmp_path_factory, "ola", ola_file)
    code, last, _ = run_pipeline(made, date(2018, 3, 2))  # the last month has closed
    assert code == 0, last
    return made


def files_by_person(ola_file) -> tuple[dict, dict]:
    """month → people listed in it; (person, hire date) → (newest month that speaks of them, last working day)."""
    listed, newest = defaultdict(set), {}
    for row in csv.DictReader(ola_file.open(encoding="utf-8")):
        listed[row["MMM-YY"][:7]].add(row["Emp_ID"])
        key = row["Emp_ID"], row["Dateofjoining"]
        if key not in newest or row["MMM-YY"] > newest[key][0]:
            newest[key] = (row["MMM-YY"], row["LastWorkingDate"])
    return listed, newest


def test_the_bridge_closes_at_who_is_listed_and_not_gone_and_sums_to_zero_every_month(ola, ola_file):
    listed, newest = files_by_person(ola_file)
    left = {person: day[:7] for (person, _), (_, day) in newest.items() if day}
    by_hand = {month: sum(left.get(who, "9999") > month for who in people) for month, people in listed.items()}
    with warehouse(ola.warehouse) as connection:
        ours = connection.sql(
            "select strftime(month, '%Y-%m') as month, sum(n_opening)::int as opening, sum(n_closing)::int as closing, "
            "sum(n_opening + n_hires + n_transfers_in - n_leavers - n_transfers_out + n_listed_late + n_listed_again "
            "+ n_not_listed_before_exit + n_vanished - n_closing)::int as unexplained "
            "from comparisons.cmp_headcounts group by 1 order by 1"
        ).pl()
    assert dict(ours.select("month", "closing").iter_rows()) == by_hand and len(by_hand) == 24
    assert ours["unexplained"].to_list() == [0] * 24
    assert ours["opening"].to_list()[1:] == ours["closing"].to_list()[:-1]
    assert (len(listed["2016-01"]), len(listed["2017-12"])) == (1_022, 819)


def test_leavers_by_month_after_restatement_equal_a_hand_count(ola, ola_file):
    """The last row that speaks of a person has their last day, in whichever month the row came."""
    by_hand = defaultdict(int)
    for _, left in files_by_person(ola_file)[1].values():
        if "2016-01" <= left[:7] <= "2017-12":
            by_hand[left[:7]] += 1
    with warehouse(ola.warehouse) as connection:
        ours = connection.sql(
            "select strftime(month, '%Y-%m') as month, sum(n_leavers)::int as n from cells.cell_turnovers "
            "group by 1 having n > 0"
        ).pl()
    assert dict(ours.iter_rows()) == dict(by_hand)
    assert sum(by_hand.values()) > 1_500


def test_the_year_2016_under_every_turnover_formula(ola, ola_file):
    """Counted from the file itself: heads at the end of a day, person-days with the last day."""
    stints = [
        (date.fromisoformat(hired), date.fromisoformat(left) if left else date.max)
        for (_, hired), (_, left) in files_by_person(ola_file)[1].items()
    ]
    ends = [date(2016, 1, 1) - timedelta(days=1), *(date(2016, month, 1) - timedelta(days=1) for month in range(2, 13))]
    ends.append(date(2016, 12, 31))
    heads = [sum(hired <= day < left for hired, left in stints) for day in ends]
    leavers = [left.month for _, left in stints if left.year == 2016]
    days = sum(
        max((min(left, date(2016, 12, 31)) - max(hired, date(2016, 1, 1))).days + 1, 0) for hired, left in stints
    )
    means = [(one + other) / 2 for one, other in pairwise(heads)]
    by_hand = {
        "opening_headcount": len(leavers) / heads[0],
        "last_month": 12 * leavers.count(12) / means[-1],
        "start_and_end": len(leavers) / ((heads[0] + heads[-1]) / 2),
        "monthly_means": len(leavers) / (sum(means) / 12),
        "person_years": len(leavers) / (days / 366),
    }
    assert {formula: round(100 * rate, 1) for formula, rate in by_hand.items()} == {
        "opening_headcount": 85.3,
        "last_month": 92.1,
        "start_and_end": 97.1,
        "monthly_means": 109.7,
        "person_years": 109.1,
    }
    with warehouse(ola.warehouse) as connection:
        rates = dict(
            connection.sql(
                "select formula, turnover from comparisons.cmp_turnovers "
                "where span = 'year' and scope = 'all' and span_start = '2016-01-01'"
            ).fetchall()
        )
    assert rates == pytest.approx(by_hand, abs=1e-9)


def test_nothing_is_lost_and_who_vanished_is_flagged(ola):
    manifest = manifest_of(current_release(ola.releases))
    with warehouse(ola.warehouse) as connection:
        counts = "select sum(n_records)::int, sum(n_loaded)::int, sum(n_faulty)::int from raw.load_log"
        assert connection.execute(counts).fetchall() == [(19_104, 19_104, 0)]
    assert sum(source["n_records_about"] for source in manifest["sources"]) == 19_100
    assert {"issue": "gone from the snapshots without an exit", "about": "people", "count": "at least 20"} in manifest[
        "data_issues"
    ]


def test_a_placebo_is_not_sold_as_an_effect(ola):
    release = current_release(ola.releases)
    estimates = pl.read_parquet(release / "parquet" / "pub_estimates.parquet")
    headlines = estimates.filter(pl.col("is_headline") & pl.col("metric").is_in(["retention", "output_value"]))
    assert headlines["status"].to_list() == ["estimated", "estimated"]
    assert headlines["p_value_adjusted"].min() > 0.05
    assert ((headlines["ci_low"] < 0) & (headlines["ci_high"] > 0)).all()
    page = (release / "index.html").read_text()
    assert page.count("No effect shown") == 2
    assert "higher than it would be" not in page and "lower than it would be" not in page
    assert page.count("with 80 % probability") == 2


@pytest.fixture(scope="module")
def placebo_p_values(ola):
    """p of 200 random assignments of the cities to two arms, whose real data had no programme at all."""
    from inference.judging import Question
    from inference.means import mean_lines
    from inference.retention import retention_lines
    from inference.unit_panels import Panels, Setting

    with warehouse(ola.warehouse) as connection:
        means = connection.sql("from cells.cell_means where metric = 'output_value' and segment = 'all'").pl()
        life = connection.sql("from cells.cell_life_tables where segment = 'all'").pl()
    [kickoff] = means["cohort_period_start"].drop_nulls().unique()
    cities = sorted(means["unit_id"].unique())
    setting = Setting(design="volunteered", unit="site", alpha=0.05)
    output = Question(metric="output_value", kind="mean", role="primary", source="hris")
    stayed = Question(metric="retention", kind="time_to_event", role="primary", source="hris")
    rng, found = np.random.default_rng(2_016), {"output": [], "retention": []}
    for _ in range(200):
        pilot = list(rng.choice(cities, size=len(cities) // 2, replace=False))
        arm = pl.when(pl.col("unit_id").is_in(pilot)).then(pl.lit("pilot")).otherwise(pl.lit("control"))
        drawn = means.with_columns(arm.alias("arm"), arm.alias("cohort")).with_columns(
            cohort_period_start=pl.when(pl.col("arm") == "pilot").then(pl.lit(kickoff))
        )
        followed = life.with_columns(arm.alias("comparison_arm"), arm.alias("cohort"))
        one = next(mean_lines(output, Panels(drawn), setting))  # the headline comes first
        [other] = retention_lines(stayed, followed, months=6, is_random=False, alpha=0.05, is_whole=False)
        found["output"].append(one.result.p_value)
        found["retention"].append(other.result.p_value)
    return found


@pytest.mark.parametrize("metric", ["output", "retention"])
def test_of_200_invented_programmes_about_one_in_twenty_seems_to_work(placebo_p_values, metric):
    share = sum(p < 0.05 for p in placebo_p_values[metric]) / 200
    print(f"{metric}: p < 0.05 in {share:.1%} of 200 random assignments")
    assert 0.025 <= share <= 0.08


def test_a_study_without_a_survey_says_what_it_cannot_answer(ola):
    estimates = pl.read_parquet(current_release(ola.releases) / "parquet" / "pub_estimates.parquet")
    row = estimates.filter(pl.col("metric") == "engagement_score").row(0, named=True)
    assert (row["status"], row["reason"]) == ("not_estimable", "no records from the source survey")
    assert "no records from the source survey" in (current_release(ola.releases) / "index.html").read_text()


@pytest.fixture(scope="module")
def hr_file(reference):
    return reference("hris/HRDataset_v14.csv")


@pytest.fixture(scope="module")
def hr_dataset(hr_file, tmp_path_factory, run_pipeline):
    made = built(tmp_path_factory, "hr_dataset", hr_file)
    code, last, _ = run_pipeline(made, date(2019, 3, 1))
    assert code == 0, last
    return made


def test_birth_dates_never_lie_in_the_future(hr_dataset):
    with warehouse(hr_dataset.warehouse) as connection:
        years = connection.sql("select birth_year, hired_date from raw.raw_hris__workers").pl()
    assert years.height == 311
    assert years["birth_year"].null_count() == 0
    assert years["birth_year"].max() <= 2001 and years["birth_year"].min() >= 1930
    assert (years["hired_date"].dt.year() - years["birth_year"] >= 14).all()


def test_managers_are_resolved_by_name_and_the_rest_is_reported(hr_dataset, hr_file):
    """By hand: among the people employed in February 2019, whose manager's name does exactly one of them have?"""
    rows = list(csv.DictReader(hr_file.open(encoding="utf-8-sig")))
    employed = [row for row in rows if not row["DateofTermination"].strip() or _left_from_february(row)]
    names = [normal_name(row["Employee_Name"]) for row in employed]
    resolved = sum(
        names.count(normal_name(row["ManagerName"])) == 1
        and normal_name(row["ManagerName"]) != normal_name(row["Employee_Name"])
        for row in employed
    )
    with warehouse(hr_dataset.warehouse) as connection:
        found = dict(
            connection.execute("select resolution, count(*) from intermediate.int_manager_links group by 1").fetchall()
        )
        [(issues,)] = connection.execute(
            "select sum(n) from intermediate.int_data_issues where about = 'people'"
        ).fetchall()
    assert found["by name"] == resolved > 100
    assert issues == len(employed) - resolved > 0
    assert sum(found.values()) == len(employed)


def _left_from_february(row) -> bool:
    month, _, year = row["DateofTermination"].strip().split("/")
    return (int(year), int(month)) >= (2019, 2)


def test_a_single_snapshot_answers_nothing_and_says_so(hr_dataset):
    estimates = pl.read_parquet(current_release(hr_dataset.releases) / "parquet" / "pub_estimates.parquet")
    assert set(estimates["status"]) == {"not_estimable"}
    assert "Cannot be answered" in (current_release(hr_dataset.releases) / "index.html").read_text()


def test_no_name_of_the_file_can_be_found_in_the_warehouse_or_the_release(hr_dataset, hr_file):
    names = {row["Employee_Name"].split(",")[0].strip() for row in csv.DictReader(hr_file.open(encoding="utf-8-sig"))}
    stored = hr_dataset.warehouse.read_bytes()
    release = b"".join(p.read_bytes() for p in current_release(hr_dataset.releases).rglob("*") if p.is_file())
    long_names = {name for name in names if len(name) >= 8}
    assert len(long_names) > 50
    assert not [name for name in long_names if name.encode() in stored or name.encode() in release]

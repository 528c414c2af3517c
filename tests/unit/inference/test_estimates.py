"""From cells to the table: who is counted, what is refused, and that no failure looks like a null result."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats
from threadpoolctl import threadpool_info, threadpool_limits

from inference.conclusions import periods_before
from inference.decisions import Decision
from inference.estimates import ESTIMATES_SCHEMA, Asked, Cells, estimate_study
from inference.judging import Question
from study.interim import analysis_at

ENGAGEMENT = Question(metric="engagement_score", kind="mean", role="primary", source="survey")
RETENTION = Question(metric="retention", kind="time_to_event", role="primary", source="hris")
NONE = pl.DataFrame(schema={"metric": pl.String})
QUARTERS = [date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1), date(2026, 10, 1)]


def mean_cells(n_pilot=8, n_control=8, effect=5.0, spread=1.0, seed=1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for unit in range(n_pilot + n_control):
        pilot = unit < n_pilot
        for index, period in enumerate(QUARTERS):
            mean = 50 + 3 * pilot + index + effect * (pilot and index >= 2) + rng.normal(0, spread)
            rows.append(
                {
                    "metric": "engagement_score",
                    "unit_id": f"t{unit:02}",
                    "cohort": "pilot" if pilot else "control",
                    "arm": "pilot" if pilot else "control",
                    "period_start": period,
                    "segment": "all",
                    "cohort_period_start": QUARTERS[2] if pilot else None,
                    "n_eligible": 12,
                    "n_observed": 10,
                    "n_people": 11,
                    "value_sum": 10 * mean,
                    "centred_sum_of_squares": 900.0,
                }
            )
    return pl.DataFrame(rows, schema_overrides={"cohort_period_start": pl.Date})


def life_cells(n_pilot=8, n_control=8, months=6, phases=("after", "before")) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for unit in range(n_pilot + n_control):
        arm = "pilot" if unit < n_pilot else "control"
        for phase in phases:
            at_risk = 20
            for month in range(1, months + 1):
                events = int(rng.random() < 0.3)
                rows.append(
                    {
                        "metric": "retention",
                        "unit_id": f"t{unit:02}",
                        "cohort": arm,
                        "comparison_cohort": "pilot",
                        "comparison_arm": arm,
                        "phase": phase,
                        "segment": "all",
                        "month_number": month,
                        "n_at_risk": at_risk,
                        "n_events": events,
                    }
                )
                at_risk -= events
    return pl.DataFrame(rows)


def study(questions, *, means=None, life=None, design="volunteered"):
    cells = Cells(
        means=mean_cells().clear() if means is None else means,
        life=life_cells().clear() if life is None else life,
    )
    return estimate_study(Asked(design=design, questions=questions, planned_until=QUARTERS[-1]), cells)


def headline(estimated, metric="engagement_score", estimator="att_not_yet_treated"):
    rows = estimated.estimates.filter(
        (pl.col("metric") == metric) & (pl.col("aggregation") == "simple") & (pl.col("estimator") == estimator)
    )
    return rows.row(0, named=True)


def test_the_table_has_the_promised_columns_and_finds_the_effect():
    estimated = study([ENGAGEMENT], means=mean_cells())
    assert dict(estimated.estimates.schema) == ESTIMATES_SCHEMA
    row = headline(estimated)
    assert row["status"] == "estimated"
    assert row["ci_low"] < 5 < row["ci_high"]
    assert (row["n_units_pilot"], row["n_units_control"], row["n_pilot"], row["n_control"]) == (8, 8, 80, 80)
    assert row["p_value_adjusted"] == row["p_value"]  # one primary question


def test_too_few_pilot_units_give_no_verdict_and_no_effect_that_could_have_been_seen():
    assert headline(study([ENGAGEMENT], means=mean_cells(n_pilot=6)))["status"] == "estimated"
    estimated = study([ENGAGEMENT], means=mean_cells(n_pilot=5))
    row = headline(estimated)
    assert row["status"] == "not_estimable"
    assert "too few units: 5 pilot and 8 control; at least 6" in row["reason"]
    assert row["estimate"] is None and row["p_value"] is None
    assert estimated.power.is_empty()  # whatever the effect, there would be no verdict


def test_the_decision_on_retention_reads_the_plain_difference_beside_the_headline():
    """Nothing after kick-off, but more left the pilot in the window before: what is taken off makes the effect."""
    life = life_cells()
    before = (pl.col("phase") == "before") & (pl.col("comparison_arm") == "pilot")
    life = life.with_columns(n_events=pl.when(before).then(pl.col("n_events") + 2).otherwise("n_events"))
    life = life.sort("unit_id", "phase", "month_number").with_columns(
        n_at_risk=(pl.lit(40) - pl.col("n_events").cum_sum().shift(1).fill_null(0)).over("unit_id", "phase")
    )
    asked = replace(RETENTION, minimum_important_difference=0.05)
    guardrail = replace(ENGAGEMENT, role="guardrail", margin=99.0)
    found = study([asked, guardrail], life=life, means=mean_cells())
    row = found.decisions.row(0, named=True)
    assert row["p_value_adjusted"] < 0.05 and row["estimate"] > 0.05
    assert row["decision"] == Decision.NOT_YET and "rests on the window before" in row["reason"]


def test_what_could_have_been_seen_is_said_at_the_level_that_a_verdict_needs():
    """Three primary outcomes: Holm asks of a lone finding p < alpha ÷ 3."""
    others = [replace(ENGAGEMENT, metric=name) for name in ("a_score", "b_score")]
    alone = study([ENGAGEMENT], means=mean_cells()).power.row(0, named=True)
    together = study([ENGAGEMENT, *others], means=mean_cells())
    found = together.power.filter(pl.col("metric") == ENGAGEMENT.metric).row(0, named=True)
    row = headline(together)
    last = analysis_at(2, 2, alpha=0.05, n_primary=3).alpha  # both quarters since kick-off
    reach = stats.t.ppf(1 - last / 3 / 2, row["df"]) + stats.t.ppf(0.8, row["df"])
    assert found["detectable_effect"] == pytest.approx(reach * row["std_error"])
    assert found["detectable_effect"] > alone["detectable_effect"]
    assert (alone["alpha"], found["alpha"]) == (analysis_at(2, 2, alpha=0.05).alpha, pytest.approx(last / 3))


def test_a_missing_source_is_said_and_still_counts_as_a_question():
    row = headline(study([ENGAGEMENT, RETENTION], life=life_cells()))
    assert row["status"] == "not_estimable"
    assert row["reason"] == "no records from the source survey"
    other = headline(
        study([ENGAGEMENT, RETENTION], life=life_cells()), "retention", "life_table_difference_in_differences"
    )
    assert other["p_value_adjusted"] == pytest.approx(min(1, 2 * other["p_value"]))


def test_outcomes_that_do_not_vary_are_no_certainty():
    row = headline(study([ENGAGEMENT], means=mean_cells(spread=0.0, effect=0.0)))
    assert row["status"] == "not_estimable"
    assert "does not vary" in row["reason"]


def test_an_arm_in_which_nobody_leaves_gives_no_interval_of_the_other_arm_alone():
    cells = life_cells().with_columns(
        pl.when(pl.col("comparison_arm") == "pilot").then(0).otherwise(pl.col("n_events")).alias("n_events"),
        pl.when(pl.col("comparison_arm") == "pilot").then(20).otherwise(pl.col("n_at_risk")).alias("n_at_risk"),
    )
    row = headline(study([RETENTION], life=cells, design="randomised"), "retention", "life_table_difference")
    assert (row["status"], row["p_value"]) == ("not_estimable", None)
    assert "does not vary in an arm" in row["reason"]


def test_units_without_data_in_the_compared_periods_do_not_count():
    silent = (pl.col("unit_id") < "t04") & (pl.col("period_start") >= QUARTERS[1])
    cells = mean_cells().with_columns(pl.when(silent).then(0).otherwise(pl.col("n_observed")).alias("n_observed"))
    row = headline(study([ENGAGEMENT], means=cells))
    assert row["status"] == "not_estimable"
    assert "4 pilot and 8 control" in row["reason"]


def test_a_cohort_without_a_time_before_or_after_is_named():
    later = mean_cells(n_pilot=12).with_columns(
        pl.when(pl.col("unit_id") < "t06")
        .then(pl.lit("early_bird"))
        .when(pl.col("arm") == "pilot")
        .then(pl.lit("pilot"))
        .otherwise(pl.lit("control"))
        .alias("cohort"),
        pl.when(pl.col("unit_id") < "t06")
        .then(pl.lit(QUARTERS[0]))
        .otherwise(pl.col("cohort_period_start"))
        .alias("cohort_period_start"),
    )
    estimated = study([ENGAGEMENT], means=later)
    assert headline(estimated)["reason"] == "without early_bird"
    left_out = estimated.estimates.filter(pl.col("cohort") == "early_bird").row(0, named=True)
    assert (left_out["status"], left_out["aggregation"]) == ("not_estimable", "cohort")
    assert "no time before" in left_out["reason"]


def test_people_seen_only_before_kickoff_still_carry_their_share_of_the_error():
    cells = life_cells(n_pilot=10, n_control=10)
    gone = cells.filter(~((pl.col("unit_id") == "t09") & (pl.col("phase") == "after")))
    name = "life_table_difference_in_differences"
    assert headline(study([RETENTION], life=gone), "retention", name)["n_units_pilot"] == 10


def test_a_cohort_in_which_everybody_leaves_is_not_dropped():
    cells = life_cells().with_columns(
        pl.when((pl.col("comparison_arm") == "pilot") & (pl.col("phase") == "after") & (pl.col("month_number") == 6))
        .then(pl.col("n_at_risk"))
        .otherwise(pl.col("n_events"))
        .alias("n_events")
    )
    row = headline(study([RETENTION], life=cells), "retention", "life_table_difference_in_differences")
    assert row["status"] == "not_estimable" or row["estimate"] < -0.5


def test_without_a_period_before_kickoff_there_is_no_effect():
    cells = mean_cells().with_columns(
        pl.when(pl.col("arm") == "pilot").then(pl.lit(QUARTERS[0])).alias("cohort_period_start")
    )
    assert headline(study([ENGAGEMENT], means=cells))["reason"].startswith("no cohort has a period before")


def test_a_random_lot_makes_the_plain_difference_the_headline():
    chosen = {
        design: study([RETENTION], life=life_cells(), design=design).power["metric"].to_list()
        for design in ("randomised", "volunteered")
    }
    assert chosen == {"randomised": ["retention"], "volunteered": ["retention"]}
    adjusted = {
        design: study([RETENTION], life=life_cells(), design=design)
        .estimates.filter(pl.col("p_value_adjusted").is_not_null())["estimator"]
        .to_list()
        for design in ("randomised", "volunteered")
    }
    assert adjusted == {
        "randomised": ["life_table_difference"],
        "volunteered": ["life_table_difference_in_differences"],
    }


def test_a_window_that_is_not_over_yet_is_not_estimated():
    row = headline(study([RETENTION], life=life_cells(months=4)), "retention", "life_table_difference_in_differences")
    assert row["status"] == "not_estimable"
    assert "6 months after and before" in row["reason"]


def test_people_behind_a_period_are_those_observed_in_it():
    """Eleven people answered some time, three in the last quarter: the event time that rests on them says so."""
    cells = mean_cells(n_pilot=5).with_columns(
        pl.when((pl.col("arm") == "pilot") & (pl.col("period_start") == QUARTERS[3]))
        .then(pl.when(pl.col("unit_id") == "t00").then(3).otherwise(0))
        .otherwise(pl.col("n_observed"))
        .alias("n_observed")
    )
    events = study([ENGAGEMENT], means=cells).estimates.filter(pl.col("aggregation") == "event_time")
    assert dict(events.select("event_time", "n_pilot").iter_rows()) == {-1: 50, 0: 50, 1: 3}


def test_order_of_cells_does_not_matter():
    cells = mean_cells()
    shuffled = cells.sample(fraction=1.0, shuffle=True, seed=5)
    assert study([ENGAGEMENT], means=cells).estimates.equals(study([ENGAGEMENT], means=shuffled).estimates)


def test_a_segment_in_which_nobody_was_observed_has_a_row_that_says_so():
    silent = mean_cells().with_columns(pl.lit("site: south").alias("segment"), pl.lit(0).alias("n_observed"))
    estimated = study([ENGAGEMENT], means=pl.concat([mean_cells(), silent], how="vertical_relaxed"))
    [row] = estimated.estimates.filter(pl.col("segment") == "site: south").iter_rows(named=True)
    assert (row["status"], row["reason"]) == ("not_estimable", "no records from the source survey")


def test_a_segment_has_a_headline_of_its_own_that_is_no_finding():
    cells = mean_cells(n_pilot=16, n_control=16)
    north = cells.with_columns(pl.lit("site: north").alias("segment"))
    few = mean_cells(n_pilot=3).with_columns(pl.lit("site: south").alias("segment"))
    estimated = study([ENGAGEMENT], means=pl.concat([cells, north, few]))
    parts = estimated.estimates.filter(pl.col("segment") != "all")
    assert parts.select("segment", "aggregation", "status", "p_value_adjusted").rows() == [
        ("site: north", "simple", "estimated", None),
        ("site: south", "simple", "not_estimable", None),
    ]
    whole = headline(estimated)
    assert parts.row(0, named=True)["estimate"] == whole["estimate"] and whole["p_value_adjusted"] is not None
    assert estimated.decisions["metric"].to_list() == ["engagement_score"] and estimated.power.height == 1


def test_numbers_are_made_with_one_blas_thread_whatever_the_machine_has(monkeypatch):
    # With two, the optimiser behind `smooth_trend_bent` ends 3e-9 elsewhere: not the same bytes on another machine.
    monkeypatch.setattr("inference.estimates._tables", lambda *_: threadpool_info())
    with threadpool_limits(2, user_api="blas"):
        nothing = Cells(means=mean_cells().clear(), life=pl.DataFrame())
        seen = estimate_study(Asked(questions=[]), nothing)
    assert {library["num_threads"] for library in seen if library["user_api"] == "blas"} == {1}


@pytest.fixture(scope="module")
def by_end_of_plan():
    """End of the plan → the estimates of four quarters, kick-off at the third."""
    return {
        until: estimate_study(Asked(questions=[ENGAGEMENT], planned_until=until), Cells(means=mean_cells(), life=NONE))
        for until in (None, QUARTERS[2], QUARTERS[3])
    }


def test_a_verdict_waits_for_the_plan_and_nothing_else_does(by_end_of_plan):
    early, last = by_end_of_plan[None], by_end_of_plan[QUARTERS[3]]
    assert early.estimates.equals(last.estimates) and early.diagnostics.equals(last.diagnostics)
    asked = [found.answer.row(0, named=True) for found in (early, last)]
    assert [(row["analysis"], row["planned_analyses"]) for row in asked] == [(2, 4), (2, 2)]
    assert asked[0]["alpha"] < 0.005 and asked[1]["alpha"] > 0.04
    assert (asked[0]["next_wave"], asked[1]["next_wave"]) == (date(2027, 1, 1), None)
    reach = [found.decisions.select(pl.col("ci_high") - pl.col("ci_low")).item() for found in (early, last)]
    assert reach[0] > reach[1] and early.power["detectable_effect"][0] > last.power["detectable_effect"][0]


def test_what_later_waves_show_cannot_make_a_finding_and_can_take_one_away(by_end_of_plan):
    """The plan ended with the third quarter; the headline is of all quarters, the verdict also needs the third's."""
    over, whole = by_end_of_plan[QUARTERS[2]], by_end_of_plan[QUARTERS[3]]
    [planned] = over.estimates.filter(pl.col("aggregation") == "planned").to_dicts()
    until_then = Cells(means=mean_cells().filter(pl.col("period_start") <= QUARTERS[2]), life=NONE)
    then = headline(estimate_study(Asked(questions=[ENGAGEMENT]), until_then))
    assert planned["estimate"] == then["estimate"] and planned["p_value"] == then["p_value"]
    assert not planned["is_headline"] and headline(over)["estimate"] == headline(whole)["estimate"]
    assert headline(over)["p_value_adjusted"] == max(then["p_value"], headline(over)["p_value"])
    assert "planned" not in whole.estimates["aggregation"].to_list()
    # Nothing then, a large effect now: no verdict.
    late = mean_cells(effect=0.0, seed=4).with_columns(
        value_sum=pl.col("value_sum")
        + pl.when((pl.col("arm") == "pilot") & (pl.col("period_start") == QUARTERS[3])).then(80.0).otherwise(0.0)
    )
    row = estimate_study(Asked(questions=[ENGAGEMENT], planned_until=QUARTERS[2]), Cells(means=late, life=NONE))
    assert row.decisions["verdict"][0] == "no effect seen" and headline(row)["p_value"] < 0.001


def test_a_study_of_retention_alone_counts_its_cohorts():
    """Two cohorts, of which one was followed to the end of its six months."""
    done = life_cells()
    going_on = done.with_columns(comparison_cohort=pl.lit("second")).filter(pl.col("month_number") < 6)
    asked = Asked(questions=[RETENTION], retention_months=6)
    for life, number in ((done, (1, 1)), (pl.concat([done, going_on]), (1, 2))):
        row = estimate_study(asked, Cells(means=mean_cells().clear(), life=life)).answer.row(0, named=True)
        assert (row["analysis"], row["planned_analyses"]) == number


def test_what_pointed_the_other_way_at_the_plans_end_is_no_finding_after_it():
    turned = mean_cells(effect=5.0).with_columns(
        value_sum=pl.col("value_sum")
        - pl.when((pl.col("arm") == "pilot") & (pl.col("period_start") == QUARTERS[3])).then(300.0).otherwise(0.0)
    )
    found = estimate_study(Asked(questions=[ENGAGEMENT], planned_until=QUARTERS[2]), Cells(means=turned, life=NONE))
    row = headline(found)
    assert row["estimate"] < 0 and row["p_value"] < 0.01 and row["p_value_adjusted"] == 1.0


def test_periods_before_kickoff_are_those_of_the_cohort_that_has_the_fewest():
    rows = [
        {"metric": "m", "cohort_period_start": start, "period_start": period, "n_observed": 1}
        for start in (QUARTERS[1], QUARTERS[3])
        for period in QUARTERS
    ]
    assert periods_before(pl.DataFrame(rows)) == {"m": 1}
    early = [{**row, "cohort_period_start": QUARTERS[0]} for row in rows[:4]]  # in no estimate
    assert periods_before(pl.DataFrame(rows + early)) == {"m": 1}
    assert periods_before(pl.DataFrame(early)) == {"m": 0}
    cut = [{**row, "cut_period_start": QUARTERS[0]} for row in rows]
    assert periods_before(pl.DataFrame(cut)) == {"m": 2}  # of the second cohort, whose third period is left
    whole = [{**row, "cut_period_start": None} for row in rows]
    assert periods_before(pl.DataFrame(whole, schema_overrides={"cut_period_start": pl.Date})) == {"m": 1}

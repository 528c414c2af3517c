"""What stands around the share that stayed, and that the decision reads it: on simulated studies with a known truth."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from inference.decisions import Decision, Primary, decide
from inference.diagnostic import Diagnostic
from inference.estimates import Asked, Cells, estimate_study
from inference.judging import Question
from inference.results import Estimate
from inference.retention import BY_CHOICE
from inference.retention_diagnostics import _is_event, retention_diagnostics
from simulation.leavers import LEAVING, MONTHS, Leaving, draw_cohorts, draw_leavers

ALL_EXITS = Question(
    metric="retention", kind="time_to_event", role="primary", source="hris", minimum_important_difference=0.02
)
CHOSEN = replace(ALL_EXITS, metric="retention_voluntary", measure=BY_CHOICE)
NO_MEANS = pl.DataFrame(schema={"metric": pl.String, "n_observed": pl.Int64})


def drawn(study: Leaving, seed: int = 1) -> pl.DataFrame:
    return draw_leavers(study, np.random.default_rng(seed))


def around(question: Question, life: pl.DataFrame) -> dict[str, Diagnostic]:
    mine = life.filter(pl.col("metric") == question.metric)
    return {each.name: each for each in retention_diagnostics(question, mine, months=MONTHS, alpha=0.05)}


def decided(question: Question, life: pl.DataFrame) -> dict:
    estimated = estimate_study(Asked(questions=[question], retention_months=MONTHS), Cells(means=NO_MEANS, life=life))
    return estimated.decisions.row(0, named=True)


def alarms(study: Leaving, name: str, n_studies: int = 30, question: Question = ALL_EXITS) -> float:
    """In what share of studies a diagnostic finds trouble."""
    found = [around(question, drawn(study, seed))[name] for seed in range(n_studies)]
    return np.mean([each.is_alarm or (each.p_value is not None and each.p_value < 0.05) for each in found])


@pytest.mark.parametrize(
    ("question", "design", "name", "at_least"),
    [
        (CHOSEN, "nothing, calm units volunteer", "placebo_window", 0.6),
        (ALL_EXITS, "nothing, a layoff in a control unit", "left_together", 0.9),
        (ALL_EXITS, "nothing, contracts of a tenth of the pilot end", "left_without_choice", 0.6),
    ],
)
def test_each_trouble_is_seen_by_its_diagnostic_and_not_where_there_is_none(question, design, name, at_least):
    assert alarms(LEAVING[design], name, question=question) >= at_least
    assert alarms(LEAVING["nothing"], name, question=question) <= 0.2  # 30 studies at 5 %


def test_calm_volunteers_are_no_reason_to_stop():
    """Chosen for the fewest leavers before, they come back to their usual number: it looks worse in three of four."""
    rows = [decided(ALL_EXITS, drawn(LEAVING["nothing, calm units volunteer"], seed)) for seed in range(12)]
    worse = [row for row in rows if row["verdict"] == "worsened"]
    assert len(worse) > 5
    assert all(row["decision"] == Decision.NOT_YET and "it looks worse, but" in row["reason"] for row in worse)


def test_ends_of_contracts_are_no_voluntary_exits():
    life = drawn(Leaving(contracts_of_pilot=0.4), seed=3)
    everybody, chosen = (decided(question, life) for question in (ALL_EXITS, CHOSEN))
    assert everybody["estimate"] < -0.2 < -0.1 < chosen["estimate"]
    assert everybody["decision"] == Decision.NOT_YET and "see retention_voluntary" in everybody["reason"]
    assert "left_without_choice" not in around(CHOSEN, life) and "left_together" not in around(CHOSEN, life)


def test_a_single_cause_is_not_shown_a_second_time():
    found = estimate_study(
        Asked(questions=[CHOSEN], retention_months=MONTHS), Cells(means=NO_MEANS, life=drawn(Leaving()))
    )
    assert not found.estimates["estimator"].str.starts_with("left_").any()


def test_without_an_earlier_window_it_is_said_and_certainty_is_lower():
    whole = drawn(Leaving())
    short = whole.filter(pl.col("phase") != "earlier")
    assert "12 months before kick-off" in around(ALL_EXITS, short)["placebo_window"].reason
    assert [decided(ALL_EXITS, life)["certainty"] for life in (whole, short)] == [3, 2]


def test_an_arm_in_which_nobody_was_laid_off_by_chance_is_no_alarm():
    """Six pilot units beside sixty: half a layoff is expected in the pilot, and mostly there is none."""
    found = []
    for seed in range(40):
        life = drawn(Leaving(units=66, people=12, contracts=0.006), seed).filter(pl.col("phase") == "after")
        few = life.with_columns(
            comparison_arm=pl.when(pl.col("unit_id") < "u006").then(pl.lit("pilot")).otherwise(pl.lit("control"))
        )
        each = around(ALL_EXITS, few)["left_without_choice"]
        found.append(each.is_alarm)
    assert np.mean(found) <= 0.1


def test_a_month_in_which_many_leave_everywhere_is_no_event_and_a_small_unit_that_empties_is():
    events, at_risk = np.zeros((20, 6)), np.full((20, 6), 15.0)
    events[:, 3] = [5, 3, 2, 4, 3, 2, 3, 4, 1, 2, 3, 4, 3, 2, 3, 4, 3, 2, 3, 4]
    assert not _is_event(events, at_risk)
    large, small = np.zeros((3, 6)), np.array([[300.0] * 6, [8.0] * 6, [290.0] * 6])
    large[0], large[1, 2], large[2] = [9, 8, 7, 9, 8, 7], 8, [8, 7, 9, 8, 7, 9]
    large[0] = large[2] = [2, 3, 2, 9, 2, 3]
    assert _is_event(large, small)


WORSE = Estimate(
    estimate=-0.1, std_error=0.02, ci_low=-0.14, ci_high=-0.06, p_value=0.0001, df=20.0, n_units_pilot=15,
    n_units_control=15, n_pilot=200, n_control=200, method="m",
)  # fmt: skip


@pytest.mark.parametrize(
    ("beside", "because"),
    [
        ({}, None),
        ({"plain": replace(WORSE, estimate=-0.03)}, None),
        ({"plain": replace(WORSE, estimate=0.01)}, "the loss rests on the window before"),
        ({"earlier_base": replace(WORSE, estimate=-0.01)}, None),
        ({"earlier_base": replace(WORSE, estimate=0.01)}, "counted from earlier periods"),
        ({"last_base": replace(WORSE, estimate=0.01)}, "counted from the last period"),
        ({"moved_apart": True}, "moved apart"),
        ({"moved_apart": True, "is_random": True}, None),
        ({"diagnostics": {"left_together": Diagnostic(name="left_together", is_alarm=True)}}, "a closure or layoff"),
    ],
)
def test_a_loss_needs_what_a_gain_needs(beside, because):
    primary = Primary(
        metric="m", result=WORSE, p_value_adjusted=0.0001, direction="up", minimum_important_difference=0.02, **beside
    )
    found = decide(primary, [], alpha=0.05)
    if because is None:
        assert (found.decision, found.reason, found.is_harm) == (Decision.NO_GO, "it became worse", True)
    else:
        assert found.decision is Decision.NOT_YET and because in found.reason and not found.is_harm


BUT_FOR_A_GUARDRAIL = "the effect is there, but something is missing"


def of_cohorts(seed: int, *effects: float):
    life, units = draw_cohorts(effects, np.random.default_rng(seed))
    asked = Asked(questions=[ALL_EXITS], retention_months=MONTHS)
    return estimate_study(asked, Cells(means=NO_MEANS, life=life, units=units))


def test_the_newest_cohort_of_a_time_is_the_one_that_began_last():
    found = of_cohorts(1, -0.015, 0.01).estimates.filter(pl.col("estimator") == "life_table_difference_in_differences")
    value = {row["aggregation"] + row["cohort"]: row["estimate"] for row in found.iter_rows(named=True)}
    assert value["newestall"] == pytest.approx(value["cohortwave_a"], abs=1e-12)
    assert value["newestall"] < value["simpleall"] < value["cohortwave_b"]
    one = estimate_study(
        Asked(questions=[ALL_EXITS], retention_months=MONTHS), Cells(means=NO_MEANS, life=drawn(Leaving()))
    )
    assert "newest" not in one.estimates["aggregation"].to_list()


def test_a_programme_that_keeps_people_in_its_first_cohort_only_is_no_go():
    """The headline alone would say go: on average it reaches what is worth having."""
    fading, lasting = ([of_cohorts(seed, -0.016, effect) for seed in range(16)] for effect in (0.0, -0.016))
    alone, go = [], {}
    for name, studies in (("fading", fading), ("lasting", lasting)):
        go[name] = np.mean([one.decisions["reason"][0] == BUT_FOR_A_GUARDRAIL for one in studies])
    for one in fading:
        headline = one.estimates.filter("is_headline").row(0, named=True)
        alone.append(headline["p_value"] < 0.05 and headline["estimate"] >= 0.02)
    assert np.mean(alone) >= 0.6 and go["fading"] <= 0.3 and go["lasting"] >= 0.6
    slopes = [one.diagnostics.filter(diagnostic="slope_by_wave")["value"].item() for one in fading]
    assert np.mean(slopes) == pytest.approx(-0.08, abs=0.03)  # 1.6 points a month for six months

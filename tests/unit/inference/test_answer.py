"""The one answer, its certainty, and what stands beside an effect that was found."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats

from inference.answer import (
    answer_table,
    conclude_each,
    conditional_power,
    decision_table,
    information_growth,
    without_selection,
)
from inference.certainty import certainty
from inference.decisions import Guardrail, Primary, Trend
from inference.diagnostic import Diagnostic
from inference.results import Estimate, NotEstimable
from study.interim import Analysis, analysis_at

LAST = Analysis(number=4, planned=4, alpha=0.05, last_wave=date(2025, 10, 1))
FIRST = replace(analysis_at(1, 4, alpha=0.05), next_wave=date(2025, 4, 1))


def estimate(value: float, std_error: float = 1.0, *, n_units: int = 30) -> Estimate:
    df = 40.0
    reach = stats.t.ppf(0.975, df) * std_error
    return Estimate(
        estimate=value, std_error=std_error, ci_low=value - reach, ci_high=value + reach,
        p_value=float(2 * stats.t.sf(abs(value) / std_error, df)), df=df, n_units_pilot=n_units, n_units_control=40,
        n_pilot=300, n_control=400, method="m",
    )  # fmt: skip


def primary(result=None, *, metric="m", adjusted=None, **beside) -> Primary:
    result = result or estimate(4)
    given = {"direction": "up", "minimum_important_difference": 2.0, "is_random": True, "n_before": 3} | beside
    p = result.p_value if adjusted is None and isinstance(result, Estimate) else adjusted
    return Primary(metric=metric, result=result, p_value_adjusted=p, **given)


HOLDS = Guardrail(metric="g", result=estimate(0.2), direction="up", margin=5.0)
BROKEN = Guardrail(metric="g", result=estimate(-9), direction="up", margin=1.0)
LARGE, WORSE, NOTHING, UNSURE = estimate(4), estimate(-4), estimate(0, 0.5), estimate(1.5)


def answer(*results, guardrail=HOLDS, analysis=LAST, **beside) -> dict:
    primaries = [primary(result, metric=f"m{k}", **beside) for k, result in enumerate(results)]
    return answer_table(conclude_each(primaries, [guardrail], analysis, alpha=0.05), analysis).row(0, named=True)


@pytest.mark.parametrize(
    ("results", "said", "carried_by"),
    [
        ([LARGE], "scale", ["m0"]),
        ([UNSURE, LARGE, NOTHING], "scale", ["m1"]),
        ([LARGE, LARGE], "scale", ["m0", "m1"]),
        ([LARGE, WORSE], "stop", ["m1"]),
        ([NOTHING, NOTHING], "stop", ["m0", "m1"]),
        ([NOTHING, UNSURE], "not yet", ["m1"]),
        ([NotEstimable(reason="too few units"), UNSURE], "not yet", ["m1"]),
        ([NotEstimable(reason="too few units")], "not yet", ["m0"]),
    ],
)
def test_one_answer_from_several_outcomes(results, said, carried_by):
    found = answer(*results)
    assert found["answer"] == said
    assert [part.split(":")[0] for part in found["reason"].split("; m") if part] == [
        metric if k == 0 else metric[1:] for k, metric in enumerate(carried_by)
    ]


def test_a_broken_guardrail_stops_whatever_else_there_is():
    found = answer(LARGE, UNSURE, guardrail=BROKEN)
    assert found["answer"] == "stop" and "a guardrail is broken: g" in found["reason"]


def test_without_a_primary_outcome_there_is_no_answer():
    assert answer_table([], LAST).is_empty()


def test_so_early_an_effect_is_no_verdict_and_an_open_guardrail_none_either():
    early = answer(LARGE, analysis=FIRST)
    assert early["answer"] == "not yet" and "no effect shown" in early["reason"]
    assert (early["analysis"], early["planned_analyses"], early["next_wave"]) == (1, 4, date(2025, 4, 1))
    assert answer(NOTHING, analysis=FIRST)["answer"] == "not yet"  # its interval of that level is wide
    assert answer(LARGE, guardrail=BROKEN, analysis=FIRST)["answer"] == "stop"  # nine errors below zero is enough


SLOPE = Diagnostic(name="pre_trend_slope_bias", value=0.1, ci_low=-1.0, ci_high=1.2, p_value=0.8)
ALARM = Diagnostic(name="response_rate", value=0.1, p_value=0.01)


@pytest.mark.parametrize(
    ("given", "step", "because"),
    [
        ({}, 5, ""),
        ({"result": estimate(4, n_units=12)}, 4, "12 units"),
        ({"result": estimate(4, n_units=6)}, 3, "6 units"),
        ({"result": NotEstimable(reason="few")}, 0, "no number"),
        ({"moved_apart": True}, 3, "moved apart"),
        ({"diagnostics": {"response_rate": ALARM}}, 2, "who answers"),
        ({"diagnostics": {"response_rate": ALARM}, "is_survey": False}, 5, ""),
        ({"diagnostics": {"placebo_outcome": replace(ALARM, name="placebo_outcome")}}, 2, "cannot move"),
        ({"is_random": False}, 3, "not chosen at random"),
        (
            {"is_random": False, "result": estimate(4, n_units=6)},
            3,
            "units were not chosen at random; the smaller arm has 6",
        ),
        ({"is_random": False, "moved_apart": True}, 1, "moved apart"),
        ({"is_random": False, "diagnostics": {"pre_trend_slope_bias": SLOPE}}, 3, "not chosen at random"),
        (
            {"is_random": False, "diagnostics": {"pre_trend_slope_bias": replace(SLOPE, ci_high=2.1)}},
            2,
            "drifted apart",
        ),
        (
            {"is_random": False, "diagnostics": {"pre_trend_slope_bias": replace(SLOPE, ci_low=-9)}},
            3,
            "not chosen at random",
        ),
        ({"is_random": False, "earlier_base": estimate(1)}, 1, "last period"),
        ({"is_random": False, "last_base": estimate(1)}, 1, "drifted apart"),
        ({"is_random": False, "earlier_base": estimate(3)}, 3, "not chosen at random"),
        ({"is_random": False, "earlier_base": NotEstimable(reason="one period"), "n_before": 1}, 2, "only 1 period"),
        ({"is_random": False, "earlier_base": estimate(3), "n_before": 2}, 2, "only 2 period"),
        ({"is_random": False, "plain": estimate(1)}, 1, "window before"),
    ],
)
def test_certainty_is_the_lowest_step_that_anything_allows(given, step, because):
    found, why = certainty(primary(**given), alpha=0.05)
    assert found == step and because in why and (why == "") == (step == 5)


def test_certainty_changes_no_decision_and_no_number():
    sure, unsure = (
        conclude_each([primary(LARGE, diagnostics=found)], [HOLDS], LAST, alpha=0.05)
        for found in ({}, {"response_rate": ALARM})
    )
    tables = [decision_table(one, LAST, alpha=0.05).drop("certainty", "certainty_reason") for one in (sure, unsure)]
    assert tables[0].equals(tables[1])


def test_the_table_has_a_row_per_primary_outcome_and_no_number_without_an_estimate():
    primaries = [primary(NotEstimable(reason="why"), metric="a"), primary(LARGE, metric="b")]
    table = decision_table(conclude_each(primaries, [HOLDS], LAST, alpha=0.05), LAST, alpha=0.05)
    assert table["decision"].to_list() == ["not yet", "go"]
    assert table["estimate"].to_list() == [None, 4.0]
    assert table["guardrails"].to_list() == ["g holds"] * 2
    assert table["chance_of_verdict"].to_list() == [None, None]  # the plan is at its end
    assert table.schema["missing"] == pl.String


def test_the_chance_of_a_verdict_is_that_of_simulated_next_waves():
    """A mean of n waves less one before: z now, and how often |Z| of n + 1 waves is beyond the limit."""
    rng = np.random.default_rng(8)
    n, alpha, effect = 2, 0.02, 2.0
    growth = information_growth(n)
    assert growth == pytest.approx((1 + 1 / 2) / (1 + 1 / 3))
    draws = rng.normal(size=(400_000, n + 2))
    before, waves = draws[:, :1], draws[:, 1:]
    now = (waves[:, :n].mean(axis=1) - before[:, 0]) / np.sqrt(1 + 1 / n)
    later = (waves.mean(axis=1) - before[:, 0]) / np.sqrt(1 + 1 / (n + 1))
    near = np.abs(now) < 0.05  # shifted so that the estimate is the effect
    shifted = later[near] + effect * np.sqrt(growth)
    found = (np.abs(shifted) > stats.norm.isf(alpha / 2)).mean()
    limit = stats.norm.isf(alpha / 2)
    assert conditional_power(effect, growth=growth, limit=limit) == pytest.approx(found, abs=0.02)
    assert information_growth(n, is_random=True) == pytest.approx((0.5 + 1 / 2) / (0.5 + 1 / 3))


def test_a_row_has_the_chance_of_a_verdict_while_the_plan_goes_on():
    volunteered = primary(LARGE, is_random=False)
    row = decision_table(conclude_each([volunteered], [HOLDS], FIRST, alpha=0.05), FIRST, alpha=0.05).row(0, named=True)
    assert 0.5 < row["chance_of_verdict"] < 1
    # From one wave to two the variance of a mean less that of three before goes from 1/3 + 1 to 1/3 + 1/2.
    assert row["expected_reach"] == pytest.approx(stats.t.ppf(0.975, 40) * np.sqrt((1 / 3 + 1 / 2) / (1 / 3 + 1)))
    assert information_growth(2, n_before=9) == information_growth(2, n_before=4)


def test_an_effect_that_a_weak_study_found_is_corrected_and_one_of_a_strong_study_is_not():
    weak = estimate(4.2, 2.0)  # would find 2 one time in six
    rows = [
        decision_table(conclude_each([primary(result)], [HOLDS], LAST, alpha=0.05), LAST, alpha=0.05).row(0, named=True)
        for result in (weak, estimate(4, 0.5), estimate(2, 2.0))
    ]
    assert 0 < rows[0]["corrected_estimate"] < 3 and [row["corrected_estimate"] for row in rows[1:]] == [None, None]


def test_the_correction_is_the_published_one_and_halves_the_exaggeration():
    # R winnerscurse 0.1.1, conditional_likelihood(), beta.cl3: its definition integrated with quad to 1e-10.
    from scipy import integrate, optimize

    for z, limit in ((2.1, 1.96), (-2.6, 2.45), (5.5, 4.0)):

        def likelihood(mean, z=z, limit=limit):
            return stats.norm.pdf(z - mean) / (stats.norm.cdf(mean - limit) + stats.norm.cdf(-limit - mean))

        whole = integrate.quad(likelihood, -30, 30, points=[z, 0], limit=400)[0]
        centre = integrate.quad(lambda mean: mean * likelihood(mean), -30, 30, points=[z, 0], limit=400)[0] / whole
        peak = optimize.minimize_scalar(lambda mean: -likelihood(mean), bounds=sorted((0, z)), method="bounded").x
        assert without_selection(z, limit) == pytest.approx((peak + centre) / 2, abs=2e-3)
    rng = np.random.default_rng(9)
    drawn = rng.normal(1.5, 1, 20_000)
    found = drawn[np.abs(drawn) > 1.96][:2_000]
    corrected = np.mean([without_selection(z, 1.96) for z in found])
    assert found.mean() - 1.5 > 1.0 and abs(corrected - 1.5) < 0.3


def test_a_decline_is_a_doubt_and_the_answer_says_so():
    assert "falls from cohort" in answer(LARGE, slope_by_cohort=Trend(-0.5, 0.05))["reason"]


def test_with_few_degrees_of_freedom_the_chance_is_that_of_the_test_that_will_be_made():
    """Eight degrees of freedom: Student's limit of 0.044 is 2.39 and not 2.01."""
    few = replace(estimate(2.2), df=8.0, p_value=float(2 * stats.t.sf(2.2, 8)))
    third = replace(analysis_at(3, 4, alpha=0.05), next_wave=date(2025, 10, 1))
    [each] = conclude_each([primary(few, is_random=False, n_before=1)], [HOLDS], third, alpha=0.05)
    found = decision_table([each], third, alpha=0.05)["chance_of_verdict"].item()
    assert found == pytest.approx(0.32, abs=0.02)


def test_that_all_are_a_no_go_is_as_sure_as_the_least_sure_and_a_broken_guardrail_is_rated_itself():
    weak = primary(NOTHING, metric="b", diagnostics={"response_rate": ALARM})
    both = conclude_each([primary(NOTHING, metric="a"), weak], [HOLDS], LAST, alpha=0.05)
    assert answer_table(both, LAST)["certainty"].item() == 2
    evidence = primary(estimate(-9, n_units=6), metric="g")
    broken = conclude_each([primary(LARGE)], [replace(BROKEN, evidence=evidence)], LAST, alpha=0.05)
    assert answer_table(broken, LAST)["certainty"].item() == 3


def test_a_broken_guardrail_has_to_pass_what_a_loss_has_to():
    doubted = replace(BROKEN, evidence=primary(estimate(-9), is_random=False, earlier_base=estimate(0.5)))
    assert (BROKEN.state, doubted.state) == ("broken", "open")


@pytest.mark.parametrize("beside", [{"last_base": estimate(3)}, {"earlier_base": estimate(3)}, {"moved_apart": True}])
def test_an_effect_that_another_base_shows_is_not_ruled_out(beside):
    nothing = estimate(0.0, 0.3)
    [plain] = conclude_each([primary(nothing, is_random=False)], [HOLDS], LAST, alpha=0.05)
    assert plain.ruling.decision == "no go"
    [doubted] = conclude_each([primary(nothing, is_random=False, **beside)], [HOLDS], LAST, alpha=0.05)
    assert doubted.ruling.decision == "not yet"
    assert "looks ruled out, but" in doubted.ruling.reason


def test_a_guardrail_is_broken_where_every_base_shows_a_loss_beyond_its_margin():
    small = replace(BROKEN, evidence=primary(estimate(-9), is_random=False, last_base=estimate(-0.2)))
    large = replace(BROKEN, evidence=primary(estimate(-9), is_random=False, last_base=estimate(-9)))
    assert (small.state, large.state) == ("open", "broken")

"""Ranges carried through by hand, and the rules of go, no go and not yet."""

import polars as pl
import pytest

from inference.decisions import Decision, Guardrail, Primary, Trend, decide
from inference.money import Assumptions, Case, Range, Scale, money_table
from inference.results import Estimate, NotEstimable

ASSUMED = Assumptions(
    currency="EUR",
    salary=(40_000, 60_000),
    turnover_cost_share=(0.1, 0.3),
    training_cost_per_coach=(1_000, 3_000),
    coach_hours_per_month=(4, 8),
    coach_cost_per_hour=(50, 50),
    fixed_cost=(0, 10_000),
)
SCALE = Scale(n_coaches=10, n_people=100, n_people_in_study=300, coaches_needed=(20, 30, 40))


def estimate(value, low, high, p_value=0.01) -> Estimate:
    counts = {"n_units_pilot": 10, "n_units_control": 10, "n_pilot": 100, "n_control": 100}
    return Estimate(
        estimate=value, std_error=1.0, ci_low=low, ci_high=high, p_value=p_value, df=10, method="m", **counts
    )


def money(retention) -> dict[str, tuple]:
    table = money_table(retention=retention, months=6, case=Case(ASSUMED, SCALE))
    return {row["item"]: (row["low"], row["central"], row["high"]) for row in table.iter_rows(named=True)}


def test_money_by_hand():
    """10 coaches, 6 months: training 10–30 thousand, time 12–24 thousand, fixed 0–10 thousand; a leaver costs 4–18."""
    found = money(estimate(0.05, -0.02, 0.12))
    assert found["coach_hours"] == (4, 6, 8)
    assert found["programme_cost"] == (22_000, 43_000, 64_000)
    assert found["leavers_avoided"] == (-2.0, 5.0, 12.0)
    assert found["turnover_cost_avoided"] == (-36_000, 50_000, 216_000)  # −2 × 18,000; 5 × 50,000 × 0.2; 12 × 18,000
    assert found["net"] == (-100_000, 7_000, 194_000)
    assert found["break_even_effect"] == pytest.approx((22_000 / 1_800_000, 43_000 / 1_000_000, 64_000 / 400_000))
    assert found["coaches_needed"] == (20, 30, 40)
    assert found["programme_cost_for_all"] == (44_000, 119_000, 226_000)
    assert found["net_for_all"] == (-334_000, 31_000, 604_000)  # −6, 15 and 36 leavers of 300 people, less that


def test_an_interval_with_zero_in_it_gives_amounts_with_zero_in_them():
    low, _, high = money(estimate(0.03, -0.01, 0.07))["turnover_cost_avoided"]
    assert low < 0 < high
    low, _, high = money(estimate(0.05, 0.03, 0.07))["turnover_cost_avoided"]
    assert 0 < low < high


def test_without_an_effect_there_is_a_cost_and_a_reason_but_no_gain():
    table = money_table(retention=NotEstimable(reason="too few units"), months=6, case=Case(ASSUMED, SCALE))
    rows = {row["item"]: row for row in table.iter_rows(named=True)}
    for item in ("leavers_avoided", "turnover_cost_avoided", "net", "net_for_all"):
        assert rows[item]["status"] == "not_estimable" and "too few units" in rows[item]["reason"]
        assert rows[item]["low"] is rows[item]["central"] is rows[item]["high"] is None
    assert rows["programme_cost"]["low"] == 22_000 and rows["break_even_effect"]["status"] == "estimated"


def test_without_assumptions_nothing_is_said():
    assert money_table(retention=estimate(1, 0, 2), months=6, case=None).is_empty()


def test_money_names_the_outcome_whose_effect_it_is_computed_from():
    """What is published of it is suppressed with that headline, whichever retention the study asks about."""
    case = Case(ASSUMED, SCALE)
    table = money_table(retention=estimate(0.01, 0, 0.02), months=6, case=case, metric="retention_voluntary")
    named = table.filter(pl.col("of_metric").is_not_null())
    assert set(named["of_metric"]) == {"retention_voluntary"}
    assert set(named["item"]) == {"leavers_avoided", "turnover_cost_avoided", "net", "net_for_all"}


def test_ranges_multiply_at_their_ends():
    assert Range(-1, 0, 2) * Range(3, 4, 5) == Range(-5, 0, 10)
    assert Range(1, 2, 3) - Range(1, 1, 2) == Range(-1, 1, 2)
    assert Range(1, 2, 3) / Range(2, 2, 4) == Range(0.25, 1, 1.5)
    with pytest.raises(ZeroDivisionError):
        Range(1, 2, 3) / Range(-1, 0.5, 1)
    with pytest.raises(ValueError, match="rises"):
        Range(2, 1, 3)


def primary(result, *, p=0.01, direction="up", minimum_important_difference=2.0, **beside) -> Primary:
    return Primary(
        metric="m",
        result=result,
        p_value_adjusted=p,
        direction=direction,
        minimum_important_difference=minimum_important_difference,
        **beside,
    )


def guard(low, high, *, direction="up", margin=1.0) -> Guardrail:
    return Guardrail(metric="g", result=estimate((low + high) / 2, low, high), direction=direction, margin=margin)


HOLDS = guard(-0.5, 2.0)


@pytest.mark.parametrize(
    ("asked", "guardrails", "decision", "because"),
    [
        (primary(estimate(4, 2.5, 5.5)), [HOLDS], "go", "large enough; no guardrail"),
        (primary(estimate(4, 1.0, 7.0)), [HOLDS], "go", "not excluded"),
        (primary(estimate(-4, -5.5, -2.5), direction="down"), [HOLDS], "go", "large enough"),
        (primary(estimate(-4, -6, -2)), [HOLDS], "no go", "worse"),
        (primary(estimate(0.5, -1, 1.9), p=0.4), [HOLDS], "no go", "worth having is ruled out"),
        (
            primary(estimate(1.0, 0.1, 1.9), p=0.03),
            [HOLDS],
            "no go",
            "worth having is ruled out",
        ),
        (primary(estimate(4, 2.5, 5.5)), [guard(-4, -1.1)], "no go", "guardrail is broken: g"),
        (primary(estimate(4, 2.5, 5.5)), [guard(1.1, 4, direction="down")], "no go", "guardrail is broken"),
        (
            primary(estimate(2.0, -1, 5), p=0.2),
            [HOLDS],
            "not yet",
            "is still possible",
        ),
        (primary(estimate(1.5, 0.1, 2.9)), [HOLDS], "not yet", "but below what"),
        (primary(estimate(4, 2.5, 5.5)), [guard(-1.5, 2)], "not yet", "something is missing"),
        (primary(estimate(4, 2.5, 5.5)), [], "not yet", "something is missing"),
        (primary(estimate(4, 2.5, 5.5), minimum_important_difference=None), [HOLDS], "not yet", "something is missing"),
        (primary(NotEstimable(reason="too few units")), [HOLDS], "not yet", "no answer: too few units"),
        (primary(estimate(4, 2.5, 5.5), p=None), [HOLDS], "not yet", "no effect shown"),
    ],
)
def test_the_rules(asked, guardrails, decision, because):
    found = decide(asked, guardrails, alpha=0.05)
    assert found.decision == decision and because in found.reason
    assert found.is_harm == (because in ("worse", "guardrail is broken: g", "guardrail is broken"))


THERE = estimate(4, 2.5, 5.5)


@pytest.mark.parametrize(
    ("beside", "because"),
    [
        ({"newest": estimate(1.9, -1, 5)}, "in the newest cohorts it is below"),
        ({"newest": NotEstimable(reason="it does not vary")}, "effect is not known: it does not vary"),
        ({"slope_by_cohort": Trend(-0.5, 0.09)}, "falls from cohort to cohort"),
        ({"earlier_base": estimate(1.9, -1, 5)}, "counted from earlier periods than the last"),
        ({"last_base": NotEstimable(reason="nobody answered")}, "it is not known: nobody answered"),
        ({"last_base": estimate(1.9, -1, 5)}, "counted from the last period before kick-off alone"),
        ({"earlier_base": NotEstimable(reason="one period before")}, "cannot be seen: one period before"),
        ({"moved_apart": True}, "moved apart before kick-off"),
        ({"plain": estimate(0.5, -1, 2)}, "rests on the window before"),
    ],
)
def test_an_effect_that_the_next_cohort_may_not_get_is_no_go_yet(beside, because):
    found = decide(primary(THERE, **beside), [HOLDS], alpha=0.05)
    assert found.decision is Decision.NOT_YET and because in found.reason


@pytest.mark.parametrize(
    "beside",
    [
        {
            "newest": estimate(2.1, -1, 5),
            "earlier_base": estimate(2.1, -1, 5),
            "last_base": estimate(2.1, -1, 5),
        },  # as large; how sure is the headline's
        {"slope_by_cohort": Trend(-0.5, 0.11)},
        {"plain": estimate(2.5, -1, 6)},
        {"slope_by_cohort": Trend(0.5, 0.001)},  # it grows
        {"moved_apart": True, "is_random": True},  # a lot's arms differ by chance, and their past is adjusted for
    ],
)
def test_what_bears_the_effect_out_lets_it_go(beside):
    assert decide(primary(THERE, **beside), [HOLDS], alpha=0.05).decision is Decision.GO


def test_of_an_outcome_that_should_fall_less_is_more():
    falls = estimate(-4, -5.5, -2.5)
    for beside, decision in (
        ({"newest": estimate(-1.9, -5, 1)}, Decision.NOT_YET),
        ({"newest": estimate(-2.1, -5, 1)}, Decision.GO),
        ({"slope_by_cohort": Trend(0.5, 0.01)}, Decision.NOT_YET),
        ({"slope_by_cohort": Trend(-0.5, 0.01)}, Decision.GO),
    ):
        assert decide(primary(falls, direction="down", **beside), [HOLDS], alpha=0.05).decision is decision


def test_what_is_missing_is_named():
    found = decide(
        primary(estimate(4, 2.5, 5.5), minimum_important_difference=None),
        [
            guard(-1.5, 2),
            Guardrail(metric="h", result=NotEstimable(reason="no records"), direction="up", margin=1.0),
        ],
        alpha=0.05,
    )
    assert found.missing == [
        "g: its margin is not excluded yet",
        "h: not estimable",
        "the study declares no minimum important difference",
    ]

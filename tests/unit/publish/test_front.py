"""The first screen: money in a sentence, what speaks against the answer, and what would change it."""

from datetime import date

import polars as pl
import pytest

from publish.page.front import front
from publish.page.sheets.sheet import format_day, quarter, words
from publish.page.wording import unit_of

UNIT = unit_of("points")
ROW = {"metric": "goals", "status": "estimated", "suppressed": None, "estimate": 3.0, "ci_low": 1.0, "ci_high": 5.0}
DECISION = {
    "metric": "goals",
    "decision": "not yet",
    "reason": "no effect shown",
    "certainty": 2,
    "certainty_reason": "the arms differ in who answers",
    "chance_of_verdict": 0.4,
    "expected_reach": 1.5,
    "minimum_important_difference": 2.0,
    "corrected_estimate": None,
}
ANSWER = {
    "analysis": 2, "planned_analyses": 5, "next_wave": date(2026, 10, 1), "answer": "not yet", "alpha": 0.01,
    "reason": "goals: no effect shown", "certainty": 2, "certainty_reason": "the arms differ in who answers",
}  # fmt: skip
MONEY = [
    {"item": "programme_cost", "unit": "EUR", "low": 5_400.0, "central": 30_000.0, "high": 52_000.0},
    {"item": "net", "unit": "EUR", "low": -1_240_000.0, "central": 0.0, "high": 64_400.0},
    {"item": "break_even_effect", "unit": "share", "low": 0.01, "central": 0.022, "high": 0.05},
]


def tables(*, money=(), decisions=(DECISION,), answer=ANSWER, levels=True) -> dict[str, pl.DataFrame]:
    period = {"metric": "goals", "period_start": date(2026, 1, 1), "scope": "arm", "arm": "pilot", "mean": 50.0}
    more = [period | {"arm": "control", "mean": 49.0}, period | {"period_start": date(2026, 4, 1), "mean": None}]
    outcome = {"metric": "goals", "direction": "up", "measure": "score"}
    return {
        "pub_answer": pl.DataFrame([answer]),
        "pub_decisions": pl.DataFrame(list(decisions)),
        "pub_outcomes": pl.DataFrame([outcome]),
        "pub_levels": pl.DataFrame([period, *more]).clear() if not levels else pl.DataFrame([period, *more]),
        "pub_retention": pl.DataFrame(
            [
                {"arm": arm, "phase": phase, "share_retained": 0.9}
                for arm in ("control", "pilot")
                for phase in ("after", "before")
            ]
        ),
        "pub_cohorts": pl.DataFrame({"kickoff_date": [date(2026, 4, 1), None]}),
        "pub_money": pl.DataFrame(
            [{"status": "estimated", "reason": None} | row for row in money],
            schema_overrides={"reason": pl.String},
        )
        if money
        else pl.DataFrame(schema=["item"]),
        "pub_estimates": pl.DataFrame([{"metric": "retention", "is_headline": True, "estimate": 0.0104}]),
    }


def made(given: dict, *, row=ROW, design="volunteered"):
    return front(given, {"goals": row}, {"goals": UNIT}, {"goals": "Goals met"}, design)


def test_money_is_one_sentence_with_both_ends():
    assert made(tables(money=MONEY)).money == (
        "It cost 5,400 to 52,000 EUR. Counting saved turnover only, the net is between −1.2\u202fmillion and "
        "+64,000 EUR; it pays for itself from an effect on retention of +2.2 percentage points on, and the estimate is "
        "+1.0 percentage points."
    )
    assert made(tables()).money == ""
    unknown = [MONEY[0], MONEY[1] | {"status": "not_estimable", "reason": "too few units"}, MONEY[2]]
    assert made(tables(money=unknown)).money.endswith("what it saved cannot be said: too few units.")


def test_doubts_name_what_keeps_certainty_down_the_worst_first_and_what_no_data_show():
    other = DECISION | {"metric": "goals", "certainty": 3, "certainty_reason": "no lot was drawn"}
    found = made(tables(decisions=(other,))).doubts
    assert found[0] == "Goals met: no lot was drawn." and "No data can show" in found[-1]
    sure = DECISION | {"certainty": 5, "certainty_reason": None}
    assert len(made(tables(decisions=(sure,)), design="randomised").doubts) == 1


def test_what_would_change_the_answer_is_the_next_wave_and_what_is_missing():
    found = made(tables()).changes
    assert found == [
        "The next analysis, with the wave of Q4 2026. Chance that it finds an effect of the size seen now: "
        "Goals met 40\u202f% (then ± 1.5 points).",
        "Goals met: no effect shown.",
    ]
    over = made(tables(answer=ANSWER | {"next_wave": None}, decisions=(DECISION | {"decision": "go"},)))
    assert over.changes == ["Nothing in the plan of this study: its analyses are done."]


def test_a_card_shows_levels_of_both_arms_and_the_effect_against_what_is_worth_having():
    [pictured] = made(tables()).pictured.values()
    assert "level of pilot (green) and control (grey)" in pictured.levels and "stroke-dasharray" in pictured.levels
    assert "worth having from +2.0 points" in pictured.effect and pictured.worth == "worth having from +2.0 points"


def test_without_periods_the_windows_around_kickoff_are_shown_and_what_is_suppressed_is_not():
    of_time = tables(levels=False)
    of_time["pub_outcomes"] = of_time["pub_outcomes"].with_columns(measure=pl.lit("still_employed"))
    [pictured] = made(of_time).pictured.values()
    assert pictured.levels.index("before kick-off") < pictured.levels.index(">after<")
    [hidden] = made(tables(levels=False), row=ROW | {"suppressed": "protected"}).pictured.values()
    assert hidden.levels is hidden.effect is None


@pytest.mark.parametrize(("day", "word"), [(date(2024, 1, 1), "Q1 2024"), (date(2024, 12, 1), "Q4 2024")])
def test_a_quarter_is_written_as_people_do(day, word):
    assert quarter(day) == word


def test_names_and_days_are_written_as_people_do():
    assert words("cascade_1") == "cascade 1" and format_day(date(2024, 7, 1)) == "1 July 2024"

"""The first screen: money in a sentence, what speaks against the answer, and what would change it."""

from datetime import date

import polars as pl
import pytest

from publish.page.front import front
from publish.page.sheets.sheet import format_day, quarter, words
from publish.page.wording import unit_of

UNIT = unit_of("points")
ROW = {
    "metric": "goals",
    "estimator": "att_not_yet_treated",
    "status": "estimated",
    "suppressed": None,
    "estimate": 3.0,
    "ci_low": 1.0,
    "ci_high": 5.0,
}
DECISION = {
    "metric": "goals",
    "decision": "not yet",
    "verdict": "no effect seen",
    "reason": "no effect shown",
    "needs": "an effect that is shown",
    "certainty": 2,
    "certainty_reason": "the arms differ in who answers",
    "chance_of_verdict": 0.4,
    "expected_reach": 1.5,
    "minimum_important_difference": 2.0,
    "corrected_estimate": None,
    "guardrails": "Alignment holds",
}
ANSWER = {
    "analysis": 2, "planned_analyses": 5, "next_wave": date(2026, 10, 1), "answer": "not yet", "alpha": 0.01,
    "reason": "goals: no effect shown", "certainty": 2, "certainty_reason": "the arms differ in who answers",
}  # fmt: skip
OF_ALL = {"aggregation": "simple", "cohort": "all", "ci_low": 0.0, "ci_high": 0.02}
MONEY = [
    {"item": "programme_cost", "unit": "EUR", "low": 5_400.0, "central": 30_000.0, "high": 52_000.0},
    {"item": "net", "of_metric": "retention", "unit": "EUR", "low": -1_240_000.0, "central": 0.0, "high": 64_400.0},
    {"item": "programme_cost_for_all", "unit": "EUR", "low": 60_000.0, "central": 90_000.0, "high": 120_000.0},
    {"item": "net_for_all", "unit": "EUR", "low": -2_000_000.0, "central": -1_000.0, "high": 80_000.0},
    {"item": "break_even_effect", "unit": "share", "low": 0.01, "central": 0.022, "high": 0.05},
]


HELD = (
    {"n_coaches_trained": 8, "checkins_per_person_month": 1.9},
    {"n_coaches_trained": None, "checkins_per_person_month": 1.0},
)


def tables(*, money=(), decisions=(DECISION,), answer=ANSWER, levels=True, held=HELD) -> dict[str, pl.DataFrame]:
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
                {"arm": arm, "phase": phase, "share_retained": 0.9, "n_months": 6}
                for arm in ("control", "pilot")
                for phase in ("after", "before")
            ]
        ),
        "pub_cohorts": pl.DataFrame(
            [
                {"scope": "arm", "group_name": "pilot", "kickoff_date": date(2026, 4, 1), "n_coaches": 9} | held[0],
                {"scope": "arm", "group_name": "control", "kickoff_date": None, "n_coaches": None} | held[1],
                *(
                    {"scope": "cohort", "group_name": name, "kickoff_date": day, "n_coaches": 4} | held[0]
                    for name, day in (("wave_a", date(2026, 7, 1)), ("wave_b", date(2026, 4, 1)))
                ),
            ]
        ),
        "pub_money": pl.DataFrame(
            [{"status": "estimated", "reason": None, "suppressed": None} | row for row in money],
            schema_overrides={"reason": pl.String, "suppressed": pl.String},
        )
        if money
        else pl.DataFrame(schema=["item"]),
        "pub_estimates": pl.DataFrame(
            [
                {"metric": "retention", "estimator": "e", "is_headline": True, "estimate": 0.0104} | OF_ALL,
                *(
                    {"metric": "goals", "estimator": "att_not_yet_treated", "is_headline": False, "estimate": value}
                    | {"aggregation": "cohort", "cohort": name, "ci_low": value - 1, "ci_high": value + 1}
                    for name, value in (("wave_a", 1.5), ("wave_b", 4.0))
                ),
            ]
        ),
    }


def made(given: dict, *, row=ROW, design="volunteered"):
    return front(given, {"goals": row}, {"goals": UNIT}, {"goals": "Goals met"}, design)


def test_what_a_suppressed_effect_saves_is_not_shown():
    of_effect = {"low": None, "central": None, "high": None, "suppressed": "protected"}
    money = [row | (of_effect if row["item"] in ("net", "net_for_all") else {}) for row in MONEY]
    [said] = made(tables(money=money)).money
    assert said.endswith("in the 6 months after kick-off; what it saved is not shown, to protect people.")


def test_money_is_one_sentence_with_both_ends():
    assert " ".join(made(tables(money=MONEY)).money) == (
        "It cost about 30,000 EUR (5,400 to 52,000) in the 6 months after kick-off. Counting saved turnover only, the "
        "net is about +0 EUR (−1.2\u202fmillion to +64,000); it pays for itself from an effect on retention of +2.2 "
        "percentage points on, and the estimate is +1.0 percentage points. For everybody in the study it would cost "
        "about 90,000 EUR (60,000 to 120,000), with a net of about −1,000 EUR (−2.0\u202fmillion to +80,000)."
    )
    assert made(tables()).money == []
    unknown = [
        row | {"status": "not_estimable", "reason": "too few units"} if row["item"] == "net" else row for row in MONEY
    ]
    assert made(tables(money=unknown)).money[0].endswith("what it saved cannot be said: too few units.")


def test_money_names_the_estimate_that_it_rests_on():
    asked = tables(money=[row | {"of_metric": "retention_voluntary"} for row in MONEY])
    asked["pub_estimates"] = asked["pub_estimates"].with_columns(
        pl.col("metric").replace("retention", "retention_voluntary")
    )
    assert "and the estimate is +1.0 percentage points" in made(asked).money[0]


def test_what_was_done_is_said_and_that_it_was_hardly_done():
    assert made(tables()).delivered == (
        "8 of 9 coaches were trained. Check-ins per person and month: 1.90 in the pilot, 1.00 in the control."
    )
    idle = (HELD[0] | {"checkins_per_person_month": 1.05}, HELD[1])
    assert made(tables(held=idle)).delivered.endswith("may not have been put into practice.")
    unknown = tuple(each | {"checkins_per_person_month": None} for each in HELD)
    assert made(tables(held=unknown)).delivered == "8 of 9 coaches were trained."


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ({}, "For scaling: not yet; newest cohort (wave a) +1.5 (+0.5 to +2.5)"),
        (
            {"decision": "no go", "reason": "it is ruled out"},
            "For scaling: no; it is ruled out; newest cohort (wave a)",
        ),
        ({"decision": "go", "corrected_estimate": 1.2}, "; probably overstated: plan with +1.2 points"),
    ],
)
def test_a_card_says_what_follows_for_scaling_and_what_the_newest_cohort_got(decision, said):
    [pictured] = made(tables(decisions=(DECISION | decision,))).pictured.values()
    assert said in pictured.scaling


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
        "Goals met: an effect that is shown.",
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


def test_the_guardrails_and_whether_they_hold_stand_on_the_first_screen():
    assert made(tables()).guardrails == "Alignment holds"
    assert made(tables(decisions=[DECISION | {"guardrails": None}])).guardrails == ""

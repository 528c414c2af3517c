"""Tables of the page with the primary outcomes side by side."""

from datetime import date

import polars as pl
import pytest

from publish.page.sheets.decision import money
from publish.page.sheets.others import others_found
from publish.page.sheets.outcome import Column, diagnostics, for_whom, other_answers
from publish.page.sheets.sheet import format_period
from publish.page.wording import unit_of

COLUMNS = [
    Column("goals", "Goals met", unit_of("share"), "att_not_yet_treated"),
    Column("kept", "Retention", unit_of("share"), "life_table_difference_in_differences"),
]
SHOWN = {"status": "estimated", "reason": None, "suppressed": None}


def estimate(metric: str, estimator: str, value: float | None = 0.03, **more) -> dict:
    row = {"metric": metric, "estimator": estimator, "aggregation": "simple", "cohort": "all", "segment": "all"}
    ends = {"ci_low": None, "ci_high": None} if value is None else {"ci_low": value - 0.02, "ci_high": value + 0.02}
    return row | {"estimate": value, "is_headline": False} | ends | SHOWN | more


def tables(*estimates: dict, found=()) -> dict[str, pl.DataFrame]:
    schema = {"reason": pl.String, "suppressed": pl.String, "estimate": pl.Float64}
    return {
        "pub_estimates": pl.DataFrame(list(estimates), schema_overrides=schema),
        "pub_diagnostics": pl.DataFrame(
            list(found),
            schema={
                "metric": pl.String, "diagnostic": pl.String, "value": pl.Float64, "ci_low": pl.Float64,
                "ci_high": pl.Float64, "p_value": pl.Float64, "says": pl.String, "status": pl.String,
                "reason": pl.String, "suppressed": pl.String,
            },
        ),
    }  # fmt: skip


def diagnostic(metric: str, name: str, value=None, p=None, says="it moved apart", **more) -> dict:
    ends = {"ci_low": None, "ci_high": None}
    return {"metric": metric, "diagnostic": name, "value": value, "p_value": p, "says": says} | ends | SHOWN | more


def test_estimators_stand_side_by_side_and_the_headline_is_marked():
    sheet = other_answers(
        tables(
            estimate("goals", "att_not_yet_treated"),
            estimate("goals", "twfe", None, status="not_estimable", reason="two-way fit has no solution"),
            estimate("kept", "life_table_difference_in_differences", 0.01),
            estimate("kept", "unheard_of"),
        ),
        COLUMNS,
    )
    assert sheet.headings == ("estimator", "Goals met", "Retention")
    rows = {row[0]: row[1:] for row in sheet.rows}
    assert rows["not-yet-treated control"] == ("headline: +3.0 (+1.0 to +5.0)", "–")
    assert rows["what differed before taken off"] == ("–", "headline: +1.0 (−1.0 to +3.0)")
    assert rows["two-way fixed effects (comparison only)"] == ("two-way fit has no solution", "–")
    assert len(rows) == 3


def test_only_tests_that_speak_say_so_in_words_and_all_are_counted():
    sheet = diagnostics(
        tables(
            estimate("goals", "att_not_yet_treated"),
            found=[
                diagnostic("goals", "pre_trend", 2.5, 0.01),
                diagnostic("kept", "placebo_window", 0.011, 0.6, ci_low=-0.02, ci_high=0.03),
                diagnostic("goals", "log_rank", 3.0, 0.001, says="leavers"),
                diagnostic("goals", "randomisation_inference", None, None, reason="no lot", status="not_estimable"),
                diagnostic("elsewhere", "pre_trend", 2.5, 0.01),
            ],
        ),
        COLUMNS,
        0.05,
    )
    rows = {row[0]: row[1:] for row in sheet.rows}
    assert rows["Before kick-off (joint test)"] == ("it moved apart; 2.5; p 0.01", "–")
    assert rows["The window before kick-off less the one before it"] == ("–", "0.011 (−0.02 to 0.03); p 0.6")
    assert rows["Log-rank, units as clusters"] == ("3; p 0.001", "–")
    assert rows["The lot drawn again"] == ("no lot", "–")
    assert sheet.note.startswith("1 of 2 tests for trouble speak")


def test_cohorts_come_before_segments_and_have_names_that_people_read():
    sheet = for_whom(
        tables(
            estimate("goals", "att_not_yet_treated", segment="tenure: 1_to_3"),
            estimate("goals", "att_not_yet_treated", aggregation="cohort", cohort="wave_2"),
            estimate("goals", "twfe", aggregation="cohort", cohort="wave_9"),
            estimate("kept", COLUMNS[1].headline, None, aggregation="cohort", cohort="wave_2", suppressed="few_units"),
        ),
        COLUMNS,
    )
    assert [row[0] for row in sheet.rows] == ["cohort: wave 2", "tenure: 1 to 3"]
    assert sheet.rows[0][2].startswith("not shown: ")


def test_this_study_stands_beside_what_others_found_in_standard_deviations():
    sheet = others_found(
        tables(
            estimate("goals", "att_not_yet_treated", 0.03, is_headline=True),
            found=[diagnostic("goals", "standard_deviation", 0.2)],
        ),
        COLUMNS,
    )
    assert sheet.rows[0] == ("this study", "Goals met", "+0.15 SD")
    assert len(sheet.rows) > 8 and all(row[2].endswith(("SD", "%")) for row in sheet.rows)


@pytest.mark.parametrize(
    ("days", "word"),
    [([date(2024, 1, 1), date(2024, 4, 1)], "Q2 2024"), ([date(2024, 3, 1), date(2024, 4, 1)], "April 2024")],
)
def test_periods_are_named_by_what_they_are(days, word):
    assert format_period(days)(date(2024, 4, 1)) == word


MONEY = {
    "item": "coach_hours", "unit": "hours a month", "low": 4.0, "central": 6.0, "high": 8.0, "status": "estimated",
    "reason": None, "basis": "assumed", "suppressed": None,
}  # fmt: skip


def test_the_hours_that_are_assumed_stand_beside_those_that_were_measured():
    load = estimate("manager_checkin_hours", "att_not_yet_treated", 1.2, is_headline=True)
    made = {"pub_money": pl.DataFrame([MONEY], schema_overrides={"suppressed": pl.String, "reason": pl.String})}
    rows = money(made | tables(load)).rows
    assert rows[0] == ("Time of a coach, hours a month", "assumed", "4.0", "6.0", "8.0")
    assert rows[1][0].startswith("of it measured") and rows[1][2:] == ("1.2", "1.2", "1.2")
    unknown = estimate("manager_checkin_hours", "att_not_yet_treated", None, status="not_estimable", is_headline=True)
    assert len(money(made | tables(unknown)).rows) == 1
    assert len(money(made | tables(estimate("goals", "twfe"))).rows) == 1

from datetime import date

import polars as pl
import pytest

from publish.page.sheets.decision import answer
from publish.page.sheets.outcome import alarms
from publish.page.sheets.sheet import format_chance
from publish.page.wording import before_kickoff, confidence, finding, unit_of

POINTS, SHARE = unit_of("points"), unit_of("share")


def row(estimate=3.0, low=1.0, high=5.0, p=0.01, adjusted=0.02, status="estimated", reason=None, suppressed=None):
    return {
        "estimate": estimate,
        "ci_low": low,
        "ci_high": high,
        "p_value": p,
        "p_value_adjusted": adjusted,
        "status": status,
        "reason": reason,
        "suppressed": suppressed,
    }


def say(values, unit=POINTS, direction="up", detectable=2.5, design="volunteered", judged=None):
    return finding(
        values,
        label="Engagement",
        unit=unit,
        direction=direction,
        alpha=0.05,
        detectable=detectable,
        design=design,
        judged=judged,
    )


def test_an_effect_is_said_with_its_interval():
    found = say(row())
    assert found.kind == "better"
    plain = "Engagement is 3.0 points higher than it would be without the programme"
    interval = "(95\u202f% interval +1.0 to +5.0 points)"
    assert found.sentence == f"{plain} {interval}, if both arms would otherwise have moved alike."
    assert say(row(), design="randomised").sentence == f"{plain} {interval}."


def test_a_fall_in_something_good_is_worse_and_in_something_bad_is_better():
    fall = row(estimate=-3.0, low=-5.0, high=-1.0)
    assert say(fall).kind == "worse"
    assert say(fall, direction="down").kind == "better"


def test_a_null_is_said_as_a_null_with_what_could_have_been_seen():
    found = say(row(estimate=0.01, low=-0.02, high=0.04, p=0.5, adjusted=0.5), unit=SHARE, detectable=0.05)
    assert found.kind == "null"
    assert "no effect could be shown" in found.sentence
    assert "−2.0 to +4.0 percentage points" in found.sentence
    assert "would have seen an effect of 5.0 percentage points with 80 % probability" in found.sentence
    assert "higher than it would be" not in found.sentence


def test_an_interval_beside_zero_is_no_effect_when_several_questions_were_asked():
    found = say(row(low=0.2, p=0.03, adjusted=0.09))
    assert found.kind == "null"
    assert "counted together" in found.caveat


EARLY = {
    "analysis": 2,
    "planned_analyses": 5,
    "alpha": 0.00079,
    "corrected_estimate": None,
    "verdict": "no effect seen",
    "certainty": 2,
}


def test_so_early_a_verdict_needs_a_smaller_p_and_the_page_says_which():
    found = say(row(p=0.004, adjusted=0.012), judged=EARLY)
    assert found.kind == "null"
    assert found.caveat.endswith("This is analysis 2 of 5, and so early a verdict needs p below 0.00079.")
    last = EARLY | {"analysis": 5, "alpha": 0.0412}
    assert say(row(p=0.004, adjusted=0.0421), judged=last).caveat.endswith("and here a verdict needs p below 0.0412.")
    assert say(row(p=0.0001, adjusted=0.0003), judged=EARLY | {"verdict": "improved"}).kind == "better"
    hidden = EARLY | {"verdict": None}  # suppressed, where the estimate is not
    assert [say(row(p=p, adjusted=3 * p), judged=hidden).kind for p in (0.0001, 0.004)] == ["better", "null"]
    assert "counted together" in say(row(p=0.03, adjusted=0.09), judged=EARLY).caveat


@pytest.mark.parametrize(
    ("certainty", "words"),
    [(5, "is 3.0"), (4, "is 3.0"), (3, "is probably 3.0"), (2, "may be 3.0"), (1, "may be 3.0"), (None, "is 3.0")],
)
def test_no_sentence_is_surer_than_the_certainty(certainty, words):
    found = say(row(), judged=EARLY | {"verdict": "improved", "certainty": certainty})
    assert f"Engagement {words} points higher" in found.sentence


def test_an_effect_that_a_weak_study_found_is_said_with_what_is_left_of_it():
    found = say(row(), judged=EARLY | {"alpha": 0.05, "corrected_estimate": 1.24, "verdict": "improved"})
    assert found.kind == "better" and found.caveat.endswith("the estimate is about +1.2 points.")
    same = say(row(estimate=3.04), judged=EARLY | {"alpha": 0.05, "corrected_estimate": 2.98, "verdict": "improved"})
    assert same.caveat == ""  # a warning that changes no digit warns of nothing


@pytest.mark.parametrize(
    ("suppressed", "kind"), [(None, "unknown"), ("few_units", "suppressed"), ("protected", "suppressed")]
)
def test_no_number_is_no_null(suppressed, kind):
    nothing = {"estimate": None, "low": None, "high": None, "p": None, "adjusted": None, "reason": "too few units"}
    status = "estimated" if suppressed else "not_estimable"
    found = say(row(**nothing, status=status, suppressed=suppressed))
    assert found.kind == kind
    assert "too few " in found.sentence
    assert "no effect" not in found.sentence.lower()


@pytest.mark.parametrize(("value", "text"), [(0.04, "+0.0"), (-0.04, "0.0"), (-1.25, "−1.2"), (12345.6, "+12,345.6")])
def test_numbers_are_rounded_and_minus_zero_is_zero(value, text):
    assert POINTS.number(value, signed=True).replace("+0.0", "+0.0") in (text, "+" + text)


@pytest.mark.parametrize(
    ("given", "in_doubt", "says"),
    [
        ({"p_value": 0.01, "outside": [-4]}, True, "already moved apart (joint test over 5 periods, p = 0.01)"),
        ({"p_value": 0.01, "outside": []}, True, "parallel trends are in doubt"),
        ({"p_value": 0.3, "outside": []}, False, "no movement apart was seen (joint test over 5 periods, p = 0.3)"),
        ({"p_value": 0.3, "outside": [-4]}, False, "By itself period −4 would stand out"),
        (
            {"p_value": 0.3, "outside": [], "drift": 1.25},
            False,
            "would have seen a steady drift of 1.2 points per period",
        ),
        ({"p_value": None, "outside": [-4]}, True, "moved apart (period −4)"),
        ({"p_value": 0.3, "p_value_of_slope": 0.02, "outside": []}, True, "drifted apart steadily (p = 0.02)"),
        ({"p_value": 0.03, "p_value_of_slope": 0.03, "outside": []}, False, "no movement apart was seen"),
    ],
)
def test_the_joint_test_says_what_was_seen_before_kickoff_not_one_period_of_many(given, in_doubt, says):
    found = before_kickoff(**({"drift": None, "n_periods": 5, "unit": POINTS, "alpha": 0.05} | given))
    assert found.in_doubt == in_doubt
    assert says in found.sentence


@pytest.mark.parametrize(
    ("alpha", "text"), [(0.05, "95"), (0.1, "90"), (0.01, "99"), (0.0125, "98.8"), (0.00305, "99.69"), (5e-5, "99.995")]
)
def test_a_level_has_the_digits_that_it_needs(alpha, text):
    assert confidence(alpha) == f"{text}\u202f%"


@pytest.mark.parametrize("given", [{"n_periods": 0, "p_value": 0.3}, {"n_periods": 5, "p_value": None}])
def test_nothing_is_said_of_what_was_not_looked_at(given):
    assert before_kickoff(**({"drift": None, "outside": [], "unit": POINTS, "alpha": 0.05} | given)) is None


def test_an_effect_on_something_small_is_not_rounded_away():
    cases = unit_of("plain", "cases per month", error=0.0021)
    assert [cases.number(value, signed=True) for value in (-0.0103, 0.0004)] == ["−0.010", "+0.000"]
    assert cases.decimals == 3 and unit_of("points", error=0.0021).decimals == 3
    # large errors need no more digits than ever, a share is written in percentage points, and no error is no reason
    assert unit_of("points", error=0.8).decimals == 1
    assert unit_of("share", error=0.008).decimals == 1
    assert unit_of("plain", "cases per month").decimals == unit_of("plain", "cases per month", error=7.0).decimals == 2


def test_alarms_are_counted_beside_those_that_chance_gives():
    said = alarms([0.3, 0.01, 0.2], 0.05)
    assert said.startswith("1 of 3 tests for trouble speak (p below 0.05). By chance alone about 0.2 would")
    assert alarms([0.3], 0.05) == "None of 1 tests for trouble speaks (p below 0.05)."
    assert alarms([], 0.05) == ""


ROW = {
    "analysis": 2,
    "planned_analyses": 5,
    "next_wave": date(2026, 10, 1),
    "answer": "not yet",
    "reason": "Goals met: no effect shown",
    "certainty": 3,
    "certainty_reason": "no lot was drawn",
}


def answered(row: dict, *waves: date) -> dict[str, pl.DataFrame]:
    """The tables that the answer reads: of waves that began then."""
    days = [*waves, date(2026, 7, 1)]
    levels = pl.DataFrame({"metric": ["goals"] * len(days), "period_start": days})
    return {
        "pub_answer": pl.DataFrame([row]),
        "pub_decisions": pl.DataFrame({"metric": ["goals"]}),
        "pub_levels": levels,
    }


def test_the_answer_is_said_with_its_certainty_and_when_the_next_is_due():
    found = answer(answered(ROW))
    assert (found.kind, found.word, found.reason) == ("null", "Not yet", "Goals met: no effect shown.")
    assert (found.certainty, found.certainty_reason) == ("Certainty 3 of 5 (moderate)", "no lot was drawn")
    assert found.analysis.endswith("analysis 2 of 5 of the plan; the next is expected with the wave of Q4 2026.")
    monthly = answered(ROW, date(2026, 1, 1), date(2026, 2, 1))
    assert answer(monthly).analysis.endswith("the wave of October 2026.")
    last = answer(answered(ROW | {"next_wave": None, "certainty_reason": None}))
    assert (
        last.analysis.endswith("the last one: waiting changes nothing, further waves or cohorts may.")
        and last.certainty_reason == ""
    )


def test_a_suppressed_answer_says_nothing_but_that():
    hidden = ROW | dict.fromkeys(("answer", "reason", "certainty", "certainty_reason"))
    found = answer(answered(hidden))
    assert found.word == "Not shown, to protect people" and not found.reason and not found.certainty
    assert answer({"pub_answer": pl.DataFrame(schema=["analysis"])}) is None


def test_a_chance_that_was_rounded_is_never_none_and_never_certain():
    assert [format_chance(chance) for chance in (0.0, 0.1, 0.9, 1.0)] == [
        f"{words}\u202f%" for words in ("under 10", "10", "90", "over 90")
    ]

"""How far an estimate moved since the last release, in errors of both, and how far its error did."""

import pandas as pd
import polars as pl
import pytest

from expectations.drift import HEADLINE_KEY, against_last_release

KEY = dict(zip(HEADLINE_KEY, ("autonomy", "att_not_yet_treated", "group", "all", "all"), strict=True))


def compared(then: tuple[float, float], now: tuple[float, float], people: tuple = (200, 400)) -> pd.DataFrame:
    before = pl.DataFrame(
        [
            KEY
            | {"event_time": None, "status": "estimated", "suppressed": None, "estimate": then[0], "std_error": then[1]}
        ],
        schema_overrides={"event_time": pl.Int64},
    )
    there = {"event_time": None, "estimate": now[0], "std_error": now[1], "n_pilot": people[0], "n_control": people[1]}
    new = pd.DataFrame([KEY | there])
    return against_last_release({"pub_estimates": before}, new, pd.DataFrame())["last_release"]


def moved_by(then: tuple[float, float], now: tuple[float, float]) -> float:
    return compared(then, now)["moved_by"].item()


def test_a_cohort_that_comes_in_with_its_first_wave_widens_what_an_estimate_may_do():
    # Seen in the two hundred clean runs: 4.2 errors of the old estimate, 2.4 of the new one.
    assert moved_by((4.674, 1.293), (-0.787, 2.287)) == pytest.approx(5.461 / 2.287)


def test_an_error_that_shrinks_does_not_make_news_a_jump():
    assert moved_by((3.0, 2.0), (0.0, 0.5)) == pytest.approx(1.5)


def test_a_jump_stays_one():
    assert moved_by((1.0, 0.5), (4.0, 0.5)) == pytest.approx(6.0)


@pytest.mark.parametrize("errors", [(0.5, 3.0), (3.0, 0.5)])
def test_an_error_that_hides_its_own_jump_is_seen_in_the_errors(errors):
    found = compared((1.0, errors[0]), (4.0, errors[1]))
    assert found["moved_by"].item() == pytest.approx(1.0)
    assert found["error_ratio"].item() == pytest.approx(6.0)


def test_of_very_many_people_an_error_counts_as_that_of_a_thousand_in_each_arm():
    # With 20,000 and 80,000 people an error is between a fifth and a sixth of that with a thousand and a thousand.
    same = {"then": (1.0, 0.1), "now": (1.8, 0.1)}
    assert compared(**same, people=(1_000, 1_000))["moved_by"].item() == pytest.approx(8)
    assert compared(**same, people=(20_000, 80_000))["moved_by"].item() == pytest.approx(8 * (5 / 160) ** 0.5)
    assert compared(**same, people=(0, 400))["moved_by"].item() == pytest.approx(8)


def test_what_cannot_be_estimated_any_more_has_not_moved():
    found = compared((1.0, 0.5), (float("nan"), float("nan")), people=(None, None))
    assert found["moved_by"].isna().all()

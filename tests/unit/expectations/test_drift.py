"""How far an estimate moved since the last release, in errors of both, and how far its error did."""

import pandas as pd
import polars as pl
import pytest

from expectations.drift import HEADLINE_KEY, against_last_release

KEY = dict(zip(HEADLINE_KEY, ("autonomy", "att_not_yet_treated", "group", "all", "all"), strict=True))


def compared(then: tuple[float, float], now: tuple[float, float]) -> pd.DataFrame:
    before = pl.DataFrame(
        [
            KEY
            | {"event_time": None, "status": "estimated", "suppressed": None, "estimate": then[0], "std_error": then[1]}
        ],
        schema_overrides={"event_time": pl.Int64},
    )
    new = pd.DataFrame([KEY | {"event_time": None, "estimate": now[0], "std_error": now[1]}])
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

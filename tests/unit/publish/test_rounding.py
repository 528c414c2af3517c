"""Published digits: two of an error, steps of degrees of freedom, and what follows from them."""

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from inference.jackknife import Uncertainty
from publish.rounding import (
    round_down_to_step,
    round_estimates,
    round_p,
    round_set,
    round_to_error,
    round_up,
    step_down,
    to_digits,
)


def rounded(value: float, error: float, df: float, adjusted: float | None = None, **more) -> dict:
    exact = Uncertainty(error, df).p_value(value)
    row = {"estimate": value, "std_error": error, "df": df, "ci_low": 0.0, "ci_high": 0.0, "p_value": exact} | more
    table = pl.DataFrame([row | {"p_value_adjusted": adjusted}], schema_overrides={"p_value_adjusted": pl.Float64})
    return round_estimates(table, 0.05).row(0, named=True)


def test_an_estimate_ends_where_its_error_ends():
    found = rounded(1.523011, 2.524382, 9.859946)
    assert (found["estimate"], found["std_error"], found["df"]) == (1.5, 2.6, 8.0)
    found = rounded(1523.0, 254.1, 12.0)
    assert (found["estimate"], found["std_error"]) == (1520.0, 260.0)


def test_interval_and_p_value_are_those_of_the_published_numbers():
    found, again = rounded(1.523011, 2.524382, 9.859946), Uncertainty(2.6, 8.0)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(again.interval(1.5, alpha=0.05), abs=0.0051)
    assert found["p_value"] == pytest.approx(again.p_value(1.5), abs=0.0051)
    assert all(len(str(abs(found[name]))) <= 4 for name in ("ci_low", "ci_high", "p_value"))


@given(st.floats(0.5, 3.0), st.floats(0.001, 1e4), st.floats(1.5, 200.0))
@example(1.0000001, 3.3, 9.9)
@example(0.9999999, 3.3, 9.9)
def test_an_effect_stays_one_and_none_stays_none(size, error, df):
    """Just below alpha is the last place where rounding errors up may turn the word on the page."""
    value = size * float(stats.t.ppf(0.975, df)) * error
    found, exact = rounded(value, error, df), Uncertainty(error, df).p_value(value)
    assert (found["p_value"] < 0.05) == (exact < 0.05) or abs(exact - 0.05) < 1e-6
    again = 2 * stats.t.sf(found["estimate"] / found["std_error"], found["df"])
    assert found["p_value"] == pytest.approx(again, rel=0.1)  # two digits, on its side of 0.05
    assert (found["p_value"] < 0.05) == (found["ci_low"] > 0)
    low, high = Uncertainty(error, df).interval(value, alpha=0.05)
    assert found["ci_high"] - found["ci_low"] >= (high - low) * (1 - 1e-6)
    assert found["std_error"] >= error * (1 - 1e-6) and found["df"] <= df


def test_an_end_that_would_be_rounded_to_zero_has_more_digits():
    found = rounded(3.9287, 2.0, 1000.0)  # t of 97.5 %: 1.962
    assert found["p_value"] < 0.05 and 0 < found["ci_low"] < 0.01


@given(st.floats(0.5, 3.0), st.floats(1e-4, 0.05))
@example(1.000001, 0.0123)
@example(1.0, 0.0499)
def test_both_p_values_stay_on_their_side_of_the_analysis_level(size, level):
    """A reader compares the adjusted p-value with the level that stands beside it."""
    value = size * float(stats.t.isf(level / 2, 40.0))
    exact = Uncertainty(1.0, 40.0).p_value(value)
    found = rounded(value, 1.0, 40.0, adjusted=min(1.0, exact * 1.0001), verdict_level=level)
    for limit in (0.05, level):
        assert (found["p_value"] < limit) == (exact < limit) or abs(exact - limit) < 1e-6
        assert (found["p_value_adjusted"] < limit) == (exact * 1.0001 < limit) or abs(exact - limit) < 1e-5


def test_a_p_value_between_two_levels_that_lie_close_stays_between_them():
    assert 0.0122 <= round_p(0.01225, 0.0122, 0.0123) < 0.0123


def test_an_adjusted_p_value_is_not_below_its_own():
    found = rounded(10.0, 2.0, 1000.0, adjusted=1e-9)
    assert found["p_value_adjusted"] == found["p_value"]


def test_a_row_without_an_error_stays():
    table = pl.DataFrame({"estimate": [None], "std_error": [None], "df": [None], "p_value_adjusted": [None]})
    assert round_estimates(table, 0.05).row(0) == (None, None, None, None)


@given(st.floats(1e-12, 1e12), st.floats(1.0, 1e9))
@example(1.2, 1.0)
@example(0.3, 3.0)
@example(9.91, 2.0)
def test_what_is_published_is_never_surer_than_it_is_and_at_most_a_tenth_less_sure(error, df):
    assert error * (1 - 1e-6) <= round_up(error) <= error * 1.1
    assert 1 <= step_down(df) <= df
    if df >= 2:
        assert stats.t.ppf(0.975, step_down(df)) <= 1.21 * stats.t.ppf(0.975, df)


@pytest.mark.parametrize("error", [0.1, 0.3, 1.2, 4.7, 99.0, 0.0012, 55000.0])
def test_an_error_of_two_digits_stays(error):
    assert round_up(error) == error


@given(st.floats(0.0, 1.0), st.floats(1e-6, 0.5))
@example(0.0, 0.05)
@example(5e-324, 0.05)
@example(0.012345, 0.0123)
@example(0.0123, 0.01234)
@example(0.04996, 0.05)
def test_a_p_value_stays_on_its_side_of_alpha(p, alpha):
    found = round_p(p, alpha)
    assert (found < alpha) == (p < alpha)
    assert 0 < found <= 1
    assert found == pytest.approx(max(p, 1e-99), rel=0.2)


@pytest.mark.parametrize(("number", "expected"), [(0.0, 0.0), (None, None), (0.136404, 0.14), (-28.29, -28.0)])
def test_numbers_without_an_error_have_two_digits(number, expected):
    assert to_digits(number) == expected


def test_three_digits_are_three():
    assert (to_digits(0.136404, 3), to_digits(78050.0, 3)) == (0.136, 78000.0)


def test_a_set_reaches_zero_only_if_it_did():
    assert round_set(-1.2345, 3.4567) == (-1.2, 3.5)
    assert round_set(0.004, 3.4567) == (0.01, 3.46)
    assert round_set(0.0004, 36.4567) == (0.1, 36.5)
    assert round_set(0.0, 36.4567)[0] == 0.0


def test_a_narrow_set_has_no_more_digits_than_a_wide_one():
    assert round_set(22.123456, 22.123457) == (22.1, 22.1)
    assert round_set(0.0341234, 0.0341234) == (0.0341, 0.0341)
    assert round_set(0.0, 0.0) == (0.0, 0.0)


def test_a_mean_ends_where_its_error_ends_and_without_one_has_two_digits():
    found = round_to_error(pl.Series("mean", [63.456, 63.456, None]), pl.Series([1.23, None, 1.0]))
    assert found.to_list() == [63.5, 63.0, None]


def test_a_share_on_a_step_stays_and_others_go_down():
    assert round_down_to_step(pl.Series([0.15, 0.8, 0.849, 0.0]), 0.05).to_list() == [0.15, 0.8, 0.8, 0.0]
    assert round_down_to_step(pl.Series([14.0, 15.0]), 5).to_list() == [10.0, 15.0]

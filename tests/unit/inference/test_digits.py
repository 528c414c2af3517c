"""Digits that are told: two of an error, steps of degrees of freedom, and what follows from them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from inference.digits import AUDITED, coarse, of_set, p_told, short, up
from inference.jackknife import Uncertainty
from inference.judging import with_interval
from publish.figures import LINEAR

EXACT = Uncertainty(2.524382, 9.859946)


def told(value: float, exact: Uncertainty, **settings):
    counts = {"n_units_pilot": 9, "n_units_control": 7, "n_pilot": 76, "n_control": 103, "method": ""}
    return with_interval(value, exact, alpha=0.05, **counts, **settings)


def test_an_estimate_ends_where_its_error_ends():
    found = told(1.523011, EXACT)
    assert (found.estimate, found.std_error, found.df) == (1.5, 2.6, 8.0)


def test_interval_and_p_value_are_those_of_the_numbers_that_are_told():
    found, again = told(1.523011, EXACT), Uncertainty(2.6, 8.0)
    assert (found.ci_low, found.ci_high) == again.interval(1.5, alpha=0.05)
    assert found.p_value == again.p_value(1.5)


def test_an_estimate_that_the_audit_counts_keeps_its_digits():
    found = told(1.523011, EXACT, keeps_digits=True)
    assert (found.estimate, found.std_error) == (1.523011, 2.6)


def test_large_numbers_lose_digits_before_the_point():
    found = told(1523.0, Uncertainty(254.1, 12.0))
    assert (found.estimate, found.std_error) == (1520.0, 260.0)


@given(st.floats(1e-12, 1e12), st.floats(1.0, 1e9))
@example(1.2, 1.0)
@example(0.3, 3.0)
@example(9.91, 2.0)
def test_what_is_told_is_never_surer_than_it_is_and_at_most_a_tenth_less_sure(error, df):
    found = coarse(Uncertainty(error, df))
    assert error * (1 - 1e-6) <= found.std_error <= error * 1.1
    assert 1 <= found.df <= df
    if df >= 2:
        assert stats.t.ppf(0.975, found.df) <= 1.21 * stats.t.ppf(0.975, df)


@pytest.mark.parametrize("error", [0.1, 0.3, 1.2, 4.7, 99.0, 0.0012, 55000.0])
def test_an_error_of_two_digits_stays(error):
    assert coarse(Uncertainty(error, 5.0)).std_error == error


@given(st.floats(1e-300, 1.0), st.floats(1e-6, 0.5))
@example(0.012345, 0.0123)
@example(0.0123, 0.01234)
@example(0.04996, 0.05)
def test_a_p_value_stays_on_its_side_of_alpha(p, alpha):
    found = p_told(p, alpha)
    assert (found < alpha) == (p < alpha)
    assert 0 < found <= 1
    assert found == pytest.approx(p, rel=0.2)


@pytest.mark.parametrize(("number", "expected"), [(0.0, 0.0), (None, None), (0.136404, 0.14), (-28.29, -28.0)])
def test_numbers_without_an_error_have_two_digits(number, expected):
    assert short(number) == expected


@pytest.mark.parametrize(("size", "expected"), [(2.701, 2.8), (2.7, 2.7), (0.0301, 0.031), (99.01, 100.0), (0.0, 0.0)])
def test_what_says_how_far_something_reaches_is_rounded_up(size, expected):
    assert up(size) == expected


def test_a_set_reaches_zero_only_if_it_did():
    assert of_set(-1.2345, 3.4567) == (-1.2, 3.5)
    assert of_set(0.004, 3.4567) == (0.01, 3.46)
    assert of_set(0.0004, 36.4567) == (0.1, 36.5)
    assert of_set(0.0, 36.4567)[0] == 0.0


def test_a_narrow_set_tells_no_more_digits_than_a_wide_one():
    assert of_set(22.123456, 22.123457) == (22.1, 22.1)
    assert of_set(0.0341234, 0.0341234) == (0.0341, 0.0341)
    assert of_set(0.0, 0.0) == (0.0, 0.0)


def test_the_audit_has_an_equation_for_every_estimate_with_all_digits():
    assert set(AUDITED) == set(LINEAR)

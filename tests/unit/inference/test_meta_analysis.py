"""Pooling against published numbers, and what it must do with hard cases."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.meta_analysis import FEW_TO_PREDICT, between_variance, mean_and_error, pool, prediction_interval

# Kacker (2004), Metrologia 41(3), table 1: nine laboratories. Numbers of R's metafor 2.4 (`rma`), method PM, and
# method DL with `test="knha"`.
EFFECTS = np.array([61.00, 61.40, 62.21, 62.30, 62.34, 62.60, 62.70, 62.84, 65.90])
ERRORS = np.sqrt([0.2025, 1.2100, 0.0900, 0.2025, 0.3844, 0.5625, 0.0676, 0.0225, 1.8225])


def test_the_variance_and_the_mean_are_those_of_metafor():
    found = pool(EFFECTS, ERRORS)
    assert found.tau**2 == pytest.approx(0.705395309224248, abs=1e-9)
    assert found.tau == pytest.approx(0.8399, abs=6e-5)  # as Kacker prints it
    assert found.estimate == pytest.approx(62.4076199113286, abs=1e-9)
    # Where the variance is above zero, Paule and Mandel make Hartung and Knapp's factor one.
    assert found.std_error == pytest.approx(0.338030602684471, abs=1e-9)


def test_hartung_and_knapps_error_is_that_of_metafor():
    mean, error = mean_and_error(EFFECTS, ERRORS, 0.288049246973751)
    assert mean == pytest.approx(62.3901386044504, abs=1e-9)
    assert error == pytest.approx(0.29477605699879, abs=1e-9)


def test_the_interval_is_students():
    found = pool(EFFECTS, ERRORS)
    assert found.ci_high - found.estimate == pytest.approx(2.306004135204166 * found.std_error, rel=1e-9)  # 8 df


def test_with_many_pilots_without_error_the_next_one_is_predicted_as_from_a_sample():
    effects = np.random.default_rng(1).normal(2, 3, 4000)
    low, high = prediction_interval(effects, np.full(4000, 1e-3))
    assert (low, high) == pytest.approx(
        (effects.mean() - 1.96 * effects.std(), effects.mean() + 1.96 * effects.std()), abs=0.01
    )


def test_of_fewer_than_five_pilots_nothing_is_predicted():
    assert pool(EFFECTS[: FEW_TO_PREDICT - 1], ERRORS[: FEW_TO_PREDICT - 1]).predicted is None
    assert pool(EFFECTS[:FEW_TO_PREDICT], ERRORS[:FEW_TO_PREDICT]).predicted is not None


def test_pilots_that_agree_better_than_chance_make_no_interval_narrower_than_their_errors():
    found = pool([1.0, 1.0, 1.0], [0.5, 0.5, 0.5])
    assert found.tau == 0
    assert found.std_error == pytest.approx(0.5 / math.sqrt(3))


@pytest.mark.parametrize(
    ("effects", "errors"),
    [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, 2.0], [1.0, 0.0]), ([1.0, math.nan], [1.0, 1.0])],
)
def test_what_cannot_be_pooled_is_refused(effects, errors):
    with pytest.raises(ValueError, match=r"at least two|finite"):
        pool(effects, errors)


effects_and_errors = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)), min_size=2, max_size=12)


@given(effects_and_errors, st.floats(1e-3, 1e3))
def test_another_unit_changes_the_numbers_and_nothing_else(pilots, factor):
    effects, errors = np.array(pilots).T
    one, other = pool(effects, errors), pool(effects * factor, errors * factor)
    scale = factor * (np.abs(effects).max() + errors.max())
    assert other.estimate == pytest.approx(one.estimate * factor, abs=1e-6 * scale)
    assert other.tau**2 == pytest.approx((one.tau * factor) ** 2, abs=1e-6 * scale**2)


@given(effects_and_errors)
def test_the_weighted_squares_equal_their_expectation(pilots):
    effects, errors = np.array(pilots).T
    variance = between_variance(effects, errors)
    weights = 1 / (errors**2 + variance)
    squares = weights @ (effects - weights @ effects / weights.sum()) ** 2
    assert squares <= (len(effects) - 1) * (1 + 1e-6) + 1e-9
    if variance > 0:
        assert squares == pytest.approx(len(effects) - 1, rel=1e-6)


@pytest.mark.parametrize("spread", [0.0, 0.5, 2.0])
def test_coverage_of_the_mean_and_of_the_next_pilot(spread):
    """Twelve pilots: the mean is held in 95 % of draws or more, the next pilot too (more where pilots are alike)."""
    rng = np.random.default_rng(20)
    held = np.zeros(2)
    for _ in range(400):
        errors = rng.uniform(0.5, 1.5, 12)
        truths = 1 + spread * rng.standard_normal(13)
        found = pool(truths[:12] + errors * rng.standard_normal(12), errors)
        held += found.ci_low <= 1 <= found.ci_high, found.predicted[0] <= truths[12] <= found.predicted[1]
    assert (held / 400 >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / 400)).all()

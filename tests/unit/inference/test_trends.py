"""Doubts about parallel trends against R's did and HonestDiD, and against what is known by construction."""

import numpy as np
import pytest

from inference import aggregations, att, trends
from inference.panel import Panel


def test_the_pre_test_equals_the_published_one(mpdta):
    effects = att.group_time_effects(mpdta, control="never_treated")
    before = effects.t < effects.g
    psi = effects.influence[:, before]
    _, df, p = trends.wald(effects.value[before], psi.T @ psi)
    assert df == 5
    assert p == pytest.approx(0.16812, abs=5e-6)


# Source: Rambachan & Roth's HonestDiD on their example of Bailey & Goodman-Bacon (ehec), first effect after.
SMOOTHNESS = {0.0: (0.026406, 0.060665), 0.01: (0.012792, 0.078819), 0.02: (0.001837, 0.090831)}


@pytest.mark.parametrize("m", SMOOTHNESS)
def test_smoothness_intervals_equal_the_published_ones(reference, m):
    lines = reference("trials/honestdid_ehec_beta_sigma.txt").read_text().replace(",", " ").splitlines()
    rows = np.array([[float(x) for x in line.split()] for line in lines if line and not line.startswith("#")])
    found = trends.smoothness_interval(rows[0], rows[1:], n_pre=5, weights=np.array([1.0, 0.0]), m=m)
    assert found == pytest.approx(SMOOTHNESS[m], abs=3e-5)


def test_a_straight_drift_is_taken_off_whatever_its_slope():
    study, covariance = np.array([-2.0, -1.0, 1.0, 2.0]), np.eye(4) * 0.01
    low, high = trends.smoothness_interval(7 * study, covariance, n_pre=2, weights=np.array([0.5, 0.5]), m=0.0)
    assert (low + high) / 2 == pytest.approx(0.0, abs=1e-9)


def test_allowing_for_more_drift_widens_the_interval_and_one_period_before_is_enough():
    study, covariance = np.array([0.0, 1.0, 1.0]), np.eye(3) * 0.04
    widths = [
        np.diff(trends.smoothness_interval(study, covariance, n_pre=1, weights=np.array([1.0, 0.0]), m=m))[0]
        for m in (0.0, 0.1, 0.5)
    ]
    assert widths == sorted(widths)
    assert widths[0] < widths[2]
    with pytest.raises(ValueError, match="before kick-off"):
        trends.smoothness_interval(study[1:], covariance[1:, 1:], n_pre=0, weights=np.array([1.0, 0.0]), m=0.1)


def test_the_folded_normal_quantile_is_the_normal_one_without_bias():
    assert trends.folded_normal_quantile(0.0, 0.05) == pytest.approx(1.959964, abs=1e-6)
    assert trends.folded_normal_quantile(40.0, 0.05) == pytest.approx(41.644854, abs=1e-6)


def drifting(rng, drift: float) -> Panel:
    cohort = np.repeat([0, 5], 20)
    n = np.full((40, 6), 10.0)
    mean = rng.normal(0, 1, size=(40, 1)) + rng.normal(0, 0.3, size=n.shape)
    mean += drift * (cohort[:, None] > 0) * np.arange(6)
    return Panel(n, n * mean, cohort, np.full(40, 10.0))


def examined(rng, drift: float) -> trends.PreTrend:
    events = aggregations.by_event_time(att.group_time_effects(drifting(rng, drift)))
    return trends.pre_trend([part for e, part in events.items() if e < 0], df=38)


def test_the_joint_test_keeps_its_level_and_its_promised_power():
    rng = np.random.default_rng(3)
    still = [examined(rng, 0.0) for _ in range(400)]
    assert np.mean([found.p_value < 0.05 for found in still]) == pytest.approx(0.05, abs=0.035)
    promised = float(np.median([found.drift for found in still]))
    moved = [examined(rng, promised).p_value < 0.05 for _ in range(400)]
    assert np.mean(moved) == pytest.approx(0.8, abs=0.07)


def test_more_periods_than_units_can_be_tested_for_give_no_test():
    events = aggregations.by_event_time(att.group_time_effects(drifting(np.random.default_rng(4), 0.0)))
    assert trends.pre_trend([part for e, part in events.items() if e < 0], df=2) is None
    assert trends.pre_trend([], df=30) is None


def test_relative_magnitude_by_hand():
    # Largest step before: 0.2 (from 0.2 to 0); θ = 1; reach of two periods after, averaged: 0.2 · 1.5
    found = trends.relative_magnitude(np.array([0.1, 0.2]), np.array([0.8, 1.2]), weights=np.array([0.5, 0.5]))
    assert (found.low, found.high) == pytest.approx((0.7, 1.3))
    assert found.breakdown == pytest.approx(1 / 0.3)
    assert trends.relative_magnitude(np.array([]), np.array([1.0]), weights=np.array([1.0])) is None

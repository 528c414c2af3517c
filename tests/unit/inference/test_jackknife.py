import numpy as np
import pytest

from inference.jackknife import Uncertainty, jackknife


def test_a_hand_computed_jackknife():
    # δ = 1, −1, 2, −2; G = 4: V = 3/4 · 10 = 7.5; cohorts {1, −1} and {2, −2}: V₁ = ½·2 = 1, V₂ = ½·8 = 4
    # df = (1 + 4)² / (1²/1 + 4²/1) = 25/17
    result = jackknife(theta=0.0, theta_without=np.array([1.0, -1.0, 2.0, -2.0]), cohort=np.array([1, 1, 0, 0]))
    assert result.std_error == pytest.approx(7.5**0.5)
    assert result.df == pytest.approx(25 / 17)


def test_the_mean_of_independent_values_has_the_classical_standard_error():
    values = np.random.default_rng(1).normal(size=40)
    without = (values.sum() - values) / 39
    result = jackknife(theta=values.mean(), theta_without=without, cohort=np.zeros(40))
    assert result.std_error == pytest.approx(values.std(ddof=1) / 40**0.5)
    assert result.df == pytest.approx(39)


def test_degrees_of_freedom_never_fall_below_one():
    result = jackknife(theta=0.0, theta_without=np.array([1.0, -1.0, 0.0, 0.0]), cohort=np.array([0, 0, 1, 1]))
    assert result.df == 1.0


def test_cohorts_of_one_unit_are_pooled_and_a_lone_one_keeps_its_share():
    # δ: two lone cohorts (2, −2) → V = ½·8 = 4, k = 2; control (1, −1) → V = ½·2 = 1: df = 25 / (16 + 1)
    pooled = jackknife(theta=0.0, theta_without=np.array([2.0, -2.0, 1.0, -1.0]), cohort=np.array([1, 2, 0, 0]))
    assert pooled.df == pytest.approx(25 / 17)
    # one lone cohort (2) → V = 4 with factor 1; control (1, −1) → 1: df = 25 / (16 + 1)
    alone = jackknife(theta=0.0, theta_without=np.array([2.0, 1.0, -1.0]), cohort=np.array([1, 0, 0]))
    assert alone.df == pytest.approx(25 / 17)


def test_rounding_is_no_variation():
    assert jackknife(theta=0.0, theta_without=np.array([1e-15, -1e-15]), cohort=np.zeros(2), scale=4.0) is None


@pytest.mark.parametrize("without", [[1.0, np.nan], [0.0, 0.0], [1.0]])
def test_no_error_is_made_up_where_there_is_none(without):
    assert jackknife(theta=0.0, theta_without=np.array(without), cohort=np.zeros(len(without))) is None


def test_interval_and_p_value_agree():
    known = Uncertainty(std_error=2.0, df=8.0)
    low, high = known.interval(5.0, alpha=known.p_value(5.0))
    assert low == pytest.approx(0.0, abs=1e-9)
    assert high == pytest.approx(10.0)

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from inference.multiplicity import benjamini_hochberg, holm
from inference.power import Plan, intraclass_correlation

# Benjamini & Hochberg (1995), section 3.2: fifteen tests of a thrombolysis trial.
FIFTEEN = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip


def test_holm_rejects_three_of_the_fifteen():
    assert sum(p <= 0.05 for p in holm(FIFTEEN)) == 3


def test_an_unanswered_question_still_counts_as_asked():
    assert holm([0.02, None]) == [0.04, None]


def test_adjusted_values_keep_the_order_and_the_place():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


@pytest.mark.parametrize(("icc", "expected"), [(0.05, 0.435), (0.10, 0.489)])
def test_detectable_effects_of_one_wave_equal_the_reference(icc, expected):
    plan = Plan(units=30, people_per_unit=8, icc=icc, waves_before=0, waves_after=1)
    assert plan.detectable("difference") == pytest.approx(expected, abs=5e-4)  # three digits are given
    with pytest.raises(ValueError, match="before kick-off"):
        plan.std_error("ancova")


def test_arms_of_unequal_size_have_welchs_degrees_of_freedom():
    """The reference has 0.955 for 3 beside 9 units with 10 degrees of freedom: three units do not know their spread so
    well."""
    plan = Plan(units=12, share_pilot=0.25, people_per_unit=8, icc=0.10, waves_before=0, waves_after=1)
    assert plan.arms == (3, 9)
    with_ten = stats.t.ppf(0.975, 10) + stats.t.ppf(0.8, 10)
    assert with_ten * plan.std_error("difference") == pytest.approx(0.955, abs=5e-4)
    assert plan.df == pytest.approx((1 / 3 + 1 / 9) ** 2 / (1 / 9 / 2 + 1 / 81 / 8))
    assert plan.detectable("difference") > 1.1


def test_benjamini_hochberg_rejects_four_of_the_fifteen():
    assert sum(p <= 0.05 for p in benjamini_hochberg(FIFTEEN)) == 4
    assert benjamini_hochberg([0.01, None, 0.04, 0.03]) == pytest.approx([0.04, None, 4 / 3 * 0.04, 4 / 3 * 0.04])


@pytest.mark.parametrize("analysis", ["difference", "difference_in_differences", "ancova"])
def test_the_plans_error_is_that_of_simulated_units(analysis):
    plan = Plan(units=40, people_per_unit=10, icc=0.2, lasting_unit=0.7, lasting_person=0.5, waves_after=2)
    rng, found = np.random.default_rng(8), []
    for _ in range(3_000):
        unit = np.sqrt(0.2) * (np.sqrt(0.7) * rng.normal(size=(40, 1)) + np.sqrt(0.3) * rng.normal(size=(40, 3)))
        person = np.sqrt(0.8 / 10) * (np.sqrt(0.5) * rng.normal(size=(40, 1)) + np.sqrt(0.5) * rng.normal(size=(40, 3)))
        y, treated = unit + person, np.arange(40) < 20
        after, before = y[:, 1:].mean(axis=1), y[:, 0]
        if analysis == "ancova":
            x = np.column_stack([treated, np.ones(40), before])
            found.append(np.linalg.lstsq(x, after, rcond=None)[0][0])
        else:
            value = after - before if analysis == "difference_in_differences" else after
            found.append(value[treated].mean() - value[~treated].mean())
    # 3,000 draws know a standard deviation to 1.3 %; ancova pays a little for estimating the slope.
    assert np.std(found) == pytest.approx(plan.std_error(analysis), rel=0.05)


def test_units_and_waves_needed_are_the_fewest():
    plan = Plan(units=40, people_per_unit=12)
    needed = plan.units_needed(0.2, "ancova")
    assert (
        replace(plan, units=needed).power(0.2, "ancova") >= 0.8 > replace(plan, units=needed - 1).power(0.2, "ancova")
    )
    assert plan.units_needed(0.001, "ancova") is None
    assert plan.power(0.0, "ancova") == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("wrong", [{"icc": 1.2}, {"share_pilot": 1.0}, {"waves_after": 0}, {"people_per_unit": 0}])
def test_a_plan_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"correlations|positive"):
        Plan(**{"units": 40, "people_per_unit": 12, **wrong})


def test_the_intraclass_correlation_is_found_again():
    rng = np.random.default_rng(12)
    n = rng.integers(4, 20, size=4_000)
    unit = np.repeat(np.arange(n.size), n)
    y = 50 + rng.normal(0, 2, n.size)[unit] + rng.normal(0, 6, unit.size)
    total = np.bincount(unit, weights=y)
    squares = np.bincount(unit, weights=(y - (total / n)[unit]) ** 2)
    found = intraclass_correlation(n.astype(float), total, squares)
    assert found.icc == pytest.approx(4 / 40, abs=0.01)
    assert found.sd == pytest.approx(np.sqrt(40), rel=0.01)


def test_units_that_differ_less_than_chance_are_not_negatively_alike():
    found = intraclass_correlation(np.array([2.0, 2.0]), np.array([10.0, 10.0]), np.array([8.0, 8.0]))
    assert found.icc == 0.0
    assert intraclass_correlation(np.array([1.0, 1.0]), np.array([1.0, 2.0]), np.zeros(2)) is None

"""Contrasts of a randomised study against regressions by hand, and the lot drawn again."""

import numpy as np
import pytest

from inference import aggregations, att, randomised
from inference.jackknife import jackknife
from inference.panel import Panel


def draw(seed: int, *, effect: float = 0.0, units: int = 24, periods: int = 4, rho: float = 0.8) -> Panel:
    rng = np.random.default_rng(seed)
    n = rng.integers(5, 15, size=(units, periods)).astype(float)
    lasting = rng.normal(0, np.sqrt(rho), size=(units, 1))
    cohort = rng.permutation(np.repeat([0, 3], units // 2))
    on = (cohort[:, None] > 0) & (np.arange(1, periods + 1) >= 3)
    mean = lasting + rng.normal(0, np.sqrt(1 - rho), size=n.shape) + effect * on
    return Panel(n, n * mean, cohort, n.max(axis=1))


def without_unit(panel: Panel, unit: int) -> Panel:
    keep = np.arange(panel.cohort.size) != unit
    return Panel(panel.n[keep], panel.total[keep], panel.cohort[keep], panel.people[keep])


def test_the_plain_difference_is_the_difference_of_pooled_means():
    panel = draw(1)
    effects = randomised.group_time_contrasts(panel)
    for t, value in zip(effects.t, effects.value, strict=True):
        pooled = [
            panel.total[member, t - 1].sum() / panel.n[member, t - 1].sum()
            for member in (panel.cohort == 3, panel.cohort == 0)
        ]
        assert value == pytest.approx(pooled[0] - pooled[1], abs=1e-12)


def test_the_adjusted_contrast_is_a_weighted_regression():
    panel = draw(2)
    stratum = np.arange(24) % 3
    baseline = randomised.unit_baseline(panel)
    effects = randomised.group_time_contrasts(panel, stratum=stratum, baseline=baseline)
    root = np.sqrt(panel.n[:, 3])
    columns = [panel.cohort == 3, *(stratum == s for s in range(3)), baseline]
    x = np.column_stack(columns) * root[:, None]
    slope = np.linalg.lstsq(x, panel.total[:, 3] / panel.n[:, 3] * root, rcond=None)[0]
    assert effects.value[1] == pytest.approx(slope[0], abs=1e-10)


@pytest.mark.parametrize("adjusted", [False, True])
def test_leave_one_out_values_equal_fitting_without_the_unit(adjusted):
    panel = draw(3)
    baseline = randomised.unit_baseline(panel)
    whole = aggregations.simple(randomised.group_time_contrasts(panel, baseline=baseline if adjusted else None))
    for unit in range(24):
        rest = without_unit(panel, unit)
        slow = randomised.group_time_contrasts(rest, baseline=np.delete(baseline, unit) if adjusted else None)
        assert whole.without[unit] == pytest.approx(aggregations.simple(slow).value, abs=1e-10)


def test_the_units_past_makes_the_answer_more_precise_than_differences_do():
    def error(effects) -> float:
        part = aggregations.simple(effects)
        return jackknife(theta=part.value, theta_without=part.without, cohort=effects.panel.cohort).std_error

    rows = []
    for seed in range(60):
        panel = draw(seed, rho=0.5)
        adjusted = randomised.group_time_contrasts(panel, baseline=randomised.unit_baseline(panel))
        plain = randomised.group_time_contrasts(panel)
        rows.append([error(adjusted), error(plain), error(att.group_time_effects(panel))])
    ancova, difference, changes = np.mean(rows, axis=0)
    assert ancova < difference
    assert ancova < changes


def test_one_wave_is_answered():
    panel = draw(4)
    one = Panel(panel.n[:, 3:], panel.total[:, 3:], np.where(panel.cohort == 3, 1, 0), panel.people)
    effects = randomised.group_time_contrasts(one)
    assert effects.g.tolist() == [1]
    assert np.isfinite(aggregations.simple(effects).value)


def test_a_stratum_of_one_arm_says_nothing():
    panel = draw(5)
    whole = randomised.group_time_contrasts(panel, stratum=np.where(panel.cohort == 3, 1, 0))
    assert np.isnan(whole.value).all()


def test_an_effect_is_seen_by_drawing_the_lot_again_and_nothing_is_not():
    rng = np.random.default_rng(6)
    assert randomised.randomisation_p_value(draw(7, effect=2.0), draws=199, rng=rng) == pytest.approx(1 / 200)
    shares = [randomised.randomisation_p_value(draw(seed), draws=49, rng=rng) <= 0.1 for seed in range(100, 160)]
    assert 0.0 < np.mean(shares) < 0.25


def test_the_lot_is_drawn_within_its_strata():
    panel, seen = draw(8, units=8), []
    panel = Panel(panel.n, panel.total, np.array([0, 3, 0, 3, 0, 0, 0, 3]), panel.people)
    stratum = np.array([0, 0, 0, 0, 1, 1, 1, 1])

    def spy(drawn):
        seen.append(tuple(drawn.cohort))
        return aggregations.simple(att.group_time_effects(drawn))

    randomised.randomisation_p_value(panel, stratum=stratum, statistic=spy, draws=200, rng=np.random.default_rng(1))
    assert {(sum(lot[:4]), sum(lot[4:])) for lot in seen} == {(6, 3)}
    assert len(set(seen)) == 6 * 4  # two of four, and one of four


def test_strata_that_leave_no_other_lot_give_no_p_value():
    panel = draw(9)
    with pytest.raises(ValueError, match="other lots"):
        randomised.randomisation_p_value(
            panel, stratum=np.where(panel.cohort == 3, 1, 0), draws=9, rng=np.random.default_rng(1)
        )


def test_a_units_own_stratum_has_no_say_in_the_contrast():
    panel = draw(10)
    stratum = np.zeros(24, int)
    stratum[5] = 1
    alone = aggregations.simple(randomised.group_time_contrasts(panel, stratum=stratum))
    rest = aggregations.simple(randomised.group_time_contrasts(without_unit(panel, 5)))
    assert alone.value == pytest.approx(rest.value, abs=1e-12)
    assert alone.without[5] == pytest.approx(alone.value, abs=1e-12)

import numpy as np
import pytest

from inference.life_tables import LifeTable, pooled_effect


def table(at_risk, events, pilot, control) -> LifeTable:
    return LifeTable(np.array(at_risk, float), np.array(events, float), np.array(pilot), np.array(control))


def test_survival_is_the_product_of_monthly_shares():
    # 10 at risk, 1 leaves; 1 is censored; 8 at risk, 2 leave: 9/10 · 6/8 = 0.675
    made = table([[10, 8]], [[1, 2]], [True], [False])
    assert made.survival(made.pilot)[0] == pytest.approx(0.675)


def test_everybody_left_is_zero_and_nobody_followed_is_unknown():
    left = table([[4, 2, 0]], [[2, 2, 0]], [True], [False])
    assert left.survival(left.pilot)[0] == 0.0
    lost = table([[4, 2, 0]], [[2, 1, 0]], [True], [False])
    assert np.isnan(lost.survival(lost.pilot)[0])


def random_tables(seed):
    rng = np.random.default_rng(seed)

    def one():
        entered = rng.integers(5, 20, size=(12, 1))
        events = rng.integers(0, 2, size=(12, 3))
        at_risk = entered - np.hstack([np.zeros((12, 1), int), np.cumsum(events, axis=1)[:, :2]])
        return table(at_risk, events, np.arange(12) < 5, np.arange(12) >= 6)

    return [(one(), one()), (one(), one())]


@pytest.mark.parametrize("with_before", [True, False])
def test_leave_one_out_values_equal_estimating_without_the_unit(with_before):
    cohorts = [(after, before if with_before else None) for after, before in random_tables(2)]

    def drop(made, unit):
        if made is None:
            return None
        keep = np.arange(12) != unit
        return LifeTable(made.at_risk[keep], made.events[keep], made.pilot[keep], made.control[keep])

    fast = pooled_effect(cohorts).without
    slow = [pooled_effect([(drop(a, unit), drop(b, unit)) for a, b in cohorts]).value for unit in range(12)]
    assert fast == pytest.approx(np.array(slow), abs=1e-12)


def test_taking_off_an_equal_difference_before_leaves_the_change():
    after = table([[100], [100]], [[10], [20]], [True, False], [False, True])  # 0.90 − 0.80
    before = table([[100], [100]], [[15], [20]], [True, False], [False, True])  # 0.85 − 0.80
    assert pooled_effect([(after, None)]).value == pytest.approx(0.10)
    assert pooled_effect([(after, before)]).value == pytest.approx(0.05)


@pytest.mark.parametrize(("at_risk", "events"), [([[5, 6]], [[0, 0]]), ([[5, 4]], [[1, 5]])])
def test_impossible_risk_sets_are_refused(at_risk, events):
    with pytest.raises(ValueError):
        table(at_risk, events, [True], [False])

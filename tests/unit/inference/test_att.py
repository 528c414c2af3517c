"""ATT(g,t) against R's did on mpdta, against leaving units out by hand, and on panels that fit the screen."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from inference import aggregations, att
from inference.panel import Panel, is_control

REFERENCES = yaml.safe_load((Path(__file__).parents[2] / "references" / "mpdta.yml").read_text())
# Ten digits are printed in the reference, so half a unit of the last one is the best that can be asked.
DIGITS = 1e-8


def test_group_time_effects_equal_the_published_table(mpdta):
    effects = att.group_time_effects(mpdta, control="never_treated")
    errors = np.sqrt(np.sum(effects.influence**2, axis=0))
    ours = {
        (g + 2002, t + 2002): (v, s) for g, t, v, s in zip(effects.g, effects.t, effects.value, errors, strict=True)
    }
    published = REFERENCES["never_treated"]["group_time"]
    assert len(ours) == len(published)
    for g, t, value, error in published:
        assert ours[g, t] == pytest.approx((value, error), abs=DIGITS)


@pytest.mark.parametrize("control", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("name", ["simple", "dynamic", "group", "calendar"])
def test_aggregations_equal_the_published_ones(mpdta, control, name):
    part = getattr(aggregations, name)(att.group_time_effects(mpdta, control=control))
    value, error = REFERENCES[control]["aggregations"][name]
    assert part.value == pytest.approx(value, abs=DIGITS)
    assert part.analytic_std_error == pytest.approx(error, abs=DIGITS)


def test_event_study_and_cohorts_equal_the_published_ones(mpdta):
    effects = att.group_time_effects(mpdta, control="never_treated")
    events, cohorts = aggregations.by_event_time(effects), aggregations.by_cohort(effects)
    known = REFERENCES["never_treated"]
    for e, value in known["event_times"]:
        assert events[e].value == pytest.approx(value, abs=DIGITS)
    for e, error in known["event_time_errors"]:
        assert events[e].analytic_std_error == pytest.approx(error, abs=DIGITS)
    for g, value in known["cohorts"]:
        assert cohorts[g - 2002].value == pytest.approx(value, abs=DIGITS)


def random_panel(seed: int, cohorts=(0, 0, 0, 0, 3, 3, 4, 4, 4, 5)) -> Panel:
    """Ten units, five periods, unequal and changing sizes; the last cohort has one unit."""
    rng = np.random.default_rng(seed)
    n = rng.integers(2, 15, size=(len(cohorts), 5)).astype(float)
    total = n * rng.normal(50, 5, size=n.shape)
    return Panel(n, total, np.array(cohorts), n.max(axis=1) + rng.integers(0, 3, len(cohorts)))


def without_unit(panel: Panel, unit: int) -> Panel:
    keep = np.arange(panel.cohort.size) != unit
    return Panel(panel.n[keep], panel.total[keep], panel.cohort[keep], panel.people[keep])


@pytest.mark.parametrize("control", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("name", ["simple", "dynamic", "group", "calendar"])
def test_leave_one_out_values_equal_estimating_without_the_unit(control, name):
    panel = random_panel(3, cohorts=(0, 0, 0, 0, 3, 3, 4, 4, 5, 5))
    aggregate = getattr(aggregations, name)
    fast = aggregate(att.group_time_effects(panel, control=control)).without
    slow = [
        aggregate(att.group_time_effects(without_unit(panel, unit), control=control)).value
        for unit in range(panel.cohort.size)
    ]
    assert fast == pytest.approx(np.array(slow), abs=1e-12)


def test_a_cohort_of_one_unit_drops_out_when_that_unit_is_left_out():
    panel = random_panel(4)
    fast = aggregations.simple(att.group_time_effects(panel)).without[9]
    assert fast == pytest.approx(aggregations.simple(att.group_time_effects(without_unit(panel, 9))).value, abs=1e-12)


def test_a_hand_computed_difference_in_differences():
    # pilot 10 → 18, control 20 → 23: (18 − 10) − (23 − 20) = 5
    panel = Panel(
        n=np.full((2, 2), 4.0),
        total=4 * np.array([[10.0, 18.0], [20.0, 23.0]]),
        cohort=np.array([2, 0]),
        people=np.array([4.0, 4.0]),
    )
    assert aggregations.simple(att.group_time_effects(panel)).value == pytest.approx(5.0)


def test_moving_a_constant_between_units_or_periods_changes_nothing():
    panel = random_panel(5)
    moved = Panel(panel.n, panel.total + panel.n * np.array([0, 7, -3, 4, 11.0]), panel.cohort, panel.people)
    before, after = (aggregations.simple(att.group_time_effects(p)).value for p in (panel, moved))
    assert after == pytest.approx(before, abs=1e-10)


def test_units_whose_kickoff_lies_ahead_are_control_but_never_treated():
    panel = random_panel(6, cohorts=(0, 0, 3, 3, 6, 6))
    effects = att.group_time_effects(panel)
    assert set(effects.g) == {3}
    assert is_control(panel, 3, 5, "not_yet_treated").tolist() == [True, True, False, False, True, True]
    assert is_control(panel, 3, 5, "never_treated").tolist() == [True, True, False, False, False, False]


def test_a_cohort_treated_in_the_first_period_has_no_effect_to_estimate():
    assert att.group_time_effects(random_panel(7, cohorts=(0, 0, 1, 1))).value.size == 0


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="negative"):
        Panel(np.array([[-1.0]]), np.array([[1.0]]), np.array([0]), np.array([1.0]))

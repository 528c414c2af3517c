"""What an effect is counted from: the year before kick-off, its last period alone, or its earlier ones."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from inference import aggregations, att
from inference.balanced import balanced_effect
from inference.estimates import Asked, estimate_study
from inference.judging import arms_of
from inference.panel import Panel
from simulation import laboratory
from tests.unit.inference.test_around import staggered
from tests.unit.inference.test_beside import ENGAGEMENT, organisation


def change(panel, g, t, s):
    """Of the cohort less the never-treated, from period s to t (from 1), pooled over people."""

    def mean(cohort, period):
        member = panel.cohort == cohort
        return panel.total[member, period - 1].sum() / panel.n[member, period - 1].sum()

    return mean(g, t) - mean(g, s) - (mean(0, t) - mean(0, s))


def of(effects, g, t):
    return effects.value[(effects.g == g) & (effects.t == t)].item()


def test_each_period_of_the_year_before_counts_and_those_before_it_do_not():
    panel = staggered(4)
    effects = att.group_time_effects(panel, control="never_treated", span=4)
    assert of(effects, 7, 8) == pytest.approx(np.mean([change(panel, 7, 8, s) for s in (3, 4, 5, 6)]))
    assert of(effects, 3, 4) == pytest.approx(np.mean([change(panel, 3, 4, s) for s in (1, 2)]))
    assert of(effects, 7, 5) == pytest.approx(change(panel, 7, 5, 4))  # before kick-off: from the one before, as ever
    where = (effects.g == 7) & (effects.t == 8)
    assert effects.distance[where] == pytest.approx(8 - 4.5)
    assert effects.base[where] == 6
    assert att.group_time_effects(panel, span=1).value == pytest.approx(att.group_time_effects(panel).value)


def test_what_is_announced_early_is_no_base():
    panel = staggered(4)
    effects = att.group_time_effects(panel, control="never_treated", span=2, anticipation=1)
    assert of(effects, 7, 8) == pytest.approx(np.mean([change(panel, 7, 8, s) for s in (4, 5)]))


def test_a_period_in_which_few_were_asked_counts_little():
    panel = staggered(4)
    few = panel.n.copy()
    few[:, 4] /= 10
    panel = replace(panel, n=few, total=panel.total * few / panel.n)
    effects = att.group_time_effects(panel, control="never_treated", span=4)
    each = [change(panel, 7, 8, s) for s in (3, 4, 5, 6)]
    assert of(effects, 7, 8) == pytest.approx(np.average(each, weights=[1, 1, 0.1, 1]))


def test_a_period_in_which_an_arm_is_silent_is_no_base_and_spoils_none():
    panel = staggered(4)
    silent = np.zeros(panel.n.shape, bool)
    silent[panel.cohort == 0, 5] = True
    panel = replace(panel, n=np.where(silent, 0, panel.n), total=np.where(silent, 0, panel.total))
    effects = att.group_time_effects(panel, control="never_treated", span=4)
    assert of(effects, 7, 8) == pytest.approx(np.mean([change(panel, 7, 8, s) for s in (3, 4, 5)]))
    assert effects.base[(effects.g == 7) & (effects.t == 8)] == 5
    assert np.isnan(of(att.group_time_effects(panel, control="never_treated"), 7, 8))


def test_leaving_a_unit_out_is_computing_without_it():
    panel = staggered(4)
    effects = att.group_time_effects(panel, span=4)
    for unit in (0, 20, 39):
        kept = np.arange(40) != unit
        without = att.group_time_effects(
            Panel(panel.n[kept], panel.total[kept], panel.cohort[kept], panel.people[kept]), span=4
        )
        assert effects.without[unit] == pytest.approx(without.value)


def test_a_period_in_which_one_unit_stands_for_an_arm_is_no_base():
    panel = staggered(4)
    lone = np.zeros(panel.n.shape, bool)
    lone[1:16, 2] = True  # of the control, one unit is seen in the third period
    panel = replace(panel, n=np.where(lone, 0, panel.n), total=np.where(lone, 0, panel.total))
    effects = att.group_time_effects(panel, control="never_treated", span=4)
    assert of(effects, 7, 8) == pytest.approx(np.mean([change(panel, 7, 8, s) for s in (4, 5, 6)]))


def test_influence_gives_the_error_that_leaving_out_gives():
    panel = staggered(5)
    simple = aggregations.simple(att.group_time_effects(panel, span=4))
    shifts = simple.without - simple.value
    by_deletion = np.sqrt(39 / 40 * np.sum(shifts**2))
    assert simple.analytic_std_error == pytest.approx(by_deletion, rel=0.1)


def test_an_effect_counted_from_earlier_periods_does_not_know_of_the_last_one():
    """Units that were chosen for a last result that was two too low come back by themselves."""
    panel = staggered(4)
    last = (np.arange(1, 9) == panel.cohort[:, None] - 1) & (panel.cohort[:, None] > 0)
    chosen = replace(panel, total=panel.total - 2 * panel.n * last)
    usual, dipped = (att.group_time_effects(each, control="never_treated", span=4) for each in (panel, chosen))
    from_last = [aggregations.simple(att.effects_counted_from(each, "last")).value for each in (usual, dipped)]
    assert from_last[1] == pytest.approx(from_last[0] + 2)
    assert aggregations.simple(usual).value < aggregations.simple(dipped).value < from_last[1]
    earlier, after_dip = (att.effects_counted_from(each, "earlier") for each in (usual, dipped))
    assert (
        aggregations.simple(after_dip).value
        == pytest.approx(aggregations.simple(earlier).value)
        == pytest.approx(1, abs=0.2)
    )
    assert after_dip.without == pytest.approx(earlier.without)
    assert of(earlier, 5, 8) == pytest.approx(np.mean([change(panel, 5, 8, s) for s in (1, 2, 3)]))
    one_before = Panel(panel.n[:, 1:], panel.total[:, 1:], np.where(panel.cohort > 0, 2, 0), panel.people)
    assert att.effects_counted_from(att.group_time_effects(one_before, span=4), "earlier").value.size == 0


def test_units_seen_only_in_the_base_are_not_counted_and_their_error_is():
    panel = staggered(4)
    gone = np.zeros(panel.n.shape, bool)
    gone[:4, 6:] = True  # four units of the control dissolve when the last cohort begins
    panel = replace(panel, n=np.where(gone, 0, panel.n), total=np.where(gone, 0, panel.total))
    effects = att.group_time_effects(panel, control="never_treated", span=4)
    arms = arms_of(effects, (effects.g == 7) & (effects.t >= 7))
    assert arms.n_units == (8, 12)
    assert arms.control.sum() == 16


def test_weighted_arms_are_counted_from_the_same_periods():
    """Where every control is alike in its facts, weighing changes nothing."""
    panel = staggered(4)
    facts = np.tile([0.0, 1.0], 20)[:, None]
    weighted, _ = balanced_effect(panel, facts, span=4)
    plain = aggregations.simple(att.group_time_effects(panel, control="never_treated", span=4))
    assert weighted.value == pytest.approx(plain.value)


def test_a_year_before_is_worth_more_units_and_takes_half_of_a_bad_last_result_off():
    """What the page of benchmarks/coverage.py shows in full."""
    found = {}
    for name in ("nothing", "nothing, all chosen by last result"):
        draws = [laboratory.draw(laboratory.DECISIONS[name], np.random.default_rng([3, k])) for k in range(60)]
        panels = [Panel(drawn.n, drawn.total, drawn.cohort, drawn.people) for drawn in draws]
        for span in (1, 4):
            found[name, span] = np.array(
                [aggregations.simple(att.group_time_effects(panel, span=span)).value for panel in panels]
            )
    assert found["nothing", 4].std() < 0.85 * found["nothing", 1].std()
    bias = [found["nothing, all chosen by last result", span].mean() for span in (1, 4)]
    assert bias[1] < 0.6 * bias[0]


@pytest.mark.parametrize(
    "name",
    [
        "0.4, a fifth of the units merges with others",
        "0.4, half of it reaches the control from the third wave on",
        "0.4, the pilot is not asked in the last wave before",
        "0.4, the control is not asked in the second wave",
    ],
)
def test_the_truth_of_a_design_is_what_estimates_come_out_at(name):
    """But for what leaks late, half of 0.4 in two of four waves: what all control units have in common is unseen."""
    draws = [laboratory.draw(laboratory.DECISIONS[name], np.random.default_rng([4, k])) for k in range(150)]
    panels = [Panel(drawn.n, drawn.total, drawn.cohort, drawn.people) for drawn in draws]
    found = np.array([aggregations.simple(att.group_time_effects(panel, span=4)).value for panel in panels])
    leaked = 0.1 if laboratory.DECISIONS[name].spills else 0.0
    error = found.std(ddof=1) / np.sqrt(found.size)
    assert found.mean() == pytest.approx(draws[0].truth - leaked, abs=3.5 * error)
    assert error < 0.015


def test_the_headline_is_counted_from_a_year_and_the_others_stand_beside_it():
    rows = estimate_study(Asked(questions=[ENGAGEMENT]), organisation()).estimates
    mine = rows.filter((pl.col("estimator") == "att_not_yet_treated") & (pl.col("segment") == "all"))
    by_name = {row["aggregation"]: row for row in mine.iter_rows(named=True) if row["cohort"] == "all"}
    whole, last, earlier = (by_name[name]["estimate"] for name in ("simple", "last_base", "earlier_base"))
    assert by_name["simple"]["is_headline"]
    assert min(last, earlier) < whole < max(last, earlier)
    assert by_name["simple"]["std_error"] < by_name["last_base"]["std_error"]


def test_waves_a_year_apart_have_earlier_ones_too():
    panel = staggered(4)
    yearly = att.group_time_effects(panel, control="never_treated", span=1)
    earlier = att.effects_counted_from(yearly, "earlier")
    assert of(earlier, 7, 8) == pytest.approx(np.mean([change(panel, 7, 8, s) for s in range(1, 6)]))


def test_units_that_come_late_leave_no_level_in_the_effect():
    """Eight pilot units that are one lower are seen from the last period before kick-off on."""
    panel = staggered(4)
    late = np.zeros(panel.n.shape, bool)
    late[panel.cohort == 7, :5] = np.arange(8)[:, None] < 2
    level = np.where((panel.cohort == 7) & (np.cumsum(panel.cohort == 7) <= 2), -5.0, 0.0)
    total = panel.total + panel.n * level[:, None]
    panel = replace(panel, n=np.where(late, 0, panel.n), total=np.where(late, 0, total))
    effects = att.group_time_effects(panel, control="never_treated", span=4)
    assert of(effects, 7, 8) == pytest.approx(change(panel, 7, 8, 6))
    assert of(effects, 5, 8) == pytest.approx(np.mean([change(panel, 5, 8, s) for s in (1, 2, 3, 4)]))

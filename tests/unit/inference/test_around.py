"""What stands around an estimate: weights, bounds, pooled coaches, bands, slopes and verdicts."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from inference import aggregations, answers, associations, att, balance, balanced, pooling
from inference.jackknife import Uncertainty, jackknife
from inference.judging import arms_of
from inference.panel import NEVER, Panel
from inference.results import Cause, Estimate, NotEstimable
from inference.verdicts import verdict_on


def test_entropy_balancing_meets_the_moments_and_stays_near_the_base():
    rng = np.random.default_rng(1)
    facts, base = rng.normal(size=(40, 3)) * [1, 10, 0.1], rng.integers(5, 20, 40).astype(float)
    target = np.array([0.3, -2.0, 0.02])
    weights = balance.entropy_balance(facts, base, target)
    assert weights @ facts == pytest.approx(target, abs=1e-7)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.all(weights > 0)
    # Hainmueller's eq. (10): the log of weight over base is linear in the facts.
    x = np.column_stack([np.ones(40), facts])
    log = np.log(weights / base)
    assert log == pytest.approx(x @ np.linalg.lstsq(x, log, rcond=None)[0], abs=1e-8)


def test_arms_that_are_alike_keep_their_weights():
    facts, base = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 1.0])
    assert balance.entropy_balance(facts, base, np.array([2.0])) == pytest.approx(base / 4)


def test_arms_that_do_not_overlap_are_said_so():
    with pytest.raises(ArithmeticError, match="overlap"):
        balance.entropy_balance(np.array([[1.0], [2.0], [3.0]]), np.ones(3), np.array([4.0]))


def test_lee_bounds_by_hand():
    # Pilot answers 1, 2, 3, 4 at a rate of 0.8; control 2, 3 at 0.6: a quarter of the pilot's four is one answer.
    found = answers.lee_bounds(
        np.array([1, 2, 3, 4]), np.array([1, 1, 1, 1]), np.array([0, 1, 1, 0]), rate_pilot=0.8, rate_control=0.6
    )
    assert (found.low, found.high, found.trimmed_share) == pytest.approx((2 - 2.5, 3 - 2.5, 0.25))


def test_lee_bounds_trim_the_control_where_it_answers_more_and_cut_an_answer_in_parts():
    found = answers.lee_bounds(np.array([0, 10]), np.array([1, 1]), np.array([2, 2]), rate_pilot=0.45, rate_control=0.5)
    # A tenth of four is 0.4 answers: control means (2 · 10)/3.6 and (1.6 · 10)/3.6
    assert (found.low, found.high) == pytest.approx((5 - 20 / 3.6, 5 - 16 / 3.6))


def test_lee_bounds_hold_the_effect_when_the_unhappy_fall_silent():
    rng = np.random.default_rng(2)
    latent = np.clip(np.round(rng.normal(3, 1, size=200_000)), 1, 5)
    in_pilot = rng.random(latent.size) < 0.5
    answered = rng.random(latent.size) < np.where(in_pilot | (latent > 2), 0.9, 0.5)
    values = np.arange(1, 6)
    counts = [np.array([np.sum(answered & arm & (latent == v)) for v in values]) for arm in (in_pilot, ~in_pilot)]
    rates = [np.mean(answered[arm]) for arm in (in_pilot, ~in_pilot)]
    naive = values @ counts[0] / counts[0].sum() - values @ counts[1] / counts[1].sum()
    found = answers.lee_bounds(values, *counts, rate_pilot=rates[0], rate_control=rates[1])
    assert naive < -0.05  # the programme did nothing, yet it looks as if it harmed
    assert found.low < 0 < found.high


def test_bounds_say_how_many_answers_were_trimmed():
    found = answers.lee_bounds(np.arange(10), np.ones(10), np.ones(10), rate_pilot=0.5, rate_control=0.4)
    assert (found.trimmed_share, found.n_trimmed) == pytest.approx((0.2, 2.0))


def one_unit_each(n, total):
    """A panel of one treated unit (from period 2) and one control unit."""
    return Panel(np.array(n, float), np.array(total, float), np.array([2, 0]), np.array([4.0, 5.0]))


def test_selection_bounds_by_hand():
    # Five asked in each unit and period. The pilot's rate goes from 0.6 to 0.8, the control's stays at 0.6: of the
    # pilot's 1, 2, 3, 4 a quarter is one answer too many. Before: pilot 2, control 1; control after: 1.
    panel = one_unit_each([[3, 4], [3, 3]], [[6, 10], [3, 3]])
    values = np.arange(1, 5)
    counts = np.array([[[3, 0, 0, 0], [3, 0, 0, 0]], [[0, 3, 0, 0], [1, 1, 1, 1]]], float)
    found = answers.selection_bounds(
        att.group_time_effects(panel), np.full((2, 2), 5.0), answers.Histograms(values, np.array([0, 2]), counts)
    )
    assert (found.low, found.high, found.trimmed_share) == pytest.approx(((2 - 1) - 1, (3 - 1) - 1, 0.25))
    assert found.n_trimmed == pytest.approx(1.0)


def test_selection_bounds_hold_no_effect_when_the_unhappy_of_the_pilot_fall_silent():
    """Control: 3 always. Pilot: 1 and 5 in halves; after kick-off every other 1 is silent, and that is all."""
    values = np.array([1, 3, 5])
    panel = one_unit_each([[100, 75], [100, 100]], [[300, 275], [300, 300]])
    counts = np.array([[[0, 100, 0], [0, 100, 0]], [[50, 0, 50], [25, 0, 50]]], float)
    found = answers.selection_bounds(
        att.group_time_effects(panel), np.full((2, 2), 100.0), answers.Histograms(values, np.array([0, 2]), counts)
    )
    assert found.low == pytest.approx(0.0) and found.high > 0.6


def test_selection_bounds_hold_the_effect_when_the_unhappy_of_the_control_fall_silent():
    rng = np.random.default_rng(5)
    values, n = np.arange(1, 8), 40_000
    given = np.clip(np.round(rng.normal(4, 1.2, size=(2, n, 2))), 1, 7)
    unmoved = given[0, :, 1].copy()
    given[0, :, 1] = np.clip(unmoved + (rng.random(n) < 0.5), 1, 7)
    truth = np.mean(given[0, :, 1] - unmoved)
    answered = rng.random(given.shape) < 0.8
    answered[1, :, 1] &= (given[1, :, 1] > 3) | (rng.random(n) < 0.4)
    counts = np.array([[[np.sum((given[arm, :, t] == v) & answered[arm, :, t]) for v in values] for t in (0, 1)]
                       for arm in (1, 0)], float)  # fmt: skip
    panel = one_unit_each(answered.sum(axis=1), np.where(answered, given, 0).sum(axis=1))
    effects = att.group_time_effects(panel)
    found = answers.selection_bounds(
        effects, np.full((2, 2), float(n)), answers.Histograms(values, np.array([0, 2]), counts)
    )
    assert aggregations.simple(effects).value < truth - 0.1  # the silent made the control look better
    assert found.low < truth < found.high


def test_a_period_that_only_one_arm_has_seen_leaves_the_calendar_average_of_the_others():
    panel = staggered(6)
    control = panel.cohort == 0
    gap = panel.n.copy()
    gap[control, 6] = 0  # nobody of the control answers in the seventh period, in which all cohorts are treated
    effects = att.group_time_effects(Panel(gap, np.where(gap > 0, panel.total, 0.0), panel.cohort, panel.people))
    others = [part.value for t, part in aggregations.by_calendar(att.group_time_effects(panel)).items() if t != 7]
    assert aggregations.calendar(effects).value == pytest.approx(np.mean(others))
    assert 7 not in aggregations.by_calendar(effects)


def test_the_newest_cohorts_are_as_many_as_have_enough_units_together():
    panel = Panel(np.ones((12, 5)), np.ones((12, 5)), np.array([2] * 4 + [3] * 3 + [4] * 2 + [0] * 3), np.ones(12))
    effects = att.group_time_effects(panel)
    for at_least, cohorts in ((2, {4}), (3, {3, 4}), (6, {2, 3, 4}), (10, set())):
        assert set(effects.g[att.newest_cohorts(effects, at_least=at_least)]) == cohorts


def test_the_interval_of_a_set_is_two_sided_for_a_point_and_one_sided_for_a_wide_set():
    """Imbens & Manski (2004), section 4: 1.96 errors where the set is a point, 1.645 where it is wide."""
    normal = Uncertainty(1.0, np.inf)
    assert answers.interval_of_set(2.0, 2.0, normal, alpha=0.05) == pytest.approx((2 - 1.959964, 2 + 1.959964))
    assert answers.interval_of_set(0.0, 50.0, normal, alpha=0.05) == pytest.approx((-1.644854, 51.644854))
    for width, df in ((0.0, 8), (0.3, 8), (1.0, 20), (4.0, 20)):  # the effect at an end of the set: the worst case
        low, high = answers.interval_of_set(0.0, width, Uncertainty(1.0, df), alpha=0.05)
        assert stats.t.cdf(high, df) - stats.t.cdf(low, df) >= 0.95 - 1e-9
        assert stats.t.cdf(high - width, df) - stats.t.cdf(low - width, df) >= 0.95 - 1e-9


def test_an_arm_without_answers_has_no_bounds():
    with pytest.raises(ValueError, match="answers"):
        answers.lee_bounds(np.array([1]), np.array([1]), np.array([0]), rate_pilot=0.5, rate_control=0.0)


def test_weights_for_silence_make_a_unit_count_as_it_was_asked():
    panel = Panel(np.array([[2.0], [8.0]]), np.array([[8.0], [16.0]]), np.array([0, 0]), np.array([10.0, 10.0]))
    made = answers.weighted_for_response(np.array([[10.0], [10.0]]), panel)
    assert made.total.sum() / made.n.sum() == pytest.approx(3.0)  # the mean of 4 and 2, not 24/10
    response = answers.response_panel(np.array([[10.0], [10.0]]), panel)
    assert (response.total / response.n).tolist() == [[0.2], [0.8]]


def test_coaches_who_are_all_alike_are_shown_as_alike():
    rng = np.random.default_rng(3)
    variance = rng.uniform(0.5, 2.0, size=30)
    alike = [pooling.partial_pooling(rng.normal(5, np.sqrt(variance)), variance) for _ in range(300)]
    assert np.mean([found.between for found in alike]) < 0.35
    assert np.mean([np.std(found.value) for found in alike]) < 0.4


def test_partially_pooled_intervals_hold_the_truth_and_beat_the_raw_values():
    rng = np.random.default_rng(4)
    held, raw_loss, loss = [], [], []
    for _ in range(400):
        variance = rng.uniform(0.3, 3.0, size=20)
        truth = rng.normal(2, 1, size=20)
        y = truth + rng.normal(0, np.sqrt(variance))
        found = pooling.partial_pooling(y, variance)
        held.append(np.mean((found.low <= truth) & (truth <= found.high)))
        raw_loss.append(np.mean((y - truth) ** 2))
        loss.append(np.mean((found.value - truth) ** 2))
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)
    assert np.mean(loss) < 0.7 * np.mean(raw_loss)


def test_the_variance_between_coaches_is_where_the_spread_is_as_expected():
    y, variance = np.array([1.0, 4.0, 2.0, 7.0]), np.array([1.0, 0.5, 2.0, 1.0])
    tau2 = pooling.between_variance(y, variance)
    weight = 1 / (variance + tau2)
    assert weight @ (y - weight @ y / weight.sum()) ** 2 == pytest.approx(3.0)


@pytest.mark.parametrize(("y", "variance"), [(np.ones(3), np.ones(3)), (np.ones(5), np.zeros(5))])
def test_too_few_coaches_or_a_variance_of_zero_are_refused(y, variance):
    with pytest.raises(ValueError, match=r"coaches|variance"):
        pooling.partial_pooling(y, variance)


def test_one_in_twenty_coaches_lies_outside_the_funnel_by_chance():
    variance = np.linspace(0.1, 2, 50)
    y = np.random.default_rng(5).normal(0, np.sqrt(variance), size=(500, 50))
    low, high = pooling.funnel_limits(0.0, variance)
    assert np.mean((y < low) | (y > high)) == pytest.approx(0.05, abs=0.005)


def staggered(seed: int, *, decay: float = 0.0, periods: int = 8) -> Panel:
    rng = np.random.default_rng(seed)
    cohort = np.repeat([0, 3, 5, 7], [16, 8, 8, 8])
    n = np.full((40, periods), 10.0)
    mean = rng.normal(0, 1, size=(40, 1)) + rng.normal(0, 0.3, size=n.shape)
    size = np.where(cohort > 0, 1.0 - decay * (cohort - 3) / 2, 0.0)
    mean += size[:, None] * (np.arange(1, periods + 1) >= cohort[:, None]) * (cohort[:, None] > 0)
    return Panel(n, n * mean, cohort, np.full(40, 10.0))


def test_an_effect_that_decays_from_wave_to_wave_has_a_falling_slope():
    panel = staggered(1, decay=0.5)
    parts = list(aggregations.by_cohort(att.group_time_effects(panel)).values())
    slope = associations.slope_over(parts, np.arange(3.0))
    uncertainty = jackknife(theta=slope.value, theta_without=slope.without, cohort=panel.cohort)
    low, high = uncertainty.interval(slope.value, alpha=0.05)
    assert low < -0.5 < high < 0
    with pytest.raises(ValueError, match="positions"):
        associations.slope_over(parts, np.ones(3))


def test_dose_response_is_a_regression_within_cohorts():
    panel = staggered(2)
    dose = np.random.default_rng(6).uniform(0, 4, size=40)
    found = associations.dose_response(panel, dose)
    after = np.arange(1, 9) >= panel.cohort[:, None]
    mean = panel.total / panel.n
    change = np.array([mean[c][after[c]].mean() - mean[c][~after[c]].mean() for c in np.flatnonzero(panel.cohort)])
    treated = panel.cohort > 0
    x = np.column_stack([dose[treated], *(panel.cohort[treated] == g for g in (3, 5, 7))])
    assert found.slope.value == pytest.approx(np.linalg.lstsq(x, change, rcond=None)[0][0], abs=1e-12)
    assert found.units.sum() == 24
    assert associations.dose_response(panel, np.ones(40)) is None


def test_a_band_holds_the_whole_curve_where_single_intervals_do_not():
    rng = np.random.default_rng(7)
    inside, pointwise = [], []
    for seed in range(300):
        panel = staggered(1_000 + seed)
        truth = range(6)
        events = aggregations.by_event_time(att.group_time_effects(panel))
        parts = [events[e] for e in truth if e in events]
        found = [jackknife(theta=p.value, theta_without=p.without, cohort=panel.cohort) for p in parts]
        df = min(each.df for each in found if each)
        critical = associations.simultaneous_critical_value(parts, df, draws=2_000, rng=rng)
        reach = np.array([each.std_error for each in found])
        miss = np.abs(np.array([p.value for p in parts]) - 1.0)
        inside.append(np.all(miss <= critical * reach))
        pointwise.append(np.all(miss <= stats.t.ppf(0.975, df) * reach))
    assert np.mean(inside) == pytest.approx(0.95, abs=0.035)
    assert np.mean(pointwise) < np.mean(inside) - 0.03


def estimate(value: float, p: float) -> Estimate:
    return Estimate(
        estimate=value, std_error=1.0, ci_low=value - 2, ci_high=value + 2, p_value=p, df=20.0,
        n_units_pilot=10, n_units_control=10, n_pilot=100, n_control=100, method="m",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "adjusted", "direction", "word"),
    [
        (estimate(3, 0.001), 0.003, "up", "improved"),
        (estimate(3, 0.001), 0.003, "down", "worsened"),
        (estimate(-3, 0.001), 0.003, "down", "improved"),
        (estimate(-3, 0.001), 0.003, "none", "changed"),
        (estimate(3, 0.03), 0.09, "up", "no effect seen"),
        (estimate(3, 0.03), None, "up", "improved"),
        (NotEstimable(reason="few", cause=Cause.TOO_FEW_UNITS), None, "up", "too few teams"),
        (NotEstimable(reason="no records from the source survey"), None, "up", "not estimable"),
    ],
)
def test_words_follow_from_the_numbers(result, adjusted, direction, word):
    found = verdict_on(result, p_value_adjusted=adjusted, direction=direction, alpha=0.05)
    assert found == word
    assert found.is_effect == (word in ("improved", "worsened", "changed"))


def test_coaches_are_compared_with_the_control_and_pooled():
    # Two waves; control rises by 1; coach a: 10 → 14 (two units), b: 10 → 11, c and d: 10 → 12.
    n = np.full((7, 2), 8.0)
    mean = np.array([[10, 14], [10, 14], [10, 11], [10, 12], [10, 12], [10, 11], [10, 11]], float)
    panel = Panel(n, n * mean, np.array([2, 2, 2, 2, 2, 0, 0]), np.full(7, 8.0))
    found = pooling.changes_by_coach(panel, np.full((7, 2), 7 * 4.0), ["a", "a", "b", "c", "d", None, "x"])
    assert found.coach == ["a", "b", "c", "d"]
    assert found.change == pytest.approx([3, 0, 1, 1])
    # s² = 4: twice over the coach's 16 or 8 answers, twice over the control's 16; of answers that are alike by a half
    # the half is gone.
    assert found.variance == pytest.approx([0.5 + 0.5, 1.5, 1.5, 1.5])
    coaches = ["a", "a", "b", "c", "d", None, "x"]
    alike = pooling.changes_by_coach(panel, np.full((7, 2), 7 * 4.0), coaches, alike=0.5)
    assert alike.variance == pytest.approx([0.5, 0.75, 0.75, 0.75])
    table = pooling.coach_table({"m": found}, alpha=0.05, minimum=8)
    assert dict(table.schema) == pooling.COACHES_SCHEMA
    assert table["pooled"].is_between(0.0, 3.0).all() and table["status"].unique().to_list() == ["estimated"]


def test_how_alike_a_persons_answers_are_follows_from_the_changes():
    changes = pl.DataFrame({"n_people": [11, 21], "centred_sum_of_squares": [40.0, 50.0]})  # s_d² = 3
    assert pooling.alike_from_period_to_period(changes, 4.0) == pytest.approx(1 - 3 / 8)
    assert pooling.alike_from_period_to_period(changes, 1.0) == 0.0  # less alike than strangers: as strangers
    assert pooling.alike_from_period_to_period(changes.clear(), 4.0) == 0.0


@pytest.mark.parametrize("spread", [0.2, 0.4])
def test_intervals_of_coaches_hold_coach_and_team_together(spread):
    """Twelve coaches of a team each, six waves, four of five answer; half of the variance lasts with a person."""
    rng = np.random.default_rng(7)
    kicked, waves, ratio, held = np.arange(24) < 12, np.arange(6), [], []
    for _ in range(60):
        unit = np.repeat(np.arange(24), rng.integers(8, 19, 24))
        level = rng.normal(0, 0.22, (24, 1)) + rng.normal(0, 0.22, (24, 6))
        level = level + np.where(kicked[:, None] & (waves >= 2), rng.normal(0.3, spread, (24, 1)), 0.0)
        y = level[unit] + rng.normal(0, 0.5**0.5, (unit.size, 1)) + rng.normal(0, 0.4**0.5, (unit.size, 6))
        answered = rng.random(y.shape) < 0.8

        def summed(values, unit=unit):
            return np.column_stack([np.bincount(unit, values[:, t], 24) for t in waves])

        n, total = summed(answered * 1.0), summed(np.where(answered, y, 0.0))
        squares = summed(np.where(answered, (y - (total / n)[unit]) ** 2, 0.0))
        panel = Panel(n, total, np.where(kicked, 3, 0), np.bincount(unit).astype(float))
        coach = [f"{index:02}" if index < 12 else None for index in range(24)]
        found = pooling.changes_by_coach(panel, squares, coach, alike=0.5 / 0.9)

        def change(of, n=n, level=level):
            late, early = ((level * n)[of][:, when].sum() / n[of][:, when].sum() for when in (waves >= 2, waves < 2))
            return late - early

        truth = np.array([change([index]) for index in range(12)]) - change(~kicked)
        pooled = pooling.partial_pooling(found.change, found.variance)
        ratio.append([found.variance.mean(), np.mean((found.change - truth) ** 2)])
        held.append(np.mean((pooled.low <= truth) & (truth <= pooled.high)))
    estimated, real = np.mean(ratio, axis=0)
    assert estimated / real == pytest.approx(1, abs=0.12)
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_three_coaches_are_listed_but_not_pooled():
    made = pooling.Changes(["a", "b", "c"], np.ones(3), np.ones(3), np.ones(3, int), np.full(3, 9))
    table = pooling.coach_table({"m": made}, alpha=0.05, minimum=9)
    assert table["status"].to_list() == ["not_estimable"] * 3 and table["pooled"].null_count() == 3


def test_a_coach_of_few_people_pools_with_nobody():
    """Mean and spread of all, which the others' rows give, would give the hidden one back."""
    rng = np.random.default_rng(1)
    change, variance = rng.normal(size=7), np.ones(7)

    def made(last: float) -> pl.DataFrame:
        found = pooling.Changes(
            list("abcdefg"), np.append(change[:6], last), variance, np.ones(7, int), np.array([12] * 6 + [9])
        )
        return pooling.coach_table({"m": found}, alpha=0.05, minimum=10)

    assert made(-20.0).equals(made(20.0))
    hidden = made(-20.0).filter(pl.col("coach_person_id") == "g").row(0, named=True)
    assert (hidden["status"], hidden["change"], hidden["n_people"]) == ("suppressed", None, None)


def test_a_coachs_people_are_those_who_were_there_on_either_side():
    # One answer before kick-off, nine after it, ten people in all: the change would disclose the one.
    panel = Panel(
        np.array([[1.0, 9.0], [20.0, 20.0]]), np.array([[25.0, 630.0], [200.0, 220.0]]), np.array([2, 0]),
        np.array([10.0, 20.0]),
    )  # fmt: skip
    found = pooling.changes_by_coach(panel, np.ones((2, 2)), ["a", None])
    assert found.n_people.tolist() == [1]


def test_announced_early_the_months_before_kick_off_are_neither_base_nor_before():
    """The programme is known of one period ahead and moves the outcome by then: the base must lie before that."""
    panel = staggered(3)
    ahead = (np.arange(1, 9) == panel.cohort[:, None] - 1) & (panel.cohort[:, None] > 0)
    panel = replace(panel, total=panel.total + panel.n * 0.5 * ahead)
    careless = aggregations.simple(att.group_time_effects(panel))
    effects = att.group_time_effects(panel, anticipation=1)
    assert careless.value == pytest.approx(0.5, abs=0.15)
    assert aggregations.simple(effects).value == pytest.approx(1.0, abs=0.15)
    assert aggregations.by_event_time(effects)[-1].value == pytest.approx(0.5, abs=0.15)
    treated = effects.t >= effects.g
    assert (effects.base[treated] == effects.g[treated] - 2).all()
    cohort = NEVER + (effects.g == 3) * treated
    arms = arms_of(effects, cohort.astype(bool) & (effects.t == 4))
    assert not arms.control[panel.cohort == 5].any()  # they know already
    assert arms.control[panel.cohort == 7].all()


def test_the_balanced_mean_leaves_out_event_times_that_some_cohort_does_not_reach():
    effects = att.group_time_effects(staggered(4, decay=0.5))
    parts = aggregations.by_event_time(effects)
    assert aggregations.dynamic_balanced(effects).value == pytest.approx(
        np.mean([parts[0].value, parts[1].value]), abs=1e-12
    )
    assert abs(aggregations.dynamic(effects).value - aggregations.dynamic_balanced(effects).value) > 0.05


def test_entropy_balancing_ends_where_a_step_gains_less_than_rounding():
    """Of a thousand targets near the middle all are met: the last step to 1e-8 gains 1e-16 of the dual."""
    rng = np.random.default_rng(7)
    for _ in range(1_000):
        facts = np.column_stack([rng.normal(5, 1, (60, 2)), rng.integers(8, 16, 60)])
        base = rng.integers(8, 16, 60).astype(float)
        target = base @ facts / base.sum() + rng.normal(0, 0.1, 3) * facts.std(axis=0)
        weights = balance.entropy_balance(facts, base, target)
        assert np.abs(weights @ facts - target).max() < 1e-7


def balanced_panel(seed: int = 0) -> tuple[Panel, np.ndarray]:
    """Two cohorts and a control; units gain twice their fact, on average 2 in the pilot and 1 in the control."""
    rng = np.random.default_rng(seed)
    cohort = np.repeat([3, 4, 0], [30, 30, 60])
    x = rng.normal(np.where(cohort > 0, 2.0, 1.0), 1.0)
    gains = np.where(
        (cohort > 0)[:, None] & (np.arange(1, 6) >= np.where(cohort > 0, cohort, 9)[:, None]), 2 * x[:, None], 0
    )
    n = np.full((120, 5), 10.0)
    level = 50 + rng.normal(0, 1, 120)[:, None] + gains + rng.normal(0, 0.1, (120, 5))
    return Panel(n, n * level, cohort, np.full(120, 10.0)), x[:, None]


def test_what_those_not_coached_would_gain_is_of_their_facts_and_not_of_the_pilots():
    panel, facts = balanced_panel()
    coached, uncoached = (balanced.balanced_effect(panel, facts, onto=onto)[0].value for onto in ("pilot", "control"))
    assert coached == pytest.approx(2 * facts[:60].mean(), abs=0.15)
    assert uncoached == pytest.approx(2 * facts[60:].mean(), abs=0.15)


def test_the_index_of_likeness_is_that_of_two_normal_groups():
    rng = np.random.default_rng(1)
    member = np.arange(4_000) < 2_000
    for distance in (0.0, 1.0, 2.5):
        facts = rng.normal(size=(4_000, 2)) @ np.array([[1.0, 0.5], [0.0, 2.0]]) + distance * member[:, None] * [
            1.0,
            0.5,
        ]
        assert balanced.generalizability_index(facts, member, ~member) == pytest.approx(
            np.exp(-(distance**2) / 8), abs=0.02
        )
    few = [
        balanced.generalizability_index(rng.normal(size=(24, 3)), np.arange(24) < 12, np.arange(24) >= 12)
        for _ in range(300)
    ]
    assert np.mean(few) > 0.95  # without the correction 0.89: few units look unlike by chance
    assert np.isnan(balanced.generalizability_index(np.zeros((4, 3)), np.arange(4) < 2, np.arange(4) >= 2))


def test_a_cohort_with_many_periods_counts_no_more_for_those_not_coached():
    """Cohort 2 (five periods) has the fact 0, cohort 6 (one period) the fact 2, the control 1 on average; the effect is
    the fact."""
    cohort = np.repeat([2, 6, 0], 20)
    x = np.r_[np.tile([-0.2, 0.2], 10), np.tile([1.8, 2.2], 10), np.tile([0.5, 1.5], 10)]
    treated = (cohort > 0)[:, None] & (np.arange(1, 7) >= np.where(cohort > 0, cohort, 9)[:, None])
    n = np.full((60, 6), 10.0)
    panel = Panel(n, n * (50 + x[:, None] * treated), cohort, np.full(60, 10.0))
    assert balanced.balanced_effect(panel, x[:, None], onto="control")[0].value == pytest.approx(1.0, abs=1e-6)


def test_a_fact_that_is_one_value_here_and_another_there_makes_groups_unlike():
    facts = np.column_stack([np.repeat([1.0, 0.0], 20), np.random.default_rng(3).normal(size=40)])
    assert balanced.generalizability_index(facts, np.arange(40) < 20, np.arange(40) >= 20) == 0
    scaled = facts[:, 1:] * 1e6 + np.repeat([2e6, 0.0], 20)[:, None]
    assert balanced.generalizability_index(scaled, np.arange(40) < 20, np.arange(40) >= 20) < 0.8


def test_an_interval_at_the_level_of_a_first_wave_among_many_is_finite():
    low, high = Uncertainty(1.0, 20.0).interval(3.0, alpha=1e-40)
    assert np.isfinite([low, high]).all() and np.isfinite(
        Uncertainty(1.0, 20.0).detectable_effect(alpha=1e-40, power=0.8)
    )

"""Time is dates: waves that were not held, kick-offs inside a period, kick-offs before the first wave."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from inference import aggregations, att, pooling, randomised, trends, twfe
from inference.judging import Question
from inference.means import mean_lines
from inference.panel import Panel
from inference.unit_panels import Panels, Setting, panel_from_cells

QUARTERS = [date(2023 + i // 4, 1 + 3 * (i % 4), 1) for i in range(10)]
ENGAGEMENT = Question(metric="engagement_score", kind="mean", role="primary", source="survey")
VOLUNTEERED = Setting(design="volunteered", unit="team", alpha=0.05)


def cells_of(held, kickoffs: dict[str, int], *, effect, drift=0.0, cut=None, n_units=10) -> pl.DataFrame:
    """Units of each cohort (name → first treated quarter, None: control) in the quarters that were held; `effect(e)` at
    e quarters since kick-off, a little noise that differs between units and is the same in every quarter."""
    rows = []
    for place, (cohort, first) in enumerate(kickoffs.items()):
        for unit in range(n_units):
            for q in held:
                value = 60 + place + unit / 7 + 0.5 * q + (drift * q if first is not None else 0.0)
                value += 0.01 * np.sin(7.0 * unit + 3.0 * q + place)
                value += effect(q - first) if first is not None and q >= first else 0.0
                rows.append(
                    {
                        "metric": "engagement_score",
                        "unit_id": f"{cohort}{unit}",
                        "cohort": cohort,
                        "arm": "control" if first is None else "pilot",
                        "cohort_period_start": None if first is None else QUARTERS[first],
                        "cut_period_start": QUARTERS[cut] if cut is not None and first is not None else None,
                        "period_start": QUARTERS[q],
                        "segment": "all",
                        "n_eligible": 12,
                        "n_observed": 12,
                        "n_people": 12,
                        "value_sum": 12 * value,
                        "centred_sum_of_squares": 400.0,
                    }
                )
    return pl.DataFrame(rows).with_columns(pl.col("cut_period_start").cast(pl.Date))


def curve(cells: pl.DataFrame) -> dict[int, float]:
    lines = mean_lines(ENGAGEMENT, Panels(cells), VOLUNTEERED)
    return {
        line.event_time: line.result.estimate
        for line in lines
        if (line.estimator, line.aggregation) == ("att_not_yet_treated", "event_time")
    }


def test_a_staggered_study_without_one_wave_has_effects_at_their_distance_from_kick_off():
    """Effects of 1, 2, 3 points in the first, second, third quarter; R `did` gives the same event times for these dates
    (its time variable is the date's number, not its rank)."""
    cells = cells_of([0, 1, 2, 4, 5, 6], {"a": 4, "b": 5, "c": None}, effect=lambda e: 1.0 + e)
    found = curve(cells)
    assert {e: round(value, 1) for e, value in found.items() if e >= 0} == {0: 1.0, 1: 2.0, 2: 3.0}
    assert set(found) == {-4, -3, -2, -1, 0, 1, 2}  # quarter 3 was not held: b has no −2, a no −1


def test_a_kick_off_in_the_quarter_that_was_not_held_is_not_the_next_wave():
    cells = cells_of([0, 1, 2, 3, 5, 6], {"a": 4, "c": None}, effect=lambda e: 10.0 * e)
    found = curve(cells)
    assert {e: round(value) for e, value in found.items() if e >= 0} == {1: 10, 2: 20}


@pytest.mark.parametrize(
    ("silent", "missing", "times"),
    [(slice(None), 4, [-3, -2, -1, 2, 3]), (slice(None), 3, [-2, -1, 2, 3, 4]), (slice(20), 1, [-3, -1, 1, 2, 3])],
)
def test_a_straight_drift_is_reported_from_an_effect_also_where_a_wave_is_missing(silent, missing, times):
    """For everybody after or before kick-off, or for the pilot alone. Coverage of zero by the interval that allows for
    a straight drift: with dates the nominal 95 % (300 studies, so ± 2.5 points at two deviations); with ranks 0 %.
    """
    held = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n = np.full((40, 7), 12.0)
        n[silent, missing] = 0
        pilot = np.arange(40) < 20
        mean = rng.normal(60, 5, (40, 1)) + rng.normal(0, 0.3, (40, 7)) + pilot[:, None] * np.arange(7)
        panel = Panel(n, n * mean, np.where(pilot, 5, 0), np.full(40, 12.0))
        found = aggregations.by_distance(att.group_time_effects(panel, base="universal"))
        assert sorted(found) == times
        parts = [found[s] for s in times]
        n_post = sum(s > 0 for s in times)
        low, high = trends.smoothness_interval(
            np.array([part.value for part in parts]),
            trends.jackknife_covariance(parts),
            n_pre=len(times) - n_post,
            weights=np.full(n_post, 1 / n_post),
            m=0.0,
            df=38,
            times=np.array(times),
        )
        held += low <= 0 <= high
    assert held / 300 == pytest.approx(0.95, abs=0.025)


def test_a_pre_trend_over_two_quarters_is_twice_the_drift_of_one():
    effects = att.group_time_effects(
        panel_from_cells(cells_of([0, 2, 3, 4], {"a": 4, "c": None}, effect=lambda e: 0.0, drift=1.0)).panel
    )
    assert aggregations.steps_by_event_time(effects) == {-2: 2.0, -1: 1.0, 0: 1.0}
    values = {e: round(part.value, 1) for e, part in aggregations.by_event_time(effects).items()}
    assert values == {-2: 2.0, -1: 1.0, 0: 1.0}


def test_the_bend_and_the_drift_before_kick_off_are_per_calendar_period():
    times = np.array([-5.0, -3.0, -1.0])
    straight = 2.0 * times
    assert trends.largest_bend(straight, times) == pytest.approx(0.0)
    assert trends.largest_bend(times**2 / 2, times) == pytest.approx(1.0)  # the second difference of t²/2 is 1
    size = trends.relative_magnitude(
        straight, np.array([9.0]), weights=np.ones(1), times=np.array([-5.0, -3.0, -1.0, 2.0])
    )
    assert (size.low, size.high) == (9.0 - 4.0, 9.0 + 4.0)


def test_a_quarter_that_the_kick_off_cuts_is_left_out_for_its_cohort_and_that_is_said():
    cells = cells_of([0, 1, 2, 3, 4, 5], {"a": 4, "c": None}, effect=lambda e: 10.0, cut=3)
    mixed = (pl.col("arm") == "pilot") & (pl.col("period_start") == QUARTERS[3])
    cells = cells.with_columns(
        pl.when(mixed).then(pl.col("value_sum") + 12 * 4.0).otherwise(pl.col("value_sum")).alias("value_sum")
    )
    first = next(iter(mean_lines(ENGAGEMENT, Panels(cells), VOLUNTEERED)))
    assert first.result.estimate == pytest.approx(10.0, abs=0.05)
    assert "without Q4 2023 for a: its kick-off lies inside it" in first.result.note
    assert set(curve(cells)) == {-3, -2, 0, 1}


def test_the_base_is_the_last_period_in_which_the_cohort_was_observed():
    n = np.full((4, 5), 10.0)
    n[:2, 2] = 0
    panel = Panel(n, n * 0.0, np.array([4, 4, 0, 0]), np.full(4, 10.0))
    assert panel.base_period(4) == 2
    assert panel.base_period(4, anticipation=2) == 1
    assert panel.base_period(4, anticipation=3) is None
    assert [pair for pair in att.pairs(panel, base="varying", anticipation=0) if pair[1] >= 4] == [(4, 4, 2), (4, 5, 2)]


def test_a_kick_off_long_before_the_first_wave_counts_quarters_from_the_kick_off():
    cells = cells_of([5, 6], {"a": 2, "c": None}, effect=lambda e: 5.0)
    indexed = panel_from_cells(cells)
    assert indexed.calendar.periods[0] == QUARTERS[2]
    effects = randomised.group_time_contrasts(indexed.panel)
    assert effects.event_time.tolist() == [3, 4]


def test_months_and_quarters_are_reported_apart_by_the_study_and_else_by_the_dates():
    cells = cells_of([0, 2], {"a": 2, "c": None}, effect=lambda e: 5.0)
    assert len(panel_from_cells(cells).calendar.periods) == 3
    assert len(panel_from_cells(cells, "month").calendar.periods) == 7


def test_two_way_fixed_effects_and_coaches_do_not_see_the_empty_quarters():
    held = [0, 1, 2, 4, 5]
    with_gap = panel_from_cells(cells_of(held, {"a": 4, "c": None}, effect=lambda e: 3.0))
    n = with_gap.panel.n
    kept = n.sum(axis=0) > 0
    ranks = Panel(n[:, kept], with_gap.panel.total[:, kept], np.where(with_gap.panel.cohort, 4, 0), np.full(20, 12.0))
    assert twfe.of_panel(with_gap.panel).value == pytest.approx(twfe.of_panel(ranks).value, abs=1e-12)
    coach = ["k" if unit.startswith("a") else None for unit in with_gap.units]
    squares = with_gap.centred_squares
    gap = pooling.changes_by_coach(with_gap.panel, squares, coach)
    rank = pooling.changes_by_coach(ranks, squares[:, kept], coach)
    assert (gap.change.tolist(), gap.variance.tolist()) == (rank.change.tolist(), rank.variance.tolist())


def test_the_units_past_leaves_out_what_one_arm_lacks():
    """Both arms rise by 1 a quarter; with the quarter that one arm lacks the pasts would differ by a half."""
    n = np.full((4, 4), 10.0)
    n[:2, 2] = 0
    panel = Panel(n, n * np.arange(4.0), np.array([4, 4, 0, 0]), np.full(4, 10.0))
    assert randomised.unit_baseline(panel).tolist() == [0.5, 0.5, 0.5, 0.5]

"""Did both arms move alike before kick-off?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from inference import aggregations, associations, att, trends
from inference.aggregations import Aggregate
from inference.att import GroupTime
from inference.diagnostic import Diagnostic, judge_aggregate, unknown_diagnostic
from inference.jackknife import Uncertainty
from inference.judging import arms_of
from inference.unit_panels import Setting


def trend_diagnostics(
    effects: GroupTime, uncertainty: Uncertainty, setting: Setting, rng, *, is_primary: bool
) -> Iterator[Diagnostic]:
    """Tests and drift before kick-off, a placebo date, and how smooth a violation would have to be."""
    events = {e: part for e, part in aggregations.by_event_time(effects).items() if np.isfinite(part.without).all()}
    before = {e: part for e, part in events.items() if e < -effects.anticipation}
    steps = aggregations.steps_by_event_time(effects)
    test = trends.pre_trend(
        list(before.values()), uncertainty.df, steps=np.array([steps[e] for e in before]), alpha=setting.alpha
    )
    if test is None:
        yield unknown_diagnostic(
            "pre_trend", "no period before kick-off to look at, or too few units for as many periods"
        )
    else:
        apart = test.p_value < setting.alpha
        yield Diagnostic(
            name="pre_trend",
            value=test.statistic,
            p_value=test.p_value,
            df=test.df_denominator,
            says="the arms moved apart before kick-off" if apart else "no movement apart before kick-off was seen",
        )
        yield Diagnostic(
            name="pre_trend_detectable_drift",
            value=test.drift,
            says="the steady drift per period that the test would have seen with a chance of 80 %",
        )
    curve = list(events.values())
    critical = associations.simultaneous_critical_value(curve, uncertainty.df, alpha=setting.alpha, rng=rng)
    if critical is not None:
        says = f"standard errors that a band over the {len(curve)} event times with an error reaches"
        yield Diagnostic(name="band_critical_value", value=critical, says=says)
    curve = aggregations.by_distance(
        att.group_time_effects(effects.panel, base="universal", anticipation=effects.anticipation)
    )
    curve = {s: part for s, part in curve.items() if np.isfinite(part.without).all()}
    times = np.array(sorted(curve))
    earlier, later = ([curve[s] for s in times if s * sign > 0] for sign in (-1, 1))
    if not earlier or not later:
        yield unknown_diagnostic("relative_magnitude", "fewer than two periods before kick-off, or none after it")
        return
    yield from _drift(earlier, times[times < 0], effects, setting)
    yield _relative_magnitude(earlier, later, times)
    yield _placebo_date(earlier, effects, setting)
    if is_primary:
        yield from _smoothness(earlier, later, times, uncertainty.df, setting)


def _relative_magnitude(earlier: list[Aggregate], later: list[Aggregate], times: np.ndarray) -> Diagnostic:
    """Between what the effect lies if drift goes on as before, and how much of it takes the effect to zero."""
    size = trends.relative_magnitude(
        np.array([part.value for part in earlier]),
        np.array([part.value for part in later]),
        weights=np.full(len(later), 1 / len(later)),
        times=times,
    )
    if size is None:
        return unknown_diagnostic("relative_magnitude", "nothing moves before kick-off")
    return Diagnostic(
        name="relative_magnitude",
        value=size.breakdown,
        ci_low=size.low,
        ci_high=size.high,
        says="identified set (no interval), from the last period before kick-off, if drift goes on as before; "
        "value: the multiple at which it reaches 0",
    )


def _drift(earlier: list[Aggregate], times: np.ndarray, effects: GroupTime, setting: Setting) -> Iterator[Diagnostic]:
    """The straight line through the gap between the arms before kick-off, and what it adds to the effect if it goes on.

    One degree of freedom against a steady drift; the joint test spreads its power over all periods (Roth 2022).
    The base period, at distance 0, is a point of the line as the others are.
    """
    at_base = Aggregate(0.0, np.zeros_like(earlier[0].without), np.zeros_like(earlier[0].influence))
    slope = associations.slope_over([*earlier, at_base], np.append(times, 0).astype(float))
    before = (effects.event_time < -effects.anticipation) & np.isfinite(effects.value)
    arms = arms_of(effects, before)
    words = ("the arms drifted apart steadily before kick-off", "no steady drift apart before kick-off was seen")
    yield judge_aggregate("pre_trend_slope", slope, arms, effects.panel, setting, words)
    reach = aggregations.mean_distance(effects)
    whole = Aggregate(slope.value * reach, slope.without * reach, slope.influence * reach)
    words = ("what that drift adds to the effect if it goes on",) * 2
    yield judge_aggregate("pre_trend_slope_bias", whole, arms, effects.panel, setting, words)


def _placebo_date(earlier: list[Aggregate], effects: GroupTime, setting: Setting) -> Diagnostic:
    """An effect of a kick-off that was not: the mean of what lies before the last period, against that period."""
    mean = Aggregate(
        -float(np.mean([part.value for part in earlier])),
        -np.mean([part.without for part in earlier], axis=0),
        np.zeros(0),
    )
    words = ("an effect before there was a programme", "no effect of an invented earlier kick-off")
    before = (effects.event_time < -effects.anticipation) & np.isfinite(effects.value)
    return judge_aggregate("placebo_date", mean, arms_of(effects, before), effects.panel, setting, words)


def _smoothness(earlier, later, times: np.ndarray, df: float, setting: Setting) -> Iterator[Diagnostic]:
    """Honest intervals of the mean effect: for a straight drift, and for one that bends as much as it did before."""
    parts = [*earlier, *later]
    covariance = trends.jackknife_covariance(parts)
    if covariance is None:
        return
    weights = np.full(len(later), 1 / len(later))
    study = np.array([part.value for part in parts])
    bend = trends.largest_bend(study[: len(earlier)], times[: len(earlier)])
    for name, m, allows in (
        ("smooth_trend_straight", 0.0, "a straight drift"),
        ("smooth_trend_bent", bend, "a drift that bends by no more than it did before kick-off"),
    ):
        if m == 0.0 and name.endswith("bent"):
            yield unknown_diagnostic(name, "too few periods before kick-off to see how much the drift bends")
            continue
        try:
            low, high = trends.smoothness_interval(
                study,
                covariance,
                n_pre=len(earlier),
                weights=weights,
                m=m,
                alpha=setting.alpha,
                df=df,
                times=times,
            )
        except ValueError as problem:
            yield unknown_diagnostic(name, str(problem))
            continue
        holds = "stays" if low > 0 or high < 0 else "does not stay"
        yield Diagnostic(
            name=name,
            value=(low + high) / 2,
            ci_low=low,
            ci_high=high,
            says=f"from the last period before kick-off, allowing for {allows}, the effect {holds} away from zero",
        )

"""Does the effect follow the dose: of coaching, of a coach's load, of the cascade's depth?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from inference import aggregations, associations
from inference.aggregations import Aggregate
from inference.att import GroupTime
from inference.diagnostic import Diagnostic, judge_aggregate, unknown_diagnostic
from inference.jackknife import jackknife
from inference.judging import Arms, arms_of
from inference.mean_line import size_of_values
from inference.panel import Panel
from inference.unit_panels import Indexed, Panels, Setting

SLOPE_WORDS = ("the effect changes as it scales", "no change of the effect as it scales was seen")


def decay_diagnostics(panels: Panels, effects: GroupTime, setting: Setting) -> Iterator[Diagnostic]:
    """Does the effect fall from wave to wave, with depth, with load? Change per step, by the units' own errors."""
    by_wave = [part for part in aggregations.by_cohort(effects).values() if np.isfinite(part.value)]
    post = (effects.t >= effects.g) & np.isfinite(effects.value)
    if len(by_wave) > 1:
        slope = associations.slope_over(by_wave, np.arange(len(by_wave), dtype=float))
        smallest = min(arms_of(effects, post & (effects.g == g)).n_pilot for g in np.unique(effects.g[post]))
        arms = replace(arms_of(effects, post), n_pilot=smallest)
        yield judge_aggregate("slope_by_wave", slope, arms, effects.panel, setting, SLOPE_WORDS)
    for dimension, ordered in setting.ordered_segments.items():
        found = _of_segments(panels, ordered)
        if found is None:
            continue
        parts, panel, arms = found
        slope = associations.slope_over(parts, np.arange(len(parts), dtype=float))
        yield judge_aggregate(f"slope_by_{dimension}", slope, arms, panel, setting, SLOPE_WORDS)


def _of_segments(panels: Panels, ordered: Sequence[str]):
    """Simple effects of ordered segments on the units of all of them, or None with fewer than two."""
    segments = [segment for segment in ordered if segment in panels.observed]
    units = sorted({unit for segment in segments for unit in panels.of(segment).units})
    place = {unit: index for index, unit in enumerate(units)}
    parts, cohort = [], np.zeros(len(units), int)
    pilot, control = np.zeros((2, len(units)), bool)
    n_pilot, n_control = [], []
    for segment in segments:
        indexed, effects = panels.of(segment), panels.effects(segment)
        chosen = (effects.t >= effects.g) & np.isfinite(effects.value)
        if not chosen.any():
            continue
        part = aggregations.simple(effects)
        rows = np.array([place[unit] for unit in indexed.units])
        without = np.full(len(units), part.value)
        without[rows] = part.without
        parts.append(Aggregate(part.value, without, np.zeros(len(units))))
        arms = arms_of(effects, chosen)
        cohort[rows] = np.maximum(cohort[rows], indexed.panel.cohort)
        pilot[rows] |= arms.pilot
        control[rows] |= arms.control
        n_pilot.append(arms.n_pilot)
        n_control.append(arms.n_control)
    if len(parts) < 2:
        return None
    panel = Panel(np.ones((len(units), 1)), np.zeros((len(units), 1)), cohort, np.ones(len(units)))
    # A slope and its other parts give the smallest one away: it counts.
    return parts, panel, Arms(pilot=pilot, control=control, n_pilot=min(n_pilot), n_control=min(n_control))


def dose_diagnostics(indexed: Indexed, doses: pl.DataFrame, setting: Setting) -> Iterator[Diagnostic]:
    """Change of the outcome per check-in held per person and month, among pilot units: an association."""
    if doses.is_empty():
        return
    of_unit = dict(
        doses.filter(pl.col("n_person_months") > 0)
        .select("unit_id", pl.col("n_held") / pl.col("n_person_months"))
        .iter_rows()
    )
    dose = np.array([of_unit.get(unit, np.nan) for unit in indexed.units])
    found = associations.dose_response(indexed.panel, dose)
    name = "dose_response"
    if found is None or found.units.sum() < 10:
        yield unknown_diagnostic(name, "fewer than ten pilot units with a dose, or all with the same")
        return
    part = found.slope
    moved = jackknife(
        theta=part.value,
        theta_without=part.without[found.units],
        cohort=indexed.panel.cohort[found.units],
        scale=size_of_values(indexed.panel),
    )
    if moved is None:
        yield unknown_diagnostic(
            name, "the error cannot be computed: the outcome does not vary, or rests on a single unit"
        )
        return
    low, high = moved.interval(part.value, alpha=setting.alpha)
    yield Diagnostic(
        name=name,
        value=part.value,
        ci_low=low,
        ci_high=high,
        p_value=moved.p_value(part.value),
        df=moved.df,
        says="association per check-in a month, no effect: who meets more differs in other things too",
    )

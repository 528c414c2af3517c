"""Does the effect follow the dose: of coaching, of a coach's load, of the cascade's depth? Do variants differ?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from inference import aggregations, associations
from inference.aggregations import Aggregate
from inference.att import GroupTime
from inference.diagnostic import Diagnostic, judge_aggregate, unknown_diagnostic
from inference.jackknife import MIN_UNITS, ROUNDING, jackknife
from inference.judging import Arms, arms_of
from inference.mean_line import size_of_values
from inference.panel import Panel
from inference.trends import pre_trend
from inference.unit_panels import Indexed, Panels, Setting

SLOPE_WORDS = ("the effect changes from step to step", "no change of the effect from step to step was seen")


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
        slope = associations.slope_over(found.parts, np.arange(len(found.parts), dtype=float))
        yield judge_aggregate(f"slope_by_{dimension}", slope, found.together, found.panel, setting, SLOPE_WORDS)


VARIANT_WORDS = ("the variants differ in what they do", "no difference between the variants was seen")


def variant_diagnostics(panels: Panels, setting: Setting) -> Iterator[Diagnostic]:
    """Are the variants alike? Of two the difference (the first in the alphabet less the second), of more the joint test
    that none differs from the first. The error knows that they share their control. Variants that began at different
    times differ in time too: then there is no answer.
    """
    found = _of_segments(panels, setting.variants)
    if found is None:
        return
    name = "variants_differ"
    if len(set(found.cohorts)) > 1:
        yield unknown_diagnostic(name, "the variants did not begin on the same days: what differs may be the time")
        return
    differences, judged = [], []
    for other in range(1, len(found.parts)):
        one, two = found.parts[0], found.parts[other]
        difference = Aggregate(one.value - two.value, one.without - two.without, np.zeros(one.without.size))
        differences.append(difference)
        judged.append(_judge_pair(name, difference, found, other, setting))
    if len(judged) == 1 or any(one.reason for one in judged):
        yield next((one for one in judged if one.reason), judged[0])
        return
    test = pre_trend(differences, min(one.df for one in judged))
    if test is None:
        yield unknown_diagnostic(name, "too few units for so many variants")
        return
    yield Diagnostic(
        name=name,
        p_value=test.p_value,
        df=test.df_denominator,
        n_pilot=judged[0].n_pilot,
        n_control=min(one.n_control for one in judged),
        says=VARIANT_WORDS[0] if test.p_value < setting.alpha else VARIANT_WORDS[1],
    )


def _judge_pair(name: str, difference: Aggregate, found: _Segments, other: int, setting: Setting) -> Diagnostic:
    """The first variant less another one: each needs units enough, and every unit that moves the difference counts, of
    the control too."""
    first, second = found.arms[0], found.arms[other]
    if (fewest := min(first.pilot.sum(), second.pilot.sum())) < MIN_UNITS:
        return unknown_diagnostic(name, f"too few units: {fewest} of a variant; at least {MIN_UNITS} each are needed")
    moves = np.abs(difference.without - difference.value) > ROUNDING * max(1.0, abs(difference.value))
    control = (first.control | second.control) & moves
    arms = Arms(pilot=first.pilot, control=second.pilot | control, n_pilot=first.n_pilot, n_control=second.n_pilot)
    sides = np.select([first.pilot, second.pilot], [1, 2], 3)
    return judge_aggregate(name, difference, arms, _bare_panel(sides), setting, VARIANT_WORDS)


@dataclass(frozen=True)
class _Segments:
    """Simple effects of several segments, each over the units of all of them, and the arms behind each."""

    parts: list[Aggregate]
    arms: list[Arms]
    cohorts: list[tuple[str, ...]]  # with a coached period, by name
    panel: Panel

    @property
    def together(self) -> Arms:
        """A slope and its other parts give the smallest one away: it counts."""
        return Arms(
            pilot=np.any([one.pilot for one in self.arms], axis=0),
            control=np.any([one.control for one in self.arms], axis=0),
            n_pilot=min(one.n_pilot for one in self.arms),
            n_control=min(one.n_control for one in self.arms),
        )


def _of_segments(panels: Panels, chosen: Sequence[str]) -> _Segments | None:
    """Simple effects of these segments on the units of all of them, or None with fewer than two."""
    segments = [segment for segment in chosen if segment in panels.observed]
    units = sorted({unit for segment in segments for unit in panels.of(segment).units})
    place = {unit: index for index, unit in enumerate(units)}
    parts, arms, cohorts, cohort = [], [], [], np.zeros(len(units), int)
    for segment in segments:
        indexed, effects = panels.of(segment), panels.effects(segment)
        post = (effects.t >= effects.g) & np.isfinite(effects.value)
        if not post.any():
            continue
        part = aggregations.simple(effects)
        rows = np.array([place[unit] for unit in indexed.units])
        without = np.full(len(units), part.value)
        without[rows] = part.without
        parts.append(Aggregate(part.value, without, np.zeros(len(units))))
        mine = arms_of(effects, post)
        pilot, control = np.zeros((2, len(units)), bool)
        pilot[rows], control[rows] = mine.pilot, mine.control
        arms.append(replace(mine, pilot=pilot, control=control))
        cohorts.append(tuple(sorted(indexed.cohort_names[g] for g in np.unique(effects.g[post]))))
        cohort[rows] = np.maximum(cohort[rows], indexed.panel.cohort)
    if len(parts) < 2:
        return None
    return _Segments(parts, arms, cohorts, _bare_panel(cohort))


def _bare_panel(cohort: np.ndarray) -> Panel:
    """Units with a cohort and nothing else."""
    ones = np.ones((len(cohort), 1))
    return Panel(ones, np.zeros_like(ones), cohort, ones[:, 0])


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

"""The lines of an outcome that is a mean: the headline, its aggregations, and what other estimators say beside it.

Where the lot decided, the headline is the contrast of units after kick-off, adjusted for their own past (ANCOVA); where
units volunteered, ATT(g,t) of Callaway and Sant'Anna. Everything else is named for what it is: a sensitivity, an
adjustment, or a comparison that should not be believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from inference import aggregations, att, persons, randomised
from inference.att import GroupTime
from inference.jackknife import MIN_UNITS
from inference.judging import ALL, NEWEST, Line, Question
from inference.mean_line import estimate_line, usable_baseline, why_left_out
from inference.results import NotEstimable
from inference.sensitivity import sensitivity_lines
from inference.unit_panels import Indexed, Panels, Setting, strata_of

# Aggregations that the decision reads: counted from the last period before kick-off alone, or from the others of the
# year before it alone.
LAST_BASE, EARLIER_BASE = "last_base", "earlier_base"
AVERAGES = ("dynamic", "dynamic_balanced", "group", "calendar")  # of the curve


def mean_lines(question: Question, panels: Panels, setting: Setting, *, segment: str = ALL) -> Iterator[Line]:
    """Lines of one metric, its headline first. Of a segment of the whole there is the headline only."""
    headline = Line(
        metric=question.metric,
        estimator="att_not_yet_treated",
        result=NotEstimable(reason=f"no records from the source {question.source}"),
        is_headline=True,
    )
    if segment not in panels.observed:
        yield headline
    elif setting.unit == "person":
        if segment == ALL:
            starts = persons.starts_of(panels.observed[segment])
            yield from persons.change_lines(headline, setting.changes, setting, starts)
        else:
            yield replace(headline, estimator="persons_change", result=NotEstimable(reason=persons.NO_SEGMENT))
    else:
        yield from _unit_lines(question, headline, panels, setting, segment)


def _unit_lines(question: Question, headline: Line, panels: Panels, setting: Setting, segment: str) -> Iterator[Line]:
    indexed = panels.of(segment)
    panel = indexed.panel
    notes = [
        f"without {indexed.calendar.name(start)} for {cohort}: its kick-off lies inside it"
        for cohort, start in indexed.cut_periods.items()
    ]
    if setting.is_random:
        baseline = usable_baseline(panel)
        main = randomised.group_time_contrasts(panel, stratum=strata_of(indexed, setting), baseline=baseline.value)
        headline = replace(
            headline, estimator="randomised_difference" if baseline.value is None else "randomised_ancova"
        )
        notes += baseline.notes
    else:
        main = panels.effects(segment)
    if not main.value.size:
        yield replace(headline, result=NotEstimable(reason="no cohort has a period before and one after its kick-off"))
        return
    left_out = {g: why for g in indexed.cohort_names if (why := why_left_out(g, panel, setting))}
    notes += [f"without {', '.join(indexed.cohort_names[g] for g in left_out)}"] if left_out else []
    post = main.t >= main.g
    first = estimate_line(headline, main, aggregations.simple(main), post, alpha=setting.alpha, note="; ".join(notes))
    yield first
    if segment != ALL:
        return
    other = replace(headline, is_headline=False)
    for g, reason in left_out.items():
        cohort = indexed.cohort_names[g]
        yield replace(other, aggregation="cohort", cohort=cohort, result=NotEstimable(reason=reason))
    yield from _curve(other, main, indexed, setting.alpha)
    if not setting.is_random:
        yield _counted_from(replace(other, aggregation=LAST_BASE), main, "last", setting.alpha)
        yield _counted_from(replace(other, aggregation=EARLIER_BASE), main, "earlier", setting.alpha)
    yield from sensitivity_lines(
        other, main, panels.effects(segment), indexed, setting, is_primary=question.role == "primary"
    )


def _counted_from(line: Line, main: GroupTime, which: Literal["last", "earlier"], alpha: float) -> Line:
    effects = att.effects_counted_from(main, which)
    panel = main.panel
    whole, there = (panel.people[np.isin(panel.cohort, each.g[each.t >= each.g])].sum() for each in (main, effects))
    if 2 * there < whole or not effects.value.size:
        reason = "cohorts with half of the coached people or more have one period before their kick-off"
        return replace(line, result=NotEstimable(reason=reason))
    return estimate_line(line, effects, aggregations.simple(effects), effects.t >= effects.g, alpha=alpha)


def _curve(line: Line, effects: GroupTime, indexed: Indexed, alpha: float) -> Iterator[Line]:
    """The headline's other aggregations."""
    post = effects.t >= effects.g
    is_staggered = np.unique(effects.g).size > 1
    for name in AVERAGES:
        if name == "dynamic_balanced" and not is_staggered:
            continue
        part = getattr(aggregations, name)(effects)
        yield estimate_line(replace(line, aggregation=name), effects, part, post, alpha=alpha)
    for g, part in aggregations.by_cohort(effects).items():
        cohort = indexed.cohort_names[g]
        yield estimate_line(
            replace(line, aggregation="cohort", cohort=cohort), effects, part, post & (effects.g == g), alpha=alpha
        )
    newest = post & att.newest_cohorts(effects, at_least=MIN_UNITS)
    if is_staggered and newest.any():
        yield estimate_line(
            replace(line, aggregation=NEWEST), effects, aggregations.of_pairs(effects, newest), newest, alpha=alpha
        )
    for e, part in aggregations.by_event_time(effects).items():
        event = replace(line, aggregation="event_time", event_time=e)
        yield estimate_line(event, effects, part, effects.event_time == e, alpha=alpha)

"""`est_diagnostics`: what stands around the estimates. Each row is a question about a number, its answer, or why none.

A diagnostic changes no number: it says whether what a headline rests on can be believed. Those before kick-off and from
cohort to cohort can turn a go into not yet (`inference/decisions.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from inference import aggregations, answers, att, randomised, twfe
from inference.aggregations import Aggregate
from inference.att import GroupTime
from inference.diagnostic import DIAGNOSTICS_SCHEMA, DRAWS, SEED, Diagnostic, judge_aggregate, unknown_diagnostic
from inference.dose_diagnostics import decay_diagnostics, dose_diagnostics, variant_diagnostics
from inference.jackknife import Uncertainty
from inference.judging import ALL, Arms, Question, arms_of, judge
from inference.mean_line import contrasts, size_of_values
from inference.panel import Panel
from inference.power import intraclass_correlation
from inference.surroundings import surroundings_diagnostics
from inference.trend_diagnostics import trend_diagnostics
from inference.unit_panels import Indexed, Panels, Setting, histograms_of, panel_from_cells, strata_of


@dataclass(frozen=True, kw_only=True)
class MeanContext:
    """What a diagnostic of a mean may look at.

    `panels` are of all segments, `everybody` the cells of the whole with anybody eligible, `indexed` the observed ones
    as arrays (units × periods). `effects` are all ATT(g,t), `simple` their aggregate, `arms` who is behind it.
    `uncertainty` is None where the difference in differences has no error; `reason` says why.
    """

    question: Question
    setting: Setting
    panels: Panels
    everybody: pl.DataFrame
    doses: pl.DataFrame
    indexed: Indexed
    effects: GroupTime
    simple: Aggregate
    arms: Arms
    uncertainty: Uncertainty | None
    reason: str
    rng: np.random.Generator


def mean_diagnostics(
    question: Question, cells: pl.DataFrame, panels: Panels, setting: Setting, doses: pl.DataFrame
) -> Iterator[Diagnostic]:
    """Of a mean, from its cells and its panels (all segments): what each of MEAN_DIAGNOSTICS finds."""
    if setting.unit == "person":  # moments of changes show neither trends nor units
        return
    if ALL not in panels.observed:
        return
    everybody = cells.filter((pl.col("n_eligible") > 0) & (pl.col("segment") == ALL))
    indexed, effects = panels.of(ALL), panels.effects(ALL)
    arms = arms_of(effects, (effects.t >= effects.g) & np.isfinite(effects.value))
    simple = aggregations.simple(effects)
    size = size_of_values(indexed.panel)
    result, uncertainty = judge(simple, arms, cohort=indexed.panel.cohort, method="", alpha=setting.alpha, scale=size)
    context = MeanContext(
        question=question,
        setting=setting,
        panels=panels,
        everybody=everybody,
        doses=doses,
        indexed=indexed,
        effects=effects,
        simple=simple,
        arms=arms,
        uncertainty=uncertainty,
        reason="" if uncertainty else result.reason,
        rng=np.random.default_rng(SEED),
    )
    for each in [found for diagnostic in MEAN_DIAGNOSTICS for found in diagnostic(context)]:
        if each.n_pilot is not None or each.reason is not None:
            yield each
        else:
            yield replace(each, n_pilot=arms.n_pilot, n_control=arms.n_control)


def _placebo_outcome(context: MeanContext) -> Iterator[Diagnostic]:
    if context.uncertainty is not None and context.question.role == "placebo":
        words = ("what coaching cannot move has moved: the arms differ in something else", "no movement was seen")
        panel = context.indexed.panel
        yield judge_aggregate("placebo_outcome", context.simple, context.arms, panel, context.setting, words)


def _before_kickoff(context: MeanContext) -> Iterator[Diagnostic]:
    if context.uncertainty is None:
        reason = f"the difference in differences is not estimable: {context.reason}"
        yield unknown_diagnostic("pre_trend", reason)
        return
    is_primary = context.question.role == "primary"
    yield from trend_diagnostics(
        context.effects, context.uncertainty, context.setting, context.rng, is_primary=is_primary
    )


def _who_answers(context: MeanContext) -> Iterator[Diagnostic]:
    """Units without an answer too: where nobody answers the response rate is zero, and not unknown."""
    if context.uncertainty is not None:
        yield from _responses(context)


def _as_it_scales(context: MeanContext) -> Iterator[Diagnostic]:
    if context.uncertainty is not None:
        # Later cohorts have more periods before them: from the last one all have the same.
        effects = att.effects_counted_from(context.effects, "last")
        yield from decay_diagnostics(context.panels, effects, context.setting)
        yield from variant_diagnostics(context.panels, context.setting)
        yield from dose_diagnostics(context.indexed, context.doses, context.setting)


def _other_tests(context: MeanContext) -> Iterator[Diagnostic]:
    if context.question.role == "primary":
        is_estimable = context.uncertainty is not None
        yield from _second_opinions(context.indexed, context.setting, context.rng, is_estimable=is_estimable)


def _around_the_units(context: MeanContext) -> Iterator[Diagnostic]:
    if context.question.role == "primary":
        yield from surroundings_diagnostics(context.indexed, context.simple, context.setting)


def _responses(context: MeanContext) -> Iterator[Diagnostic]:
    question, everybody, setting = context.question, context.everybody, context.setting
    indexed = panel_from_cells(everybody, question.period)
    if not np.any(indexed.eligible > indexed.panel.n):
        return
    panel = answers.response_panel(indexed.eligible, indexed.panel)
    effects = att.group_time_effects(panel, anticipation=setting.anticipation, span=indexed.calendar.year)
    usable = (effects.t >= effects.g) & np.isfinite(effects.value)
    words = ("the programme changes who answers", "no change in who answers was seen")
    yield judge_aggregate(
        "response_rate", aggregations.simple(effects), arms_of(effects, usable), panel, setting, words
    )
    if setting.answers.is_empty():
        return
    name = "selection_bounds"
    # Silent units count as asked; a period in which nobody was scored is no base. Shapes are taken from one period: the
    # set is counted from the last one before kick-off alone, and so is its error.
    scored = everybody.filter((pl.col("n_observed") > 0).any().over("period_start"))
    seen = panel_from_cells(scored, question.period)
    try:
        from_last = att.group_time_effects(seen.panel, anticipation=setting.anticipation)
        bounds = answers.selection_bounds(from_last, seen.eligible, histograms_of(seen, setting.answers))
    except ValueError as problem:
        yield unknown_diagnostic(name, str(problem))
        return
    trimmed = {"n_pilot": int(bounds.n_trimmed), "n_control": int(bounds.n_trimmed)}
    yield Diagnostic(
        name=name,
        value=bounds.trimmed_share,
        ci_low=bounds.low,
        ci_high=bounds.high,
        says="identified set (no interval), from the last period before kick-off, if those who answer only in one arm "
        "are the happiest or the unhappiest; "
        "value: the share of answers that were trimmed",
        **trimmed,
    )
    # The ends are means of nearly the same answers as the effect from that period, and as uncertain.
    part, pairs = aggregations.simple(from_last), (from_last.t >= from_last.g) & np.isfinite(from_last.value)
    result, uncertainty = judge(
        part,
        arms_of(from_last, pairs),
        cohort=seen.panel.cohort,
        method="",
        alpha=setting.alpha,
        scale=size_of_values(seen.panel),
    )
    if uncertainty is None:
        yield unknown_diagnostic("selection_interval", result.reason)
        return
    low, high = answers.interval_of_set(bounds.low, bounds.high, uncertainty, alpha=setting.alpha)
    holds = "stays" if low > 0 or high < 0 else "does not stay"
    yield Diagnostic(
        name="selection_interval",
        value=(low + high) / 2,
        ci_low=low,
        ci_high=high,
        says=f"whoever answers in one arm only, and sampling error: the effect {holds} away from zero",
        **trimmed,
    )


def _alike(context: MeanContext) -> Iterator[Diagnostic]:
    """Intraclass correlation and the standard deviation between people, in the first period."""
    indexed = context.indexed
    panel = indexed.panel
    first = int(np.flatnonzero(panel.observed)[0])
    found = intraclass_correlation(panel.n[:, first], panel.total[:, first], indexed.centred_squares[:, first])
    name = "intraclass_correlation"
    if found is None:
        yield unknown_diagnostic(name, "no unit has two people in the first period")
        return
    yield Diagnostic(name=name, value=found.icc, says="how alike people of one unit are, in the first period")
    yield Diagnostic(name="standard_deviation", value=found.sd, says="between people, in the first period")


def _second_opinions(indexed: Indexed, setting: Setting, rng, *, is_estimable: bool) -> Iterator[Diagnostic]:
    panel = indexed.panel
    try:
        if not is_estimable:
            raise ValueError("the difference in differences is not estimable")
        p = twfe.wild_cluster_bootstrap(twfe.of_panel(panel), draws=DRAWS, rng=rng)
        says = "restricted wild cluster bootstrap of the two-way fixed effects coefficient"
        yield Diagnostic(name="wild_cluster_bootstrap", p_value=p, says=says)
    except ValueError as problem:
        yield unknown_diagnostic("wild_cluster_bootstrap", str(problem))
    if not setting.is_random:
        yield unknown_diagnostic("randomisation_inference", "assignment was not random: there is no lot to draw again")
        return
    strata = strata_of(indexed, setting)

    def headline(drawn: Panel) -> Aggregate:
        return aggregations.simple(contrasts(drawn, strata))

    try:
        p = randomised.randomisation_p_value(panel, stratum=strata, statistic=headline, draws=DRAWS, rng=rng)
        says = "share of re-drawn lots with a studentised effect at least as large"
        yield Diagnostic(name="randomisation_inference", p_value=p, says=says)
    except ValueError as problem:
        yield unknown_diagnostic("randomisation_inference", str(problem))


# Each looks at the context and gives no, one or several rows. The order is that of the draws: append new ones.
MEAN_DIAGNOSTICS: tuple[Callable[[MeanContext], Iterator[Diagnostic]], ...] = (
    _alike,
    _placebo_outcome,
    _before_kickoff,
    _who_answers,
    _around_the_units,
    _as_it_scales,
    _other_tests,
)


def diagnostic_table(found: list[tuple[str, Diagnostic]]) -> pl.DataFrame:
    """`est_diagnostics` from (metric, diagnostic)."""
    rows = [
        {
            "metric": metric,
            "diagnostic": each.name,
            "value": each.value,
            "ci_low": each.ci_low,
            "ci_high": each.ci_high,
            "p_value": each.p_value,
            "df": each.df,
            "n_pilot": each.n_pilot,
            "n_control": each.n_control,
            "says": each.says,
            "status": "not_estimable" if each.reason else "estimated",
            "reason": each.reason,
        }
        for metric, each in found
    ]
    return pl.DataFrame(rows, schema=DIAGNOSTICS_SCHEMA).sort("metric", "diagnostic")

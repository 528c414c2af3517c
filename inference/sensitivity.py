"""Sensitivity analyses of a mean: participation, adjustment, weights, two-way fixed effects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl

from inference import adjusted, aggregations, answers, att, randomised, twfe
from inference.adjusted import Moments
from inference.aggregations import Aggregate
from inference.att import GroupTime
from inference.balanced import Onto, balanced_effect, generalizability_index
from inference.judging import (
    JACKKNIFE,
    Arms,
    Line,
    arms_of,
    judge,
)
from inference.mean_line import METHODS, estimate_line, size_of_values
from inference.panel import NEVER, Panel
from inference.results import NotEstimable
from inference.unit_panels import Indexed, Setting, strata_of

UNLIKE = 0.5  # Tipton's index below which a study says nothing about those it is generalised to


def sensitivity_lines(
    line: Line, main: GroupTime, effects: GroupTime, indexed: Indexed, setting: Setting, *, is_primary: bool
) -> Iterator[Line]:
    """What other estimators say: simple aggregations, never the headline. `main` are the headline's effects, `effects`
    ATT(g,t); the same where units volunteered."""
    panel, alpha = indexed.panel, setting.alpha
    usual = partial(att.group_time_effects, anticipation=setting.anticipation, span=indexed.calendar.year)
    found: dict[str, GroupTime] = {"att_never_treated": usual(panel, control="never_treated")}
    if main is not effects:
        found["att_not_yet_treated"] = effects
        found["randomised_difference"] = randomised.group_time_contrasts(panel, stratum=strata_of(indexed, setting))
    if line.estimator in found:
        del found[line.estimator]
    if np.any(indexed.eligible > panel.n):
        found["att_response_weighted"] = usual(answers.weighted_for_response(indexed.eligible, panel))
    for name, group_time in found.items():
        simple = replace(line, estimator=name)
        yield estimate_line(
            simple, group_time, aggregations.simple(group_time), group_time.t >= group_time.g, alpha=alpha
        )
    yield from _participation_lines(line, effects, indexed, setting)
    yield from _adjusted_lines(line, indexed, setting, is_primary=is_primary)
    yield _twfe_line(replace(line, estimator="twfe"), effects, alpha)


def _participation_lines(line: Line, effects: GroupTime, indexed: Indexed, setting: Setting) -> Iterator[Line]:
    """Where some pilot units never got a trained coach: those that did, and the effect on those who complied."""
    panel = indexed.panel
    took_part = np.array([bool(setting.is_trained.get(unit, False)) for unit in indexed.units])
    pilot = panel.cohort != NEVER
    begun = np.isin(panel.cohort, np.unique(effects.g))
    if not setting.is_trained or not (begun & took_part).any() or took_part[pilot].all():
        return
    kept = ~pilot | took_part
    chosen = att.group_time_effects(
        Panel(panel.n[kept], panel.total[kept], panel.cohort[kept], panel.people[kept]),
        anticipation=setting.anticipation,
        span=indexed.calendar.year,
    )
    post = chosen.t >= chosen.g
    yield estimate_line(
        replace(line, estimator="as_treated"), chosen, aggregations.simple(chosen), post, alpha=setting.alpha
    )
    part, post = complier_effect(effects, took_part), effects.t >= effects.g
    yield estimate_line(replace(line, estimator="complier"), effects, part, post, alpha=setting.alpha)


def complier_effect(effects: GroupTime, took_part: np.ndarray) -> Aggregate:
    """The simple effect divided by the share of pilot people whose unit took part (Wald; Imbens & Angrist 1994).

    `took_part` (C) marks units; no control unit takes part. Holds if assignment acts through taking part only.
    """
    panel = effects.panel
    simple = aggregations.simple(effects)
    pilot = np.isin(panel.cohort, np.unique(effects.g))
    people = np.where(pilot, panel.people, 0.0)
    joined, everybody = float(people @ took_part), float(people.sum())
    share = joined / everybody
    with np.errstate(invalid="ignore", divide="ignore"):
        share_without = (joined - people * took_part) / (everybody - people)
    of_share = np.where(pilot, panel.people * (took_part - share) / everybody, 0.0)
    influence = simple.influence / share - simple.value / share**2 * of_share
    return Aggregate(simple.value / share, simple.without / share_without, influence)


def _adjusted_lines(line: Line, indexed: Indexed, setting: Setting, *, is_primary: bool) -> Iterator[Line]:
    if setting.products.is_empty():
        return
    names = ("att_outcome_regression", "att_doubly_robust", "att_entropy_balanced", "atu_entropy_balanced")
    names = names[: 4 if is_primary else 2]
    if setting.anticipation:
        reason = "changes are kept from the last period before kick-off only, and the study declares anticipation"
        yield from (replace(line, estimator=name, result=NotEstimable(reason=reason)) for name in names)
        return
    moments = moments_from_cells(indexed, setting.changes, setting.products)
    if isinstance(moments, NotEstimable):
        yield from (replace(line, estimator=name, result=moments) for name in names)
        return
    panel = indexed.panel
    with np.errstate(invalid="ignore", divide="ignore"):  # of the units, over all pairs of periods
        facts = (
            sum(sums.products[:, 0, 1:] for sums in moments.values())
            / sum(sums.n for sums in moments.values())[:, None]
        )
    if is_primary:  # weighing anew without each unit is dear
        facts = np.column_stack([facts, panel.people])
        yield _weighted_line(replace(line, estimator=names[2]), indexed, facts, setting.alpha)
        yield _line_of_uncoached(replace(line, estimator=names[3]), indexed, facts, setting.alpha)
    for name in names[:2]:
        if name == "att_outcome_regression":
            effects = adjusted.outcome_regression(panel, moments)
        else:
            effects = adjusted.doubly_robust(panel, moments)
        post = effects.t >= effects.g
        if not np.isfinite(effects.value[post]).any():
            reason = "covariates do not vary among the controls, or separate the arms: nothing to adjust with"
            yield replace(line, estimator=name, result=NotEstimable(reason=reason))
            continue
        yield estimate_line(
            replace(line, estimator=name), effects, aggregations.simple(effects), post, alpha=setting.alpha
        )


def moments_from_cells(
    indexed: Indexed, changes: pl.DataFrame, products: pl.DataFrame
) -> dict[tuple[int, int], Moments] | NotEstimable:
    """Cross-products by (base, period) from `cell_differences` and `cell_covariates`, on the panel's units.

    Not estimable where somebody's covariate is missing: the products would be about other people than the changes.
    """
    covariates = products["covariate"].unique().sort().to_list()
    place = {name: index + 1 for index, name in enumerate(covariates)}
    codes = {
        "base_period_start": {start: index + 1 for index, start in enumerate(indexed.calendar.periods)},
        "period_start": {start: index + 1 for index, start in enumerate(indexed.calendar.periods)},
        "unit_id": {unit: index for index, unit in enumerate(indexed.units)},
    }

    def placed(table: pl.DataFrame) -> pl.DataFrame:
        numbered = [
            pl.col(name).replace_strict(code, default=None, return_dtype=pl.Int64) for name, code in codes.items()
        ]
        return table.with_columns(numbered).drop_nulls(list(codes))

    changes, products = placed(changes), placed(products)
    n_codes = len(indexed.calendar.periods) + 1

    def code(table: pl.DataFrame) -> np.ndarray:
        return table["base_period_start"].to_numpy() * n_codes + table["period_start"].to_numpy()

    pairs = np.unique(np.concatenate([code(changes), code(products)]))  # sums must not depend on the order of rows
    if not pairs.size:
        return NotEstimable(reason="nobody was seen in two periods")

    def where(table: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        return np.searchsorted(pairs, code(table)), table["unit_id"].to_numpy()

    size = len(covariates) + 1
    square = np.zeros((len(pairs), len(indexed.units), size, size))
    change = np.zeros(square.shape[:3])
    pair, unit = where(changes)
    square[pair, unit, 0, 0] = changes["n_people"].to_numpy()
    change[pair, unit, 0] = changes["change_sum"].to_numpy()

    pair, unit = where(products)
    short = products["n_people"].to_numpy() != square[pair, unit, 0, 0]
    if short.any():
        names = ", ".join(sorted(products.filter(pl.Series(short))["covariate"].unique()))
        return NotEstimable(reason=f"covariate(s) {names} are missing for some people")
    x = products["covariate"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    times, total = products["times"], products["product_sum"].to_numpy()
    is_change = (times == "change").to_numpy()
    change[pair[is_change], unit[is_change], x[is_change]] = total[is_change]
    others = products.filter(times != "change")["times"].replace_strict(place | {"one": 0}, return_dtype=pl.Int64)
    at = pair[~is_change], unit[~is_change]
    square[*at, x[~is_change], others] = square[*at, others, x[~is_change]] = total[~is_change]
    keys = ((int(each) // n_codes, int(each) % n_codes) for each in pairs)
    return {key: Moments(square[index], change[index]) for index, key in enumerate(keys)}


def _line_of_uncoached(line: Line, indexed: Indexed, facts: np.ndarray, alpha: float) -> Line:
    """What units like those that are not coached would gain; or that it cannot be said."""
    panel = indexed.panel
    pilot = (panel.cohort > 1) & (panel.cohort <= panel.n_periods)
    index = generalizability_index(facts, pilot, panel.cohort == NEVER)
    if not index >= UNLIKE:
        differ = "their facts are too few or too different" if np.isnan(index) else f"index {index:.2f} (Tipton 2014)"
        return replace(line, result=NotEstimable(reason=f"units not coached yet are not like those coached: {differ}"))
    line = _weighted_line(line, indexed, facts, alpha, onto="control")
    if isinstance(line.result, NotEstimable):
        return line
    return replace(line, result=replace(line.result, note=f"alike by index {index:.2f} (Tipton 2014; 1 is the same)"))


def _weighted_line(line: Line, indexed: Indexed, facts: np.ndarray, alpha: float, *, onto: Onto = "pilot") -> Line:
    varies = np.nanmax(facts, axis=0) > np.nanmin(facts, axis=0)
    if not varies.any():
        return replace(line, result=NotEstimable(reason="no covariate varies: there is nothing to weigh by"))
    try:
        part, arms = balanced_effect(indexed.panel, facts[:, varies], onto=onto, span=indexed.calendar.year)
    except ArithmeticError as problem:
        return replace(line, result=NotEstimable(reason=str(problem)))
    panel = indexed.panel
    method = f"{METHODS[line.estimator]}, never-treated control; {JACKKNIFE}"
    result, _ = judge(part, arms, cohort=panel.cohort, method=method, alpha=alpha, scale=size_of_values(panel))
    return replace(line, result=result)


def _twfe_line(line: Line, effects: GroupTime, alpha: float) -> Line:
    panel = effects.panel
    try:
        fit = twfe.of_panel(panel)
    except ValueError as problem:
        return replace(line, result=NotEstimable(reason=str(problem)))
    everybody = arms_of(effects, (effects.t >= effects.g) & np.isfinite(effects.value))
    ever = panel.cohort != NEVER
    arms = Arms(
        pilot=ever & fit.in_use, control=~ever & fit.in_use, n_pilot=everybody.n_pilot, n_control=everybody.n_control
    )
    result, _ = judge(
        Aggregate(fit.value, fit.without, fit.influence),
        arms,
        cohort=panel.cohort,
        method=f"{METHODS[line.estimator]}; {JACKKNIFE}",
        alpha=alpha,
        scale=size_of_values(panel),
    )
    return replace(line, result=result)

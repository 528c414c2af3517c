"""Where the lot decided: differences of unit means, adjusted for the unit's own past (ANCOVA, CUPED), within strata.

For each cohort g and period t from its kick-off on, over the units of g and those not coached by t:

    ȳ_ct = α_stratum + τ·1{c in g} + β·ȳ_c,before + ε,   weighted by persons

with ȳ_c,before the unit's mean over the periods before the first kick-off of all. β = 0 is the plain difference, β = 1
the difference in differences; least squares takes the one with the smallest variance (Frison & Pocock 1992; McKenzie
2012, "Beyond baseline and follow-up", J. Development Economics 99(2); CUPED, Deng et al. 2013, is the same adjustment).
Needs no baseline for the plain difference: a study of one wave is answered, and by randomisation alone.

Identification is the lot: nothing here may be used where units chose.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from inference.aggregations import Aggregate, simple
from inference.att import GroupTime, collect, group_time_effects
from inference.jackknife import jackknife
from inference.linear import can_be_solved
from inference.panel import NEVER, Control, Panel, is_control


def unit_baseline(panel: Panel) -> np.ndarray:
    """Each unit's mean over the periods before anybody was treated in which every cohort was observed; NaN where it has
    none. A period that one cohort lacks (its kick-off cuts it) would put a trend between the arms' pasts."""
    treated = panel.cohort[panel.cohort != NEVER]
    first = int(treated.min()) - 1 if treated.size else panel.n_periods
    by_cohort = np.array([panel.n[panel.cohort == g].sum(axis=0) for g in np.unique(panel.cohort)])
    chosen = np.flatnonzero((by_cohort > 0).all(axis=0)[:first])
    n, total = panel.n[:, chosen].sum(axis=1), panel.total[:, chosen].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / n


def group_time_contrasts(
    panel: Panel,
    *,
    stratum: np.ndarray | None = None,
    baseline: np.ndarray | None = None,
    control: Control = "not_yet_treated",
) -> GroupTime:
    """τ(g,t) for t ≥ g, its leave-one-out values (closed form) and influence.

    `stratum` (C) labels the strata in which the lot was drawn; a stratum with one arm only says nothing about τ.
    `baseline` (C): covariates of units, usually `unit_baseline`; units without one are left out.
    """
    labels = np.zeros(panel.cohort.size, int) if stratum is None else np.unique(stratum, return_inverse=True)[1]
    dummies = labels[:, None] == np.unique(labels)[None, :]

    def effect(g: int, t: int):
        treated, untreated = panel.cohort == g, is_control(panel, g, t, control)
        weight = np.where(treated | untreated, panel.n[:, t - 1], 0.0)
        if baseline is not None:
            weight = np.where(np.isfinite(baseline), weight, 0.0)
        # A stratum with one arm says nothing about τ: its units do not count either.
        both = [(weight[member & treated] > 0).any() and (weight[member & untreated] > 0).any() for member in dummies.T]
        weight = np.where(dummies @ np.array(both), weight, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            y = np.where(weight > 0, panel.total[:, t - 1] / panel.n[:, t - 1], 0.0)
        x = [treated, *dummies[:, (dummies & (weight > 0)[:, None]).any(axis=0)].T]
        if baseline is not None:
            past = np.where(weight > 0, baseline, 0.0)
            x.append(np.where(weight > 0, past - (weight @ past) / max(weight.sum(), 1.0), 0.0))
        return *least_squares(np.column_stack(x).astype(float), y, weight), weight

    cohorts = [int(g) for g in np.unique(panel.cohort) if 1 <= g <= panel.n_periods]
    found = ((g, t) for g in cohorts for t in range(g, panel.n_periods + 1) if panel.observed[t - 1])
    return collect(panel, control, (((g, t, panel.base_period(g) or t), *effect(g, t)) for g, t in found))


def least_squares(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """First coefficient of a weighted regression, the same without each row, and each row's influence on it.

    Without row c: β − (XᵀWX)⁻¹ x_c w_c û_c / (1 − h_c) (Belsley, Kuh & Welsch 1980). NaN where it is not identified.
    """
    n_rows = y.size
    products = (x * weight[:, None]).T @ x
    if not can_be_solved(products[None], most=1e12).all():
        return float("nan"), np.full(n_rows, np.nan), np.full(n_rows, np.nan)
    inverse = np.linalg.inv(products)
    slope = inverse @ (x * weight[:, None]).T @ y
    residual = y - x @ slope
    pull = (x @ inverse) * weight[:, None]
    leverage = np.einsum("cq,cq->c", pull, x)
    influence = pull[:, 0] * residual
    with np.errstate(invalid="ignore", divide="ignore"):
        # A row that alone carries another column (a stratum's last unit) has no say in this one.
        alone = np.where(np.abs(pull[:, 0]) < 1e-10 * np.abs(pull).max(axis=1), slope[0], np.nan)
        without = np.where(leverage < 1 - 1e-10, slope[0] - influence / (1 - leverage), alone)
    return float(slope[0]), without, influence


def randomisation_p_value(
    panel: Panel,
    *,
    stratum: np.ndarray | None = None,
    statistic: Callable[[Panel], Aggregate] | None = None,
    draws: int = 999,
    rng: np.random.Generator,
) -> float:
    """Share of re-drawn lots whose studentised effect is at least as large as the one seen, the seen lot included.

    Cohorts are permuted among the units of each stratum, as the lot was drawn; the statistic is the estimate divided
    by its jackknife error, which keeps the test valid for the average effect too (Chung & Romano 2013; Young 2019;
    Wu & Ding 2021). `statistic` makes an aggregate of a panel: by default `aggregations.simple` of ATT(g,t).
    """
    aggregate = statistic or (lambda drawn: simple(group_time_effects(drawn)))
    labels = np.zeros(panel.cohort.size, int) if stratum is None else np.unique(stratum, return_inverse=True)[1]

    def studentised(cohort: np.ndarray) -> float:
        drawn = Panel(panel.n, panel.total, cohort, panel.people)
        part = aggregate(drawn)
        uncertainty = jackknife(theta=part.value, theta_without=part.without, cohort=cohort)
        return abs(part.value) / uncertainty.std_error if uncertainty else float("nan")

    lots = sum(_log_lots(panel.cohort[labels == label]) for label in np.unique(labels))
    if lots < np.log(20):
        raise ValueError("so few other lots could have been drawn that no p-value below 0.05 is possible")
    seen = studentised(panel.cohort)
    if not np.isfinite(seen):
        raise ValueError("the effect of the lot that was drawn has no error to be divided by")
    hits, valid = 1, 1
    for _ in range(draws):
        cohort = panel.cohort.copy()
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            cohort[members] = rng.permutation(cohort[members])
        drawn = studentised(cohort)
        if np.isfinite(drawn):
            valid += 1
            hits += drawn >= seen * (1 - 1e-12)
    return hits / valid


def _log_lots(cohort: np.ndarray) -> float:
    """Logarithm of how many different lots a stratum has: k! / Π k_g!."""
    sizes = np.unique(cohort, return_counts=True)[1]
    return float(special.gammaln(cohort.size + 1) - special.gammaln(sizes + 1).sum())

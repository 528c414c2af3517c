"""Coach by coach: partially pooled effects and a funnel, so that luck is not taken for skill.

Efron & Morris (1975), Morris (1983), "Parametric empirical Bayes inference", JASA 78(381); the variance between coaches
by Paule & Mandel (1982); funnel: Spiegelhalter (2005), "Funnel plots for comparing institutional performance".

A coach of one team cannot be distinguished from the team: what is shown is coach and team together. Never for
remuneration, and never in a general release.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import optimize, stats

from inference.panel import NEVER, Panel


@dataclass(frozen=True)
class Pooled:
    """Partially pooled values (k) with intervals; `between` is the standard deviation between coaches."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: float
    between: float
    shrinkage: np.ndarray


def between_variance(y: np.ndarray, variance: np.ndarray) -> float:
    """Paule–Mandel: the τ² at which Σ (y − ȳ_w)²/(v + τ²) equals k − 1; 0 where it is less without any."""

    def excess(tau2: float) -> float:
        weight = 1 / (variance + tau2)
        return float(weight @ (y - weight @ y / weight.sum()) ** 2) - (y.size - 1)

    if excess(0.0) <= 0:
        return 0.0
    top = float(np.var(y)) + float(variance.max())
    while excess(top) > 0:
        top *= 2
    return float(optimize.brentq(excess, 0.0, top, xtol=1e-14))


def partial_pooling(y: np.ndarray, variance: np.ndarray, *, alpha: float = 0.05) -> Pooled:
    """Shrink each of k ≥ 4 values towards their weighted mean by how much of its spread is luck.

    Morris (1983, eqs. 1.17 and 1.18 in spirit): θ̂ = μ̂ + (1 − B)(y − μ̂), B = (k − 3)/(k − 1) · v/(v + τ²); the interval
    carries the uncertainty of μ̂ and of B. Raises ValueError with fewer than four values or a variance of zero.
    """
    k = y.size
    if k < 4:
        raise ValueError("partial pooling needs at least four coaches")
    if np.any(variance <= 0):
        raise ValueError("a variance of zero is a fault of the data, not certainty")
    tau2 = between_variance(y, variance)
    weight = 1 / (variance + tau2)
    mean = float(weight @ y / weight.sum())
    shrinkage = (k - 3) / (k - 1) * variance / (variance + tau2)
    value = mean + (1 - shrinkage) * (y - mean)
    of_mean = weight / weight.sum()
    spread = variance * (1 - (1 - of_mean) * shrinkage) + 2 / (k - 3) * shrinkage**2 * (y - mean) ** 2
    reach = stats.norm.ppf(1 - alpha / 2) * np.sqrt(spread)
    return Pooled(value, value - reach, value + reach, mean, float(np.sqrt(tau2)), shrinkage)


def funnel_limits(mean: float, variance: np.ndarray, *, coverage: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Where a value of this variance lies by chance alone if all coaches are alike."""
    reach = stats.norm.ppf((1 + coverage) / 2) * np.sqrt(variance)
    return mean - reach, mean + reach


COACHES_SCHEMA = {
    "metric": pl.String,
    "coach_person_id": pl.String,
    "n_units": pl.Int64,
    "n_people": pl.Int64,
    "change": pl.Float64,
    "pooled": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "funnel_low": pl.Float64,
    "funnel_high": pl.Float64,
    "shrinkage": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
}


@dataclass(frozen=True)
class Changes:
    """Per coach (k): change since kick-off beyond the control's, its sampling variance, units, and people: those of the
    fullest period before or after kick-off, whichever has fewer."""

    coach: list[str]
    change: np.ndarray
    variance: np.ndarray
    n_units: np.ndarray
    n_people: np.ndarray


def alike_from_period_to_period(changes: pl.DataFrame, within: float) -> float:
    """How alike a person's answers of two periods are, within units (0–1): r = 1 − s_d²/(2s²), from `cell_differences`
    of one metric; `within` is s². 0 where nobody can be followed: as if each period asked others, which is never too
    certain."""
    df = 0.0 if changes.is_empty() else float((changes["n_people"] - 1).clip(0).sum())
    if df <= 0 or within <= 0:
        return 0.0
    of_changes = float(changes["centred_sum_of_squares"].sum()) / df
    return float(np.clip(1 - of_changes / (2 * within), 0.0, 1.0))


def variance_within(panel: Panel, centred_squares: np.ndarray) -> float:
    """s²: of answers within unit and period."""
    df = np.maximum(panel.n - 1, 0).sum()
    return float(centred_squares.sum() / df) if df > 0 else 0.0


def changes_by_coach(
    panel: Panel, centred_squares: np.ndarray, coach: list[str | None], *, alike: float = 0.0
) -> Changes:
    """Mean after less mean before kick-off of each coach's units, less the same of the never-treated units.

    `coach` names each unit's coach (None: left out), `alike` is the correlation r of a person's answers. The variance
    is that of people within units, the control's included: s²(1 − rq)(1/N + 1/N′), with N answers after and N′ before
    kick-off and q the share of the people who answer in a period: whoever answers before and after takes what lasts of
    them off again. What passes with a unit and period is in the variance *between* coaches: coach and team together.
    """
    within = variance_within(panel, centred_squares)
    period = np.arange(1, panel.n_periods + 1)
    never = panel.cohort == NEVER

    def parts(member: np.ndarray, chosen: np.ndarray) -> tuple[float, float]:
        """Mean of the members' answers in these periods, and its variance."""
        n, total = panel.n[member][:, chosen], panel.total[member][:, chosen]
        if not n.sum() > 0:
            return np.nan, 0.0
        answering = min(float(n.sum() / (chosen.sum() * panel.people[member].sum())), 1.0)
        return float(total.sum() / n.sum()), within * (1 - alike * answering) / float(n.sum())

    rows = []
    for name in sorted({each for each in coach if each is not None}):
        led = np.array([each == name for each in coach]) & ~never
        parts_of = []  # change, variance, people: of the coach's units that began together
        for begins in np.unique(panel.cohort[led]):
            member = led & (panel.cohort == begins)
            # The control is averaged over the same periods: those in which these units were observed.
            seen_in = panel.n[member].sum(axis=0) > 0
            after, before = (period >= begins) & seen_in, (period < begins) & seen_in
            if not after.any() or not before.any():
                continue
            (late, of_late), (early, of_early) = parts(member, after), parts(member, before)
            (usual_late, of_usual_late), (usual_early, of_usual_early) = parts(never, after), parts(never, before)
            change = late - early - (usual_late - usual_early)
            if np.isfinite(change):
                variance = of_late + of_early + of_usual_late + of_usual_early
                there = panel.n[member].sum(axis=0)
                seen = min(there[after].max(), there[before].max())
                parts_of.append((change, variance, float(panel.people[member].sum()), seen))
        if parts_of:
            change, variance, people, seen = (np.array(column) for column in zip(*parts_of, strict=True))
            share = people / people.sum()
            rows.append((name, float(share @ change), float(share**2 @ variance), int(led.sum()), int(seen.sum())))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    return Changes(list(columns[0]), *(np.array(column) for column in columns[1:]))


def _of(changes: Changes, chosen: np.ndarray) -> Changes:
    columns = (changes.change, changes.variance, changes.n_units, changes.n_people)
    return Changes([changes.coach[index] for index in chosen], *(column[chosen] for column in columns))


def coach_table(found: dict[str, Changes], *, alpha: float, minimum: int) -> pl.DataFrame:
    """`restricted.est_coaches`: one row per metric and coach. Where it cannot be pooled the row says why.

    Coaches of fewer than `minimum` people are listed without numbers and pool with nobody: the others' rows give mean
    and spread of all who were pooled, which would give a single suppressed one back.
    """
    rows = []
    for metric, everybody in found.items():
        few = {"status": "suppressed", "reason": f"fewer than {minimum} people"}
        for coach, n in zip(everybody.coach, everybody.n_people, strict=True):
            if n < minimum:
                rows.append({"metric": metric, "coach_person_id": coach} | few)
        changes = _of(everybody, np.flatnonzero(everybody.n_people >= minimum))
        if not changes.coach:
            continue
        try:
            pooled = partial_pooling(changes.change, changes.variance, alpha=alpha)
            low, high = funnel_limits(pooled.mean, changes.variance)
        except ValueError as problem:
            pooled, reason = None, str(problem)
        for index, coach in enumerate(changes.coach):
            row = {
                "metric": metric,
                "coach_person_id": coach,
                "n_units": int(changes.n_units[index]),
                "n_people": int(changes.n_people[index]),
                "change": float(changes.change[index]),
                "status": "estimated" if pooled else "not_estimable",
                "reason": None if pooled else reason,
            }
            if pooled:
                row |= {
                    "pooled": float(pooled.value[index]),
                    "ci_low": float(pooled.low[index]),
                    "ci_high": float(pooled.high[index]),
                    "funnel_low": float(low[index]),
                    "funnel_high": float(high[index]),
                    "shrinkage": float(pooled.shrinkage[index]),
                }
            rows.append(row)
    return pl.DataFrame(rows, schema=COACHES_SCHEMA).sort("metric", "coach_person_id")

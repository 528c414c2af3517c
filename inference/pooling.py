"""Coach by coach: partially pooled effects and a funnel, so that luck is not taken for skill.

Efron & Morris (1975), Morris (1983), "Parametric empirical Bayes inference", JASA 78(381); the variance between coaches
by Paule & Mandel (1982); funnel: Spiegelhalter (2005), "Funnel plots for comparing institutional performance".

A coach of one team cannot be told apart from the team: what is shown is coach and team together. Never for
remuneration, and never in a general release.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats


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

"""Adjusting for how many questions were asked, and how often they were looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import optimize, stats

P = Sequence[float | None]


def holm(p_values: P) -> list[float | None]:
    """Holm's (1979) step-down adjusted p-values: the chance of any false finding stays below alpha.

    A question without an answer (None) still counts as asked.
    """
    return _stepwise(p_values, lambda ranked, asked: np.maximum.accumulate((asked - np.arange(ranked.size)) * ranked))


def benjamini_hochberg(p_values: P) -> list[float | None]:
    """Benjamini & Hochberg's (1995) adjusted p-values: the share of false ones among the findings stays below alpha.

    A question without an answer (None) still counts as asked.
    """
    return _stepwise(
        p_values,
        lambda ranked, asked: np.minimum.accumulate((asked / np.arange(1, ranked.size + 1) * ranked)[::-1])[::-1],
    )


def _stepwise(p_values: P, adjust: Callable[[np.ndarray, int], np.ndarray]) -> list[float | None]:
    places = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    ranked = np.array([p for p, _ in places])
    adjusted: list[float | None] = [None] * len(p_values)
    for (_, index), p in zip(places, np.minimum(adjust(ranked, len(p_values)), 1.0), strict=True):
        adjusted[index] = float(p)
    return adjusted


def spent(fraction: float, alpha: float) -> float:
    """The part of a two-sided alpha that may be spent by this fraction of the information: 4(1 − Φ(z₁₋α/₄/√t)).

    Lan & DeMets (1983), their spending function of O'Brien & Fleming's type: next to nothing early.
    """
    return float(4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(fraction)))


def alpha_per_look(fractions: Sequence[float], *, alpha: float = 0.05, nodes: int = 501) -> list[float]:
    """Two-sided nominal levels for looks at these fractions of the information (rising, the last one 1).

    Each level is what makes the chance of having rejected by that look equal to `spent` under the null, found by
    integrating the score process from look to look (Armitage, McPherson & Rowe 1969). Raises ValueError for fractions
    that do not rise to one.
    """
    if not fractions or np.any(np.diff([0.0, *fractions]) <= 0) or abs(fractions[-1] - 1) > 1e-9:
        raise ValueError("looks are rising fractions of the information, the last one 1")
    levels: list[float] = []
    points, weights = np.zeros(1), np.ones(1)  # the score's density over those who go on
    before, used = 0.0, 0.0
    for fraction in fractions:
        step, budget = np.sqrt(fraction - before), spent(fraction, alpha) - used

        def crossing(limit: float, *, step=step, points=points, weights=weights) -> float:
            return float(weights @ (stats.norm.sf((limit - points) / step) + stats.norm.cdf((-limit - points) / step)))

        limit = optimize.brentq(lambda limit, crossing=crossing, budget=budget: crossing(limit) - budget, 0.0, 20.0)
        levels.append(float(2 * stats.norm.sf(limit / np.sqrt(fraction))))
        inside, heft = np.polynomial.legendre.leggauss(nodes)
        new = inside * limit
        density = stats.norm.pdf((new[:, None] - points[None, :]) / step) @ weights / step
        points, weights = new, density * heft * limit
        before, used = fraction, spent(fraction, alpha)
    return levels

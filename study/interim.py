"""Interim analyses: the level of significance that a study may use on a day. They are declared before the results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from scipy import optimize, stats

from study.model import Study


def alpha_on(study: Study, day: date) -> float:
    """The two-sided level of the last declared interim analysis not after `day` (before the first: the first's).

    The analyses count as equal parts of the information. Without any it is the study's alpha in every run: a study that
    decides in the first run that pleases it has no error rate, so declare them where that could happen.
    """
    if not study.interim_analyses:
        return study.alpha
    n = len(study.interim_analyses)
    levels = alpha_per_analysis([(k + 1) / n for k in range(n)], alpha=study.alpha)
    held = sum(declared <= day for declared in study.interim_analyses)
    return levels[max(held, 1) - 1]


def spent(fraction: float, alpha: float) -> float:
    """The part of a two-sided alpha that may be spent by this fraction of the information: 4(1 − Φ(z₁₋α/₄/√t)).

    Lan & DeMets (1983), their spending function of O'Brien & Fleming's type: next to nothing early.
    """
    return float(4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(fraction)))


def alpha_per_analysis(fractions: Sequence[float], *, alpha: float = 0.05, nodes: int = 501) -> list[float]:
    """Two-sided nominal levels of analyses at these fractions of the information (rising, the last one 1).

    Each level is what makes the chance of having rejected by then equal to `spent` under the null, found by
    integrating the score process from analysis to analysis (Armitage, McPherson & Rowe 1969). Raises ValueError for
    fractions that do not rise to one.
    """
    if not fractions or np.any(np.diff([0.0, *fractions]) <= 0) or abs(fractions[-1] - 1) > 1e-9:
        raise ValueError("interim analyses are at rising fractions of the information, the last one 1")
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

"""Interim analyses: every wave is one, and the level of its verdicts is what keeps the study's alpha over all of them.

Whoever reads a study after each wave finds something in more than one of twenty that have nothing: 8 % with four waves,
12 % with ten. So alpha is spent over the waves of the study's plan, in the way of O'Brien and Fleming: next to nothing
early, nearly all of it at the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import numpy as np
from scipy import optimize, stats

MONTHS_AFTER_LAST_KICKOFF = 12  # of the plan, where the study names no end
QUARTER = 3
MOST_ANALYSES = 240  # twenty years of months; the levels hardly change beyond


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Where a study stands: `number` of `planned` analyses (0: no wave since kick-off), and the level of verdicts.

    `last_wave` is where the period of the plan's newest wave begins, `is_over` says that later ones are there too,
    `next_wave` where the next one of the plan is to be expected and `next_alpha` what its level will be.
    """

    number: int
    planned: int
    alpha: float
    next_alpha: float | None = None
    last_wave: date | None = None
    next_wave: date | None = None
    is_over: bool = False


def analysis_of(
    waves: Sequence[date], kickoffs: Sequence[date], *, alpha: float, n_primary: int = 1, until: date | None = None
) -> Analysis:
    """The analysis that is made of `waves` (where the periods of primary outcomes begin), with cohorts that begin on
    `kickoffs`.

    The plan ends on `until`, else twelve months after the last kick-off; waves that are still to come are counted at
    the usual distance. Analyses count as equal parts of the information. The level is that of the smallest of
    `n_primary` p-values times their number: alpha is spent on each one's own part, since the levels of a sequence are
    not in proportion to its alpha.
    """
    waves = sorted(set(waves))
    if not kickoffs or not waves:
        return analysis_at(0, 1, alpha=alpha, n_primary=n_primary)
    end = until or _add_months(max(kickoffs), MONTHS_AFTER_LAST_KICKOFF - 1)
    after = [wave for wave in waves if wave >= min(kickoffs)]
    of_plan = [wave for wave in after if wave <= end] or after[:1]
    distances = np.diff([_month(wave) for wave in waves])
    distance = max(int(np.median(distances)) if distances.size else QUARTER, 1)
    newest = of_plan[-1] if of_plan else waves[-1]
    # Waves before the first kick-off are no analyses, those to come neither.
    begins = _month(min(kickoffs)) + (min(kickoffs).day > 1)
    n_until_kickoff = max(-((_month(newest) - begins) // distance) - 1, 0)
    n_to_come = max((_month(end) - _month(newest)) // distance - n_until_kickoff, 0)
    return replace(
        analysis_at(len(of_plan), max(len(of_plan) + n_to_come, 1), alpha=alpha, n_primary=n_primary),
        last_wave=of_plan[-1] if of_plan else None,
        next_wave=_add_months(newest, (n_until_kickoff + 1) * distance) if n_to_come else None,
        is_over=len(after) > len(of_plan),
    )


def analysis_at(number: int, planned: int, *, alpha: float, n_primary: int = 1) -> Analysis:
    """The analysis of this number in a plan of so many equal parts of the information.

    The level is that of the smallest of `n_primary` p-values times their number: alpha is spent on each one's own part,
    since the levels of a sequence are not in proportion to its alpha. A plan of more than MOST_ANALYSES is counted as
    one of as many, the present one rounded down.
    """
    counted = min(planned, MOST_ANALYSES)
    part = alpha / max(n_primary, 1)
    levels = _levels(counted, part)

    def level(number: int) -> float:
        return levels[max(number * counted // planned, 1) - 1] / part * alpha

    return Analysis(
        number=number,
        planned=planned,
        alpha=level(number),
        next_alpha=level(number + 1) if number < planned else None,
    )


@cache
def _levels(planned: int, alpha: float) -> list[float]:
    return alpha_per_analysis([(k + 1) / planned for k in range(planned)], alpha=alpha)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _add_months(day: date, months: int) -> date:
    year, month = divmod(_month(day) + months, 12)
    return date(year, month + 1, 1)


def spent(fraction: float, alpha: float) -> float:
    """The part of a two-sided alpha that may be spent by this fraction of the information: 4(1 − Φ(z₁₋α/₄/√t)).

    Lan & DeMets (1983), their spending function of O'Brien & Fleming's type: next to nothing early.
    """
    return float(4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(fraction)))


def alpha_per_analysis(fractions: Sequence[float], *, alpha: float = 0.05, nodes: int = 201) -> list[float]:
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

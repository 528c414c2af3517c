"""What a pilot would see, from the organisation's own past: lots drawn again and again over times in which nothing was.

Nothing about the organisation is assumed: sizes of units, how alike their people are, how long a good or a bad unit
stays so, who leaves and who does not answer are in the past as they were. A day in the past is taken for the kick-off;
the lot is drawn within its strata and estimated by the very estimator of the study. What it finds is error. An effect
of so much is the same with so much added, and power is how often that is significant (power by simulated data:
Gelman & Hill 2006, "Data Analysis Using Regression and Multilevel/Hierarchical Models", ch. 20).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from inference import aggregations, randomised
from inference.jackknife import Uncertainty
from inference.judging import arms_of, judge
from inference.lot import draw
from inference.mean_line import size_of_values, usable_baseline
from inference.panel import NEVER, Panel

Strata = Callable[[np.ndarray], np.ndarray]  # what the units' past was → their strata
DRAWS = 1_000  # a power of 80 % to 1.3 points
ALPHA = 0.05  # of the intervals, which nobody reads here


@dataclass(frozen=True)
class Length:
    """A pilot of so many periods before and after its kick-off, and what lots of it found."""

    before: int
    after: int
    found: Found


@dataclass(frozen=True)
class Found:
    """What lots over the past found where there was nothing: estimates, errors and degrees of freedom (lots).

    They are NaN for a lot of which the study would give no verdict (too few units of an arm have answers): nothing is
    found by it, whatever the effect.
    """

    estimate: np.ndarray
    std_error: np.ndarray
    df: np.ndarray

    def power(self, effect: float, *, alpha: float) -> float:
        """The share of lots in which an effect of this size would be significant, two-sided."""
        t = np.abs(self.estimate + effect) / self.std_error
        return float(np.mean(2 * stats.t.sf(t, self.df) <= alpha))

    def detectable(self, *, alpha: float, power: float = 0.8) -> float:
        """The smallest effect that is significant in this share of lots, by halving; infinite where none is."""
        if np.mean(np.isfinite(self.std_error)) < power:
            return float("inf")
        low, high = (
            0.0,
            float(np.nanmax(np.abs(self.estimate)) + np.nanmax(self.std_error * stats.t.isf(alpha / 2, self.df))),
        )
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if self.power(middle, alpha=alpha) >= power else (middle, high)
        return high


def lots_over_the_past(
    panel: Panel,
    stratum_of: Strata,
    *,
    before: int,
    starts: Sequence[int],
    per_cohort: int,
    draws: int,
    rng: np.random.Generator,
) -> Found:
    """Draw `draws` lots as if the kick-off had come after the first `before` periods of the panel.

    `panel` has all units that are drawn from, those without an answer too. `stratum_of` gives the strata for what the
    units' past was by then (their mean over those periods), `starts` how many periods after the first kick-off each
    cohort begins (0 for the first). Raises ValueError where the panel has no period after `before`.
    """
    if not 1 <= before < panel.n_periods:
        raise ValueError(f"{panel.n_periods} periods cannot be cut after {before}")
    with np.errstate(invalid="ignore", divide="ignore"):
        past = panel.total[:, :before].sum(axis=1) / panel.n[:, :before].sum(axis=1)
    stratum, first = stratum_of(past), np.array([NEVER, *(before + 1 + start for start in starts)])
    seen = panel.n.sum(axis=1) > 0
    mine = stratum[seen] if np.unique(stratum[seen]).size > 1 else None
    found = np.full((draws, 3), np.nan)
    for row in found:
        cohort = first[draw(stratum, len(starts), per_cohort, rng)][seen]
        drawn = Panel(panel.n[seen], panel.total[seen], cohort, panel.people[seen])
        effect, error = effect_of_lot(drawn, mine)
        if error is not None:
            row[:] = effect, error.std_error, error.df
    return Found(*found.T)


def effect_of_lot(panel: Panel, stratum: np.ndarray | None) -> tuple[float, Uncertainty | None]:
    """The headline of a study whose lot decided, and its error; None where the study would give no verdict."""
    effects = randomised.group_time_contrasts(panel, stratum=stratum, baseline=usable_baseline(panel).value)
    part, post = aggregations.simple(effects), effects.t >= effects.g
    if not post.any():
        return float("nan"), None
    _, error = judge(
        part, arms_of(effects, post), cohort=panel.cohort, method="", alpha=ALPHA, scale=size_of_values(panel)
    )
    return part.value, error


def by_length(
    panel: Panel,
    stratum_of: Strata,
    *,
    most: int,
    starts: Sequence[int],
    per_cohort: int,
    draws: int = DRAWS,
    rng: np.random.Generator,
) -> list[Length]:
    """What lots found, for pilots of each length that the past can hold.

    The newest half of the past is looked at as if it came after the kick-off, `most` periods of it. Raises ValueError
    where there is one period only.
    """
    if panel.n_periods < 2:
        raise ValueError("one period only: nothing to compare with")
    found = []
    for after in range(1, min(panel.n_periods // 2, most) + 1):
        before = panel.n_periods - after
        lots = lots_over_the_past(
            panel, stratum_of, before=before, starts=starts, per_cohort=per_cohort, draws=draws, rng=rng
        )
        found.append(Length(before, after, lots))
    return found

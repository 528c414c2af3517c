"""Sums of one metric by unit and period, and a cohort beside its controls in every period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Control = Literal["never_treated", "not_yet_treated"]
MOST_OTHERS = 0.1  # of the answers of a period that is counted from
NEVER = 0  # the cohort of units that are never treated


@dataclass(frozen=True)
class Panel:
    """Sufficient statistics of one metric: `n` and `total` have shape units × periods.

    The periods are consecutive in the calendar, from the first observed one to the last: a period without observations
    is a column of zeros, so the difference of two indices is a distance in time. `cohort` (shape: units) is the first
    treated period of each unit, as an index from 1 to T, or NEVER. `people` (shape: units) is the number of distinct
    people; it weights the cohorts in aggregations.
    """

    n: np.ndarray
    total: np.ndarray
    cohort: np.ndarray
    people: np.ndarray

    def __post_init__(self):
        if (
            self.n.shape != self.total.shape
            or self.n.shape[0] != self.cohort.size
            or self.people.size != self.n.shape[0]
        ):
            raise ValueError("n and total must be units × periods, cohort and people one value per unit")
        if np.any(self.n < 0) or not np.all(np.isfinite(self.total)):
            raise ValueError("counts must not be negative and sums must be finite")

    @property
    def n_periods(self) -> int:
        """Number of periods."""
        return self.n.shape[1]

    @property
    def cohorts(self) -> np.ndarray:
        """Treated cohorts that have a period before treatment, in order."""
        return np.array([g for g in np.unique(self.cohort) if 1 < g <= self.n_periods], dtype=int)

    @property
    def observed(self) -> np.ndarray:
        """Which periods anybody was observed in (shape: periods)."""
        return self.n.sum(axis=0) > 0

    def base_period(self, g: int, *, anticipation: int = 0) -> int | None:
        """The last period before treatment, less `anticipation` periods, in which cohort `g` was observed; or None."""
        seen = self.n[self.cohort == g].sum(axis=0) > 0
        before = np.flatnonzero(seen[: max(g - 1 - anticipation, 0)])
        return int(before[-1]) + 1 if before.size else None


def is_control(panel: Panel, g: int, last: int, control: Control) -> np.ndarray:
    """Which units serve as control of cohort `g` when `last` is the later of the two periods compared.

    With anticipation, the caller adds the `anticipation` periods to `last`.
    """
    never = panel.cohort == NEVER
    if control == "never_treated":
        return never
    return never | ((panel.cohort > last) & (panel.cohort != g))


@dataclass(frozen=True)
class Contrast:
    """A cohort and its controls (C units) in each of T periods: the treated's mean less the controls'.

    `value` (T), `without` (C × T) without each unit, `influence` (C × T). `weight` (T) is what a period counts in a
    mean of several, 1/(1/n + 1/n') of the arms' answers: all alike where as many answer each time, one in which few
    were asked does not spoil the others, and one in which an arm is silent counts nothing.
    """

    panel: Panel
    arms: tuple[np.ndarray, np.ndarray]
    value: np.ndarray
    without: np.ndarray
    influence: np.ndarray
    weight: np.ndarray

    def is_alike(self, last: int) -> np.ndarray:
        """Of each period (T) whether in each arm the same units answer as in `last`, but for MOST_OTHERS of the answers
        of either: units that come or go between them would leave their level in the effect. An arm silent in `last` is
        alike to any."""
        alike = np.ones(self.panel.n_periods, bool)
        for arm in self.arms:
            one = self.panel.n[arm]
            other = one[:, [last - 1]]
            if other.any():
                is_in_one = (one > 0) != (other > 0)
                for n in (one, other):
                    alike &= np.where(is_in_one, n, 0.0).sum(axis=0) <= MOST_OTHERS * n.sum(axis=0)
        return alike

    def effect(self, t: int, bases: Sequence[int]) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Value, leave-one-out values (C) and influence (C) of period `t` counted from the mean of `bases`, and how
        much each of these counts in it."""
        before = np.array(bases) - 1
        total = self.weight[before].sum()
        if not total:
            nothing = np.full(self.panel.cohort.size, np.nan)
            return float("nan"), nothing, nothing, np.zeros(before.size)
        weights = self.weight[before] / total
        used, share = before[weights > 0], weights[weights > 0]
        without = self.without[:, used]
        known = np.isfinite(without)  # a base that rests on one unit is none without it
        with np.errstate(invalid="ignore", divide="ignore"):
            before_without = np.where(known, without, 0.0) @ share / (known @ share)
        return (
            float(self.value[t - 1] - self.value[used] @ share),
            self.without[:, t - 1] - before_without,
            self.influence[:, t - 1] - self.influence[:, used] @ share,
            weights,
        )


def contrast(panel: Panel, treated: np.ndarray, untreated: np.ndarray) -> Contrast:
    """Of two groups of units, marked (C each)."""
    (here, size), (there, other) = (_means_and_parts(panel, member) for member in (treated, untreated))
    with np.errstate(divide="ignore"):
        weight = np.where((size > 0) & (other > 0), 1 / (1 / size + 1 / other), 0.0)
    return Contrast(panel, (treated, untreated), *(one - two for one, two in zip(here, there, strict=True)), weight)


def _means_and_parts(panel: Panel, member: np.ndarray):
    """Pooled mean of the member units in each period (T), the same without each unit (C × T), and each unit's influence
    on it (C × T); and how many answers there are (T)."""
    n, total = panel.n[member], panel.total[member]
    size, amount = n.sum(axis=0), total.sum(axis=0)
    influence = np.zeros(panel.n.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = amount / size
        without = np.repeat(mean[None, :], panel.cohort.size, axis=0)
        without[member] = np.where(size > n, (amount - total) / (size - n), np.nan)
        influence[member] = np.where(size > 0, (total - n * mean) / size, 0.0)
    return (mean, without, influence), size

"""Retention from life tables: Kaplan–Meier, restricted mean, log-rank, leaving by cause; errors by leaving units out.

Kaplan & Meier (1958): S(h) = Π_{m ≤ h} (1 − d_m / n_m), with n_m at risk at the start of month m and d_m who left in
it; who is censored in a month was at risk in it. Pooled over the units of an arm.

Restricted mean (Royston & Parmar 2013): the mean number of months stayed out of h, Σ_{m < h} S(m). Cumulative incidence
by cause (Aalen & Johansen 1978): F_k(h) = Σ_{m ≤ h} S(m − 1) d_km / n_m; the causes and S sum to one. Log-rank (Mantel
1966), with its textbook variance and with one that knows that colleagues are alike.

`difference` is S_pilot − S_control after kick-off and is an effect only where assignment was random;
`difference_in_differences` takes off the same difference over the same length of time before kick-off, and rests on
parallel trends in the share retained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from inference.aggregations import Aggregate


def survival_curve(at_risk: np.ndarray, events: np.ndarray) -> np.ndarray:
    """S after each month along the last axis; zero once everybody has left, NaN where nobody was followed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        staying = 1 - events / at_risk
    gone = np.maximum.accumulate(staying == 0, axis=-1)
    return np.where(gone, 0.0, np.cumprod(np.where(gone, 1.0, staying), axis=-1))


def restricted_mean(at_risk: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Mean months stayed, out of as many as there are columns."""
    curve = survival_curve(at_risk, events)
    return 1 + curve[..., :-1].sum(axis=-1)


def cumulative_incidence(at_risk: np.ndarray, events: np.ndarray, of_cause: np.ndarray) -> np.ndarray:
    """Share that has left for this cause by the last month (last axis), all causes competing."""
    curve = survival_curve(at_risk, events)
    before = np.concatenate([np.ones_like(curve[..., :1]), curve[..., :-1]], axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = np.where(before == 0, 0.0, before * of_cause / at_risk)
    return parts.sum(axis=-1)


@dataclass(frozen=True)
class LogRank:
    """Observed minus expected leavers of the first arm: `difference`, its variance under independence, and the parts
    that leaving each unit out shows (`without`, shape: units)."""

    difference: float
    variance: float
    without: np.ndarray

    @property
    def chi_squared(self) -> float:
        """The textbook statistic, one degree of freedom: for people who leave independently of their colleagues."""
        return self.difference**2 / self.variance

    @property
    def p_value(self) -> float:
        """Of the textbook statistic."""
        return float(stats.chi2.sf(self.chi_squared, 1))


def log_rank(at_risk: np.ndarray, events: np.ndarray, first: np.ndarray) -> LogRank:
    """Of units × months; `first` marks the units of the first arm, the rest are the other arm."""
    n, d = at_risk.sum(axis=0), events.sum(axis=0)
    n_first, d_first = at_risk[first].sum(axis=0), events[first].sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = n_first / n
        variance = np.where(n > 1, d * share * (1 - share) * (n - d) / (n - 1), 0.0)

        def excess(n, d, n_first, d_first):
            return np.where(n > 0, d_first - d * n_first / n, 0.0).sum(axis=-1)

        without = excess(
            n - at_risk,
            d - events,
            n_first - np.where(first[:, None], at_risk, 0.0),
            d_first - np.where(first[:, None], events, 0.0),
        )
        difference = float(excess(n, d, n_first, d_first))
    return LogRank(difference, float(variance.sum()), without)


def _product(staying: np.ndarray) -> np.ndarray:
    """Row products; a row with a zero is zero, whatever is unknown after everybody has left."""
    return np.where((staying == 0).any(axis=1), 0.0, np.prod(staying, axis=1))


@dataclass(frozen=True)
class LifeTable:
    """Counts of one window of one cohort: arrays of shape units × months; `pilot` and `control` mark the units."""

    at_risk: np.ndarray
    events: np.ndarray
    pilot: np.ndarray
    control: np.ndarray
    causes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        if self.at_risk.shape != self.events.shape or np.any(self.events > self.at_risk):
            raise ValueError("events must not exceed those at risk, in the same units × months")
        if np.any(np.diff(self.at_risk, axis=1) > 0):
            raise ValueError("nobody can enter a risk set after its first month")

    @property
    def months(self) -> int:
        """Length of the window."""
        return self.at_risk.shape[1]

    @property
    def is_whole(self) -> bool:
        """Both arms have people, followed to the window's end or until the last had left."""
        return all(member.any() and np.isfinite(self.survival(member)[0]) for member in (self.pilot, self.control))

    def until(self, months: int) -> LifeTable:
        """The same people, followed for so many months."""
        causes = {cause: counts[:, :months] for cause, counts in self.causes.items()}
        return LifeTable(self.at_risk[:, :months], self.events[:, :months], self.pilot, self.control, causes)

    def entered(self, member: np.ndarray) -> int:
        """People at risk on the first day, in the member units."""
        return int(self.at_risk[member, 0].sum())

    def survival(self, member: np.ndarray) -> tuple[float, np.ndarray]:
        """S at the window's end over the member units, and without each unit (shape: units).

        Zero once everybody has left; NaN where nobody was followed to the end.
        """
        at_risk = np.where(member[:, None], self.at_risk, 0.0)
        events = np.where(member[:, None], self.events, 0.0)
        n, d = at_risk.sum(axis=0), events.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            staying = 1 - d / n
            staying_without = 1 - (d - events) / (n - at_risk)
        whole = _product(staying[None, :])[0]
        return float(whole), _product(staying_without)

    def months_stayed(self, member: np.ndarray) -> tuple[float, np.ndarray]:
        """The restricted mean over the member units, and without each unit."""
        return self._of_counts(member, lambda at_risk, events, _: restricted_mean(at_risk, events))

    def left_for(self, cause: str, member: np.ndarray) -> tuple[float, np.ndarray]:
        """The cumulative incidence of a cause over the member units, and without each unit."""
        return self._of_counts(member, cumulative_incidence, cause)

    def _of_counts(self, member: np.ndarray, statistic: Callable, cause: str | None = None):
        counts = [self.at_risk, self.events, self.causes[cause] if cause else self.events]
        parts = [np.where(member[:, None], count, 0.0) for count in counts]
        whole = [part.sum(axis=0) for part in parts]
        without = statistic(*(total[None, :] - part for total, part in zip(whole, parts, strict=True)))
        return float(statistic(*whole)), without

    def difference(self, of: Statistic | None = None) -> tuple[float, np.ndarray]:
        """Pilot − control of a statistic (default: S), and the same without each unit."""
        of = of or LifeTable.survival
        pilot, control = of(self, self.pilot), of(self, self.control)
        return pilot[0] - control[0], pilot[1] - control[1]


Statistic = Callable[[LifeTable, np.ndarray], tuple[float, np.ndarray]]


def cohort_effect(after: LifeTable, before: LifeTable | None, of: Statistic | None = None) -> tuple[float, np.ndarray]:
    """One cohort's difference, or its difference in differences where a window before kick-off is given."""
    value, without = after.difference(of)
    if before is None:
        return value, without
    earlier, earlier_without = before.difference(of)
    return value - earlier, without - earlier_without


def pooled_effect(cohorts: list[tuple[LifeTable, LifeTable | None]], of: Statistic | None = None) -> Aggregate:
    """Cohorts' effects, weighted by pilot people at risk at kick-off. Influence is not defined here (empty)."""
    effects = [cohort_effect(after, before, of) for after, before in cohorts]
    entered = np.array([after.entered(after.pilot) for after, _ in cohorts], dtype=float)
    lighter = np.array(
        [after.entered(after.pilot) - np.where(after.pilot, after.at_risk[:, 0], 0) for after, _ in cohorts]
    )
    values = np.array([value for value, _ in effects])
    withouts = np.array([without for _, without in effects])
    usable = np.isfinite(withouts) & (lighter > 0)
    weight = np.where(usable, lighter, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        without = np.where(usable, weight * withouts, 0.0).sum(axis=0) / weight.sum(axis=0)
    return Aggregate(float(entered @ values / entered.sum()), without, np.zeros(0))

"""Differences in retention from life tables: Kaplan–Meier by arm, before and after each cohort's kick-off.

Kaplan & Meier (1958): S(h) = Π_{m ≤ h} (1 − d_m / n_m), with n_m at risk at the start of month m and d_m who left in
it; who is censored in a month was at risk in it. Pooled over the units of an arm, errors by leaving units out.

`difference` is S_pilot − S_control after kick-off and is an effect only where assignment was random;
`difference_in_differences` takes off the same difference over the same length of time before kick-off, and rests on
parallel trends in the share retained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.att import Aggregate


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

    def difference(self) -> tuple[float, np.ndarray]:
        """S_pilot − S_control, and the same without each unit."""
        pilot, control = self.survival(self.pilot), self.survival(self.control)
        return pilot[0] - control[0], pilot[1] - control[1]


def cohort_effect(after: LifeTable, before: LifeTable | None) -> tuple[float, np.ndarray]:
    """One cohort's difference, or its difference in differences where a window before kick-off is given."""
    value, without = after.difference()
    if before is None:
        return value, without
    earlier, earlier_without = before.difference()
    return value - earlier, without - earlier_without


def pooled_effect(cohorts: list[tuple[LifeTable, LifeTable | None]]) -> Aggregate:
    """Cohorts' effects, weighted by pilot people at risk at kick-off. Influence is not defined here (empty)."""
    effects = [cohort_effect(after, before) for after, before in cohorts]
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

"""The smallest effect that a design can see, before there are results (or where there cannot be any)."""

from __future__ import annotations

import math

from scipy import stats

POWER = 0.8
TYPICAL_ICC = 0.10  # of team-level survey scales; Bliese (2000) reports .05 – .20


def detectable_effect(
    *,
    units_pilot: int,
    units_control: int,
    people_per_unit: float,
    icc: float = TYPICAL_ICC,
    alpha: float = 0.05,
    power: float = POWER,
) -> float | None:
    """Smallest detectable difference of two arms of clusters, in standard deviations between people.

    (t₁₋α/₂ + t_power) · √((ρ + (1 − ρ)/m)(1/k₁ + 1/k₂)) with k₁ + k₂ − 2 degrees of freedom (Donner & Klar 2000,
    ch. 5). None where there are no degrees of freedom.
    """
    df = units_pilot + units_control - 2
    if df < 1 or min(units_pilot, units_control) < 1 or people_per_unit <= 0:
        return None
    variance = (icc + (1 - icc) / people_per_unit) * (1 / units_pilot + 1 / units_control)
    return float(stats.t.ppf(1 - alpha / 2, df) + stats.t.ppf(power, df)) * math.sqrt(variance)

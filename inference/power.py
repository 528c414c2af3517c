"""What a design can see: the smallest detectable effect, power curves and how many units or waves are needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

POWER = 0.8
WAVES_OF_YEAR = 4  # before kick-off: a difference in differences counts from a year
TYPICAL_ICC = 0.10  # of team-level survey scales; Bliese (2000) reports .05 – .20

Analysis = Literal["difference", "difference_in_differences", "ancova"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A pilot before it begins: two arms of units, so many waves before and after kick-off.

    `lasting_unit` is the correlation of a unit's true mean from wave to wave (cluster autocorrelation),
    `lasting_person` of a person's own part (individual autocorrelation; 0 where waves are anonymous samples). Effects
    are in standard deviations between people. `size_variation` is the coefficient of variation of the units' sizes:
    uneven units carry less (Eldridge, Ashby & Kerry 2006).
    """

    units: int
    people_per_unit: float
    share_pilot: float = 0.5
    icc: float = TYPICAL_ICC
    lasting_unit: float = 0.8
    lasting_person: float = 0.6
    size_variation: float = 0.0
    waves_before: int = 1
    waves_after: int = 2
    alpha: float = 0.05

    def __post_init__(self):
        numbers = (self.people_per_unit, self.size_variation, self.alpha, self.share_pilot)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("every number must be finite")
        if not 0 < self.alpha < 0.5:
            raise ValueError("alpha lies between 0 and 0.5")
        shares = (self.icc, self.lasting_unit, self.lasting_person)
        if not (0 < self.share_pilot < 1 and all(0 <= share <= 1 for share in shares)):
            raise ValueError("share_pilot lies between 0 and 1, correlations from 0 to 1")
        if self.people_per_unit <= 0 or self.size_variation < 0:
            raise ValueError("people per unit must be positive, and the variation of sizes not negative")
        if self.units < 4 or self.waves_after < 1 or self.waves_before < 0:
            raise ValueError("there must be four units and a wave after kick-off; numbers must be positive")
        if self.people_per_unit < 1:
            raise ValueError("a unit has at least one person who answers")
        if self.correlation > 1 - 1e-9:
            raise ValueError("answers that never change leave nothing to estimate: correlations must lie below 1")

    @property
    def arms(self) -> tuple[int, int]:
        """Units of the pilot and of the control."""
        pilot = min(max(round(self.units * self.share_pilot), 1), self.units - 1)
        return pilot, self.units - pilot

    @property
    def correlation(self) -> float:
        """Between a unit's observed means of two waves: (mρπ + (1 − ρ)τ)/(1 + (m − 1)ρ) (Hooper et al. 2016)."""
        m, rho = self.people_per_unit, self.icc
        return (m * rho * self.lasting_unit + (1 - rho) * self.lasting_person) / (1 + (m - 1) * rho)

    def std_error(self, analysis: Analysis) -> float:
        """Of the effect, in standard deviations between people: Frison & Pocock (1992), Hooper et al. (2016).

        Raises ValueError where an analysis needs a wave before kick-off and there is none.
        """
        a, b, r = self.waves_after, self.waves_before, self.correlation
        uneven = 1 + self.size_variation**2
        unit = self.icc * uneven + (1 - self.icc) / self.people_per_unit  # variance of a unit's mean in one wave
        after = (1 + (a - 1) * r) / a
        if analysis == "difference":
            factor = after
        elif not b:
            raise ValueError(f"{analysis} needs a wave before kick-off")
        elif analysis == "ancova":
            factor = after - b * r**2 / (1 + (b - 1) * r)
        else:
            factor = (1 - r) * (1 / a + 1 / min(b, WAVES_OF_YEAR))
        pilot, control = self.arms
        return math.sqrt(unit * factor * (1 / pilot + 1 / control))

    @property
    def df(self) -> float:
        """Welch's degrees of freedom for arms of unequal numbers of units; k − 2 where they are equal.

        The default interval uses the same idea (`inference/jackknife.py`): five coached units know their spread badly,
        however many others there are. An arm of one unit has none: 1.
        """
        variances = [(1 / k, max(k - 1, 1)) for k in self.arms]
        return max(sum(v for v, _ in variances) ** 2 / sum(v**2 / k for v, k in variances), 1.0)

    def power(self, effect: float, analysis: Analysis) -> float:
        """Chance that a two-sided test finds the effect (noncentral t)."""
        critical = stats.t.ppf(1 - self.alpha / 2, self.df)
        shift = effect / self.std_error(analysis)
        upper, lower = stats.nct.sf(critical, self.df, shift), stats.nct.cdf(-critical, self.df, shift)
        return float(upper + (0.0 if np.isnan(lower) else lower))

    def detectable(self, analysis: Analysis, *, power: float = POWER) -> float:
        """The smallest effect found with this power, in standard deviations between people: of one wave without a past
        (t₁₋α/₂ + t_power) · √((ρ + (1 − ρ)/m)(1/k₁ + 1/k₂)) of Donner & Klar (2000, ch. 5)."""
        reach = float(stats.t.ppf(1 - self.alpha / 2, self.df) + stats.t.ppf(power, self.df))
        return reach * self.std_error(analysis)

    def units_needed(self, effect: float, analysis: Analysis, *, power: float = POWER, most: int = 2_000) -> int | None:
        """The fewest units that find the effect with this power; None if `most` are not enough."""
        few, many = 4, most
        if replace(self, units=many).power(effect, analysis) < power:
            return None
        while few < many:
            middle = (few + many) // 2
            enough = replace(self, units=middle).power(effect, analysis) >= power
            few, many = (few, middle) if enough else (middle + 1, many)
        return few

    def waves_needed(self, effect: float, analysis: Analysis, *, power: float = POWER, most: int = 40) -> int | None:
        """The fewest waves after kick-off that do so; None if `most` are not enough."""
        return next(
            (n for n in range(1, most + 1) if replace(self, waves_after=n).power(effect, analysis) >= power), None
        )


@dataclass(frozen=True)
class Alike:
    """How alike people of one unit are: the intraclass correlation and the standard deviation between people."""

    icc: float
    sd: float


def intraclass_correlation(n: np.ndarray, total: np.ndarray, centred_squares: np.ndarray) -> Alike | None:
    """Of one period's cells: the analysis-of-variance estimator for units of unequal size, not below 0 (Donner 1986).

    None where no unit has two people or there are fewer than two units.
    """
    seen = n > 0
    n, total, centred_squares = n[seen], total[seen], centred_squares[seen]
    size, k = n.sum(), n.size
    if k < 2 or size <= k:
        return None
    means = total / n
    between = float(np.sum(n * (means - total.sum() / size) ** 2) / (k - 1))
    within = float(centred_squares.sum() / (size - k))
    usual = (size - np.sum(n**2) / size) / (k - 1)
    of_units = max((between - within) / usual, 0.0)
    if of_units + within <= 0:
        return None
    return Alike(of_units / (of_units + within), math.sqrt(of_units + within))

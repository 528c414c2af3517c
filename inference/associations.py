"""What goes along with the effect: dose, wave, depth, load. Associations, never effects; and bands for whole curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.aggregations import Aggregate
from inference.panel import NEVER, Panel
from inference.randomised import least_squares
from inference.trends import jackknife_covariance


def slope_over(parts: list[Aggregate], position: np.ndarray) -> Aggregate:
    """Change of the effect per step along an order (wave, depth, load): does it decay as it scales?

    Least squares of the effects on their position, each weighing the same. Raises ValueError with fewer than two
    distinct positions.
    """
    centred = position - position.mean()
    if not np.any(centred):
        raise ValueError("a slope needs two different positions")
    pull = centred / float(centred @ centred)
    return Aggregate(
        float(pull @ np.array([part.value for part in parts])),
        np.column_stack([part.without for part in parts]) @ pull,
        np.column_stack([part.influence for part in parts]) @ pull,
    )


@dataclass(frozen=True)
class DoseResponse:
    """Change of the outcome per unit of dose among the pilot units: an association. `units` marks those in it."""

    slope: Aggregate
    units: np.ndarray


def dose_response(panel: Panel, dose: np.ndarray) -> DoseResponse | None:
    """Unit's mean after minus before its kick-off, on the unit's dose, within cohorts and weighted by persons.

    Units that got more are not like units that got less: they wanted more, or had fewer troubles. None where the dose
    does not vary within cohorts.
    """
    period = np.arange(1, panel.n_periods + 1)
    after = period >= panel.cohort[:, None]

    def mean(chosen: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(chosen, panel.total, 0).sum(axis=1) / np.where(chosen, panel.n, 0).sum(axis=1)

    change = mean(after) - mean(~after)
    in_use = (panel.cohort != NEVER) & np.isfinite(change) & np.isfinite(dose)
    if in_use.sum() < 3:
        return None
    weight = np.where(in_use, panel.people, 0.0)
    cohorts = [np.where(panel.cohort == g, 1.0, 0.0) for g in np.unique(panel.cohort[in_use])]
    x = np.column_stack([np.where(in_use, dose, 0.0), *cohorts])
    value, without, influence = least_squares(x, np.where(in_use, change, 0.0), weight)
    return DoseResponse(Aggregate(value, without, influence), in_use) if np.isfinite(value) else None


def simultaneous_critical_value(
    parts: list[Aggregate], df: float, *, alpha: float = 0.05, draws: int = 20_000, rng: np.random.Generator
) -> float | None:
    """How many jackknife errors a band must reach so that it holds the whole curve with probability 1 − alpha.

    The sup-t band of Montiel Olea & Plagborg-Møller (2019), its normal draws divided by √(χ²_df/df): with few units the
    errors are uncertain too. None where an error is unknown.
    """
    covariance = jackknife_covariance(parts)
    if covariance is None or not np.all(np.diag(covariance) > 0):
        return None
    error = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(error, error))
    normal = rng.standard_normal((draws, error.size)) @ (vectors * np.sqrt(np.clip(values, 0, None))).T
    scale = np.sqrt(rng.chisquare(df, draws) / df)
    return float(np.quantile(np.abs(normal / scale[:, None]).max(axis=1), 1 - alpha))

"""Two-way fixed effects, y ~ treated + unit + period, from cells: **for comparison only**.

Where cohorts start at different times and effects differ, it compares late cohorts with early ones that are already
treated, and is biased (Goodman-Bacon 2021; de Chaisemartin & D'Haultfœuille 2020). It is here because readers know it,
and because with one cohort it is the plain difference in differences, for which the restricted wild cluster bootstrap
(Cameron, Gelbach & Miller 2008) is a well tried second opinion.

Weighted by persons (n of the cells), so that it equals the regression on persons with unit and period effects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.linear import can_be_solved
from inference.panel import NEVER, Panel

DRAWS_AT_ONCE = 100  # draws at a time: bounds memory


@dataclass(frozen=True)
class Regression:
    """The fit by unit, the unit's effect swept out: what every error and the bootstrap need.

    `value` is the coefficient of treated. With C units and q columns (treated, then periods): `products` (C × q × q) is
    XᵀWX and `right` (C × q) XᵀWy of each unit; `n_rows` counts cells in use.
    """

    value: float
    products: np.ndarray
    right: np.ndarray
    n_rows: int
    in_use: np.ndarray

    @property
    def _inverse(self) -> np.ndarray:
        return np.linalg.inv(self.products.sum(axis=0))

    @property
    def without(self) -> np.ndarray:
        """The coefficient without each unit (C); NaN where treated does not vary without it."""
        total = self.products.sum(axis=0)
        products, right = total - self.products, self.right.sum(axis=0) - self.right
        out = np.full(self.in_use.size, np.nan)
        # A period that only this unit was seen in goes with it.
        kept = np.diagonal(products, axis1=1, axis2=2) > 1e-9 * np.diag(total)
        for columns in np.unique(kept, axis=0):
            units = np.flatnonzero((kept == columns).all(axis=1))
            rest = products[np.ix_(units, columns, columns)]
            solved = can_be_solved(rest, most=1e12) & columns[0]
            there = right[np.ix_(units[solved], columns)][:, :, None]
            out[units[solved]] = np.linalg.solve(rest[solved], there)[:, 0, 0]
        return out

    @property
    def influence(self) -> np.ndarray:
        """Each unit's part of the coefficient's error (C): (XᵀWX)⁻¹ Xᵀ_c W û_c."""
        inverse = self._inverse
        scores = self.right - self.products @ (inverse @ self.right.sum(axis=0))
        return scores @ inverse[0]

    @property
    def crv1(self) -> float:
        """Cluster-robust standard error with the factor G/(G − 1) · (N − 1)/(N − k), unit effects nested in clusters
        and not counted in k (as fixest and pyfixest do by default)."""
        g, k = int(self.in_use.sum()), self.products.shape[1] + 1
        factor = g / (g - 1) * (self.n_rows - 1) / (self.n_rows - k)
        return float(np.sqrt(factor * np.sum(self.influence**2)))

    @property
    def cv3(self) -> float:
        """Cluster jackknife, centred at the estimate: √((G − 1)/G Σ δ²) (MacKinnon, Nielsen & Webb 2023, eq. 11)."""
        delta = (self.without - self.value)[self.in_use]
        return float(np.sqrt((delta.size - 1) / delta.size * np.sum(delta**2)))


def regression(y: np.ndarray, treated: np.ndarray, weight: np.ndarray) -> Regression:
    """Of unit × period arrays: outcome means, treated (0 to 1) and weights (0: not in use). Raises ValueError where
    treated does not vary once units and periods are swept out."""
    n_units, n_periods = y.shape
    heft = weight.sum(axis=1)
    in_use = (weight > 0).sum(axis=1) > 0
    # One dummy for each observed period but the first.
    dummies = np.eye(n_periods)[:, np.flatnonzero(weight.sum(axis=0) > 0)[1:]]
    dummies = np.broadcast_to(dummies, (n_units, *dummies.shape))
    x = np.concatenate([treated[:, :, None].astype(float), dummies], axis=2)
    share = weight / np.where(heft > 0, heft, 1.0)[:, None]
    x = x - np.einsum("ct,ctq->cq", share, x)[:, None, :]
    centred = np.where(weight > 0, y, 0.0)
    centred = centred - np.sum(share * centred, axis=1, keepdims=True)
    weighted = x * weight[:, :, None]
    products = np.einsum("ctq,ctr->cqr", weighted, x)
    right = np.einsum("ctq,ct->cq", weighted, centred)
    total = products.sum(axis=0)
    size = np.sqrt(np.diag(total))
    if not np.all(size > 1e-12 * np.sqrt(weight.sum())) or not can_be_solved(total[None], most=1e12).all():
        raise ValueError("treated does not vary once units and periods are swept out")
    return Regression(
        float(np.linalg.solve(total, right.sum(axis=0))[0]), products, right, int((weight > 0).sum()), in_use
    )


def of_panel(panel: Panel) -> Regression:
    """Two-way fixed effects of a panel's cell means on being past kick-off."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(panel.n > 0, panel.total / panel.n, 0.0)
    period = np.arange(1, panel.n_periods + 1)
    treated = (panel.cohort[:, None] != NEVER) & (period >= panel.cohort[:, None])
    return regression(mean, treated, panel.n)


def wild_cluster_bootstrap(fit: Regression, *, draws: int = 999, rng: np.random.Generator) -> float:
    """p-value of no effect by the wild cluster restricted bootstrap-t with Rademacher weights, units as clusters.

    Cameron, Gelbach & Miller (2008); computed from scores as in Roodman, Nielsen, MacKinnon & Webb (2019). With few
    clusters (2^G not above `draws`) all sign patterns are run through instead, exactly.
    """
    products, right = fit.products[fit.in_use], fit.right[fit.in_use]
    total = products.sum(axis=0)
    inverse = np.linalg.inv(total)
    # Under the null the coefficients of the periods alone; what remains of y is flipped by cluster.
    restricted = np.concatenate([[0.0], np.linalg.solve(total[1:, 1:], right.sum(axis=0)[1:])])
    score = right - products @ restricted  # C × q: XᵀW ũ of each cluster
    own, shared = score @ inverse[0], products @ inverse[0]  # C and C × q
    observed = abs(fit.value) / np.sqrt(np.sum(fit.influence[fit.in_use] ** 2)) * (1 - 1e-12)

    def hits(signs: np.ndarray) -> int:
        slope = inverse @ (score.T @ signs)  # q × draws
        scores = own[:, None] * signs - shared @ slope
        with np.errstate(invalid="ignore", divide="ignore"):
            return int(np.sum(np.abs(slope[0]) / np.sqrt(np.sum(scores**2, axis=0)) >= observed))

    n_units = score.shape[0]
    if 2**n_units <= draws:
        patterns = 1.0 - 2.0 * ((np.arange(2**n_units)[None, :] >> np.arange(n_units)[:, None]) & 1)
        return hits(patterns) / 2**n_units
    blocks = [min(DRAWS_AT_ONCE, draws - start) for start in range(0, draws, DRAWS_AT_ONCE)]
    found = sum(hits(rng.choice([-1.0, 1.0], size=(n_units, block))) for block in blocks)
    # Among all patterns is the one seen; to drawn ones it is added, so that no p-value is zero.
    return (1 + found) / (1 + draws)

"""Parallel trends, doubted properly: did the arms move apart before, could we have seen it, and what if they still do?

* Joint test that every effect before kick-off is zero, **with its power** (Roth 2022, "Pretest with caution"): a test
  that could not have seen a drift as large as the effect says nothing by passing.
* Smoothness Δ^SD(M): intervals that hold if the slope of the difference in trends changes by no more than M from one
  period to the next (Rambachan & Roth 2023, "A more credible approach to parallel trends", Rev. Econ. Stud. 90(5),
  section 3.2 and 4.1: fixed-length confidence intervals of the best affine estimator, Armstrong & Kolesár 2020).
* Relative magnitude Δ^RM(M̄): the **identified set** if the drift per period after kick-off is no more than M̄ times the
  largest one before, and the breakdown value at which it reaches zero. Sampling error is *not* in it: it is a set, and
  no interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from inference.aggregations import Aggregate


@dataclass(frozen=True)
class PreTrend:
    """The joint test of q effects before kick-off, and what it could have seen.

    `drift` is the smallest steady movement apart, per period, that the test finds with the given power; in the metric's
    unit.
    """

    statistic: float
    df: float
    df_denominator: float
    p_value: float
    drift: float


def wald(effects: np.ndarray, covariance: np.ndarray) -> tuple[float, int, float]:
    """χ² of all effects being zero, its degrees of freedom and p: R `did`'s pre-test with its analytic covariance."""
    statistic = float(effects @ np.linalg.pinv(covariance, hermitian=True) @ effects)
    df = int(np.linalg.matrix_rank(covariance, hermitian=True))
    return statistic, df, float(stats.chi2.sf(statistic, df))


def jackknife_covariance(parts: list[Aggregate]) -> np.ndarray | None:
    """(G − 1)/G Σ_c δ_c δ_cᵀ of several aggregates over the units that move any of them; None where one is unknown."""
    delta = np.column_stack([part.without - part.value for part in parts])
    if not np.all(np.isfinite(delta)):
        return None
    delta = delta[np.any(np.abs(delta) > 0, axis=1)]
    return (len(delta) - 1) / len(delta) * delta.T @ delta if len(delta) > 1 else None


def pre_trend(
    parts: list[Aggregate],
    df: float,
    *,
    steps: np.ndarray | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
) -> PreTrend | None:
    """Joint test of the effects before kick-off (varying base: each against the period that was observed before it).

    `steps`: calendar periods between each and its base (default: 1 each).

    With the jackknife's covariance and `df` degrees of freedom, T² = θᵀV⁻¹θ · (df − q + 1)/(df · q) is taken as F with
    q and df − q + 1 degrees (Hotelling 1931). Under a steady drift γ such an effect is γ times its step. None where the
    design has too few units for as many periods.
    """
    covariance = jackknife_covariance(parts) if parts else None
    if covariance is None:
        return None
    q = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if q < len(parts) or df - q + 1 < 1:
        return None
    effects = np.array([part.value for part in parts])
    inverse = np.linalg.inv(covariance)
    below = df - q + 1
    statistic = float(effects @ inverse @ effects) * below / (df * q)
    critical = stats.f.ppf(1 - alpha, q, below)
    of_drift = np.ones(q) if steps is None else np.asarray(steps, float)
    per_unit = float(of_drift @ inverse @ of_drift)  # noncentrality of a drift of one

    def misses(noncentrality: float) -> float:
        return float(stats.ncf.sf(critical, q, below, noncentrality)) - power

    top = 10.0
    while misses(top) < 0 and top < 1e8:
        top *= 4
    if misses(top) <= 0:
        return None
    needed = optimize.brentq(misses, 1e-9, top)
    return PreTrend(
        statistic, float(q), below, float(stats.f.sf(statistic, q, below)), float(np.sqrt(needed / per_unit))
    )


# --- smoothness --------------------------------------------------------------------------------------------------


def folded_normal_quantile(bias: float, alpha: float) -> float:
    """cv_α(t): the 1 − α quantile of |N(t, 1)|."""
    if bias > 30:
        return bias + float(stats.norm.ppf(1 - alpha))
    return float(np.sqrt(stats.ncx2.ppf(1 - alpha, 1, bias**2)))


def smoothness_interval(
    event_study: np.ndarray,
    covariance: np.ndarray,
    *,
    n_pre: int,
    weights: np.ndarray,
    m: float,
    alpha: float = 0.05,
    df: float | None = None,
    times: np.ndarray | None = None,
) -> tuple[float, float]:
    """Fixed-length interval for Σ weights · (effects after), honest under Δ^SD(m).

    `event_study` holds effects against the last period before kick-off: n_pre before it, oldest first, then those
    after; `covariance` is theirs; `weights` over those after. `times` are calendar periods from the base (default:
    without gaps, −n_pre … −1, 1 …): m bounds the second difference at every calendar period between, observed or not.
    Raises ValueError where nothing before is known, or fewer units than the covariance needs.

    With `df` (the covariance's degrees of freedom) the interval also carries that the weights of the p = n_pre − 1 free
    directions were learnt from a covariance that is itself estimated: as of a regression's prediction, the variance
    times df(df − 1)/((df − p)(df − p − 1)), and Student's t with df − p. Without, it is the published one, for a
    covariance that is known.
    """
    if n_pre < 1:
        raise ValueError("an interval that allows for drift needs an effect before kick-off")
    free = n_pre - 1
    if df is not None and df - free < 5:
        raise ValueError("too few units to learn from as many periods before kick-off")
    if np.linalg.matrix_rank(covariance, hermitian=True) < event_study.size:
        raise ValueError("too few units for as many periods, or periods in which nothing varies")
    if times is None:
        times = np.concatenate([np.arange(-n_pre, 0), np.arange(1, event_study.size - n_pre + 1)])
    times = np.asarray(times, float)
    bends = _bends(times, np.arange(times.min() + 1, times.max()))

    def spread(before: np.ndarray) -> float:
        line = np.concatenate([before, weights])
        return float(np.sqrt(line @ covariance @ line))

    def bends_of(before: np.ndarray) -> np.ndarray:
        return np.concatenate([before, weights]) @ bends

    least, basis = _least_variance(covariance, times, weights)
    best = least
    if m > 0 and basis.shape[1]:
        best = _shortest(least, basis, spread, bends_of, m, alpha)
    bias = m * float(np.abs(bends_of(best)).sum())
    error, stretch = spread(best), 1.0
    if df is not None:
        error *= np.sqrt(df * (df - 1) / ((df - free) * (df - free - 1)))
        stretch = float(stats.t.ppf(1 - alpha / 2, df - free) / stats.norm.ppf(1 - alpha / 2))
    half = folded_normal_quantile(bias / error, alpha) * error * stretch
    middle = float(np.concatenate([best, weights]) @ event_study)
    return middle - half, middle + half


def _bends(times: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """How much a second difference at each knot moves the trend at each time (times × knots); the trend is 0 at 0.

    δ is a line from −1 to 0, and bends at 0 … s − 1 for s > 0, backwards at −1 … s + 1 for s < 0.
    """
    return np.array(
        [
            [max(s - k, 0.0) if k >= 0 and s > 0 else max(k - s, 0.0) if k < 0 and s < 0 else 0.0 for k in knots]
            for s in times
        ]
    )


def _least_variance(covariance: np.ndarray, times: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the effects before kick-off with the least variance among those that free the estimator of a line
    (before · times + weights · times = 0), and a basis of the directions in which they may move (n_pre × n_pre − 1)."""
    n_pre = times.size - weights.size
    early = times[:n_pre]
    particular = -float(weights @ times[n_pre:]) * early / float(early @ early)
    basis = np.linalg.svd(early[None, :])[2][1:].T
    if not basis.shape[1]:
        return particular, basis
    corner, cross = covariance[:n_pre, :n_pre], covariance[:n_pre, n_pre:] @ weights
    return particular + basis @ np.linalg.solve(
        basis.T @ corner @ basis, -basis.T @ (corner @ particular + cross)
    ), basis


def _shortest(least, basis, spread, bends_of, m: float, alpha: float) -> np.ndarray:
    """The affine estimator with the shortest interval: for each bound of bias the least variance, then the best bound.

    Both steps are convex (Rambachan & Roth 2023, appendix; Armstrong & Kolesár 2018).
    """
    n_free, n_knots = basis.shape[1], bends_of(least).size
    flat = np.array([bends_of(least + basis[:, j]) - bends_of(least) for j in range(n_free)]).T
    start = bends_of(least)

    def half_length(z: np.ndarray) -> float:
        error = spread(least + basis @ z[:n_free])
        return folded_normal_quantile(m * float(z[n_free:].sum()) / error, alpha) * error

    # |bend_k| ≤ slack_k, so that the target is smooth in (z, slack).
    limits = [
        {"type": "ineq", "fun": lambda z: z[n_free:] - (start + flat @ z[:n_free])},
        {"type": "ineq", "fun": lambda z: z[n_free:] + (start + flat @ z[:n_free])},
    ]
    # From the least variance, and from the least bias.
    programme = optimize.linprog(
        np.concatenate([np.zeros(n_free), np.ones(n_knots)]),
        A_ub=np.block([[flat, -np.eye(n_knots)], [-flat, -np.eye(n_knots)]]),
        b_ub=np.concatenate([-start, start]),
        bounds=[(None, None)] * n_free + [(0, None)] * n_knots,
    )
    starts = [np.zeros(n_free), programme.x[:n_free], programme.x[:n_free] / 2]
    found = []
    for free in starts:
        begin = np.concatenate([free, np.abs(start + flat @ free)])
        result = optimize.minimize(
            half_length, begin, method="SLSQP", constraints=limits, options={"maxiter": 500, "ftol": 1e-12}
        )
        found.append(
            (half_length(np.concatenate([result.x[:n_free], np.abs(start + flat @ result.x[:n_free])])), result.x)
        )
    return least + basis @ min(found, key=lambda item: item[0])[1][:n_free]


def largest_bend(before: np.ndarray, times: np.ndarray) -> float:
    """The smallest bound on second differences per calendar period under which effects before kick-off (oldest first,
    at `times` < 0 from the base, where the effect is 0) can lie as they do.

    Slopes of neighbouring spans of lengths a and b can differ by (a + b)/2 times the bound.
    """
    values, at = np.append(before, 0.0), np.append(times, 0.0)
    slopes = np.diff(values) / np.diff(at)
    return float(np.max(np.abs(np.diff(slopes)) * 2 / (at[2:] - at[:-2]))) if slopes.size > 1 else 0.0


# --- relative magnitude ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RelativeMagnitude:
    """The identified set at M̄ and the M̄ at which it reaches zero (plug-in: sampling error is not in it)."""

    low: float
    high: float
    breakdown: float


def relative_magnitude(
    before: np.ndarray,
    after: np.ndarray,
    *,
    weights: np.ndarray,
    m_bar: float = 1.0,
    times: np.ndarray | None = None,
) -> RelativeMagnitude | None:
    """Of an event study with a universal base: effects before (oldest first) and after, averaged by `weights`.

    The largest movement per calendar period between neighbouring observed periods before kick-off, times M̄, bounds the
    movement per period after it. `times` are calendar periods from the base (default: without gaps). None where there
    is nothing before, or nothing moves.
    """
    if not before.size or not np.any(np.diff(np.append(before, 0.0))):
        return None
    if times is None:
        times = np.concatenate([np.arange(-before.size, 0), np.arange(1, after.size + 1)])
    steps = np.diff(np.append(times[: before.size], 0.0))
    largest = float(np.max(np.abs(np.diff(np.append(before, 0.0))) / steps))
    theta = float(weights @ after)
    reach = largest * float(weights @ times[before.size :])
    return RelativeMagnitude(theta - m_bar * reach, theta + m_bar * reach, abs(theta) / reach)

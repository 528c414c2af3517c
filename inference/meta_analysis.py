"""Effects of several pilots as one: random effects between pilots, and what the next pilot may find.

Between-pilot variance: Paule & Mandel (1982), J Res NBS 87(5), recommended by Veroniki et al. (2016), Res Synth Methods
7(1). Interval of the mean: Hartung & Knapp (2001), Stat Med 20(24), with Student's t, never narrower than without
their factor (Knapp & Hartung 2003, Stat Med 22(17); Röver et al. 2015, BMC Med Res Methodol 15:99).

The usual prediction interval (Higgins, Thompson & Spiegelhalter 2009, JRSS A 172(1)) takes the variance for known, and
holds the next pilot in fewer draws than it promises. Here the variance has a distribution, as with Nagashima, Noma &
Furukawa (2019), Stat Methods Med Res 28(6): the one whose limits are Viechtbauer's Q profile (2007), Stat Med 26(1).
Both are measured in benchmarks/results/meta_analysis.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

FEW_TO_PREDICT = 5  # below it the interval says more about the number of pilots than about the next one
N_VARIANCES = 400  # of the distribution of the variance between pilots


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """The mean effect over `n` pilots and how far they are apart, in the effects' unit. `tau` is the standard deviation
    of true effects; `predicted` holds the next pilot's true effect with the same confidence, or is None."""

    n: int
    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    p_value: float
    tau: float
    predicted: tuple[float, float] | None


def pool(estimates: Sequence[float], std_errors: Sequence[float], *, alpha: float = 0.05) -> Pooled:
    """Pool the effects of at least two pilots with different people. Raises ValueError for fewer, or for an error that
    is not above zero."""
    effects, errors = np.asarray(estimates, float), np.asarray(std_errors, float)
    if len(effects) < 2 or len(effects) != len(errors):
        raise ValueError("at least two effects are pooled, each with its standard error")
    if not (np.isfinite(effects).all() and np.isfinite(errors).all() and (errors > 0).all()):
        raise ValueError("effects and standard errors are finite numbers, and errors are above zero")
    variance = between_variance(effects, errors)
    mean, error = mean_and_error(effects, errors, variance)
    reach = float(stats.t.ppf(1 - alpha / 2, len(effects) - 1)) * error
    return Pooled(
        n=len(effects),
        estimate=mean,
        std_error=error,
        ci_low=mean - reach,
        ci_high=mean + reach,
        p_value=float(2 * stats.t.sf(abs(mean / error), len(effects) - 1)),
        tau=math.sqrt(variance),
        predicted=prediction_interval(effects, errors, alpha=alpha),
    )


def between_variance(effects: np.ndarray, errors: np.ndarray) -> float:
    """Paule and Mandel's variance of true effects: where the weighted squares equal their expectation, or zero."""

    def excess(variance: float) -> float:
        weights = 1 / (errors**2 + variance)
        return float(weights @ (effects - weights @ effects / weights.sum()) ** 2) - (len(effects) - 1)

    if excess(0.0) <= 0:
        return 0.0
    high = float(np.var(effects, ddof=1)) + 1e-300
    while excess(high) > 0:
        high *= 2
    return float(optimize.brentq(excess, 0.0, high, xtol=1e-15 * high, rtol=8.9e-16))


def mean_and_error(effects: np.ndarray, errors: np.ndarray, variance: float) -> tuple[float, float]:
    """The weighted mean and its standard error by Hartung and Knapp, whose factor is never below one."""
    weights = 1 / (errors**2 + variance)
    mean = float(weights @ effects / weights.sum())
    factor = float(weights @ (effects - mean) ** 2) / (len(effects) - 1)
    return mean, math.sqrt(max(1.0, factor) / weights.sum())


def prediction_interval(effects: np.ndarray, errors: np.ndarray, *, alpha: float = 0.05) -> tuple[float, float] | None:
    """Where the true effect of the next pilot lies, from FEW_TO_PREDICT pilots on; else None."""
    if len(effects) < FEW_TO_PREDICT:
        return None
    chances = (np.arange(N_VARIANCES) + 0.5) / N_VARIANCES
    variances = _variances_with_squares(effects, errors, stats.chi2.ppf(chances, len(effects) - 1))
    weights = 1 / (errors**2 + variances[:, None])
    means = weights @ effects / weights.sum(axis=1)
    spreads = np.sqrt(variances + 1 / weights.sum(axis=1))

    def end(chance: float) -> float:
        low, high = (means - 40 * spreads).min(), (means + 40 * spreads).max()
        return float(optimize.brentq(lambda at: stats.norm.cdf((at - means) / spreads).mean() - chance, low, high))

    return end(alpha / 2), end(1 - alpha / 2)


def _variances_with_squares(effects: np.ndarray, errors: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The variance at which the weighted squares have each of these values (they fall as it rises), at least zero."""

    def squares(variances: np.ndarray) -> np.ndarray:
        weights = 1 / (errors**2 + variances[:, None])
        means = weights @ effects / weights.sum(axis=1)
        return (weights * (effects - means[:, None]) ** 2).sum(axis=1)

    low, high = np.zeros_like(wanted), np.full_like(wanted, np.ptp(effects) ** 2 + (errors**2).max())
    while (short := squares(high) > wanted).any():
        high = np.where(short, 4 * high, high)
    for _ in range(60):  # halving: 2^-60 of the first step
        middle = (low + high) / 2
        is_above = squares(middle) > wanted
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
    return np.where(squares(np.zeros_like(wanted)) <= wanted, 0.0, high)

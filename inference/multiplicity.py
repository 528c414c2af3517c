"""Adjusting p-values for how many questions were asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

P = Sequence[float | None]


def holm(p_values: P) -> list[float | None]:
    """Holm's (1979) step-down adjusted p-values: the chance of any false finding stays below alpha.

    A question without an answer (None) still counts as asked.
    """
    return _stepwise(p_values, lambda ranked, asked: np.maximum.accumulate((asked - np.arange(ranked.size)) * ranked))


def benjamini_hochberg(p_values: P) -> list[float | None]:
    """Benjamini & Hochberg's (1995) adjusted p-values: the share of false ones among the findings stays below alpha.

    A question without an answer (None) still counts as asked.
    """
    return _stepwise(
        p_values,
        lambda ranked, asked: np.minimum.accumulate((asked / np.arange(1, ranked.size + 1) * ranked)[::-1])[::-1],
    )


def _stepwise(p_values: P, adjust: Callable[[np.ndarray, int], np.ndarray]) -> list[float | None]:
    places = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    ranked = np.array([p for p, _ in places])
    adjusted: list[float | None] = [None] * len(p_values)
    for (_, index), p in zip(places, np.minimum(adjust(ranked, len(p_values)), 1.0), strict=True):
        adjusted[index] = float(p)
    return adjusted

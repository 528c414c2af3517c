"""Adjusting p-values for how many questions were asked."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's (1979) step-down adjusted p-values. A question without an answer (None) still counts as asked."""
    asked = len(p_values)
    ranked = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * asked
    so_far = 0.0
    for rank, (p, index) in enumerate(ranked):
        so_far = max(so_far, min(1.0, (asked - rank) * p))
        adjusted[index] = so_far
    return adjusted

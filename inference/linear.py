"""Many small least-squares systems at once."""

from __future__ import annotations

import numpy as np


def can_be_solved(products: np.ndarray, *, most: float) -> np.ndarray:
    """Of each XᵀWX (K × q × q) whether its columns vary and differ, whatever their units (K): its condition, scaled to
    a diagonal of ones, is below `most`."""
    size = np.sqrt(np.clip(np.diagonal(products, axis1=1, axis2=2), 0, None))
    found = (size > 0).all(axis=1)
    scaled = products[found] / (size[found][:, :, None] * size[found][:, None, :])
    values = np.linalg.eigvalsh(scaled)  # in order
    found[found] = values[:, -1] < most * values[:, 0]
    return found

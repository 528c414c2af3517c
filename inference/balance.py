"""Arms made alike by weights: entropy balancing.

Hainmueller (2012), "Entropy balancing for causal effects", Political Analysis 20(1): the weights of the control units
that meet the pilot's moments exactly and stay as close as they can to equal ones.
"""

from __future__ import annotations

import numpy as np


def entropy_balance(
    facts: np.ndarray, base: np.ndarray, target: np.ndarray, *, tolerance: float = 1e-8, steps: int = 200
) -> np.ndarray:
    """Weights of the control units (sum 1): Σ w x = target to `tolerance` (in the facts' standard deviations).

    `facts` (units × q), `base` their weights before (people), `target` (q) the pilot's means. Newton's method on the
    dual. Raises ArithmeticError where no weights can meet the target: the arms do not overlap.
    """
    base = base / base.sum()
    centre = base @ facts
    spread = np.sqrt(base @ (facts - centre) ** 2)
    if not np.all(spread > 0):
        raise ArithmeticError("a fact does not vary among the control units")
    x, aim = (facts - centre) / spread, (target - centre) / spread

    def weights(multiplier: np.ndarray) -> tuple[np.ndarray, float]:
        exponent = x @ multiplier
        top = exponent.max()
        raw = base * np.exp(exponent - top)
        return raw / raw.sum(), float(np.log(raw.sum()) + top - aim @ multiplier)

    multiplier = np.zeros(x.shape[1])
    for _ in range(steps):
        found, dual = weights(multiplier)
        gap = found @ x - aim
        if np.max(np.abs(gap)) < tolerance:
            return found
        bend = (x * found[:, None]).T @ x - np.outer(found @ x, found @ x)
        try:
            step = -np.linalg.solve(bend, gap)
        except np.linalg.LinAlgError:
            break
        # Close to the end what a step gains is less than the dual's own rounding: there the whole step is taken.
        length, rounding = 1.0, 1e-13 * (1 + abs(dual))
        while length > 1e-10 and (
            weights(multiplier + length * step)[1] > dual + 1e-4 * length * float(gap @ step) + rounding
        ):
            length /= 2
        if length <= 1e-10 or np.max(np.abs(multiplier)) > 1e3:
            break
        multiplier = multiplier + length * step
    raise ArithmeticError("no weights of the control units meet the pilot's means: the arms do not overlap")

"""How often the mean of several pilots, and the next pilot, lie where `coaching pool` says.

Errors between a half and one and a half; true effects apart by `spread`. Beside it the prediction interval of Higgins,
Thompson and Spiegelhalter (2009). 2,000 draws in each row; `python -m benchmarks.meta_analysis` prints
`results/meta_analysis.md`.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from inference.meta_analysis import pool

DRAWS = 2_000


def usual_prediction(found) -> tuple[float, float]:
    reach = stats.t.ppf(0.975, found.n - 2) * math.hypot(found.tau, found.std_error)
    return found.estimate - reach, found.estimate + reach


def row(pilots: int, spread: float) -> str:
    rng = np.random.default_rng([pilots, round(100 * spread)])
    held, widths = np.zeros(3), np.zeros(2)
    for _ in range(DRAWS):
        errors = rng.uniform(0.5, 1.5, pilots)
        truths = 1 + spread * rng.standard_normal(pilots + 1)
        found = pool(truths[:pilots] + errors * rng.standard_normal(pilots), errors)
        usual = usual_prediction(found)
        held += (
            found.ci_low <= 1 <= found.ci_high,
            found.predicted[0] <= truths[-1] <= found.predicted[1],
            usual[0] <= truths[-1] <= usual[1],
        )
        widths += np.ptp(found.predicted), np.ptp(usual)
    mean, ours, theirs = (f"{100 * share / DRAWS:.1f} %" for share in held)
    return f"| {pilots} | {spread:g} | {mean} | {ours} | {widths[0] / DRAWS:.2f} | {theirs} | {widths[1] / DRAWS:.2f} |"


def main() -> None:
    print("# Pooling\n\nMade by `python -m benchmarks.meta_analysis > benchmarks/results/meta_analysis.md`.\n")
    print("| pilots | true effects apart by | mean held | next pilot held | width | by the usual interval | width |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for pilots in (5, 12, 30):
        for spread in (0.0, 0.25, 0.5, 1.0, 3.0):
            print(row(pilots, spread), flush=True)


if __name__ == "__main__":
    main()

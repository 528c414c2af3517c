"""Does the 95 % interval hold the truth in 95 % of simulated studies? ATT(g,t), simple, not-yet-treated control.

Teams of 4–30 people with lasting and passing team effects (intraclass correlation about .1), two or three cohorts, a
true effect that differs by team. Printed with its Monte-Carlo error and beside the interval of people treated as
independent. Run: `python benchmarks/coverage.py [studies]`.
"""

from __future__ import annotations

import sys

import numpy as np

from inference import att
from inference.estimates import Arms, judge

PERIODS = 8
DESIGNS = {  # units per cohort by first treated period; NEVER is the control
    "12 units": {4: 3, 6: 3, att.NEVER: 6},
    "30 units": {3: 6, 5: 5, 7: 4, att.NEVER: 15},
    "60 units": {3: 10, 5: 10, 7: 10, att.NEVER: 30},
    "6 cohorts of 1": {2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, att.NEVER: 30},
}


def study(rng: np.random.Generator, design: dict[int, int], effect: float) -> tuple[att.Panel, float]:
    """One simulated panel and its true simple effect."""
    cohort = np.repeat(list(design), list(design.values()))
    people = rng.integers(4, 31, size=cohort.size).astype(float)
    n = rng.binomial(people.astype(int)[:, None], 0.75, size=(cohort.size, PERIODS)).astype(float).clip(1)
    lasting = rng.normal(0, np.sqrt(0.05), size=(cohort.size, 1))
    passing = rng.normal(0, np.sqrt(0.05), size=n.shape)
    noise = rng.normal(0, np.sqrt(0.9 / n))
    own = effect * (1 + 0.5 * rng.normal(size=(cohort.size, 1)))
    treated = (cohort[:, None] > 0) & (np.arange(1, PERIODS + 1) >= cohort[:, None])
    mean = lasting + passing + 0.1 * np.arange(PERIODS) + noise + np.where(treated, own, 0.0)
    return att.Panel(n, n * mean, cohort, people), effect


def covered(panel: att.Panel, truth: float) -> tuple[bool, float]:
    """Whether the interval holds the truth, and its degrees of freedom (0 where there is none)."""
    effects = att.group_time_effects(panel)
    control = panel.cohort == att.NEVER
    arms = Arms(pilot=~control, control=control, n_pilot=0, n_control=0)
    result, uncertainty = judge(att.simple(effects), arms, cohort=panel.cohort, method="", alpha=0.05)
    if uncertainty is None:
        return False, 0.0
    return result.ci_low <= truth <= result.ci_high, uncertainty.df


def main(studies: int) -> None:
    rng = np.random.default_rng(20_261_123)
    for name, design in DESIGNS.items():
        for effect in (0.0, 0.5):
            found = [covered(*study(rng, design, effect)) for _ in range(studies)]
            share = np.mean([hit for hit, _ in found])
            error = np.sqrt(share * (1 - share) / studies)
            df = np.median([df for _, df in found])
            print(f"{name:15} effect {effect:.1f}: {100 * share:.1f} ± {100 * error:.1f} % covered, median df {df:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)

"""What the simulated programme really did, in the units of the metrics.

The truth of a mean is the average over people of their outcome with the programme minus the same person's outcome
without it (same random numbers), by cohort **as assigned** and period, minus the same average in the control: some of
its people move into coached teams. The truth of retention is the difference of two exact survival probabilities, taken
alike. Both are averaged as the estimators' *simple* aggregation is: by cohort size.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from simulation.organisation import COHORTS, CONTROL, Design, Organisation

RETENTION_MONTHS = 6


class Truth:
    """Collects true effects while the months are written."""

    def __init__(self, design: Design):
        self.design = design
        self._gain = defaultdict(lambda: [0.0, 0])  # (metric, cohort, quarter) → [sum of effects, people]
        self._kept = {}  # cohort → (gain in share retained, people at risk)
        self._size = {}  # cohort → people found in it by the first kick-off

    def start(self, org: Organisation) -> None:
        """Note the cohorts' sizes when the programme begins; they weight the average over cohorts and periods."""
        cohort = org.assigned_cohort()
        self._size = {index: int((cohort == index).sum()) for index in range(len(COHORTS))}

    def add_mean(self, metric: str, org: Organisation, month: int, slots: np.ndarray, gain: np.ndarray) -> None:
        """Add one month of person-level effects `gain` (shape: slots) in the unit of `metric`."""
        cohort = org.assigned_cohort()[slots]
        control = float(gain[cohort == CONTROL].mean())
        for index, kickoff in enumerate(self.design.kickoff_months):
            chosen = gain[cohort == index]
            if month >= kickoff and chosen.size:
                cell = self._gain[metric, index, month // 3]
                cell[0] += float((chosen - control).sum())
                cell[1] += chosen.size

    def add_retention(self, org: Organisation, month: int) -> None:
        """Add the cohort that kicks off in `month`: exact survival over six months with and without it."""
        index = self.design.kickoff_months.index(month)
        if month + RETENTION_MONTHS > self.design.months:
            return
        ahead = range(month, month + RETENTION_MONTHS)
        treated = np.prod([1 - org.hazard(m) for m in ahead], axis=0)
        untreated = np.prod([1 - org.hazard(m, treated=False) for m in ahead], axis=0)
        gain = (treated - untreated)[org.slot_team]
        cohort = org.assigned_cohort()
        mine = gain[cohort == index]
        self._kept[index] = (float(mine.mean() - gain[cohort == CONTROL].mean()), mine.size)

    def summary(self) -> dict:
        """`{metric: {"simple": x, "cohorts": {name: x}}}`."""
        metrics = sorted({metric for metric, _, _ in self._gain})
        out = {}
        for metric in metrics:
            by_cohort, weights, pooled = {}, [], []
            for index, name in enumerate(COHORTS):
                effects = [s / n for (m, c, _), (s, n) in self._gain.items() if m == metric and c == index and n]
                if effects:
                    by_cohort[name] = float(np.mean(effects))
                    weights += [self._size[index]] * len(effects)
                    pooled += effects
            out[metric] = {"simple": float(np.average(pooled, weights=weights)), "cohorts": by_cohort}
        if self._kept:
            gains, sizes = zip(*self._kept.values(), strict=True)
            out["retention"] = {
                "simple": float(np.average(gains, weights=sizes)),
                "cohorts": {COHORTS[index]: gain for index, (gain, _) in self._kept.items()},
            }
        return out

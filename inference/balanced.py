"""Arms that are weighted to look alike before anybody was coached: the control like the pilot, for the effect on those
who were coached; the pilot like the control, for the effect on those who were not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from inference import att
from inference.aggregations import Aggregate
from inference.balance import entropy_balance
from inference.judging import Arms
from inference.panel import NEVER, Panel

Onto = Literal["pilot", "control"]
Pair = tuple[int, int, np.ndarray]  # cohort, period, how much each period counts in what it is counted from
MOST_UNITS = 400  # each deletion weighs anew


def balanced_effect(panel: Panel, facts: np.ndarray, *, onto: Onto = "pilot", span: int = 1) -> tuple[Aggregate, Arms]:
    """Simple ATT with never-treated controls, entropy-balanced on facts of the units (C × q; NaN: unit left out).

    For each cohort: its units' change since the periods before treatment that `att.group_time_effects` counts from
    (`span`), less the change of the controls under weights at which their facts' means equal the cohort's; averaged
    like `aggregations.simple`. Errors weigh anew without each unit. The past of the outcome itself should not be among
    the facts: balancing it picks controls whose last values were high by chance, and they fall back (Daw & Hatfield
    2018, Health Serv. Res. 53(6)).

    `onto` control: the pilot's units are weighted, all cohorts together, to the controls' means instead, and the
    controls count as they are: what units like those not coached would gain (Stuart, Cole, Bradshaw & Leaf 2011, J. R.
    Stat. Soc. A 174(2)).

    Raises ArithmeticError where no weights exist, or where there are too many units to weigh anew.
    """
    if panel.cohort.size > MOST_UNITS:
        raise ArithmeticError(f"more than {MOST_UNITS} units: weighing anew without each would take too long")
    everybody = np.ones(panel.cohort.size, bool)
    effects = att.group_time_effects(panel, control="never_treated", span=span)
    pairs = [
        (int(g), int(t), weights) for g, t, weights in zip(effects.g, effects.t, effects.counted_from, strict=True)
    ]
    pairs = [pair for pair in pairs if pair[1] >= pair[0]]
    value = _simple(panel, facts, everybody, onto, pairs)
    without = np.full(panel.cohort.size, np.nan)
    for unit in range(panel.cohort.size):
        kept = everybody.copy()
        kept[unit] = False
        try:
            without[unit] = _simple(panel, facts, kept, onto, pairs)
        except ArithmeticError:
            continue
    known = np.isfinite(facts).all(axis=1)
    pilot = known & (panel.cohort > 1) & (panel.cohort <= panel.n_periods)
    control = known & (panel.cohort == NEVER)
    arms = Arms(pilot=pilot, control=control, n_pilot=_fewest(panel, pilot), n_control=_fewest(panel, control))
    return Aggregate(value, without, np.zeros(0)), arms


def generalizability_index(facts: np.ndarray, pilot: np.ndarray, control: np.ndarray) -> float:
    """How alike the units of two groups are in their facts (C × q), 0 to 1: Tipton's index (2014, J. Educ. Behav. Stat.
    39(6)), the Bhattacharyya coefficient of their propensity scores, for facts that are normal with one covariance:
    exp(−D²/8). From 0.9 on very alike, below 0.5 the one says nothing about the other (her Table 3).

    D², Mahalanobis' distance, is freed of what chance adds with few units (unbiased: Hotelling 1931) and not below 0.
    NaN where there are too few units for their facts.
    """
    known = np.isfinite(facts).all(axis=1)
    groups = [facts[known & member] for member in (pilot, control)]
    (n, q), m = groups[0].shape, groups[1].shape[0]
    if n + m - 2 <= q + 2 or min(n, m) < 2:
        return float("nan")
    apart = groups[0].mean(axis=0) - groups[1].mean(axis=0)
    within = sum((group - group.mean(axis=0)).T @ (group - group.mean(axis=0)) for group in groups) / (n + m - 2)
    spread = np.sqrt(np.diag(within))
    if np.any((spread == 0) & (apart != 0)):
        return 0.0  # a fact that is one value here and another there
    varies = spread > 0
    apart, within = (
        apart[varies] / spread[varies],
        within[np.ix_(varies, varies)] / np.outer(spread, spread)[np.ix_(varies, varies)],
    )
    squared = float(apart @ np.linalg.pinv(within) @ apart)
    unbiased = squared * (n + m - q - 3) / (n + m - 2) - q * (1 / n + 1 / m)
    return float(np.exp(-max(unbiased, 0.0) / 8))


def _fewest(panel: Panel, member: np.ndarray) -> int:
    counts = panel.n[member].sum(axis=0)
    return int(counts[counts > 0].min(initial=counts.max(initial=0))) if counts.size else 0


def _simple(panel: Panel, facts: np.ndarray, kept: np.ndarray, onto: Onto, pairs: Sequence[Pair]) -> float:
    size, known = panel.people, np.isfinite(facts).all(axis=1)
    control = kept & (panel.cohort == NEVER) & known
    if control.sum() < 3:
        raise ArithmeticError("fewer than three control units whose facts are known: nothing to weigh")
    begun = sorted({g for g, _, _ in pairs})
    pilot = kept & np.isin(panel.cohort, begun) & known
    of_pilot = np.zeros(size.size)
    if onto == "control" and pilot.any():
        aim = size[control] @ facts[control] / size[control].sum()
        of_pilot[pilot] = entropy_balance(facts[pilot], size[pilot], aim)
    values, weights = [], []
    for g in begun:
        mine = pilot & (panel.cohort == g)
        if not mine.any():
            continue
        people, of_mine, of_control, weight = size[mine], of_pilot[mine], None, of_pilot[mine].sum()
        if onto == "pilot":
            of_control = entropy_balance(facts[control], size[control], people @ facts[mine] / people.sum())
            of_mine, weight = None, people.sum()
        gap = np.array(
            [
                _mean(panel, mine, t, of_mine) - _mean(panel, control, t, of_control)
                for t in range(1, panel.n_periods + 1)
            ]
        )
        found = [gap[t - 1] - _past(gap, weights) for of, t, weights in pairs if of == g]
        found = [change for change in found if np.isfinite(change)]
        values += found
        # Weighed onto the controls each cohort counts as much as its weights, however many periods it has.
        weights += [weight / len(found) if onto == "control" else weight for _ in found]
    if not values:
        raise ArithmeticError("no cohort has a period before and one after its kick-off")
    return float(np.average(values, weights=weights))


def _past(gap: np.ndarray, weights: np.ndarray) -> float:
    """The gap between the arms before treatment: of the periods with a weight and an answer in both arms."""
    known = (weights > 0) & np.isfinite(gap)
    return float(np.average(gap[known], weights=weights[known])) if known.any() else float("nan")


def _mean(panel: Panel, member: np.ndarray, t: int, share: np.ndarray | None = None) -> float:
    """Pooled over people; under `share`, each unit's own mean counts as much as it says (silent units drop out)."""
    n, total = panel.n[member, t - 1], panel.total[member, t - 1]
    if share is None:
        return float(total.sum() / n.sum()) if n.sum() > 0 else float("nan")
    seen = n > 0
    return float(np.average(total[seen] / n[seen], weights=share[seen])) if seen.any() else float("nan")

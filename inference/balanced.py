"""ATT against control units that are weighted to look like the pilot before anybody was coached."""

from __future__ import annotations

import numpy as np

from inference.att import NEVER, Aggregate, Panel
from inference.balance import entropy_balance
from inference.judging import Arms

MOST_UNITS = 400  # each deletion weighs anew


def balanced_effect(panel: Panel, facts: np.ndarray) -> tuple[Aggregate, Arms]:
    """Simple ATT with never-treated controls, entropy-balanced on facts of the units (C × q; NaN: unit left out).

    For each cohort: its units' change from its last period before treatment, less the change of the controls under
    weights at which their facts' means equal the cohort's; averaged like `att.simple`. Errors weigh anew without each
    unit. The past of the outcome itself should not be among the facts: balancing it picks controls whose last values
    were high by chance, and they fall back (Daw & Hatfield 2018, Health Serv. Res. 53(6)).

    Raises ArithmeticError where no weights exist, or where there are too many units to weigh anew.
    """
    if panel.cohort.size > MOST_UNITS:
        raise ArithmeticError(f"more than {MOST_UNITS} units: weighing anew without each would take too long")
    everybody = np.ones(panel.cohort.size, bool)
    value = _simple(panel, facts, everybody)
    without = np.full(panel.cohort.size, np.nan)
    for unit in range(panel.cohort.size):
        kept = everybody.copy()
        kept[unit] = False
        try:
            without[unit] = _simple(panel, facts, kept)
        except ArithmeticError:
            continue
    known = np.isfinite(facts).all(axis=1)
    pilot = known & (panel.cohort > 1) & (panel.cohort <= panel.n_periods)
    control = known & (panel.cohort == NEVER)
    arms = Arms(pilot=pilot, control=control, n_pilot=_fewest(panel, pilot), n_control=_fewest(panel, control))
    return Aggregate(value, without, np.zeros(0)), arms


def _fewest(panel: Panel, member: np.ndarray) -> int:
    counts = panel.n[member].sum(axis=0)
    return int(counts.min()) if counts.size else 0


def _simple(panel: Panel, facts: np.ndarray, kept: np.ndarray) -> float:
    size, known = panel.people, np.isfinite(facts).all(axis=1)
    control = kept & (panel.cohort == NEVER) & known
    if control.sum() < 3:
        raise ArithmeticError("fewer than three control units whose facts are known: nothing to weigh")
    values, weights = [], []
    for g in panel.cohorts:
        mine = kept & (panel.cohort == g) & known
        if not mine.any():
            continue
        base = panel.base_period(int(g))
        if base is None:
            continue
        people = size[mine]
        of_control = entropy_balance(facts[control], size[control], people @ facts[mine] / people.sum())
        for t in range(int(g), panel.n_periods + 1):
            change = _mean(panel, mine, t) - _mean(panel, mine, base)
            expected = _mean(panel, control, t, of_control) - _mean(panel, control, base, of_control)
            if np.isfinite(change - expected):
                values.append(change - expected)
                weights.append(people.sum())
    if not values:
        raise ArithmeticError("no cohort has a period before and one after its kick-off")
    return float(np.average(values, weights=weights))


def _mean(panel: Panel, member: np.ndarray, t: int, share: np.ndarray | None = None) -> float:
    """Pooled over people; under `share`, each unit's own mean counts as much as it says (silent units drop out)."""
    n, total = panel.n[member, t - 1], panel.total[member, t - 1]
    if share is None:
        return float(total.sum() / n.sum()) if n.sum() > 0 else float("nan")
    seen = n > 0
    return float(np.average(total[seen] / n[seen], weights=share[seen])) if seen.any() else float("nan")

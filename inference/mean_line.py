"""One line of `est_outcomes` for a mean: estimator, base and the reason where there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from inference import randomised
from inference.aggregations import Aggregate
from inference.att import GroupTime
from inference.judging import (
    JACKKNIFE,
    Line,
    arms_of,
    judge,
)
from inference.panel import NEVER, Panel
from inference.unit_panels import Setting

ATT_FROM_LAST = "ATT(g,t) of Callaway and Sant'Anna (2021)"
ATT = f"{ATT_FROM_LAST}, counted from the year before kick-off"

CONTRAST = "difference of unit means after kick-off"


def contrasts(panel: Panel, strata: np.ndarray | None) -> GroupTime:
    """The headline of a randomised study: contrasts of units, adjusted for their past where they have one."""
    return randomised.group_time_contrasts(panel, stratum=strata, baseline=usable_baseline(panel).value)


@dataclass(frozen=True)
class _Baseline:
    """The past of each unit (C) to adjust for, or None where there is nothing to adjust for; and what is to be said."""

    value: np.ndarray | None
    notes: tuple[str, ...] = ()


def usable_baseline(panel: Panel) -> _Baseline:
    """The units' own past. A unit without one keeps its place with the mean of the others, which leaves the lot as it
    was drawn and every unit in (White & Thompson 2005, "Adjusting for partially missing baseline measurements in
    randomized trials", Statistics in Medicine 24); where more than half have none, nothing is adjusted for."""
    baseline = randomised.unit_baseline(panel)
    known = np.isfinite(baseline)
    if known.any() and np.std(baseline[known]) <= 1e-12 * size_of_values(panel):
        return _Baseline(None, ("not adjusted for the units' past: it is the same everywhere",))
    if 2 * known.sum() < known.size:
        n_missing = int((~known).sum())
        reason = f"not adjusted for the units' past: {n_missing} of {known.size} units have none"
        return _Baseline(None, (reason,) if known.any() else ())
    if known.all():
        return _Baseline(baseline)
    note = f"{int((~known).sum())} of {known.size} units have no past: the mean of the others stands for it"
    return _Baseline(np.where(known, baseline, baseline[known].mean()), (note,))


def why_left_out(g: int, panel: Panel, setting: Setting) -> str:
    """Why the cohort treated from period `g` is in no estimate; empty where it is."""
    if g > panel.n_periods:
        return "its first treated period is not observed yet"
    if g != NEVER and not setting.is_random and panel.base_period(g, anticipation=setting.anticipation) is None:
        waited = ", or announced," if setting.anticipation else ""
        return f"coached{waited} from the first period on: there is no time before to compare with"
    return ""


CONTROLS = {"not_yet_treated": "not-yet-treated", "never_treated": "never-treated"}

METHODS = {
    "randomised_ancova": f"{CONTRAST}, adjusted for the unit's own past (ANCOVA) within strata",
    "randomised_difference": f"{CONTRAST} within strata",
    "att_response_weighted": f"{ATT}, answers weighted to those asked",
    "att_outcome_regression": f"{ATT_FROM_LAST}, outcome regression on baseline covariates",
    "att_doubly_robust": f"{ATT_FROM_LAST}, doubly robust: regression on covariates, and assignment of units by logit",
    "atu_entropy_balanced": f"{ATT}, pilot units weighted to the covariates and size of those not coached yet",
    "att_entropy_balanced": f"{ATT}, control units weighted to the pilot's covariates and size (entropy balancing)",
    "as_treated": f"{ATT}, only units whose coach was trained: a selection, no effect of assignment",
    "complier": f"{ATT}, divided by the share that took part (assignment as instrument)",
    "twfe": "two-way fixed effects: for comparison only, biased where effects differ between cohorts",
}


def estimate_line(
    line: Line,
    effects: GroupTime,
    part: Aggregate,
    chosen: np.ndarray,
    *,
    alpha: float,
    note: str = "",
) -> Line:
    """The line of one aggregation: estimate, error and test, or the reason why there is none."""
    usable = chosen & np.isfinite(effects.value)
    if usable.any() and (chosen & ~usable).any():
        n_lost = int((chosen & ~usable).sum())
        note = "; ".join(filter(None, [note, f"{n_lost} cohort-period(s) lack a base period or a control"]))
    panel = effects.panel
    result, _ = judge(
        part,
        arms_of(effects, usable if usable.any() else chosen),
        cohort=panel.cohort,
        method=f"{METHODS.get(line.estimator, ATT)}, {CONTROLS[effects.control]} control; {JACKKNIFE}",
        alpha=alpha,
        note=note,
        scale=size_of_values(panel),
    )
    return replace(line, result=result)


def size_of_values(panel: Panel) -> float:
    """The largest mean of a cell: what rounding is measured by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.nanmax(np.abs(panel.total / panel.n)))

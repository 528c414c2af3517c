"""What is around the units: does the programme reach the control, and are units of one department alike?

Both change how a headline is read and no number of it. Leakage to all control units alike cannot be seen by any data.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import stats

from inference import aggregations
from inference.aggregations import Aggregate
from inference.diagnostic import Diagnostic, diagnostic_of, unknown_diagnostic
from inference.jackknife import jackknife
from inference.judging import arms_of, with_interval
from inference.mean_line import contrasts
from inference.panel import NEVER, Panel
from inference.unit_panels import Indexed, Setting

FEWEST_DF = 3.0
FEWEST_ASIDE = 4  # departments near, and far


def surroundings_diagnostics(indexed: Indexed, simple: Aggregate, setting: Setting) -> Iterator[Diagnostic]:
    """`spillover` and `error_by_department`, where it is known who works where."""
    if setting.coached_around:
        yield _spillover(indexed, setting)
    if setting.department and setting.unit in ("team", "manager"):
        yield _by_department(indexed, simple, setting)


def _spillover(indexed: Indexed, setting: Setting) -> Diagnostic:
    """Among units that are never coached: departments with more coached people around their units than the middle one
    against the others, since the first kick-off, adjusted for their past: twice as sharp as a difference in
    differences, and who stands near is closer to a lot than who volunteers. How much is around is a fact of
    departments, and what moves one moves all its units: departments are the units here."""
    panel, name = indexed.panel, "spillover"
    never, coached = panel.cohort == NEVER, panel.cohort[panel.cohort != NEVER]
    around = np.array([setting.coached_around.get(unit, np.nan) for unit in indexed.units])
    known = never & np.isfinite(around)
    if not known.any() or not coached.size:
        return unknown_diagnostic(name, "of no control unit is it known how many people around it are coached")
    labels = np.array([setting.department.get(unit, unit) for unit in indexed.units])[known]
    names, place = np.unique(labels, return_inverse=True)
    member = place[None, :] == np.arange(names.size)[:, None]
    people = member @ panel.people[known]
    share = member @ (panel.people[known] * around[known]) / people
    near = share > np.median(share)
    if not near.any():
        near = share >= np.median(share)
    if near.all():
        return unknown_diagnostic(name, "all control units have as many coached people around them")
    if min(near.sum(), (~near).sum()) < FEWEST_ASIDE:
        return unknown_diagnostic(name, f"{names.size} department(s) of control units: too few to compare near and far")
    pretended = Panel(
        member @ panel.n[known], member @ panel.total[known], np.where(near, coached.min(), NEVER), people
    )
    effects = contrasts(pretended, None)
    usable = (effects.t >= effects.g) & np.isfinite(effects.value)
    if not usable.any():
        return unknown_diagnostic(name, "no period before and after the first kick-off")
    part, arms = aggregations.simple(effects), arms_of(effects, usable)
    uncertainty = jackknife(theta=part.value, theta_without=part.without, cohort=pretended.cohort)
    if uncertainty is None:
        return unknown_diagnostic(name, "the error cannot be computed")
    counts = {"n_units_pilot": int(near.sum()), "n_units_control": int((~near).sum()), "method": ""}
    result = with_interval(
        part.value, uncertainty, alpha=setting.alpha, n_pilot=arms.n_pilot, n_control=arms.n_control, **counts
    )
    words = (
        "control units with more coached people around them moved apart from the others",
        "no difference between control units near to the programme and far from it was seen",
    )
    return diagnostic_of(name, result, words, alpha=setting.alpha)


def _by_department(indexed: Indexed, simple: Aggregate, setting: Setting) -> Diagnostic:
    """The error of the difference in differences if departments were what varies, as a multiple of the one by unit
    (sandwiches of both).

    If their units are not alike, S, the sum over departments of the squared sums of influences, is a sum of χ² whose
    mean is tr M and variance 2 tr M², M the covariance of those sums after each cohort's mean is taken off: S/tr M · df
    is about χ² with df = (tr M)²/tr M² (Satterthwaite 1946). Few large departments have few, however many others there
    are.
    """
    name, panel = "error_by_department", indexed.panel
    used = simple.influence != 0
    cohort, influence = panel.cohort[used], simple.influence[used].copy()
    labels = np.array([setting.department.get(unit, unit) for unit in indexed.units])[used]
    names, place = np.unique(labels, return_inverse=True)
    moments = np.zeros((names.size, names.size))
    for g in np.unique(cohort):
        member = cohort == g
        influence[member] -= influence[member].mean()  # what the cohort's own weight adds to all of them
        n_units, k = np.bincount(place[member], minlength=names.size), member.sum()
        variance = (influence[member] ** 2).sum() / max(k - 1, 1)
        moments += variance * (np.diag(n_units) - np.outer(n_units, n_units) / k)
    trace, square = float(np.trace(moments)), float((moments**2).sum())
    df = trace**2 / square if square > 0 else 0.0
    if df < FEWEST_DF:
        return unknown_diagnostic(name, f"{names.size} department(s): too few to see whether their units are alike")
    sums = np.bincount(place, weights=influence)
    ratio = float(sums @ sums) / trace
    p_value = float(stats.chi2.sf(ratio * df, df))
    return Diagnostic(
        name=name,
        value=float(np.sqrt(ratio)),
        p_value=p_value,
        df=df,
        says="units of a department move together: if departments were chosen, declare `assignment.unit: department`"
        if p_value < setting.alpha
        else "units of a department do not move together",
    )

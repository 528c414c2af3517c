"""What is around the units: does the programme reach the control, and are units of one department alike?

Both change how a headline is read and no number of it. Leakage to all control units alike cannot be seen by any data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import stats

from inference import att
from inference.att import NEVER, Aggregate, Panel
from inference.diagnostic import Diagnostic, judge_aggregate, unknown_diagnostic
from inference.judging import arms_of
from inference.mean_line import contrasts
from inference.unit_panels import Indexed, Setting

FEWEST_DEPARTMENTS = 6


def surroundings_diagnostics(indexed: Indexed, simple: Aggregate, setting: Setting) -> Iterator[Diagnostic]:
    """`spillover` and `error_by_department`, where it is known who works where."""
    if setting.coached_around:
        yield _spillover(indexed, setting)
    if setting.department and setting.unit in ("team", "manager"):
        yield _by_department(indexed, simple, setting)


def _spillover(indexed: Indexed, setting: Setting) -> Diagnostic:
    """Among units that are never coached: those with more coached people around them than the middle one against the
    others, since the first kick-off, adjusted for the unit's own past: twice as sharp as a difference in differences,
    and who stands near is closer to a lot than who volunteers."""
    panel, name = indexed.panel, "spillover"
    never, coached = panel.cohort == NEVER, panel.cohort[panel.cohort != NEVER]
    around = np.array([setting.coached_around.get(unit, np.nan) for unit in indexed.units])
    known = never & np.isfinite(around)
    if not known.any() or not coached.size:
        return unknown_diagnostic(name, "of no control unit is it known how many people around it are coached")
    near = around > np.median(around[known])
    if not near[known].any():
        return unknown_diagnostic(name, "all control units have as many coached people around them")
    pretended = Panel(
        panel.n[known], panel.total[known], np.where(near[known], coached.min(), NEVER), panel.people[known]
    )
    effects = contrasts(pretended, None)
    usable = (effects.t >= effects.g) & np.isfinite(effects.value)
    if not usable.any():
        return unknown_diagnostic(name, "no period before and after the first kick-off")
    words = (
        "control units with more coached people around them moved apart from the others",
        "no difference between control units near to the programme and far from it was seen",
    )
    return judge_aggregate(name, att.simple(effects), arms_of(effects, usable), pretended, setting, words)


def _by_department(indexed: Indexed, simple: Aggregate, setting: Setting) -> Diagnostic:
    """The headline's error if departments were what varies, as a multiple of the one by unit (sandwiches of both).

    If their units are not alike, the square times G − 1 is about χ² with G − 1 degrees of freedom (G departments): the
    sum of G independent squares less the mean.
    """
    name = "error_by_department"
    labels = np.array([setting.department.get(unit, "") for unit in indexed.units])
    g = np.unique(labels[simple.influence != 0]).size
    if g < FEWEST_DEPARTMENTS:
        return unknown_diagnostic(name, f"{g} department(s): too few to see whether their units are alike")
    # Units of a cohort share what its size weighs: that is taken off, or cohorts would look like departments.
    influence = simple.influence.copy()
    for cohort in np.unique(indexed.panel.cohort):
        member = (indexed.panel.cohort == cohort) & (influence != 0)
        influence[member] -= influence[member].mean()
    centred = replace(simple, influence=influence)
    ratio = centred.clustered_std_error(labels, finite_sample=True) / centred.analytic_std_error
    p_value = float(stats.chi2.sf(ratio**2 * (g - 1), g - 1))
    return Diagnostic(
        name=name,
        value=float(ratio),
        p_value=p_value,
        df=float(g - 1),
        says="units of a department move together: if departments were chosen, declare `assignment.unit: department`"
        if p_value < setting.alpha
        else "units of a department do not move together",
    )

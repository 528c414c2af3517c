"""From an aggregate to a result: the number with its interval, or the reason why this design gives none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from inference.aggregations import Aggregate
from inference.att import GroupTime
from inference.jackknife import MIN_UNITS, ROUNDING, Uncertainty, jackknife
from inference.results import Cause, Estimate, NotEstimable, Result

ALL = "all"
NEWEST = "newest"  # aggregation: of the newest cohorts, which the decision reads
JACKKNIFE = "leave-one-unit-out jackknife, Satterthwaite df by cohort"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the study asks of one metric."""

    metric: str
    kind: str  # mean or time_to_event
    role: str
    source: str
    direction: str = "up"
    minimum_important_difference: float | None = None  # the smallest effect worth having, in the metric's unit
    margin: float | None = None  # how much worse a guardrail may become
    anticipation: int = 0  # periods before kick-off in which the programme may work already
    period: str = ""  # month or quarter; not given: quarters where every period begins one
    measure: str = ""  # what is counted, as the catalogue names it
    label: str = ""  # in words, as sentences name it


@dataclass(frozen=True, kw_only=True)
class Line:
    """One estimate's place in the table."""

    metric: str
    estimator: str
    result: Result
    aggregation: str = "simple"
    cohort: str = ALL
    event_time: int | None = None
    is_headline: bool = False
    segment: str = ALL


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Who stands behind a number: marked units of both arms, and their distinct people. `seen_now` is how many units of
    each arm were seen in the periods compared (None: all); those seen only in what they are counted from move the
    number and are not counted as units."""

    pilot: np.ndarray
    control: np.ndarray
    n_pilot: int
    n_control: int
    seen_now: tuple[int, int] | None = None

    @property
    def n_units(self) -> tuple[int, int]:
        """How many units of each arm are counted."""
        return self.seen_now or (int(self.pilot.sum()), int(self.control.sum()))


def with_interval(value: float, uncertainty: Uncertainty, *, alpha: float, **counts) -> Estimate:
    """The estimate of a value whose uncertainty is known. `counts` are its units, people, method and note."""
    low, high = uncertainty.interval(value, alpha=alpha)
    return Estimate(
        estimate=value,
        std_error=uncertainty.std_error,
        ci_low=low,
        ci_high=high,
        p_value=uncertainty.p_value(value),
        df=uncertainty.df,
        **counts,
    )


def judge(
    part: Aggregate,
    arms: Arms,
    *,
    cohort: np.ndarray,
    method: str,
    alpha: float,
    note: str = "",
    scale: float = 1.0,
) -> tuple[Result, Uncertainty | None]:
    """A number with its interval, and its uncertainty; or why this design gives none.

    `cohort` labels every unit, `scale` is the size of the outcome's values.
    """
    counts = {
        "n_units_pilot": arms.n_units[0],
        "n_units_control": arms.n_units[1],
        "n_pilot": arms.n_pilot,
        "n_control": arms.n_control,
        "method": method,
    }
    if not np.isfinite(part.value):
        reason = "nothing to compare: no control unit, or no values in the base period"
        return NotEstimable(reason=reason, **counts), None
    if min(counts["n_units_pilot"], counts["n_units_control"]) < MIN_UNITS:
        reason = (
            f"too few units: {counts['n_units_pilot']} pilot and {counts['n_units_control']} control; "
            f"at least {MIN_UNITS} each are needed for an interval with its stated coverage"
        )
        return NotEstimable(reason=reason, cause=Cause.TOO_FEW_UNITS, **counts), None
    involved = arms.pilot | arms.control
    moves = np.abs(part.without - part.value) > ROUNDING * scale
    uncertainty = jackknife(
        theta=part.value, theta_without=part.without[involved], cohort=cohort[involved], scale=scale
    )
    # An arm in which nothing varies adds no error: the interval would be the other arm's alone.
    if uncertainty is None or not moves[arms.pilot].any() or not moves[arms.control].any():
        reason = "the error cannot be computed: the outcome does not vary in an arm, or rests on a single unit"
        return NotEstimable(reason=reason, **counts), None
    lone = [size for size in np.unique(cohort[involved], return_counts=True)[1] if size == 1]
    if lone:
        note = "; ".join(filter(None, [note, f"{len(lone)} cohort(s) of a single unit"]))
    result = with_interval(part.value, uncertainty, alpha=alpha, note=note, **counts)
    return result, uncertainty


def arms_of(effects: GroupTime, chosen: np.ndarray) -> Arms:
    """Units and people behind the chosen ATT(g,t).

    People are counted in the fullest period and the fullest of those it is counted from (the smaller of the two):
    never more than there are, so that a small group cannot hide behind people who were observed at other times.
    """
    part = effects.taking_part
    k = np.flatnonzero(chosen)
    pilot, control = (arm[:, k] for arm in part.arms)
    seen, now = part.seen[:, k], part.seen_now[:, k]
    n_pilot = sum(part.people[0, k][effects.g[k] == g].max() for g in np.unique(effects.g[k]))
    return Arms(
        pilot=(pilot & seen).any(axis=1),
        control=(control & seen).any(axis=1),
        n_pilot=int(n_pilot),
        n_control=int(part.people[1, k].max(initial=0.0)),
        seen_now=(int((pilot & now).any(axis=1).sum()), int((control & now).any(axis=1).sum())),
    )


def in_order(names: Iterable[str], kickoffs: Mapping[str, date]) -> list[list[str]]:
    """Cohorts that began on the same day, oldest first; those without a day by name, after the others."""
    began: dict[tuple[date, str], list[str]] = {}
    for name in sorted(names):
        day = (kickoffs[name], "") if name in kickoffs else (date.max, name)
        began.setdefault(day, []).append(name)
    return [began[day] for day in sorted(began)]

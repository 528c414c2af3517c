"""Go, no go, or not yet: what the primary outcomes and the guardrails say about scaling up, by rule.

**Go**: the effect is there (adjusted p below alpha), in the good direction, not smaller than the minimum important
difference; the same holds of the newest cohorts and of the effect counted from earlier periods; no doubt is open (a
decline from cohort to cohort, arms that moved apart before kick-off), and no guardrail is open or broken. **No go**:
the effect is in the bad direction, or its interval lies below the minimum important difference, or a guardrail is
broken. **Not yet**: anything else, with what is missing. How often each is right: benchmarks/results/decisions.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from inference.results import Estimate, NotEstimable, Result
from inference.verdicts import verdict

DECISIONS_SCHEMA = {
    "metric": pl.String,
    "verdict": pl.String,
    "decision": pl.String,
    "reason": pl.String,
    "estimate": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value_adjusted": pl.Float64,
    "minimum_important_difference": pl.Float64,
    "guardrails": pl.String,
    "missing": pl.String,
}


# Of a decline, two-sided: missing one leads to scaling what does not work any more.
DECLINE_ALPHA = 0.1
SMALLEST = "the minimum important difference"


class Decision(StrEnum):
    """What the rule says."""

    GO = "go"
    NO_GO = "no go"
    NOT_YET = "not yet"


@dataclass(frozen=True)
class Trend:
    """A slope and its p-value."""

    value: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Primary:
    """One primary outcome: its headline, its adjusted p-value, and its minimum important difference (in its unit)."""

    metric: str
    result: Result
    p_value_adjusted: float | None
    direction: str  # up or down: which way is good
    minimum_important_difference: float | None
    newest: Result | None = None  # of the newest cohorts; None where there is one cohort
    earlier_base: Result | None = None  # counted from earlier periods; None where a lot was drawn
    plain: Result | None = None  # difference after kick-off, of a time that has one window before it
    slope_by_cohort: Trend | None = None  # change of the effect from cohort to cohort
    moved_apart: bool = False  # the arms did, before kick-off


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """One guardrail: its headline and by how much it may become worse (in its unit)."""

    metric: str
    result: Result
    direction: str
    margin: float

    @property
    def state(self) -> str:
        """`holds`: worse by more than the margin is excluded; `broken`: it is shown; else `open`."""
        if not isinstance(self.result, Estimate):
            return "not estimable"
        low, high = _towards_good(self.result, self.direction)
        if low >= -self.margin:
            return "holds"
        return "broken" if high < -self.margin else "open"


def _sign(direction: str) -> int:
    """What a number is multiplied by so that good is up."""
    return 1 if direction == "up" else -1


def _towards_good(estimate: Estimate, direction: str) -> tuple[float, float]:
    """The interval with good as up."""
    low, high = sorted(_sign(direction) * end for end in (estimate.ci_low, estimate.ci_high))
    return low, high


def _doubts(primary: Primary, smallest: float) -> Iterator[str]:
    """Why an effect that is there may not be what the next cohort gets, or no effect."""
    sign = _sign(primary.direction)

    def is_small(result: Result) -> bool:
        return sign * result.estimate < smallest

    if isinstance(primary.newest, NotEstimable):
        yield f"the newest cohorts' effect is not known: {primary.newest.reason}"
    elif primary.newest is not None and is_small(primary.newest):
        yield f"the newest cohorts' effect is below {SMALLEST}"
    slope = primary.slope_by_cohort
    if slope is not None and sign * slope.value < 0 and slope.p_value < DECLINE_ALPHA:
        yield "the effect falls from cohort to cohort"
    if isinstance(primary.earlier_base, NotEstimable):
        yield f"whether units were chosen for their last result cannot be seen: {primary.earlier_base.reason}"
    elif primary.earlier_base is not None and is_small(primary.earlier_base):
        yield f"counted from earlier periods than the last it is below {SMALLEST}"
    if isinstance(primary.plain, Estimate) and is_small(primary.plain):
        yield f"the plain difference after kick-off is below {SMALLEST}: the effect rests on the window before"
    if primary.moved_apart:
        yield "the arms moved apart before kick-off"


def decide(primary: Primary, guardrails: list[Guardrail], *, alpha: float) -> tuple[Decision, str, list[str]]:
    """(decision, reason, what is missing) of one primary outcome."""
    missing = [
        f"{guardrail.metric}: {'its margin is not excluded yet' if guardrail.state == 'open' else guardrail.state}"
        for guardrail in guardrails
        if guardrail.state in ("open", "not estimable")
    ]
    if primary.minimum_important_difference is None:
        missing.append("the study declares no minimum important difference")
    if not guardrails:
        missing.append("the study names no guardrail")
    broken = [guardrail.metric for guardrail in guardrails if guardrail.state == "broken"]
    if not isinstance(primary.result, Estimate):
        if broken:
            return Decision.NO_GO, f"a guardrail is broken: {', '.join(broken)}", missing
        return Decision.NOT_YET, f"no answer: {primary.result.reason}", missing
    low, high = _towards_good(primary.result, primary.direction)
    size = _sign(primary.direction) * primary.result.estimate
    is_shown = primary.p_value_adjusted is not None and primary.p_value_adjusted < alpha
    smallest = primary.minimum_important_difference or 0.0
    below = "" if low >= smallest else f"; its interval reaches below {SMALLEST}"
    doubts = "; ".join(_doubts(primary, smallest))
    rules = (
        (broken, Decision.NO_GO, f"a guardrail is broken: {', '.join(broken)}"),
        (is_shown and size < 0, Decision.NO_GO, "it became worse"),
        (high < smallest, Decision.NO_GO, f"the interval lies below {SMALLEST}"),
        (not is_shown, Decision.NOT_YET, f"no effect shown, and one of {SMALLEST} is not excluded"),
        (size < smallest, Decision.NOT_YET, f"there is an effect, estimated below {SMALLEST}"),
        (doubts, Decision.NOT_YET, f"there is an effect, but {doubts}"),
        (missing, Decision.NOT_YET, "the effect is there, but something is missing"),
        (True, Decision.GO, f"the effect is there and large enough{below}; no guardrail suffers"),
    )
    decision, reason = next((word, why) for holds, word, why in rules if holds)
    return decision, reason, missing


def decision_table(*, primaries: list[Primary], guardrails: list[Guardrail], alpha: float) -> pl.DataFrame:
    """`est_decisions`: one row per primary outcome."""
    states = "; ".join(f"{guardrail.metric} {guardrail.state}" for guardrail in guardrails) or "none"
    rows = []
    for primary in primaries:
        decision, reason, missing = decide(primary, guardrails, alpha=alpha)
        numbers = primary.result if isinstance(primary.result, Estimate) else None
        rows.append(
            {
                "metric": primary.metric,
                "verdict": verdict(
                    primary.result,
                    p_value_adjusted=primary.p_value_adjusted,
                    direction=primary.direction,
                    alpha=alpha,
                ).word,
                "decision": decision,
                "reason": reason,
                "estimate": numbers.estimate if numbers else None,
                "ci_low": numbers.ci_low if numbers else None,
                "ci_high": numbers.ci_high if numbers else None,
                "p_value_adjusted": primary.p_value_adjusted,
                "minimum_important_difference": primary.minimum_important_difference,
                "guardrails": states,
                "missing": "; ".join(missing) or None,
            }
        )
    return pl.DataFrame(rows, schema=DECISIONS_SCHEMA).sort("metric")

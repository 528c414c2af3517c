"""Go, no go, or not yet: what the primary outcomes and the guardrails say about scaling up, by rule.

**Go**: the effect is there (adjusted p below alpha), in the good direction, not smaller than the minimum important
difference, and no guardrail is open or broken. **No go**: the effect is in the bad direction, or its interval lies
below the minimum important difference, or a guardrail is broken. **Not yet**: anything else, with what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from inference.results import Estimate, Result
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


@dataclass(frozen=True, kw_only=True)
class Primary:
    """One primary outcome: its headline, its adjusted p-value, and its minimum important difference (in its unit)."""

    metric: str
    result: Result
    p_value_adjusted: float | None
    direction: str  # up or down: which way is good
    minimum_important_difference: float | None
    detectable: float | None = None  # what this pilot could have seen


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


def _towards_good(estimate: Estimate, direction: str) -> tuple[float, float]:
    """The interval with good as up."""
    return (estimate.ci_low, estimate.ci_high) if direction == "up" else (-estimate.ci_high, -estimate.ci_low)


def decide(primary: Primary, guardrails: list[Guardrail], *, alpha: float) -> tuple[str, str, list[str]]:
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
            return "no go", f"a guardrail is broken: {', '.join(broken)}", missing
        return "not yet", f"no answer: {primary.result.reason}", missing
    low, high = _towards_good(primary.result, primary.direction)
    size = primary.result.estimate if primary.direction == "up" else -primary.result.estimate
    is_shown = primary.p_value_adjusted is not None and primary.p_value_adjusted < alpha
    smallest = primary.minimum_important_difference or 0.0
    below = "" if low >= smallest else "; its interval reaches below the minimum important difference"
    rules = (
        (broken, "no go", f"a guardrail is broken: {', '.join(broken)}"),
        (is_shown and size < 0, "no go", "it became worse"),
        (high < smallest, "no go", "the interval lies below the minimum important difference"),
        (not is_shown, "not yet", "no effect shown, and one of the minimum important difference is not excluded"),
        (size < smallest, "not yet", "there is an effect, estimated below the minimum important difference"),
        (missing, "not yet", "the effect is there, but something is missing"),
        (True, "go", f"the effect is there and large enough{below}; no guardrail suffers"),
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
                    detectable=primary.detectable,
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

"""Go, no go, or not yet: what the primary outcomes and the guardrails say about scaling up, by rule.

**Go**: the effect is there (adjusted p below alpha), in the good direction, not smaller than what the study calls
worthwhile, and no guardrail is open or broken. **No go**: the effect is in the bad direction, or its interval lies
below what is worthwhile, or a guardrail is broken. **Not yet**: anything else, with what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from inference.results import Estimate, Result
from inference.verdicts import verdict

DECISIONS = {
    "programme": pl.String,
    "metric": pl.String,
    "verdict": pl.String,
    "decision": pl.String,
    "reason": pl.String,
    "estimate": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value_adjusted": pl.Float64,
    "worthwhile": pl.Float64,
    "guardrails": pl.String,
    "missing": pl.String,
}


@dataclass(frozen=True, kw_only=True)
class Primary:
    """One primary outcome: its headline, its adjusted p-value, and what the study calls worthwhile (in its unit)."""

    metric: str
    result: Result
    p_value_adjusted: float | None
    direction: str  # up or down: which way is good
    worthwhile: float | None
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
    if primary.worthwhile is None:
        missing.append("the study does not say which effect would be worthwhile")
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
    worthwhile = primary.worthwhile if primary.worthwhile is not None else 0.0
    below = "" if low >= worthwhile else "; its interval reaches below what is worthwhile"
    rules = (
        (broken, "no go", f"a guardrail is broken: {', '.join(broken)}"),
        (is_shown and size < 0, "no go", "it became worse"),
        (high < worthwhile, "no go", "the interval lies below what would be worthwhile"),
        (not is_shown, "not yet", "no effect shown, and none that would be worthwhile excluded"),
        (size < worthwhile, "not yet", "there is an effect, but it is estimated below what would be worthwhile"),
        (missing, "not yet", "the effect is there, but something is missing"),
        (True, "go", f"the effect is there and worthwhile{below}; no guardrail suffers"),
    )
    decision, reason = next((word, why) for holds, word, why in rules if holds)
    return decision, reason, missing


def decision_table(
    *, programme: str, primaries: list[Primary], guardrails: list[Guardrail], alpha: float
) -> pl.DataFrame:
    """`est_decisions`: one row per primary outcome."""
    states = "; ".join(f"{guardrail.metric} {guardrail.state}" for guardrail in guardrails) or "none"
    rows = []
    for primary in primaries:
        decision, reason, missing = decide(primary, guardrails, alpha=alpha)
        numbers = primary.result if isinstance(primary.result, Estimate) else None
        rows.append(
            {
                "programme": programme,
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
                "worthwhile": primary.worthwhile,
                "guardrails": states,
                "missing": "; ".join(missing) or None,
            }
        )
    return pl.DataFrame(rows, schema=DECISIONS).sort("metric")

"""What may be said about a primary outcome, by rule: the words follow from the numbers."""

from __future__ import annotations

from enum import StrEnum

from inference.results import Cause, Estimate, Result


class Verdict(StrEnum):
    """What is said of a headline."""

    IMPROVED = "improved"
    WORSENED = "worsened"
    CHANGED = "changed"  # where no direction is the good one
    NO_EFFECT = "no effect seen"
    TOO_FEW = "too few teams"
    NOT_ESTIMABLE = "not estimable"

    @property
    def is_effect(self) -> bool:
        """Whether an effect was found."""
        return self in (Verdict.IMPROVED, Verdict.WORSENED, Verdict.CHANGED)


def verdict_on(result: Result, *, p_value_adjusted: float | None, direction: str, alpha: float) -> Verdict:
    """The verdict of a headline.

    An effect only where the p-value, adjusted for the number of primary questions, is below alpha. Everything else is
    a null, or no answer: a pilot of few units never yields a verdict.
    """
    if not isinstance(result, Estimate):
        return Verdict.TOO_FEW if result.cause is Cause.TOO_FEW_UNITS else Verdict.NOT_ESTIMABLE
    p = p_value_adjusted if p_value_adjusted is not None else result.p_value
    if p >= alpha:
        return Verdict.NO_EFFECT
    if direction not in ("up", "down"):
        return Verdict.CHANGED
    return Verdict.IMPROVED if (result.estimate > 0) == (direction == "up") else Verdict.WORSENED

"""What may be said about a primary outcome, by rule: the words follow from the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inference.results import Cause, Estimate, Result

Word = Literal["improved", "worsened", "changed", "no effect seen", "too few teams", "not estimable"]


@dataclass(frozen=True)
class Verdict:
    """A word, and for a null what could have been seen (in the metric's unit; None where that is unknown)."""

    word: Word
    detectable: float | None = None


def verdict(
    result: Result, *, p_value_adjusted: float | None, direction: str, alpha: float, detectable: float | None = None
) -> Verdict:
    """The verdict of a headline.

    `improved` or `worsened` only where the p-value, adjusted for the number of primary questions, is below alpha
    (`changed` where no direction is the good one). Everything else is a null with what could have been seen, or no
    answer: a pilot of few units never yields a verdict.
    """
    if not isinstance(result, Estimate):
        return Verdict("too few teams" if result.cause is Cause.TOO_FEW_UNITS else "not estimable", detectable)
    p = p_value_adjusted if p_value_adjusted is not None else result.p_value
    if p >= alpha:
        return Verdict("no effect seen", detectable)
    if direction not in ("up", "down"):
        return Verdict("changed")
    return Verdict("improved" if (result.estimate > 0) == (direction == "up") else "worsened")

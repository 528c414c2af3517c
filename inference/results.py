"""The two things that an estimation can end as: a number with its uncertainty, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """Why there is no number, for code; `NotEstimable.reason` says it for people."""

    TOO_FEW_UNITS = "too_few_units"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An estimate in the metric's own unit, with its standard error and interval.

    `df` are Satterthwaite degrees of freedom of Student's t; `n_units_*` count assignment units, `n_*` distinct people
    (a count that is never more than there are).
    """

    estimate: float
    std_error: float
    ci_low: float
    ci_high: float
    p_value: float
    df: float
    n_units_pilot: int
    n_units_control: int
    n_pilot: int
    n_control: int
    method: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class NotEstimable:
    """There is no number, and this is why. Never a zero, a NaN or a p of 1 in its place."""

    reason: str
    cause: Cause = Cause.OTHER
    n_units_pilot: int = 0
    n_units_control: int = 0
    n_pilot: int = 0
    n_control: int = 0
    method: str = ""


Result = Estimate | NotEstimable

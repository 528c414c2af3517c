"""What the effect is worth: ranges from assumptions, carried through the interval of the effect.

No number here is a point: each assumption is a range, the effect has its interval, and a product of ranges is the range
of the products of their ends. An interval that contains zero gives an amount that contains zero.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import polars as pl

from inference.results import Estimate, NotEstimable, Result

MONEY_SCHEMA = {
    "item": pl.String,
    "unit": pl.String,
    "low": pl.Float64,
    "central": pl.Float64,
    "high": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
    "basis": pl.String,
    "of_metric": pl.String,  # the effect that it is computed from; empty: from assumptions alone
}


@dataclass(frozen=True)
class Range:
    """Low, central and high value of a quantity. Raises ValueError if they do not rise."""

    low: float
    central: float
    high: float

    def __post_init__(self):
        if not self.low <= self.central <= self.high:
            raise ValueError(f"a range rises: {self.low}, {self.central}, {self.high}")

    @classmethod
    def of(cls, ends: tuple[float, float]) -> Range:
        """Two ends, and their middle."""
        return cls(ends[0], (ends[0] + ends[1]) / 2, ends[1])

    def __mul__(self, other: Range | float) -> Range:
        ends = (other.low, other.high) if isinstance(other, Range) else (other, other)
        central = other.central if isinstance(other, Range) else other
        corners = [a * b for a, b in itertools.product((self.low, self.high), ends)]
        return Range(min(corners), self.central * central, max(corners))

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.central + other.central, self.high + other.high)

    def __sub__(self, other: Range) -> Range:
        return Range(self.low - other.high, self.central - other.central, self.high - other.low)

    def __truediv__(self, other: Range) -> Range:
        """Raises ZeroDivisionError where the divisor's range touches zero."""
        if other.low <= 0 <= other.high:
            raise ZeroDivisionError("the divisor's range contains zero")
        return self * Range(*sorted((1 / other.low, 1 / other.central, 1 / other.high)))


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """The study's `money`: ranges as (low, high), amounts in `currency`; salary is yearly."""

    currency: str
    salary: tuple[float, float]
    turnover_cost_share: tuple[float, float]
    training_cost_per_coach: tuple[float, float]
    coach_hours_per_month: tuple[float, float]
    coach_cost_per_hour: tuple[float, float]
    fixed_cost: tuple[float, float]

    @property
    def cost_of_a_leaver(self) -> Range:
        """Salary times the share of it that a leaver costs."""
        return Range.of(self.salary) * Range.of(self.turnover_cost_share)

    def cost_of_coaches(self, coaches: Range, months: int) -> Range:
        """Training and time of so many coaches over so many months, without the fixed cost."""
        time = Range.of(self.coach_hours_per_month) * Range.of(self.coach_cost_per_hour) * float(months)
        return coaches * (Range.of(self.training_cost_per_coach) + time)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large the programme is: coaches and people of the pilot, everybody in the study, coaches they would need."""

    n_coaches: int
    n_people: int
    n_people_in_study: int
    coaches_needed: tuple[float, float, float]


@dataclass(frozen=True)
class Case:
    """What money can be computed for: the assumptions, and the programme's size."""

    assumptions: Assumptions
    scale: Scale


OF_EFFECT = frozenset({"leavers_avoided", "turnover_cost_avoided", "net", "net_for_all"})


def money_table(*, retention: Result, months: int, case: Case | None, metric: str = "retention") -> pl.DataFrame:
    """`est_money`: one row per item. `retention` is the effect on the share retained after `months`, of the outcome
    `metric`.

    Without a case the table is empty: nothing is said about money. Where the effect cannot be estimated, what depends
    on it says why.
    """
    if case is None:
        return pl.DataFrame(schema=MONEY_SCHEMA)
    assumptions, scale = case.assumptions, case.scale
    currency, leaver = assumptions.currency, assumptions.cost_of_a_leaver
    over = f"over the {months} months after kick-off"
    people = float(scale.n_people)
    coaches = Range(*(float(scale.n_coaches),) * 3)
    fixed = Range.of(assumptions.fixed_cost)
    cost = assumptions.cost_of_coaches(coaches, months) + fixed
    needed = Range(*scale.coaches_needed)
    rows: list[tuple] = []

    def add(item: str, unit: str, value: Range | NotEstimable, basis: str) -> None:
        of_metric = metric if item in OF_EFFECT else None
        if isinstance(value, Range):
            rows.append((item, unit, value.low, value.central, value.high, "estimated", None, basis, of_metric))
        else:
            rows.append((item, unit, None, None, None, "not_estimable", value.reason, basis, of_metric))

    add(
        "coach_hours",
        "hours a month",
        Range.of(assumptions.coach_hours_per_month),
        "assumed of a coach, beyond what a manager does anyway",
    )
    add("programme_cost", currency, cost, f"{scale.n_coaches} coaches {over}: training, time, fixed cost")
    effect = None
    if isinstance(retention, Estimate):
        effect = Range(retention.ci_low, retention.estimate, retention.ci_high)
        leavers, avoided = effect * people, effect * people * leaver
    else:
        leavers = avoided = NotEstimable(reason=f"the effect on retention: {retention.reason}")
    basis = f"effect on retention with its interval × {scale.n_people:,} coached people, {over}"
    add("leavers_avoided", "people", leavers, basis)
    add("turnover_cost_avoided", currency, avoided, f"{basis} × salary × share of it that a leaver costs")
    net = avoided - cost if isinstance(avoided, Range) else avoided
    add("net", currency, net, "turnover cost avoided − programme cost; nothing else that coaching may be worth")
    break_even: Range | NotEstimable = NotEstimable(reason="nobody is coached, or a leaver costs nothing")
    if people and leaver.low > 0:
        break_even = cost / (leaver * people)
    add("break_even_effect", "share retained", break_even, f"the effect on retention at which the net is zero, {over}")
    add("coaches_needed", "coaches", needed, f"{scale.n_people_in_study:,} people in the study at the loads observed")
    cost_for_all = assumptions.cost_of_coaches(needed, months) + fixed
    everybody = f"everybody in the study coached for {months} months"
    add("programme_cost_for_all", currency, cost_for_all, everybody)
    saved = effect * float(scale.n_people_in_study) * leaver - cost_for_all if effect is not None else avoided
    add("net_for_all", currency, saved, f"{everybody}, if those not coached yet gain what the coached did")
    return pl.DataFrame(rows, schema=MONEY_SCHEMA, orient="row")

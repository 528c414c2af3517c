"""A promise about a table, its thresholds, and short ways to write one. The sentence is what a person reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

THRESHOLDS = Path(__file__).parents[1] / "thresholds.yml"

OURS = "nothing in the files fixes this: it is a fault of the program or of what changed the warehouse; report it"

NOBODY = (
    "nobody in the HR exports belongs to a unit that the study names: deliver them (inbox/hris), or write the units in "
    "roster or study.yml as they do"
)

Level = Literal["block", "warn"]

LEVELS: tuple[Level, ...] = ("block", "warn")

Tables = dict[str, list["Promise"]]


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A number with its reason and whom to ask; without a number for a level that level is not asked."""

    name: str
    reason: str
    owner: str
    block: float | None = None
    warn: float | None = None

    def has(self, level: Level) -> bool:
        """Whether there is a number for the level."""
        return getattr(self, level) is not None

    def at(self, level: Level) -> float:
        """The level's number, or the other's where it has none (and is not asked)."""
        other = self.warn if level == "block" else self.block
        return float(getattr(self, level) if self.has(level) else other)


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One expectation: the class's name in great_expectations.expectations, its arguments and what people read.

    `check` is its word in `coaching gate explain` and study.yml; `waived_by` the column whose value a person may
    waive there ("": nobody can); `threshold` the number that it rests on ("": none, it is a matter of logic).
    """

    check: str
    sentence: str
    expectation: str
    arguments: dict[str, Any] = field(default_factory=dict)
    fix: str = OURS
    waived_by: str = ""
    threshold: str = ""
    level: Level = "block"


@cache
def thresholds() -> dict[str, Threshold]:
    """By name, from thresholds.yml."""
    document = yaml.safe_load(THRESHOLDS.read_text(encoding="utf-8"))
    return {name: Threshold(name=name, **entry) for name, entry in document.items()}


def be_between(check: str, sentence: str, column: str, low=None, high=None, **more) -> Promise:
    """The values of a column lie between `low` and `high`."""
    arguments = {"column": column, "min_value": low, "max_value": high}
    return Promise(
        check=check, sentence=sentence, expectation="ExpectColumnValuesToBeBetween", arguments=arguments, **more
    )


def be_zero(check: str, sentence: str, column: str, **more) -> Promise:
    """The values of a column are zero."""
    return be_between(check, sentence, column, 0, 0, **more)


def be_given(check: str, sentence: str, column: str, **more) -> Promise:
    """No value of a column is missing."""
    kind = "ExpectColumnValuesToNotBeNull"
    return Promise(check=check, sentence=sentence, expectation=kind, arguments={"column": column}, **more)


def be_in_set(check: str, sentence: str, column: str, values: list, **more) -> Promise:
    """The values of a column are among `values`."""
    arguments = {"column": column, "value_set": values}
    return Promise(
        check=check, sentence=sentence, expectation="ExpectColumnValuesToBeInSet", arguments=arguments, **more
    )


def be_at_least(check: str, sentence: str, upper: str, lower: str, **more) -> Promise:
    """One column is nowhere smaller than another."""
    arguments = {"column_A": upper, "column_B": lower, "or_equal": True}
    kind = "ExpectColumnPairValuesAToBeGreaterThanB"
    return Promise(check=check, sentence=sentence, expectation=kind, arguments=arguments, **more)


def not_be_empty(check: str, sentence: str, **more) -> Promise:
    """The table has rows."""
    kind = "ExpectTableRowCountToBeBetween"
    return Promise(check=check, sentence=sentence, expectation=kind, arguments={"min_value": 1}, **more)

"""Digits that say something: an error is told with two, degrees of freedom in steps, the rest follows from them.

More would be noise to a reader, and knowledge to whoever solves errors and p-values for the teams that they are made
of: such numbers are no sums of people's values, so that the disclosure audit cannot count them (docs/decisions/0012).

Two digits of an error: JCGM 100:2008 (GUM), 7.2.6. Errors are rounded up and degrees of freedom down: no interval is
narrower than it should be (how much wider: docs/methods/att.md). Interval and p-value are those of the rounded numbers:
a reader can work them out again, and they tell nothing that these do not. An estimate ends where its error ends, but
for those that are sums (`AUDITED`): of them the audit has the equations, and knows all their digits.
"""

from __future__ import annotations

import math

from inference.jackknife import Uncertainty

AUDITED = ("att_not_yet_treated", "att_never_treated")  # of means; publish/figures.py has their equations
ERROR_DIGITS = 2
DF_TOLD = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 120, 1000)


def last_place(error: float) -> int:
    """The decimal place (3: thousandths, -1: tens) in which the second digit of an error stands."""
    return ERROR_DIGITS - 1 - math.floor(math.log10(abs(error))) if error else 0


def short(value: float | None) -> float | None:
    """Two digits of a number that has no error of its own."""
    return None if value is None or not math.isfinite(value) else round(value, last_place(value))


def up(size: float) -> float:
    """The next number of two digits: of what says how far something reaches."""
    place = last_place(size)
    return round(math.ceil(round(size * 10.0**place, 6)) * 10.0**-place, place)  # what has two digits keeps them


def coarse(exact: Uncertainty) -> Uncertainty:
    """The uncertainty that is told: never less than it is."""
    return Uncertainty(up(exact.std_error), df_told(exact.df))


def df_told(df: float) -> float:
    """The next step below."""
    return float(max((row for row in DF_TOLD if row <= df), default=df))


def ending(value: float, told: Uncertainty) -> float:
    """A value that ends where its error does."""
    return round(value, last_place(told.std_error))


def of_set(low: float, high: float) -> tuple[float, float]:
    """A set of values, as if a quarter of its width were its error, with three digits of its farther end at most.

    No rounding makes it reach zero.
    """
    place = last_place(max(abs(low), abs(high))) + 1
    if high > low:
        place = min(place, last_place((high - low) / 4))

    def end(value: float) -> float:
        return round(value, place) or math.copysign(10.0**-place, value) * bool(value)

    return end(low), end(high)


def p_told(p: float, alpha: float) -> float:
    """Two digits of a p-value that has no estimate, on its side of alpha."""
    if p == 0:
        return p
    found, step = round(p, last_place(p)), 10.0 ** -last_place(p)
    if (found < alpha) != (p < alpha):
        found = round(found + (step if p >= alpha else -step), last_place(p))
    return min(found, 1.0)

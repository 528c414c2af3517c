"""Rounding of published numbers: as many digits as their error supports.

Two digits of a standard error: JCGM 100:2008 (GUM), 7.2.6. Errors are rounded up and degrees of freedom down, so that
no interval is narrower than it should be (how much wider: docs/reference/methods/att.md); where that alone would turn
an effect into none, as many digits more as keep it. Interval and p-value are computed from the rounded numbers, and
written with one digit more than the error, outwards, and with two: a reader can compute them again, and they disclose
nothing that these do not.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from scipy import stats

ERROR_DIGITS = 2
MAX_DIGITS = 8  # of an error that needs more, p is alpha to a millionth
SMALLEST_P = 1e-99
DF_STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 120, 1000)


def last_place(error: float) -> int:
    """The decimal place (3: thousandths, -1: tens) in which the second digit of a number stands."""
    return ERROR_DIGITS - 1 - math.floor(math.log10(abs(error))) if error else 0


def to_digits(value: float | None, digits: int = ERROR_DIGITS) -> float | None:
    """So many significant digits of a number that has no error of its own."""
    if value is None or not math.isfinite(value):
        return None
    return round(value, last_place(value) + digits - ERROR_DIGITS)


def round_up(size: float, digits: int = ERROR_DIGITS) -> float:
    """The next number of so many significant digits, away from zero: of errors, and of how far something reaches."""
    if not size or not math.isfinite(size):
        return size
    place = last_place(size) + digits - ERROR_DIGITS
    return round(math.ceil(round(size * 10.0**place, 6)) * 10.0**-place, place)  # what has two digits keeps them


def step_down(df: float) -> float:
    """Degrees of freedom: the next step below."""
    return float(max((step for step in DF_STEPS if step <= df), default=df))


def round_set(low: float, high: float) -> tuple[float, float]:
    """The ends of a set of values, as if a quarter of its width were an error; three digits of the farther end at most.

    No rounding makes an end zero.
    """
    place = last_place(max(abs(low), abs(high))) + 1
    if high > low:
        place = min(place, last_place((high - low) / 4))
    return _end(low, place), _end(high, place)


def _end(value: float, place: int) -> float:
    """An end of an interval to a decimal place; rounding makes none zero, which would look like another finding."""
    return round(value, place) or math.copysign(10.0**-place, value) * bool(value)


def _outwards(value: float, place: int, direction: int) -> float:
    """An end of an interval to a decimal place, away from the middle (`direction` −1 or 1); as many digits more as keep
    it from zero, which would look like another finding."""
    to_whole = math.ceil if direction > 0 else math.floor
    for digits in range(place, place + MAX_DIGITS):
        if found := round(to_whole(round(value * 10.0**digits, 6)) * 10.0**-digits, digits):
            return found
    return value


def round_p(p: float | None, *levels: float) -> float | None:
    """Two digits of a p-value, on its side of each level; more where two levels lie that close together. One below
    SMALLEST_P (none is zero, arithmetic only cannot hold it) is published as that."""
    if p is None or not math.isfinite(p):
        return p
    if p <= SMALLEST_P:
        return SMALLEST_P
    for place in range(last_place(p), last_place(p) + MAX_DIGITS):
        whole = p * 10.0**place
        for found in (round(p, place), *(round(to(whole) * 10.0**-place, place) for to in (math.floor, math.ceil))):
            if found > 0 and all((found < level) == (p < level) for level in levels):
                return min(found, 1.0)
    return p


def round_estimates(table: pl.DataFrame, alpha: float) -> pl.DataFrame:
    """Rows with `estimate` and `std_error` as they are published: the error with two digits, the estimate to the same
    place, `df` in steps, `ci_low`, `ci_high` and `p_value` from these, on its side of `alpha` and, where there is one,
    of the row's `verdict_level`; `p_value_adjusted` with two digits, on its side of both, and not below `p_value`. Rows
    without an error stay."""
    rows = [row | (_rounded(row, alpha) if row["std_error"] is not None else {}) for row in table.iter_rows(named=True)]
    for row in rows:
        if row["p_value_adjusted"] is not None:
            row["p_value_adjusted"] = max(round_p(row["p_value_adjusted"], *_levels(row, alpha)), row["p_value"])
    return pl.DataFrame(rows, schema=table.schema)


def _levels(row: dict, alpha: float) -> tuple[float, ...]:
    return tuple({alpha, row.get("verdict_level") or alpha})


def _rounded(row: dict, alpha: float) -> dict:
    levels = _levels(row, alpha)
    rounded = (_with_digits(row, alpha, levels, digits) for digits in range(ERROR_DIGITS, MAX_DIGITS + 1))
    return next(
        (found for found in rounded if all((found["p_value"] < one) == (row["p_value"] < one) for one in levels)),
        _with_digits(row, alpha, levels, ERROR_DIGITS),
    )


def _with_digits(row: dict, alpha: float, levels: tuple[float, ...], digits: int) -> dict:
    error = round_up(row["std_error"], digits)
    df = step_down(row["df"]) if digits == ERROR_DIGITS else math.floor(row["df"] * 10.0**digits) / 10.0**digits
    value = round(row["estimate"], last_place(error) + digits - ERROR_DIGITS)
    reach = float(stats.t.ppf(1 - alpha / 2, df)) * error
    place = last_place(error) + digits - ERROR_DIGITS + 1
    return {
        "estimate": value,
        "std_error": error,
        "df": df,
        "ci_low": _outwards(value - reach, place, -1),
        "ci_high": _outwards(value + reach, place, 1),
        "p_value": round_p(float(2 * stats.t.sf(abs(value) / error, df)), *levels),
    }


def round_diagnostics(table: pl.DataFrame, alpha: float) -> pl.DataFrame:
    """`value`, `ci_low`, `ci_high`, `p_value` and `df` of diagnostics as they are published."""
    rows = list(table.iter_rows(named=True))
    for row in rows:
        if row["ci_low"] is not None and row["ci_high"] is not None:
            row["ci_low"], row["ci_high"] = round_set(row["ci_low"], row["ci_high"])
        row["value"] = to_digits(row["value"])
        row["p_value"] = round_p(row["p_value"], alpha)
        row["df"] = None if row["df"] is None else step_down(row["df"])
    return pl.DataFrame(rows, schema=table.schema)


def round_to_error(values: pl.Series, errors: pl.Series) -> pl.Series:
    """Each value to the place of the second digit of its error; two digits where it has none."""
    found = [
        None if value is None else round(value, last_place(error)) if error and np.isfinite(error) else to_digits(value)
        for value, error in zip(values, errors, strict=True)
    ]
    return pl.Series(values.name, found, dtype=pl.Float64)


def round_down_to_step(shares: pl.Series, step: float) -> pl.Series:
    """Shares rounded down to a multiple of `step`."""
    return ((shares / step + 1e-9).floor() * step).round(9)

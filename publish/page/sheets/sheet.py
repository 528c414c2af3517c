"""One table of the page, and how its cells are written."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from publish.page.wording import MINUS, NARROW, Unit, is_estimated, why_not

ALL = "all"

SUPPRESSED, NOTHING = "not shown", "–"

Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Sheet:
    """One table: caption, headings, rows of texts (`n_words` columns of words, then numbers), and a note."""

    caption: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""
    n_words: int = 1


def format_count(value: float | None) -> str:
    """A number of people or things."""
    return SUPPRESSED if value is None else f"{value:,.0f}".replace("-", MINUS)


def format_share(value: float | None) -> str:
    """A share as per cent."""
    return SUPPRESSED if value is None else f"{100 * value:.1f}{NARROW}%"


def format_words(value) -> str:
    """A word or a day, or a dash."""
    return NOTHING if value is None else str(value)


def format_figure(decimals: int) -> Callable[[float | None], str]:
    """A number with so many decimals."""
    return lambda value: SUPPRESSED if value is None else f"{value:,.{decimals}f}".replace("-", MINUS)


def format_rows(frame: pl.DataFrame, **columns: Callable) -> list[tuple[str, ...]]:
    """The frame's rows as texts, each column by its own function."""
    return [tuple(write(row[name]) for name, write in columns.items()) for row in frame.iter_rows(named=True)]


def words(name: str) -> str:
    """A name as people write it: `cascade_1` is cascade 1."""
    return name.replace("_", " ")


def quarter(day: date) -> str:
    """A quarter as people write it: Q1 2024."""
    return f"Q{(day.month + 2) // 3} {day.year}"


def format_wave(tables: Tables, day: date) -> str:
    """A wave of the primary outcomes that begins on this day, as their other ones are written."""
    primary = tables["pub_decisions"]["metric"].implode()
    days = tables["pub_levels"].filter(pl.col("metric").is_in(primary))["period_start"].to_list()
    return format_period([*days, day])(day)


def format_chance(share: float) -> str:
    """A chance that was rounded to tenths: never none and never certain."""
    if share >= 0.95 or share < 0.05:
        return f"over 90{NARROW}%" if share > 0.5 else f"under 10{NARROW}%"
    return f"{100 * share:.0f}{NARROW}%"


def format_period(days: Collection[date]) -> Callable[[date], str]:
    """Periods that begin on these days, as people write them: quarters where all of them begin one, else months."""
    is_quarterly = all(day.month % 3 == 1 for day in days)
    return quarter if is_quarterly else lambda day: f"{day:%B %Y}"


def format_day(value: date | None) -> str:
    """A day as people write it: 1 July 2024."""
    return NOTHING if value is None else f"{value.day} {value:%B %Y}"


def format_stamp(text: str) -> str:
    """A day or month of a manifest as people write it: 2024-07-01 is 1 July 2024, 2024-07 is July 2024; other words
    stay."""
    parts = text.split("-")
    if not all(part.isdigit() for part in parts) or len(parts) not in (2, 3):
        return text
    day = date(*map(int, [*parts, "1"][:3]))
    return format_day(day) if len(parts) == 3 else f"{day:%B %Y}"


def format_effect(row: dict | None, unit: Unit, *, write: Callable[..., str] | None = None) -> str:
    """An effect with its interval, the effect written by `write` (by default its number); a dash where there is no row,
    or why nothing is shown."""
    if row is None:
        return NOTHING
    if not is_estimated(row):
        return why_not(row)
    low, high = (unit.number(row[end], signed=True) for end in ("ci_low", "ci_high"))
    return f"{(write or unit.number)(row['estimate'], signed=True)} ({low} to {high})"

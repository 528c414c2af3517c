"""How all dialects write files, days and words."""

from __future__ import annotations

import io
from datetime import date, timedelta

import polars as pl

Files = list[tuple[str, bytes]]
AGREEMENT = {
    "english": ("Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree", "Strongly agree"),
    "german": ("Stimme überhaupt nicht zu", "Stimme nicht zu", "Teils/teils", "Stimme zu", "Stimme voll und ganz zu"),
}

NO_ANSWER_WORDS = {"english": "Don't know", "german": "Weiß nicht"}


def write_csv(frame: pl.DataFrame, *, encoding: str = "utf-8", separator: str = ",", title: str = "") -> bytes:
    """A frame as CSV in an encoding, with lines of title above."""
    text = frame.cast(pl.String).write_csv(separator=separator)
    return (title + text).encode(encoding)


def write_xlsx(frame: pl.DataFrame) -> bytes:
    """A frame as a workbook of texts."""
    target = io.BytesIO()
    frame.write_excel(target, worksheet="Export")
    return target.getvalue()


def format_day(name: str, written: str = "%Y-%m-%d") -> pl.Expr:
    """A column of days as text."""
    return pl.col(name).str.to_date("%m/%d/%Y").dt.to_string(written)


def replace_words(name: str, words: dict[str, str]) -> pl.Expr:
    """A column with its words replaced; null where the table lacks one."""
    return pl.col(name).replace_strict(words, default=None, return_dtype=pl.String)


def iso_day(name: str, written: str) -> pl.Expr:
    """A column of ISO days, written another way."""
    return pl.col(name).str.to_date("%Y-%m-%d").dt.to_string(written)


def closing_day(day: date) -> date:
    """The first day of the next month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)

"""The day that a file or a record speaks about."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

import polars as pl

from ingest.cast import (
    PLAUSIBLE,
    english_months,
    to_date,
)
from ingest.conform.words import read_words
from ingest.conform.work import BrokenRules, repeat_value
from ingest.formats.records import Batch, FileRefused
from ingest.mapping.columns import Column, SnapshotDate
from ingest.mapping.headers import normalise_name
from ingest.mapping.model import Mapping

# 1.23457E+11: what a spreadsheet leaves of a long id
DAY_MARKS = ("%d", "%e", "%j", "%D", "%F", "%x", "%v", "excel", "unix")  # of formats that say the day


def record_days(batch: Batch, mapping: Mapping, dated: date | None, verdicts: BrokenRules) -> pl.Series:
    """The day that each record speaks about; one that cannot be read breaks a rule."""
    snapshot = mapping.snapshot
    if snapshot is None or snapshot.column is None:
        return repeat_value(dated, pl.Date, batch.frame.height)
    column = Column.model_validate({"from": snapshot.column, "formats": list(snapshot.formats)})
    words = english_months(read_words(batch, column, mapping), mapping.month_names)
    value = _snapshot_days(words, snapshot, zone=mapping.time_zone, is_workbook=batch.kind == "xlsx")
    verdicts.add(
        value.is_null() | ~value.is_between(*PLAUSIBLE).fill_null(True),
        kind="faulty",
        rule="bad_date",
        column=normalise_name(snapshot.column),
        expected=f"a snapshot date written {' or '.join(snapshot.formats)}",
    )
    return value


def _snapshot_days(words: pl.Series, snapshot: SnapshotDate, *, zone: str, is_workbook: bool) -> pl.Series:
    """Dates by the snapshot's formats; of those that say a month only, its first or last day."""
    months = [one for one in snapshot.formats if one != "iso" and not any(mark in one for mark in DAY_MARKS)]
    days = [one for one in snapshot.formats if one not in months]

    def read(formats: list[str], *, is_workbook: bool) -> pl.Series:
        column = Column.model_validate({"from": "date", "formats": formats})
        return to_date(words, column, newest=None, is_workbook=is_workbook, zone=zone)

    nothing = pl.Series([None], dtype=pl.Date).new_from_index(0, len(words))
    whole = read(days, is_workbook=is_workbook) if days or is_workbook else nothing
    of_month = read(months, is_workbook=False) if months else nothing
    if snapshot.day == "last":
        of_month = of_month.dt.month_end()
    return pl.select(pl.coalesce(whole, of_month)).to_series()


@dataclass(frozen=True)
class FileFacts:
    """What a file's name says, or its mapping: the day it speaks about, which part of a delivery it is, its version."""

    day: date | None = None
    part: str = ""
    version: int = 0


def file_facts(file_name: str, mapping: Mapping, *, title: str | None = None) -> FileFacts:
    """Day, part and version of a whole file, from its name or from the lines above its header (`title`).

    Nothing is known before a file with a date in its title was opened (title None). Raises FileRefused where there is
    no date where it should be.
    """
    snapshot = mapping.snapshot
    if snapshot is None or snapshot.column is not None or (snapshot.title is not None and title is None):
        return FileFacts()
    if snapshot.fixed is not None:
        return FileFacts(snapshot.fixed)
    pattern = snapshot.filename or snapshot.title
    groups = re.compile(pattern).groupindex
    text = pl.Series([file_name if snapshot.filename else title])
    parts = {name: text.str.extract(pattern, place)[0] for name, place in groups.items()}
    try:
        if int(parts.get("version") or 0) >= 10**9:
            raise ValueError
        day = _day_in_name(parts, mapping)
        if not PLAUSIBLE[0] <= day <= PLAUSIBLE[1]:
            raise ValueError
        return FileFacts(day, parts.get("part") or "", int(parts.get("version") or 0))
    except (TypeError, ValueError, KeyError):
        where = "file's name" if snapshot.filename else "lines above the header (skip_rows)"
        raise FileRefused(f"no date in the {where}; the mapping {mapping.name} expects {pattern}") from None


def _day_in_name(parts: dict[str, str | None], mapping: Mapping) -> date:
    snapshot = mapping.snapshot
    if parts.get("date"):
        words = english_months(pl.Series([parts["date"]]), mapping.month_names)
        day = _snapshot_days(words, snapshot, zone=mapping.time_zone, is_workbook=False)[0]
        if day is None:
            raise ValueError
        return day
    year, month = int(parts["year"]), int(parts["month"])
    last = calendar.monthrange(year, month)[1] if snapshot.day == "last" else 1
    return date(year, month, int(parts.get("day") or last))

"""Which formats read all dates or times of a column. An order of day and month is never guessed: where more than one
order reads every value, all of them are returned as a question."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import polars as pl

from ingest.cast import to_date, to_time
from ingest.mapping.columns import Column

ORDERS = {
    "ymd": ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"],
    "d/m": [f"%d{mark}%m{mark}{year}" for mark in "./-" for year in ("%Y", "%y")],
    "m/d": [f"%m{mark}%d{mark}{year}" for mark in "./-" for year in ("%Y", "%y")],
    "named": [
        *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%d. %B %Y", "%b %d %Y"),
    ],
}
CLOCKS = [
    *(" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", ", %H:%M:%S", ", %H:%M", ", %I:%M:%S %p", ", %I:%M %p"),
    *(" %H:%M:%S%.f", "T%H:%M:%S%.f", " %H:%M:%S UTC", " %I:%M:%S %p %Z", " %H:%M:%S %Z"),
]
NOTHING = re.compile(
    r"(?i)^(0000[-/.]00[-/.]00|00[-/.]00[-/.]0000|9999-12-31.*|31[./]12[./]9999|n/?a|null|none|-+|\?+|not applicable"
    r"|offen|present|current)$"
)


@dataclass(frozen=True)
class DateFormats:
    """`formats` that read all values, with the evidence; or none, with a question and the formats of each possible
    order. `null_words` stand for no date."""

    formats: list[str]
    evidence: str = ""
    question: str = ""
    options: list[list[str]] = field(default_factory=list)
    null_words: list[str] = field(default_factory=list)


def find_formats(values: list[str], *, as_time: bool) -> DateFormats:
    """The formats of the one order that reads all values by the project's own reader."""
    nulls = sorted({value for value in values if NOTHING.match(value)})
    words = sorted({value for value in values if value and not NOTHING.match(value)})
    if not words:
        return DateFormats([], question="no value that shows the format", null_words=nulls)

    def reads(pattern: str) -> dict[str, str]:
        """Word → the day that it is read as."""
        column = Column.model_validate({"from": "x", "formats": [pattern]})
        series = pl.Series(words)
        if as_time:
            found = to_time(series, column, "UTC", is_workbook=False)
        else:
            found = to_date(series, column, newest=None, is_workbook=False)
        return {word: str(day)[:10] for word, day in zip(words, found.to_list(), strict=True) if day is not None}

    if len(reads("iso")) == len(words):
        return DateFormats(["iso"], f"all {len(words)} different values are ISO 8601", null_words=nulls)
    if all(re.fullmatch(r"\d+(\.\d+)?", word) for word in words):
        for pattern in ("unix", "unix_ms", "excel"):
            if len(reads(pattern)) == len(words):
                return DateFormats([pattern], f"all {len(words)} values read as {pattern}", null_words=nulls)
    has_clock = any(re.search(r"\d:\d\d", word) for word in words)
    found = {
        order: {
            day + clock: days
            for day in patterns
            for clock in (CLOCKS if has_clock else [""])
            if (days := reads(day + clock))
        }
        for order, patterns in ORDERS.items()
    }
    return _decide({order: formats for order, formats in found.items() if formats}, words, nulls)


def _decide(found: dict[str, dict[str, dict[str, str]]], words: list[str], nulls: list[str]) -> DateFormats:
    whole = {order: taken for order, formats in found.items() if (taken := _fewest(formats, words))}
    if not whole:  # two ways of writing in one column, of which only one is in question
        clear = found.get("ymd", {}) | found.get("named", {})
        for order in ("d/m", "m/d"):
            if taken := _fewest(clear | found.get(order, {}), words):
                whole[order] = taken
    days = {pattern: read for formats in found.values() for pattern, read in formats.items()}
    if len(whole) == 1:
        [(order, taken)] = whole.items()
        others = [read for other in {"d/m", "m/d"} - {order} for read in found.get(other, {}).values()]
        proof = next((word for word in words if not any(word in read for read in others)), words[0])
        occurs = f"{proof} occurs, so {order}" if order in ("d/m", "m/d") else f"read as {taken[0]}"
        return DateFormats(taken, f"all {len(words)} different values; {occurs}", null_words=nulls)
    if whole:
        spans = "; ".join(f"{order}: {_span(taken, days)}" for order, taken in whole.items())
        question = f"every value can be read in several orders ({spans}); ask who exports it"
        return DateFormats([], question=question, options=list(whole.values()), null_words=nulls)
    best = max(found.values(), key=lambda formats: len(set().union(*formats.values())), default={})
    missed = sorted(set(words) - set().union(*best.values())) if best else words
    shapes = sorted({re.sub("[A-Za-z]", "a", re.sub(r"\d", "9", word)) for word in missed})[:3]
    question = f"no order reads all: {len(missed)} of {len(words)} are left over, written like {', '.join(shapes)}"
    if {"d/m", "m/d"} <= found.keys():
        question += "; some read only as d/m and others only as m/d: two systems wrote it?"
    return DateFormats([], question=question, null_words=nulls)


def _fewest(formats: dict[str, dict[str, str]], words: list[str]) -> list[str]:
    """The fewest formats that together read every word; empty where they do not."""
    left, taken = set(words), []
    while left:
        pattern, read = max(formats.items(), key=lambda pair: len(left & pair[1].keys()), default=("", {}))
        if not left & read.keys():
            return []
        taken.append(pattern)
        left -= read.keys()
    return taken


def _span(formats: list[str], days: dict[str, dict[str, str]]) -> str:
    read = sorted(day for pattern in formats for day in days[pattern].values())
    return f"{read[0]} to {read[-1]}, {len(set(read))} days"

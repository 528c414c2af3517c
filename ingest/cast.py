"""Words → dates, times, numbers and flags, as declared; what does not fit becomes null and is judged by the caller.

Pure functions over polars series. Nothing is guessed: the first declared format that fits wins, and there is no default
but ISO 8601. Excel's serial days count from 1899-12-30 (Microsoft, "DATE function": the 1900 date system).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from ingest.mapping.columns import Column
from ingest.mapping.headers import INVISIBLE
from ingest.mapping.model import Mapping

PLAUSIBLE = (date(1900, 1, 1), date(2199, 12, 31))
ISO_DATES = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
)
ISO_TIMES = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
)
ENGLISH_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FLAGS = dict.fromkeys(("true", "yes", "y", "t", "1"), "true") | dict.fromkeys(("false", "no", "n", "f", "0"), "false")
# Zone names that mean one offset only (minutes east of Greenwich); CST, IST and BST mean several.
ZONES = {"gmt": 0, "utc": 0, "z": 0, "wet": 0, "cet": 60, "mez": 60, "cest": 120, "mesz": 120, "eet": 120, "eest": 180}
ZONES |= {"edt": -240, "est": -300, "pdt": -420, "pst": -480}
OFFSET = r"^(?i:gmt|utc)?([+-])(1[0-4]|0?[0-9]):?([0-5][0-9])?$"
DAY_ONE = date(1899, 12, 30)
WRITTEN_OFFSET = r"\s*(?:Z|[+-][0-9]{2}:?[0-9]{2})$"
OFFSET_MARKS = ("%:z", "%#z", "%z", "%+")
SERIAL = r"^[0-9]{1,6}(\.[0-9]+)?$"
NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"


def cleaned(words: pl.Series) -> pl.Series:
    """Composed (NFC), without spaces and invisible marks at the ends."""
    if words.len() and words.str.len_bytes().sum() != words.str.len_chars().sum():
        words = words.str.normalize("NFC").str.replace_all(f"[{INVISIBLE}]", "")
    return words.str.strip_chars()


def tried(words: pl.Series, attempts: Sequence[pl.Expr]) -> pl.Series:
    """The first attempt that is not null; attempts are expressions over the column named ""."""
    return words.alias("").to_frame().select(pl.coalesce(list(attempts))).to_series()


def english_months(words: pl.Series, month_names: tuple[str, ...]) -> pl.Series:
    """Month names of another language as English abbreviations, which is what %b reads."""
    if not month_names:
        return words
    spelt = [
        (spelling.strip(), english)
        for names, english in zip(month_names, ENGLISH_MONTHS, strict=True)
        for spelling in names.split("|")
    ]
    spelt.sort(key=lambda pair: -len(pair[0]))  # Mai before Ma
    theirs, ours = zip(*spelt, strict=True)
    return words.str.replace_many(list(theirs), list(ours), ascii_case_insensitive=True, leftmost=True)


def to_date(
    words: pl.Series, column: Column, *, newest: pl.Series | None, is_workbook: bool, zone: str = "UTC"
) -> pl.Series:
    """Dates by the column's formats; `newest` is the day that dates of the past cannot come after.

    A moment in UTC (…Z, unix) is the day that it falls on in `zone`; a time with another offset, the day it is written.
    """
    formats = [
        one for written in column.formats or ISO_DATES for one in (ISO_DATES if written == "iso" else (written,))
    ]
    if is_workbook:  # a real date cell arrives as ISO text, whatever the column's written format
        formats += ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S"]
    return tried(words, [_as_date(pattern, column.two_digit_years, newest, zone) for pattern in formats])


def _as_date(pattern: str, two_digit_years: str | int, newest: pl.Series | None, zone: str) -> pl.Expr:
    words = pl.col("")
    if pattern == "excel":
        days = pl.when(words.str.contains(SERIAL)).then(words).cast(pl.Float64, strict=False).floor()
        return pl.lit(DAY_ONE) + pl.duration(days=pl.when(days.is_between(1, 109_574)).then(days).cast(pl.Int64))
    if pattern in ("unix", "unix_ms"):
        return _day_in(zone, _epoch(pattern))
    if pattern.endswith("Z") and not pattern.endswith("%Z"):
        return _day_in(zone, _of_whole_years(pattern, words.str.to_datetime(pattern, strict=False, time_unit="us")))
    if any(mark in pattern for mark in ("%H", "%I", "%M", "%S", "%T", "%R", "%+", *OFFSET_MARKS)):
        return _day_of_time(pattern, two_digit_years, newest)
    value = _of_whole_years(pattern, words.str.to_date(pattern, strict=False, exact=True))
    return _in_century(value, two_digit_years, newest) if _has_short_year(pattern) else value


def _day_in(zone: str, moment: pl.Expr) -> pl.Expr:
    return moment.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.date()


def _has_short_year(pattern: str) -> bool:
    return any(mark in pattern for mark in ("%y", "%D", "%x"))


def _day_of_time(pattern: str, two_digit_years: str | int, newest: pl.Series | None) -> pl.Expr:
    """The day as it is written, whatever the offset beside it: 00:30+02:00 is not the day before."""
    words, bare = pl.col(""), pattern
    for mark in ("%:z", "%#z", "%z", "%Z"):
        if bare.endswith(mark):
            bare = bare.removesuffix(mark).rstrip()
            words = words.str.replace(WRITTEN_OFFSET if mark != "%Z" else r"\s*\S+$", "")
    at = words.str.to_datetime(bare, strict=False, time_unit="us").dt.replace_time_zone(None)
    day = _of_whole_years(pattern, at).dt.date()
    return _in_century(day, two_digit_years, newest) if _has_short_year(pattern) else day


def _in_century(value: pl.Expr, two_digit_years: str | int, newest: pl.Series | None) -> pl.Expr:
    """Two-digit years: of the past where that is declared, or by a pivot: 69 unless another is declared (POSIX)."""
    if two_digit_years == "near":
        two_digit_years = 69
    if isinstance(two_digit_years, int):
        short = value.dt.year() % 100
        return value.dt.replace(year=pl.when(short < two_digit_years).then(2000 + short).otherwise(1900 + short))
    if two_digit_years == "past" and newest is not None:
        return pl.when(value > newest).then(value.dt.offset_by("-100y")).otherwise(value)
    return value


def _of_whole_years(pattern: str, value: pl.Expr) -> pl.Expr:
    """%Y means four digits: 7/2/20 is not the year 20, a later format may read it."""
    return pl.when(value.dt.year() >= 1000).then(value) if "%Y" in pattern else value


def to_time(words: pl.Series, column: Column, zone: str, *, is_workbook: bool) -> pl.Series:
    """UTC. Times without an offset are local to `zone`; one that does not exist there, or exists twice, is null."""
    formats = [one for written in column.formats or ("iso",) for one in (ISO_TIMES if written == "iso" else (written,))]
    return tried(words, [_as_time(pattern, zone) for pattern in formats + (list(ISO_TIMES) if is_workbook else [])])


def _as_time(pattern: str, zone: str) -> pl.Expr:
    words = pl.col("")
    if pattern in ("unix", "unix_ms"):
        return _epoch(pattern)
    if pattern == "excel":
        days = pl.when(words.str.contains(SERIAL)).then(words).cast(pl.Float64, strict=False)
        value = pl.lit(DAY_ONE).cast(pl.Datetime("us")) + pl.duration(seconds=(days * 86_400).round(0).cast(pl.Int64))
    else:
        if pattern.endswith("%Z"):
            return _with_zone_name(pattern)
        value = _of_whole_years(pattern, words.str.to_datetime(pattern, strict=False, time_unit="us"))
        if any(mark in pattern for mark in OFFSET_MARKS):
            return value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        if pattern.endswith("Z"):
            return value
    local = value.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _epoch(pattern: str) -> pl.Expr:
    """Seconds (9 or 10 digits) or milliseconds (12 or 13) since 1970."""
    unit, digits = ("s", r"^[0-9]{9,10}$") if pattern == "unix" else ("ms", r"^[0-9]{12,13}$")
    number = pl.when(pl.col("").str.contains(digits)).then(pl.col("")).cast(pl.Int64, strict=False)
    return pl.from_epoch(number, time_unit=unit).cast(pl.Datetime("us"))


def _with_zone_name(pattern: str) -> pl.Expr:
    """Times that end in GMT+3, UTC or CEST: the written zone counts, and one that says nothing certain is not read."""
    words = pl.col("")
    name = words.str.extract(r"(\S+)$", 1)
    hours, minutes = (name.str.extract(OFFSET, part).cast(pl.Int64, strict=False).fill_null(0) for part in (2, 3))
    sign = pl.when(name.str.extract(OFFSET, 1) == "-").then(-1).otherwise(1)
    offset = (
        pl.when(name.str.contains(OFFSET))
        .then(sign * (60 * hours + minutes))
        .otherwise(name.str.to_lowercase().replace_strict(ZONES, default=None, return_dtype=pl.Int64))
    )
    body = words.str.replace(r"\s*\S+$", "")
    at = body.str.to_datetime(pattern.removesuffix("%Z").rstrip(), strict=False, time_unit="us")
    return _of_whole_years(pattern, at - pl.duration(minutes=offset))


def to_number(words: pl.Series, *, decimal: str, thousands: str, strip: str = "") -> pl.Series:
    """Finite numbers. A thousands mark may only group: 1.5 under a decimal comma must not become 15."""
    for mark in strip:
        words = words.str.replace_all(mark, "", literal=True)
    if strip:
        words = words.str.strip_chars()
    text = pl.col("")
    if thousands:
        marks = (
            "[ \u00a0\u202f\u2009]"
            if thousands == " "
            else f"[{thousands}\u2019]"
            if thousands == "'"
            else rf"\{thousands}"
        )
        grouped = rf"^[+-]?\d{{1,3}}({marks}\d{{3}})+(\{decimal}\d*)?$"
        text = pl.when(text.str.contains(grouped)).then(text.str.replace_all(marks, "")).otherwise(text)
    if decimal == ",":
        text = pl.when(~text.str.contains("[.eE]")).then(text.str.replace(",", ".", literal=True))
    value = pl.when(text.str.contains(NUMBER)).then(text).cast(pl.Float64, strict=False)
    frame = words.alias("").to_frame().select(value.alias("value"))
    return frame.select(pl.when(pl.col("value").is_finite()).then(pl.col("value"))).to_series()


HOURS = r"(?:([0-9]{1,9}(?:[.,][0-9]{1,9})?)(?:h|hrs?|hours?|std))?"
MINUTES = r"(?:([0-9]{1,9}(?:[.,][0-9]{1,9})?)(?:m|mins?|minutes?))?"
SECONDS = r"(?:([0-9]{1,9}(?:[.,][0-9]{1,9})?)(?:s|secs?|seconds?|sek))?"
DURATION = f"^(?:pt)?{HOURS}{MINUTES}{SECONDS}$"
CLOCK = r"^([0-9]{1,4}):([0-5]?[0-9])(?::([0-5]?[0-9])(?:\.[0-9]+)?)?$"


def to_minutes(words: pl.Series, colon: str) -> pl.Series:
    """Minutes from `1h 30m`, `90 min`, `PT1H30M` (ISO 8601), `1:30:00`, a number, `00:45` (h:m or m:s, as declared)."""
    text = pl.col("").str.to_lowercase().str.replace_all(r"\s+", "")

    def part(pattern: str, group: int) -> pl.Expr:
        return text.str.extract(pattern, group).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)

    hours, minutes, seconds = (part(DURATION, group).fill_null(0) for group in (1, 2, 3))
    first, second, third = (part(CLOCK, group) for group in (1, 2, 3))
    short = first + second / 60 if colon == "m:s" else 60 * first + second
    value = (
        pl.when(text.str.contains(CLOCK))
        .then(pl.when(third.is_not_null()).then(60 * first + second + third / 60).otherwise(short))
        .when(text.str.contains(r"^[0-9]{1,9}(?:[.,][0-9]{1,9})?$"))
        .then(part(r"^(.+)$", 1))
        .when(text.str.contains(DURATION) & text.str.contains("[0-9]"))
        .then(60 * hours + minutes + seconds / 60)
    )
    return words.alias("").to_frame().select(value).to_series()


def number_marks(column: Column, mapping: Mapping, kind: str) -> tuple[str, str]:
    """Decimal and thousands mark. Workbooks and JSON write numbers with a point, whatever the sender's country."""
    if kind != "csv" and column.decimal_mark is None:
        return ".", column.thousands_mark or ""
    decimal = column.decimal_mark or mapping.decimal_mark
    declared = column.thousands_mark if column.thousands_mark is not None else mapping.thousands_mark
    thousands = declared if declared is not None else ("." if decimal == "," else "")
    return decimal, "" if thousands == decimal else thousands

"""Words as values: hashed ids, dates, numbers, flags."""

from __future__ import annotations

import polars as pl

from ingest.cast import (
    FLAGS,
    PLAUSIBLE,
    english_months,
    number_marks,
    to_date,
    to_minutes,
    to_number,
    to_time,
)
from ingest.conform.words import refine_words, translate_words
from ingest.conform.work import UnfitValues, Work
from ingest.mapping.columns import Column
from ingest.tables import IDENTIFYING

SCIENTIFIC = r"^[0-9]([.,][0-9]+)?[eE]\+[0-9]+$|^[0-9][.,][0-9]+[eE][0-9]+$"

MAX_TEXT = 2_000  # characters; survey comments and the like are not loaded at all


def read_field(work: Work, name: str, kind: str) -> pl.Series:
    """The values of one field, one per record, as its kind is stored."""
    column = work.mapping.columns[name]
    table = work.mapping.record
    must = column.required
    if must is None:
        leaves_out = work.mapping.delivery == "delta" and work.mapping.on_blank == "keeps"
        needed = name in table.required_where_mapped and not column.optional and not leaves_out
        must = name in table.required or needed
    words = refine_words(work, column, must, name, table.words.get(name, ()))
    if kind in IDENTIFYING:
        damaged = words.str.contains(SCIENTIFIC)
        work.judge(column)(damaged, "damaged_id", "an id, not a number that a spreadsheet has shortened")
    if kind in ("person", "name", "email"):
        if column.zero_pad and kind == "person":
            words = words.str.zfill(column.zero_pad)
        if name == table.subject:
            work.ids = words.drop_nulls()
        form = "id" if kind == "person" else kind
        return work.pseudonyms.hash_all(words, form=form, namespace=column.namespace)
    value = cast_words(work, column, kind, words, limits=table.ranges.get(name))
    if column.personal and kind in ("text", "id"):
        value = work.pseudonyms.hash_all(value, namespace=column.namespace)
    return value


def cast_words(
    work: Work,
    column: Column,
    kind: str,
    words: pl.Series,
    *,
    limits: tuple[float, float] | None = None,
    doubts: UnfitValues | None = None,
) -> pl.Series:
    """Words as values of `kind`; what does not fit is judged. `limits` are the field's own, whatever the mapping."""
    broken = doubts or work.judge(column)
    if column.strip and kind in ("date", "birth_year", "time"):
        words = words.str.replace_many(list(column.strip), [""] * len(column.strip)).str.strip_chars()
    if kind in ("date", "birth_year"):
        written = english_months(words, work.mapping.month_names)
        zone = work.mapping.time_zone
        value = to_date(written, column, newest=work.dates, is_workbook=work.is_workbook, zone=zone)
        outside = (value < PLAUSIBLE[0]) | (value > PLAUSIBLE[1])
        if kind == "birth_year":
            outside = outside | (value > work.dates).fill_null(False)
        expected = f"a date written {' or '.join(column.formats or ('%Y-%m-%d',))}"
        broken(words.is_not_null() & (value.is_null() | outside), "bad_date", expected)
        return value.dt.year() if kind == "birth_year" else value
    if kind == "time":
        written = english_months(words, work.mapping.month_names)
        value = to_time(written, column, work.mapping.time_zone, is_workbook=work.is_workbook)
        outside = words.is_not_null() & (value.is_null() | ~value.dt.date().is_between(*PLAUSIBLE))
        formats = " or ".join(column.formats or ("iso",))
        broken(outside, "bad_time", f"a time written {formats} that exists once in {work.mapping.time_zone}")
        return value
    if kind == "number":
        value = _number(work, column, words, broken) * column.multiply_by
        broken(value.is_infinite(), "bad_number", "a number of a size that can be")
        check_range(value, limits, broken)
        check_range(value, column.range, broken)
        return value
    if kind == "flag":
        flags = translate_words(words, FLAGS)
        broken(words.is_not_null() & flags.is_null(), "unknown_value", f"one of {', '.join(FLAGS)}, or give values:")
        return flags.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    broken(words.str.len_chars() > MAX_TEXT, "too_long", f"at most {MAX_TEXT} characters")
    return words.str.zfill(column.zero_pad) if column.zero_pad else words


def _number(work: Work, column: Column, words: pl.Series, broken) -> pl.Series:
    if column.duration is not None:
        value = to_minutes(words, column.duration)
        broken(
            words.is_not_null() & value.is_null(), "bad_number", f"a duration, as 1h 30m, PT45M or {column.duration}"
        )
        return value
    decimal, thousands = number_marks(column, work.mapping, work.batch.kind)
    value = to_number(words, decimal=decimal, thousands=thousands, strip=column.strip)
    broken(words.is_not_null() & value.is_null(), "bad_number", f"a number with decimal {decimal}")
    return value


def check_range(value: pl.Series, limits: tuple[float, float] | None, broken) -> None:
    """Values outside of `limits` break a rule."""
    if limits:
        low, high = limits
        broken((value < low) | (value > high), "out_of_range", f"{low:g} to {high:g}")

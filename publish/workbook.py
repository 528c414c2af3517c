"""A release as a workbook: the answer and the dictionary first, then a sheet for each published table."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import xlsxwriter

from publish.catalogue import dictionary, published_tables

FORMATS = {
    "head": {"bold": True, "text_wrap": True, "valign": "top", "bottom": 1},
    "title": {"bold": True, "font_size": 14},
    "whole": {"num_format": "#,##0"},
    "date": {"num_format": "yyyy-mm-dd"},
    "words": {"text_wrap": True, "valign": "top"},
}
WIDEST, NARROWEST = 60, 9  # columns, in characters
MOST_IN_CELL = 32_767  # characters; a longer text would not be written at all
# Nothing that stands in a cell is run, followed or read as another type.
AS_IT_IS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}


def write_workbook(tables: Mapping[str, pl.DataFrame], facts: Mapping[str, str], path: Path) -> None:
    """Write all tables; the same bytes each time. `facts` (name → words) open the first sheet.

    Text is written as text, so that a cell that begins with = is no formula; numbers, days and truth values keep their
    kind.
    """
    with xlsxwriter.Workbook(path, AS_IT_IS) as book:
        book.set_properties({"title": facts["title"], "created": datetime.datetime(2000, 1, 1)})
        formats = {name: book.add_format(how) for name, how in FORMATS.items()}
        _write_first(book.add_worksheet("read me first"), facts, dictionary(tables), formats)
        for name, table in tables.items():
            sheet = book.add_worksheet(name)
            _write_table(sheet, table, formats, first_row=0)
            sheet.freeze_panes(1, len(published_tables()[name].grain))


def _write_first(sheet, facts: Mapping[str, str], words: pl.DataFrame, formats: Mapping) -> None:
    sheet.write_string(0, 0, facts["title"], formats["title"])
    others = [(name, text) for name, text in facts.items() if name != "title"]
    for row, (name, text) in enumerate(others, start=1):
        sheet.write_string(row, 0, name, formats["words"])
        sheet.write_string(row, 1, _fitting(text))
    _write_table(sheet, words, formats, first_row=len(others) + 2)


def _write_table(sheet, table: pl.DataFrame, formats: Mapping, *, first_row: int) -> None:
    for column, (name, kind) in enumerate(table.schema.items()):
        sheet.write_string(first_row, column, name, formats["head"])
        values = table[name].to_list()
        for row, value in enumerate(values, start=first_row + 1):
            _write_cell(sheet, row, column, value, kind, formats)
        longest = max((len(str(value)) for value in values if value is not None), default=0)
        sheet.set_column(column, column, min(max(longest, len(name), NARROWEST) + 1, WIDEST))
    sheet.autofilter(first_row, 0, first_row + table.height, max(table.width - 1, 0))


def _write_cell(sheet, row: int, column: int, value, kind: pl.DataType, formats: Mapping) -> None:
    if value is None:
        return
    if kind == pl.Boolean:
        sheet.write_boolean(row, column, value)
    elif kind == pl.Date:
        sheet.write_datetime(row, column, datetime.datetime.combine(value, datetime.time()), formats["date"])
    elif kind.is_integer():
        sheet.write_number(row, column, value, formats["whole"])
    elif kind.is_float() and math.isfinite(value):
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, _fitting(str(value)))


def _fitting(text: str) -> str:
    return text if len(text) <= MOST_IN_CELL else f"{text[: MOST_IN_CELL - 1]}…"

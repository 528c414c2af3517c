"""XLSX: one sheet as a grid of text, after a look into the archive (workbook.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ingest.formats.header import MAX_COLUMNS, column_names, find_columns
from ingest.formats.lines import passed
from ingest.formats.records import HEADER_AGAIN, Batch, Collector, Fault, FileRefused
from ingest.formats.text import line_rules
from ingest.formats.workbook import NotAWorkbook, Sheet, inspect
from ingest.mapping.model import Mapping


def open_xlsx(path: Path, mapping: Mapping) -> tuple[list[str], Iterator[Batch], str]:
    """Column names, batches and title lines of one sheet. Raises FileRefused."""
    try:
        sheet = inspect(path, mapping.worksheet)
    except NotAWorkbook as error:
        raise FileRefused(str(error)) from None
    if sheet.last_column > MAX_COLUMNS:
        raise FileRefused(f"{sheet.last_column:,} columns; at most {MAX_COLUMNS} can be an export")
    n_above = mapping.skip_rows + mapping.header_rows
    if sheet.merged_rows >= sheet.first_row + n_above:
        raise FileRefused("cells below the header are merged, so most of them are empty; unmerge them and export again")
    grid = _grid(path, mapping)
    rows = [[cell or "" for cell in row] for row in grid.slice(mapping.skip_rows, mapping.header_rows).rows()]
    if len(rows) < mapping.header_rows:
        raise FileRefused(f"{len(rows)} header rows where the mapping {mapping.name} says {mapping.header_rows}")
    names = column_names(rows, mapping, grid.width)
    where = find_columns(names, mapping)
    title = "\n".join(" ".join(cell or "" for cell in row) for row in grid.head(mapping.skip_rows).rows())
    rules = line_rules(mapping)
    first = sheet.first_row + n_above
    batches = _xlsx_batches(
        grid.slice(n_above), rows, where, rules, first=first, faulty=_faulty_cells(sheet, grid, where, mapping)
    )
    return names, batches, title


def _faulty_cells(sheet: Sheet, grid: pl.DataFrame, where: dict[str, int], mapping: Mapping) -> dict[int, tuple]:
    """By row: rule and expectation for a cell that is read and does not hold what was entered."""
    offset = sheet.last_column - grid.width + 1  # the grid begins with the first column that holds anything
    read = {index + offset for index in where.values()}
    identifying = {where[header] + offset for header in mapping.identifying_headers if header in where}
    found = {
        row: ("shortened_id", "an id stored as text: as a number a spreadsheet keeps 15 digits of it")
        for row, columns in sheet.shortened.items()
        if columns & identifying
    }
    return found | {
        row: ("error_cell", "values, not an error or a formula that was never calculated")
        for row, columns in sheet.valueless.items()
        if columns & read
    }


def _grid(path: Path, mapping: Mapping) -> pl.DataFrame:
    try:
        return pl.read_excel(
            path,
            sheet_name=mapping.worksheet,
            engine="calamine",
            has_header=False,
            drop_empty_rows=False,
            drop_empty_cols=False,
            read_options={"header_row": None, "dtypes": "string"},
        )
    except Exception as error:  # calamine's errors have no common class, and their text quotes cells
        raise FileRefused(f"the workbook cannot be read ({type(error).__name__}); export it again") from None


def _xlsx_batches(grid: pl.DataFrame, head, where: dict[str, int], rules, *, first: int, faulty) -> Iterator[Batch]:
    collector = Collector(where, "xlsx")
    indexes = list(where.values())
    texts = (
        grid.select(pl.concat_str(pl.all().fill_null(""), separator=" ")).to_series()
        if rules
        else pl.Series([], dtype=pl.String)
    )
    passed_over = {first + index: reason for index, reason in passed(texts, rules)}
    for line, row in enumerate(grid.iter_rows(), start=first):
        if line in faulty:
            collector.fault(line, *faulty[line])
        elif not any(row):  # a blank row is no record
            continue
        elif [cell or "" for cell in row] in head:
            collector.fault(line, HEADER_AGAIN[0], HEADER_AGAIN[2])
        elif line in passed_over:
            collector.faults.append(Fault(line, "set_aside", "", passed_over[line], {}, "set_aside"))
        else:
            collector.add(line, [row[i] for i in indexes])
        if collector.is_full:
            yield collector.batch()
    yield collector.batch()

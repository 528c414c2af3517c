"""CSV: records by declared delimiter and quoting; irregular lines become records one by one, or faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ingest.formats.header import column_names, find_columns
from ingest.formats.lines import Piece, Splitter
from ingest.formats.records import HEADER_AGAIN, Batch, Collector, Fault, FileRefused
from ingest.formats.text import check_head, open_splitter
from ingest.mapping.model import Mapping


def open_csv(path: Path, mapping: Mapping) -> tuple[list[str], Iterator[Batch], str]:
    """Column names, batches and title lines. Raises FileRefused."""
    check_head(path, mapping)
    splitter = open_splitter(path, mapping)
    title = splitter.skip(mapping.skip_rows)
    head: list[list[str]] = []
    while len(head) < mapping.header_rows:
        record = splitter.record()
        if record is None:
            raise FileRefused(f"{len(head)} header rows where the mapping {mapping.name} says {mapping.header_rows}")
        if record.fields is None:
            raise FileRefused(f"line {record.line}: a carriage return inside the header")
        head.append(record.fields)
    if any(len(row) != len(head[0]) for row in head):
        raise FileRefused("the header rows have different numbers of columns; is header_rows right?")
    width = len(head[0]) if head else _first_width(path, mapping)
    names = column_names(head, mapping, width)
    return names, _csv_batches(splitter, mapping, head, find_columns(names, mapping), width), title


def _first_width(path: Path, mapping: Mapping) -> int:
    """Columns of a file without a header: those of its first record."""
    splitter = open_splitter(path, mapping)
    splitter.skip(mapping.skip_rows)
    record = splitter.record()
    return len(record.fields) if record and record.fields else 0


def _csv_batches(splitter: Splitter, mapping: Mapping, head, where: dict[str, int], width: int) -> Iterator[Batch]:
    for piece in splitter.pieces(width + mapping.trailing_delimiter):
        plain, faults = piece.plain, list[Fault]()
        if mapping.trailing_delimiter:
            beyond = pl.col(f"column_{width + 1}") != ""
            lines = plain.filter(beyond)["line"]
            faults += [Fault(n, "field_count", "", f"{width} fields and a delimiter at the end", {}) for n in lines]
            plain = plain.filter(~beyond)
        frame = plain.select("line", *(pl.col(f"column_{i + 1}").alias(name) for name, i in where.items()))
        if head:
            frame = _without_headers(piece, frame, head, faults)
        more = Collector(where, "csv")
        for odd in piece.odd:
            _take_irregular(odd, mapping, where, width, head, more)
        rest = more.batch()
        yield Batch(pl.concat([frame, rest.frame]) if rest.frame.height else frame, faults + rest.faults, "csv")


def _without_headers(piece: Piece, frame: pl.DataFrame, head: list[list[str]], faults: list[Fault]) -> pl.DataFrame:
    """A header row that comes again (a file pasted after another) is no record."""
    suspects = piece.plain.filter(pl.col("column_1") == head[0][0])
    again = [row[0] for row in suspects.rows() if list(row[1:]) in head]
    if not again:
        return frame
    faults += [Fault(line, *HEADER_AGAIN, {}) for line in again]
    return frame.filter(~pl.col("line").is_in(again))


def _take_irregular(odd, mapping: Mapping, where: dict[str, int], width: int, head, collector: Collector) -> None:
    fields = odd.fields
    if odd.set_aside:
        collector.faults.append(Fault(odd.line, "set_aside", "", odd.set_aside, {}, "set_aside"))
        return
    if fields is not None:
        if mapping.trailing_delimiter:
            fields = fields[:-1] if len(fields) == width + 1 and not fields[-1] else [*fields, *[""] * (width + 2)]
        if mapping.short_rows == "padded" and len(fields) < width:
            fields = fields + [""] * (width - len(fields))
    if fields is None:
        collector.fault(odd.line, "line_break", "one record on one line, not a carriage return inside it")
    elif len(fields) != width:
        known = {name: fields[i] for name, i in where.items() if i < len(fields)}
        collector.fault(odd.line, "field_count", f"{width} fields, the record has {len(odd.fields)}", known)
    elif fields in head:
        collector.fault(odd.line, HEADER_AGAIN[0], HEADER_AGAIN[2])
    elif odd.breaks and mapping.line_breaks == "refused" and any("\n" in fields[i] for i in where.values()):
        # Two stray quotes swallow whole records into one field.
        collector.fault(odd.line, "line_break", "one record on one line, not several lines inside a field")
    else:
        collector.add(odd.line, [fields[i] for i in where.values()])

"""Readers: a file as batches of text records with line numbers, or a refusal that says what to do.

Nothing is guessed and nothing is dropped: every record keeps its line, a record whose shape is wrong becomes a
`Fault`, a file whose shape is wrong is refused whole. CSV is split by the standard library's strict reader because
polars and DuckDB fill short rows with nulls silently (docs/decisions/0003-reading-csv.md); casting is polars'.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingest.spec import Mapping

BATCH_RECORDS = 50_000
MAX_LINE = 1 << 20  # characters; a longer line is damage or an attack, not a record
MAX_COLUMNS = 500
MAX_UNZIPPED = 1 << 30  # bytes
MAX_ZIP_RATIO = 200
MAGIC = {b"\x1f\x8b": "gzip-compressed", b"PK": "a ZIP or XLSX file", b"%PDF": "a PDF"}


class FileRefused(ValueError):
    """The file as a whole cannot be read; the message says why and what to do, never what people wrote in it."""


@dataclass(frozen=True)
class Fault:
    """One record that is not loaded. `record` is as far as it could be read; personal columns are masked later."""

    line: int
    rule: str
    column: str
    expected: str
    record: dict[str, str | None]


@dataclass
class Batch:
    """Records as text: a frame with the column `line` and one text column per header that the mapping names."""

    frame: pl.DataFrame
    faults: list[Fault]


def wanted_headers(mapping: Mapping) -> dict[str, bool]:
    """Header → may be absent, for every header that the mapping names."""
    headers: dict[str, bool] = {}
    for column in mapping.columns.values():
        for header in column.headers:
            headers[header] = headers.get(header, True) and column.optional
    for item in mapping.items.values():
        headers[item.from_] = headers.get(item.from_, True) and item.optional
    for rule in mapping.set_aside:
        headers[rule.column] = False
    if mapping.snapshot and mapping.snapshot.column:
        headers[mapping.snapshot.column] = False
    return headers


def read_batches(path: Path, mapping: Mapping) -> Iterator[Batch]:
    """The records of `path` in batches. Raises FileRefused."""
    kind = {".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(path.suffix.lower(), "csv")
    kind = kind if mapping.format == "by_ending" else mapping.format
    if path.stat().st_size == 0:
        raise FileRefused("the file is empty (0 bytes); export it again")
    return {"csv": _read_csv, "xlsx": _read_xlsx, "jsonl": _read_jsonl}[kind](path, mapping)


# --- shape -------------------------------------------------------------------------------------------------------


def _check_head(path: Path, mapping: Mapping) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(-min(path.stat().st_size, 4), io.SEEK_END)
        tail = file.read()
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            raise FileRefused(f"this is {name}, not text; unpack it or declare its format in the mapping")
    if head.lstrip(b"\xef\xbb\xbf \r\n\t")[:9].lower().startswith((b"<!doctype", b"<html")):
        raise FileRefused("this is a web page (a log-in page?), not an export; download the export again")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and mapping.encoding != "utf-16":
        raise FileRefused(f"this is UTF-16, the mapping says {mapping.encoding}; declare encoding: utf-16")
    if mapping.final_newline == "required" and not tail.rstrip(b"\0").endswith(b"\n"):
        raise FileRefused(
            "the last line does not end, so the file may be cut off; deliver it again "
            "(or declare final_newline: optional if this system never writes one)"
        )


def _lines(path: Path, mapping: Mapping) -> Iterator[str]:
    encoding = "utf-8-sig" if mapping.encoding == "utf-8" else mapping.encoding
    number = 0
    with path.open(encoding=encoding, newline="") as file:
        try:
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise FileRefused(f"line {number} has more than {MAX_LINE:,} characters; that is no record")
                yield line
        except UnicodeDecodeError as error:
            raise FileRefused(
                f"near line {number + 1}: bytes that are not {mapping.encoding}; declare the right encoding "
                f"in the mapping {mapping.name} (cp1252 is common)"
            ) from error


def _positions(names: list[str], mapping: Mapping) -> dict[str, int]:
    """Where each wanted header stands. The message lists what is missing and what the file has instead."""
    if len(names) > MAX_COLUMNS:
        raise FileRefused(f"{len(names):,} columns; at most {MAX_COLUMNS} can be an export")
    wanted = wanted_headers(mapping)
    missing = [name for name, optional in wanted.items() if not optional and name not in names]
    if missing:
        unused = [name for name in names if name not in wanted]
        raise FileRefused(
            f"column {_quoted(missing)} is missing; the file has {_quoted(unused[:20]) or 'no other columns'}. "
            f"If it was renamed, change `from:` in the mapping {mapping.name} (a copy in sources/ wins)"
        )
    doubled = [name for name in wanted if names.count(name) > 1]
    if doubled:
        raise FileRefused(f"column {_quoted(doubled)} stands more than once; it is not clear which one is meant")
    return {name: names.index(name) for name in wanted if name in names}


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name[:80]}"' for name in names)


def _names(rows: list[list[str]], mapping: Mapping) -> list[str]:
    """Column names from the header rows: the first row, or the ImportIds of Qualtrics' third."""
    if mapping.names_from == "header":
        return [name.strip() for name in rows[0]]
    try:
        return [json.loads(cell)["ImportId"] for cell in rows[-1]]
    except (ValueError, TypeError, KeyError):
        raise FileRefused(
            f'header row {mapping.header_rows} should hold {{"ImportId":…}} in every column; '
            "export with three header rows, or map by header"
        ) from None


class _Collector:
    """Gathers records and faults and hands them on in batches."""

    def __init__(self, headers: Iterable[str]):
        self.headers = list(headers)
        self.rows: list[tuple] = []
        self.faults: list[Fault] = []

    @property
    def is_full(self) -> bool:
        return len(self.rows) + len(self.faults) >= BATCH_RECORDS

    def batch(self) -> Batch:
        schema = {"line": pl.Int64} | dict.fromkeys(self.headers, pl.String)
        columns = zip(*self.rows, strict=True) if self.rows else ([] for _ in schema)
        frame = pl.DataFrame(
            [pl.Series(name, list(values), kind) for (name, kind), values in zip(schema.items(), columns, strict=True)]
        )
        batch = Batch(frame, self.faults)
        self.rows, self.faults = [], []
        return batch


# --- formats -----------------------------------------------------------------------------------------------------


def _read_csv(path: Path, mapping: Mapping) -> Iterator[Batch]:
    _check_head(path, mapping)
    csv.field_size_limit(MAX_LINE)
    reader = csv.reader(_lines(path, mapping), delimiter=mapping.delimiter, strict=True)
    head: list[list[str]] = []
    try:
        for row in reader:
            head.append(row)
            if len(head) == mapping.header_rows:
                break
        if len(head) < mapping.header_rows:
            raise FileRefused(f"{len(head)} header rows where the mapping {mapping.name} says {mapping.header_rows}")
        names = _names(head, mapping)
        where = _positions(names, mapping)
        collector = _Collector(where)
        indexes = list(where.values())
        width, last_line = len(names), reader.line_num
        for row in reader:
            line, last_line = last_line + 1, reader.line_num
            if len(row) != width:
                if not row:  # a blank line is no record
                    continue
                known = {name: row[i] for name, i in where.items() if i < len(row)}
                collector.faults.append(
                    Fault(line, "field_count", "", f"{width} fields, the record has {len(row)}", known)
                )
            elif row == head[0]:
                collector.faults.append(Fault(line, "repeated_header", "", "a record, not the header again", {}))
            elif any("\0" in row[i] for i in indexes):
                collector.faults.append(Fault(line, "nul_byte", "", "text without NUL bytes", {}))
            else:
                collector.rows.append((line, *(row[i] for i in indexes)))
            if collector.is_full:
                yield collector.batch()
        yield collector.batch()
    except csv.Error as error:
        raise FileRefused(
            f"line {reader.line_num}: broken quoting ({str(error)[:100]}); an unclosed quote swallows all that follows"
        ) from None


def _read_xlsx(path: Path, mapping: Mapping) -> Iterator[Batch]:
    try:
        with zipfile.ZipFile(path) as archive:
            unzipped = sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile:
        raise FileRefused("this is not an XLSX file (no ZIP inside); export it again") from None
    if unzipped > MAX_UNZIPPED or unzipped > MAX_ZIP_RATIO * path.stat().st_size:
        raise FileRefused(f"the file unpacks to {unzipped:,} bytes; that is no export")
    try:
        sheet = pl.read_excel(
            path,
            sheet_name=mapping.worksheet,
            engine="calamine",
            has_header=False,
            drop_empty_rows=False,
            drop_empty_cols=False,
            read_options={"header_row": None, "dtypes": "string"},
        )
    except Exception as error:  # calamine's own errors have no common class
        raise FileRefused(f"the workbook cannot be read: {str(error)[:200]}") from None
    rows = [[cell or "" for cell in row] for row in sheet.head(mapping.header_rows).rows()]
    if len(rows) < mapping.header_rows:
        raise FileRefused(f"{len(rows)} header rows where the mapping {mapping.name} says {mapping.header_rows}")
    where = _positions(_names(rows, mapping), mapping)
    body = sheet.slice(mapping.header_rows)
    frame = body.select(
        pl.int_range(mapping.header_rows + 1, mapping.header_rows + 1 + pl.len(), dtype=pl.Int64).alias("line"),
        *(pl.nth(index).alias(name) for name, index in where.items()),
    )
    blank = pl.all_horizontal(pl.exclude("line").is_null()) if where else pl.lit(False)
    for part in frame.filter(~blank).iter_slices(BATCH_RECORDS):
        yield Batch(part, [])


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


class _Number(str):
    """A JSON number kept as it was written."""


def _read_jsonl(path: Path, mapping: Mapping) -> Iterator[Batch]:
    _check_head(path, mapping)
    wanted = wanted_headers(mapping)
    seen: set[str] = set()
    collector = _Collector(wanted)
    for number, line in enumerate(_lines(path, mapping), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_int=_Number, parse_float=_Number)
            if not isinstance(record, dict):
                raise ValueError
        except (ValueError, RecursionError):
            collector.faults.append(Fault(number, "bad_json", "", "one JSON object on the line", {}))
            continue
        seen.update(record.keys() & wanted.keys())
        values = [_as_text(record.get(name)) for name in wanted]
        if any(value is not None and "\0" in value for value in values):
            collector.faults.append(Fault(number, "nul_byte", "", "text without NUL bytes", {}))
        else:
            collector.rows.append((number, *values))
        if collector.is_full:
            yield collector.batch()
    missing = [name for name, optional in wanted.items() if not optional and name not in seen]
    if missing and seen:
        raise FileRefused(f"no record has {_quoted(missing)}; if it was renamed, change the mapping {mapping.name}")
    yield collector.batch()

"""Readers: a file as batches of text records with line numbers, or a refusal that says what to do.

Nothing is guessed and nothing is dropped: every record keeps its line, a record whose shape is wrong becomes a
`Fault`, a file whose shape is wrong is refused whole. CSV is split by the standard library's strict reader because
polars and DuckDB fill short rows with nulls silently (docs/decisions/0003-reading-csv.md); casting is polars'.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingest.spec import Mapping
from ingest.workbook import NotAWorkbook, inspect

BATCH_RECORDS = 50_000
BATCH_CHARACTERS = 32_000_000
MAX_LINE = 1 << 20  # characters; a longer line is damage or an attack, not a record
MAX_COLUMNS = 500
MAGIC = {b"\x1f\x8b": "gzip-compressed", b"PK\x03\x04": "a ZIP or XLSX file", b"%PDF": "a PDF"}
ENDINGS = {".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl"}


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
    kind: str = "csv"


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
    kind = ENDINGS.get(path.suffix.lower(), "csv") if mapping.format == "by_ending" else mapping.format
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
    is_utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff")) or mapping.encoding == "utf-16"
    if not is_utf16 and sum(byte < 9 for byte in head) > len(head) // 100 + 8:
        raise FileRefused("this is no text file; export it as CSV, XLSX or JSON lines")
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
        except UnicodeError as error:
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
    if missing and 2 * len(missing) > sum(not optional for optional in wanted.values()):
        # What stands there instead may be people's data (an export without a header row): it is not repeated.
        raise FileRefused(
            f"most of the expected columns are missing ({_quoted(missing[:20])}); is the header row there, and is this "
            f"the export that the mapping {mapping.name} describes?"
        )
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
        return [unicodedata.normalize("NFC", name).strip() for name in rows[0]]
    try:
        names = [json.loads(cell)["ImportId"] for cell in rows[-1]]
        if not all(isinstance(name, str) for name in names):
            raise ValueError
        return names
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FileRefused(
            f'header row {mapping.header_rows} should hold {{"ImportId":…}} in every column; '
            "export with three header rows, or map by header"
        ) from None


class _Collector:
    """Gathers records and faults and hands them on in batches."""

    def __init__(self, headers: Iterable[str], kind: str):
        self.headers = list(headers)
        self.kind = kind
        self.rows: list[tuple] = []
        self.faults: list[Fault] = []
        self.characters = 0

    def add(self, line: int, values: list[str | None]) -> None:
        """A record; text that no database can hold makes it a fault."""
        joined = "".join(value for value in values if value)
        self.characters += len(joined)
        if "\0" in joined:
            self.faults.append(Fault(line, "nul_byte", "", "text without NUL bytes", {}))
        elif not _is_encodable(joined):
            self.faults.append(Fault(line, "bad_text", "", "text that Unicode allows", {}))
        else:
            self.rows.append((line, *values))

    @property
    def is_full(self) -> bool:
        return len(self.rows) + len(self.faults) >= BATCH_RECORDS or self.characters >= BATCH_CHARACTERS

    def batch(self) -> Batch:
        schema = {"line": pl.Int64} | dict.fromkeys(self.headers, pl.String)
        columns = zip(*self.rows, strict=True) if self.rows else ([] for _ in schema)
        frame = pl.DataFrame(
            [pl.Series(name, list(values), kind) for (name, kind), values in zip(schema.items(), columns, strict=True)]
        )
        batch = Batch(frame, self.faults, self.kind)
        self.rows, self.faults, self.characters = [], [], 0
        return batch


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


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
        collector = _Collector(where, "csv")
        indexes = list(where.values())
        width, last_line = len(names), reader.line_num
        for row in reader:
            line, spans, last_line = last_line + 1, reader.line_num - last_line, reader.line_num
            if len(row) != width:
                if not row:  # a blank line is no record
                    continue
                known = {name: row[i] for name, i in where.items() if i < len(row)}
                collector.faults.append(
                    Fault(line, "field_count", "", f"{width} fields, the record has {len(row)}", known)
                )
            elif row == head[0]:
                collector.faults.append(Fault(line, "repeated_header", "", "a record, not the header again", {}))
            elif spans > 1 and any("\n" in row[i] for i in indexes):
                # Two stray quotes swallow whole records into one field.
                expected = f"one record on one line, not {spans} lines inside a field"
                collector.faults.append(Fault(line, "line_break", "", expected, {}))
            else:
                collector.add(line, [row[i] for i in indexes])
            if collector.is_full:
                yield collector.batch()
        yield collector.batch()
    except csv.Error as error:
        raise FileRefused(
            f"line {reader.line_num}: broken quoting ({str(error)[:100]}); an unclosed quote swallows all that follows"
        ) from None


def _read_xlsx(path: Path, mapping: Mapping) -> Iterator[Batch]:
    try:
        sheet = inspect(path, mapping.worksheet)
    except NotAWorkbook as error:
        raise FileRefused(str(error)) from None
    if sheet.last_column > MAX_COLUMNS:
        raise FileRefused(f"{sheet.last_column:,} columns; at most {MAX_COLUMNS} can be an export")
    if sheet.merged_rows >= sheet.first_row + mapping.header_rows:
        raise FileRefused("cells below the header are merged, so most of them are empty; unmerge them and export again")
    try:
        grid = pl.read_excel(
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
    rows = [[cell or "" for cell in row] for row in grid.head(mapping.header_rows).rows()]
    if len(rows) < mapping.header_rows:
        raise FileRefused(f"{len(rows)} header rows where the mapping {mapping.name} says {mapping.header_rows}")
    where = _positions(_names(rows, mapping), mapping)
    collector = _Collector(where, "xlsx")
    indexes = list(where.values())
    first = sheet.first_row + mapping.header_rows
    for line, row in enumerate(grid.slice(mapping.header_rows).iter_rows(), start=first):
        values = [row[i] for i in indexes]
        if line in sheet.valueless:
            expected = "values, not an error or a formula that was never calculated"
            collector.faults.append(Fault(line, "error_cell", "", expected, {}))
        elif not any(row):  # a blank row is no record
            continue
        elif [cell or "" for cell in row] == rows[0]:
            collector.faults.append(Fault(line, "repeated_header", "", "a record, not the header again", {}))
        else:
            collector.add(line, values)
        if collector.is_full:
            yield collector.batch()
    yield collector.batch()


class _Number(str):
    """A JSON number kept as it was written."""


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    raise ValueError("a list or an object where a word should be")


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice")
    return record


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON value")


def _read_jsonl(path: Path, mapping: Mapping) -> Iterator[Batch]:
    _check_head(path, mapping)
    wanted = wanted_headers(mapping)
    seen: set[str] = set()
    n_records = 0
    collector = _Collector(wanted, "jsonl")
    decoder = json.JSONDecoder(
        object_pairs_hook=_no_doubles, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant
    )
    for number, line in enumerate(_lines(path, mapping), start=1):
        if not line.strip():
            continue
        n_records += 1
        try:
            record = decoder.decode(line.strip())
            if not isinstance(record, dict):
                raise ValueError
            values = [_as_text(record.get(name)) for name in wanted]
        except (ValueError, RecursionError):
            expected = "one JSON object on the line, plain values, no key twice"
            collector.faults.append(Fault(number, "bad_json", "", expected, {}))
            continue
        seen.update(record.keys() & wanted.keys())
        collector.add(number, values)
        if collector.is_full:
            yield collector.batch()
    missing = [name for name, optional in wanted.items() if not optional and name not in seen]
    if missing and n_records:
        raise FileRefused(f"no record has {_quoted(missing)}; if it was renamed, change the mapping {mapping.name}")
    yield collector.batch()

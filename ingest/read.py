"""Readers: a file as batches of text records with line numbers, or a refusal that says what to do.

Nothing is guessed and nothing is dropped: every record keeps its line, a record whose shape is wrong becomes a
`Fault`, a file whose shape is wrong is refused whole. Casting is `conform`'s.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

import polars as pl

from ingest.spec import Mapping, squeezed
from ingest.split import Piece, Splitter, Unreadable, passed
from ingest.workbook import NotAWorkbook, Sheet, inspect

BATCH_RECORDS = 50_000
BATCH_CHARACTERS = 32_000_000
MAX_COLUMNS = 500
MAX_NAMES = 5_000  # of one JSON record, nested ones included
SAMPLE = 500  # JSON records that are looked at for their names
MAX_DOCUMENT = 200_000_000  # bytes of a JSON document, which has to be read whole
MAGIC = {
    b"\x1f\x8b": "gzip-compressed",
    b"PK\x03\x04": "a ZIP or XLSX file",
    b"PK\x05\x06": "an empty ZIP file",
    b"%PDF": "a PDF",
    b"BZh": "bzip2-compressed",
    b"\xfd7zXZ": "xz-compressed",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "zstd-compressed",
    b"Rar!": "a RAR archive",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old binary Excel (.xls) or Office file",
}
ENDINGS = {".xlsx": "xlsx", ".xlsm": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}


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
    kind: str = "faulty"


@dataclass
class Batch:
    """Records as text: a frame with the column `line` and one text column per header that the mapping names."""

    frame: pl.DataFrame
    faults: list[Fault]
    kind: str = "csv"


@dataclass
class Reading:
    """A file that fits a mapping: the vintage that fits, all the columns it has, and its records in batches."""

    layout: Mapping
    names: list[str]
    kind: str
    batches: Iterator[Batch]
    title: str = ""  # the lines that skip_rows passed over


def open_file(
    path: Path, mapping: Mapping, *, day_of: Callable[[Mapping, str | None], date | None] | None = None
) -> Reading:
    """Read `path` by the newest vintage of `mapping` that its header fits. Raises FileRefused.

    `day_of` tells the day that the file speaks about as a vintage understands it, from the file's name and, once it is
    known, from its title; a vintage that begins later is passed over.
    """
    if path.stat().st_size == 0:
        raise FileRefused("the file is empty (0 bytes); export it again")
    refusal: FileRefused | None = None
    for layout in mapping.versions:
        try:
            _check_since(layout, day_of, None)
            reading = _open(path, layout)
            _check_since(layout, day_of, reading.title)
            if reading.kind in ("json", "jsonl") and mapping.earlier:
                _check_sample(reading)
            return reading
        except (FileRefused, Unreadable) as error:
            refusal = refusal or FileRefused(str(error))
    raise refusal


def _check_since(layout: Mapping, day_of, title: str | None) -> None:
    day = day_of(layout, title) if day_of else None
    if day and layout.since and day < layout.since:
        raise FileRefused(f"the vintage {layout.label} is for files of {layout.since} or later, this one is of {day}")


def _check_sample(reading: Reading) -> None:
    """Of several vintages, the one whose columns the first records have."""
    missing = _missing(wanted_headers(reading.layout), set(reading.names), reading.layout)
    if missing:
        raise FileRefused(f"the first records have no {_quoted(missing)} (mapping {reading.layout.label})")


def kind_of(path: Path, mapping: Mapping) -> str:
    """The format: as declared, else by the file's ending (CSV where it tells nothing)."""
    return ENDINGS.get(path.suffix.lower(), "csv") if mapping.format == "by_ending" else mapping.format


def _open(path: Path, layout: Mapping) -> Reading:
    kind = kind_of(path, layout)
    opener = {"csv": _open_csv, "xlsx": _open_xlsx, "jsonl": _open_jsonl, "json": _open_json}[kind]
    names, batches, *title = opener(path, layout)
    return Reading(layout, names, kind, _refusing(batches), *title)


def _refusing(batches: Iterator[Batch]) -> Iterator[Batch]:
    try:
        yield from batches
    except Unreadable as error:
        raise FileRefused(str(error)) from None


# --- shape -------------------------------------------------------------------------------------------------------


def wanted_headers(mapping: Mapping) -> dict[str, bool]:
    """Header → may be absent, for every header that the mapping names."""
    headers: dict[str, bool] = {}
    readings = [*(column for _, column in mapping.all_columns), *mapping.attributes.values()]
    for one in [*readings, *([] if mapping.long else mapping.items.values())]:
        for header in one.headers:
            headers[header] = headers.get(header, True) and (one.optional or bool(one.any_of or one.first_of))
    rules = [rule.column for rule in mapping.set_aside if rule.column is not None]
    if mapping.snapshot and mapping.snapshot.column:
        rules.append(mapping.snapshot.column)
    if mapping.long:
        rules += [mapping.long.question, mapping.long.answer]
    return headers | {squeezed(name): False for name in rules}


def _positions(names: list[str], mapping: Mapping) -> dict[str, int]:
    """Where each wanted header stands. The message lists what is missing and what the file has instead."""
    if len(names) > MAX_COLUMNS:
        raise FileRefused(f"{len(names):,} columns; at most {MAX_COLUMNS} can be an export")
    named = numbered(names)
    wanted = wanted_headers(mapping)
    missing = _missing(wanted, set(named), mapping)
    few = len(missing) > 1 and 2 * len(missing) > sum(not optional for optional in wanted.values())
    if missing and (few or not wanted.keys() & named.keys()):
        # What stands there instead may be people's data (an export without a header row): it is not repeated.
        raise FileRefused(
            f"most of the expected columns are missing ({_quoted(missing[:20])}); is the header row there, and is this "
            f"the export that the mapping {mapping.label} describes?"
        )
    if missing:
        unused = [name for name in names if name not in wanted]
        raise FileRefused(
            f"column {_quoted(missing)} is not in the file; it also has {_quoted(unused[:20]) or 'no other columns'}. "
            f"If it was renamed, add a vintage with the new name to the mapping {mapping.label} "
            f"(sources/{mapping.name}.yml, under {', '.join(_places(missing, mapping))})"
        )
    doubled = [name for name in wanted if names.count(name) > 1 and name not in named]
    if doubled:
        raise FileRefused(
            f"column {_quoted(doubled)} stands more than once; it is not clear which one is meant. "
            f'Name it by its turn: "{doubled[0]} [1]" or "{doubled[0]} [2]"'
        )
    return {name: named[name] for name in wanted if name in named}


def numbered(names: list[str]) -> dict[str, int]:
    """Name → position; a name that stands n times is known as `name [1]` … `name [n]` only."""
    result: dict[str, int] = {}
    turns: dict[str, int] = {}
    for position, name in enumerate(names):
        turns[name] = turns.get(name, 0) + 1
        result[name if names.count(name) == 1 else f"{name} [{turns[name]}]"] = position
    return result


def _missing(wanted: dict[str, bool], there: set[str], mapping: Mapping, *, at_end: bool = False) -> list[str]:
    bare = {re.sub(r" \[\d+\]$", "", name) for name in there}
    # An element of a list in JSON (teams[0].name) is there where the list is.
    if not at_end:
        bare |= {name for name in wanted if "[" in name and name.split("[")[0] in there}
    missing = [name for name, optional in wanted.items() if not optional and name not in there | bare]
    columns = [column for _, column in mapping.all_columns]
    for one in [*columns, *mapping.attributes.values(), *mapping.items.values()]:
        if (one.any_of or one.first_of) and not one.optional and not (there | bare) & set(one.headers):
            missing.append(" or ".join(one.headers))
    return missing


def _places(missing: list[str], mapping: Mapping) -> list[str]:
    groups = (
        ("columns", mapping.all_columns),
        ("attributes", mapping.attributes.items()),
        ("items", mapping.items.items()),
    )
    places = [
        f"{group}.{name}"
        for group, readings in groups
        for name, one in readings
        if set(one.headers) & set(missing) or " or ".join(one.headers) in missing
    ]
    return places[:20] or ["set_aside or snapshot"]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name[:80]}"' for name in names)


def _names(rows: list[list[str]], mapping: Mapping, width: int) -> list[str]:
    """Column names from the header rows, as the mapping says."""
    if mapping.names_from == "position":
        return [str(number) for number in range(1, width + 1)]
    if mapping.names_from == "joined":
        return join_headers(rows)
    if mapping.names_from == "import_id":
        return _import_ids(rows[-1], mapping)
    row = {"header": 0, "second": 1, "third": 2}[mapping.names_from]
    # A column without a name is known by its place.
    return [squeezed(name) or f"column {place}" for place, name in enumerate(rows[row], start=1)]


def join_headers(rows: list[list[str]]) -> list[str]:
    """`first | second` of two rows: a blank first cell goes on with the question to its left, as in a multi-select."""
    names, question = [], ""
    for first, *others in zip(*rows, strict=True):
        question = squeezed(first) or question
        names.append(" | ".join([question, *(squeezed(cell) for cell in others if squeezed(cell))]))
    return names


def _import_ids(cells: list[str], mapping: Mapping) -> list[str]:
    try:
        names = [json.loads(cell)["ImportId"] for cell in cells]
        if not all(isinstance(name, str) for name in names):
            raise ValueError
        return [squeezed(name) for name in names]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FileRefused(
            f'header row {mapping.header_rows} should hold {{"ImportId":…}} in every column; '
            "export with three header rows, or map by header"
        ) from None


# --- CSV ---------------------------------------------------------------------------------------------------------


UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def check_is_text(head: bytes, *, is_utf16: bool = False) -> None:
    """Refuse what begins as another kind of file does (`head`: its first 4,096 bytes). Raises FileRefused."""
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            raise FileRefused(f"this is {name}, not text; unpack or convert it, or declare its format in the mapping")
    if not is_utf16 and sum(byte < 9 for byte in head) > len(head) // 100 + 8:
        raise FileRefused("this is no text file; export it as CSV, XLSX or JSON")
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")[:9].lower()
    if start.startswith((b"<!doctype", b"<html")):
        raise FileRefused("this is a web page (a log-in page?), not an export; download the export again")
    if start.startswith(b"<?xml"):
        raise FileRefused("this is XML; export it as CSV, XLSX or JSON")


def _check_head(path: Path, mapping: Mapping) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(-min(path.stat().st_size, 4), io.SEEK_END)
        tail = file.read()
    is_marked = head.startswith(UTF16_MARKS)
    check_is_text(head, is_utf16=is_marked or mapping.encoding == "utf-16")
    if is_marked and mapping.encoding != "utf-16":
        raise FileRefused(f"this is UTF-16, the mapping says {mapping.encoding}; declare encoding: utf-16")
    if mapping.final_newline == "required" and not tail.rstrip(b"\0").endswith((b"\n", b"\r")):
        raise FileRefused(
            "the last line does not end, so the file may be cut off; deliver it again "
            "(or declare final_newline: optional if this system never writes one)"
        )


def line_rules(mapping: Mapping) -> dict[str, str]:
    """Expression → reason, for lines that are no records."""
    return {rule.line: rule.reason for rule in mapping.set_aside if rule.line is not None}


def _splitter(path: Path, mapping: Mapping) -> Splitter:
    passed_over = line_rules(mapping)
    style = {"encoding": mapping.encoding, "delimiter": mapping.delimiter, "quoting": mapping.quoting}
    return Splitter(path, **style, passed_over=passed_over)


def _open_csv(path: Path, mapping: Mapping) -> tuple[list[str], Iterator[Batch], str]:
    _check_head(path, mapping)
    splitter = _splitter(path, mapping)
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
    names = _names(head, mapping, width)
    return names, _csv_batches(splitter, mapping, head, _positions(names, mapping), width), title


def _first_width(path: Path, mapping: Mapping) -> int:
    """Columns of a file without a header: those of its first record."""
    splitter = _splitter(path, mapping)
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
        more = _Collector(where, "csv")
        for odd in piece.odd:
            _take_odd(odd, mapping, where, width, head, more)
        rest = more.batch()
        yield Batch(pl.concat([frame, rest.frame]) if rest.frame.height else frame, faults + rest.faults, "csv")


HEADER_AGAIN = ("repeated_header", "", "a record, not the header again")


def _without_headers(piece: Piece, frame: pl.DataFrame, head: list[list[str]], faults: list[Fault]) -> pl.DataFrame:
    """A header row that comes again (a file pasted after another) is no record."""
    suspects = piece.plain.filter(pl.col("column_1") == head[0][0])
    again = [row[0] for row in suspects.rows() if list(row[1:]) in head]
    if not again:
        return frame
    faults += [Fault(line, *HEADER_AGAIN, {}) for line in again]
    return frame.filter(~pl.col("line").is_in(again))


def _take_odd(odd, mapping: Mapping, where: dict[str, int], width: int, head, collector: _Collector) -> None:
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


class _Collector:
    """Gathers records one by one, and faults, and hands them on in batches."""

    def __init__(self, headers: Iterable[str], kind: str):
        self.headers = list(headers)
        self.kind = kind
        self.rows: list[tuple] = []
        self.faults: list[Fault] = []
        self.characters = 0

    def fault(self, line: int, rule: str, expected: str, record: dict | None = None) -> None:
        """A record that is none."""
        self.faults.append(Fault(line, rule, "", expected, record or {}))

    def add(self, line: int, values: list[str | None]) -> None:
        """A record; text that no database can hold makes it a fault."""
        joined = "".join(value for value in values if value)
        self.characters += len(joined)
        if "\0" in joined:
            self.fault(line, "nul_byte", "text without NUL bytes")
        elif not _is_encodable(joined):
            self.fault(line, "bad_text", "text that Unicode allows")
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


# --- XLSX --------------------------------------------------------------------------------------------------------


def _open_xlsx(path: Path, mapping: Mapping) -> tuple[list[str], Iterator[Batch], str]:
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
    names = _names(rows, mapping, grid.width)
    where = _positions(names, mapping)
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
    collector = _Collector(where, "xlsx")
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


# --- JSON --------------------------------------------------------------------------------------------------------


class _Number(str):
    """A JSON number kept as it was written."""


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and _is_plain(value):
        return "; ".join(filter(None, map(_as_text, value)))
    raise ValueError("a list or an object where a word should be")


def flattened(record: dict, prefix: str = "", folders: set[str] | None = None) -> dict[str, object]:
    """Nested objects as dotted names: {"boss": {"id": 1}} → {"boss.id": 1}; `folders` takes the objects' names."""
    flat: dict[str, object] = {}
    for key, value in record.items():
        if isinstance(value, dict) and folders is not None:
            folders.add(squeezed(f"{prefix}{key}"))
        more = (
            flattened(value, f"{prefix}{key}.", folders)
            if isinstance(value, dict)
            else {squeezed(f"{prefix}{key}"): value}
        )
        if flat.keys() & more.keys():
            raise ValueError("a name stands twice")
        flat |= more
    return flat


class NotPlain(ValueError):
    """A list or an object where a word should be; the message names the place."""


STEP = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]|\[([^=\]]+)=([^\]]*)\]")


def element(record: object, path: str) -> object:
    """What a path with lists leads to: `teams[0].name`, or `fields[name=Grade].value`; None where there is nothing."""
    for name, index, key, word in STEP.findall(path):
        if name:
            record = record.get(name) if isinstance(record, dict) else None
        elif not isinstance(record, list):
            return None
        elif index:
            record = record[int(index)] if int(index) < len(record) else None
        else:
            with_key = [one for one in record if isinstance(one, dict) and str(flattened(one).get(key)) == word]
            if len(with_key) > 1:
                raise NotPlain(f"one element with {key}={word}, not {len(with_key)}")
            record = with_key[0] if with_key else None
    return record


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice")
    return record


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON value")


DECODER = json.JSONDecoder(
    object_pairs_hook=_no_doubles, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant
)
BAD_JSON = "one JSON object, plain values in the columns that are read, no key twice"


def _open_jsonl(path: Path, mapping: Mapping) -> tuple[list[str], Iterator[Batch]]:
    _check_head(path, mapping)
    rules = line_rules(mapping)
    numbered_lines = (
        (n, _PassedOver(reason) if (reason := _reason(line, rules)) else _decoded(line))
        for n, line in enumerate(_lines(path, mapping), start=1)
        if line.strip()
    )
    return _sampled(map(_decoded, islice(_lines(path, mapping), SAMPLE))), _object_batches(
        numbered_lines, mapping, "jsonl"
    )


class _PassedOver(str):
    """The reason why a line is no record."""


def _reason(line: str, rules: dict[str, str]) -> str:
    return next((why for _, why in passed(pl.Series([line]), rules)), "") if rules else ""


def _decoded(line: str) -> object:
    try:
        return DECODER.decode(line.strip())
    except (ValueError, RecursionError):
        return None


def _sampled(records: Iterable[object]) -> list[str]:
    """The names that the first records have, in the order of their first appearance."""
    names: dict[str, None] = {}
    for record in records:
        if isinstance(record, dict):
            try:
                names |= dict.fromkeys(flattened(record))
            except (ValueError, RecursionError):
                continue
    return list(names)


def _lines(path: Path, mapping: Mapping) -> Iterator[str]:
    return _splitter(path, mapping)._lines()


def _open_json(path: Path, mapping: Mapping) -> tuple[list[str], Iterator[Batch]]:
    """A document that holds a list of objects; a record's line is its number in the list, from 1."""
    if line_rules(mapping):
        raise FileRefused("set_aside has a rule about a line, and a JSON document has none; give a rule about a column")
    if path.stat().st_size > MAX_DOCUMENT:
        raise FileRefused(f"a JSON document of more than {MAX_DOCUMENT:,} bytes; send JSON lines or CSV")
    _check_head(path, mapping.model_copy(update={"final_newline": "optional"}))
    try:
        text = path.read_bytes().decode("utf-8-sig" if mapping.encoding == "utf-8" else mapping.encoding)
        found = DECODER.decode(text.strip())
        for key in filter(None, mapping.records.split(".")):
            found = found[key]
    except UnicodeDecodeError:
        raise FileRefused(f"bytes that are not {mapping.encoding}; declare the right encoding") from None
    except (KeyError, TypeError):
        raise FileRefused(f"there is nothing at {mapping.records!r}; say under records: where the list is") from None
    except (ValueError, RecursionError):
        raise FileRefused("this is not a whole JSON document; export it again") from None
    if not isinstance(found, list):
        where = f"at {mapping.records!r}" if mapping.records else "at the top"
        # Keys may be people (an object per address): only what looks like a name of ours is repeated.
        all_keys = list(found) if isinstance(found, dict) else []
        words = [key for key in all_keys if re.fullmatch(r"[A-Za-z_]{1,30}", key)]
        keys = _quoted(words[:20]) or "no list"
        raise FileRefused(f"there is no list {where} (but {keys}); say under records: where the list is")
    return _sampled(found[:SAMPLE]), _object_batches(enumerate(found, start=1), mapping, "json")


def _object_batches(numbered_records: Iterable[tuple[int, object]], mapping: Mapping, kind: str) -> Iterator[Batch]:
    objects = _Objects(mapping, kind)
    for number, record in numbered_records:
        if isinstance(record, _PassedOver):
            objects.collector.faults.append(Fault(number, "set_aside", "", str(record), {}, "set_aside"))
            continue
        try:
            objects.add(number, record)
        except FileRefused:
            raise
        except NotPlain as error:
            objects.collector.fault(number, "nested_value", str(error))
        except (ValueError, RecursionError):
            objects.fault(number)
        if objects.collector.is_full:
            yield objects.collector.batch()
    objects.check_columns()
    yield objects.collector.batch()


def _is_plain(value: list) -> bool:
    return all(isinstance(one, str | bool) for one in value)


class _Objects:
    """JSON objects as records; remembers which of the wanted names were ever seen."""

    def __init__(self, mapping: Mapping, kind: str):
        self.mapping = mapping
        self.wanted = wanted_headers(mapping)
        self.seen: set[str] = set()
        self.n_records = 0
        self.collector = _Collector(self.wanted, kind)

    def add(self, number: int, record: object) -> None:
        """Raises ValueError for what is no record."""
        if not isinstance(record, dict):
            raise ValueError
        folders: set[str] = set()
        flat = flattened(record, "", folders)
        if len(flat) > MAX_NAMES:
            raise FileRefused(f"record {number} has {len(flat):,} names; at most {MAX_NAMES:,} can be an export")
        if inside := next((name for name in self.wanted if name in folders), ""):
            raise NotPlain(f"a plain value under {inside}; name a part of it, as {inside}.name")
        found = {
            name: element(record, name) if "[" in name and name not in flat else flat.get(name) for name in self.wanted
        }
        for name, value in found.items():
            if isinstance(value, dict) or (isinstance(value, list) and not _is_plain(value)):
                raise NotPlain(f"a plain value under {name}; name an element of it, as {name}[0].name")
        values = [_as_text(value) for value in found.values()]
        self.seen |= flat.keys() | {name for name, value in found.items() if value is not None}
        self.n_records += 1
        self.collector.add(number, values)

    def fault(self, number: int) -> None:
        self.collector.fault(number, "bad_json", BAD_JSON)

    def check_columns(self) -> None:
        """Raises FileRefused where a column that must be there is in no record."""
        missing = _missing(self.wanted, self.seen, self.mapping, at_end=True)
        if missing and self.n_records:
            raise FileRefused(
                f"no record has {_quoted(missing)}; if it was renamed, add a vintage with the new name to the mapping "
                f"{self.mapping.label}"
            )

"""A file that nobody has described, as a grid of cells: how it is written, which rows are its header, its columns.

Header rows differ from records by contrast: in the body a column's cells look alike (numbers, dates, addresses,
ids, a few repeating words), and the first row that looks like the rows below it is a record.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path

import polars as pl

from ingest.formats.header import join_headers, numbered
from ingest.formats.json import DECODER, MAX_DOCUMENT, flattened
from ingest.formats.reader import ENDINGS
from ingest.formats.records import FileRefused
from ingest.formats.text import UTF16_MARKS, check_is_text
from ingest.formats.workbook import NotAWorkbook, inspect
from ingest.mapping.headers import normalise_name

MAX_RECORDS = 20_000  # of a grid; what all values have in common shows in so many
MAX_SAMPLE_BYTES = 20_000_000  # of a text file that is longer, its beginning
MAX_TITLE = 20  # lines above the header
MAX_WORDS = 12  # different ones, for a column of repeating words
KANA = re.compile("[\u3040-\u30ff]")
MONTH = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])"
DATE_LIKE = re.compile(
    rf"(?i)^(\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}|\d{{1,2}}\.? ?-?{MONTH}\w*|{MONTH}\w*\.? \d{{1,2}})(?!\d)|^\d{{8}}$"
)
NUMBER_LIKE = re.compile(r"^[+-]?\d+([.,]\d+)?%?$")
EMAIL_LIKE = re.compile(r"^\S+@\S+$")
CODE = re.compile(r"^(?=.*\d)[\w-]{3,}$")


@dataclass(frozen=True)
class Grid:
    """Cells as text, and how the file is written. `names` are those of a file of objects, whose rows are records."""

    kind: str
    rows: list[list[str]]
    encoding: str = "utf-8"
    delimiter: str = ","
    ends_with_newline: bool = True
    records: str = ""
    names: list[str] | None = None


@dataclass
class DraftColumn:
    """One column: its name for a mapping, all texts of its header cells, its values by record."""

    name: str
    texts: tuple[str, ...]
    values: list[str]
    place: int
    present: list[str] = field(init=False)

    def __post_init__(self):
        self.present = [value for value in self.values if value]

    @property
    def label(self) -> str:
        """The longest of its header texts."""
        return max(self.texts, key=len, default=self.name)

    @property
    def keys(self) -> list[str]:
        """The header texts that can be a field's name, in plain words: a question is none."""
        return [
            plain_words(text)
            for text in self.texts
            if len(text.split()) <= 6 and not (len(text.split()) > 3 and text.endswith((".", "?", "!")))
        ]

    @property
    def is_unique(self) -> bool:
        """Whether every record has a value and no two have the same."""
        return len(self.present) == len(self.values) == len(set(self.present)) > 0

    @property
    def is_address(self) -> bool:
        """Whether nearly all values are e-mail addresses."""
        return bool(self.present) and sum("@" in value for value in self.present) >= 0.9 * len(self.present)


@dataclass(frozen=True)
class Layout:
    """Which rows are titles, header and records. `questions`: what a person has to decide about the layout."""

    skip_rows: int
    header_rows: int
    names_from: str
    columns: list[DraftColumn]
    has_trailing_delimiter: bool = False
    has_short_rows: bool = False
    questions: tuple[str, ...] = ()


def plain_words(text: str) -> str:
    """A header for comparison: camelCase apart, punctuation as blanks, lower case."""
    apart = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", re.sub(r"[_/.:()*-]+", " ", text))
    return " ".join(apart.casefold().split())


def read_grid(path: Path) -> Grid:
    """The file's cells. Raises FileRefused for what is no table of any kind that can be read."""
    kind = ENDINGS.get(path.suffix.lower(), "csv")
    if kind == "xlsx":
        return _workbook(path)
    with path.open("rb") as file:
        raw = file.read(MAX_DOCUMENT if kind == "json" else MAX_SAMPLE_BYTES)
        is_whole = not file.read(1)
    if not raw:
        raise FileRefused("the file is empty (0 bytes); export it again")
    if not is_whole:
        if kind == "json":
            raise FileRefused(f"a JSON document of more than {MAX_DOCUMENT:,} bytes")
        raw = raw[: raw.rfind(b"\n") + 1]
    is_utf16 = raw.startswith(UTF16_MARKS)
    check_is_text(raw[:4_096], is_utf16=is_utf16)
    if b"\0" in raw[:4_096] and not is_utf16:
        raise FileRefused("this is no text file; export a CSV, XLSX or JSON file")
    text, encoding = _decoded(raw)
    return _delimited(text, encoding) if kind == "csv" else _objects(text, encoding, kind)


def _decoded(raw: bytes) -> tuple[str, str]:
    if raw.startswith(UTF16_MARKS):
        return raw.decode("utf-16", "replace"), "utf-16"
    for encoding in ("utf-8-sig", "shift_jis", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8-sig":
            return text, "utf-8"
        # Nearly any bytes decode as these: taken for Japanese only where Japanese stands there.
        if encoding == "shift_jis" and KANA.search(text):
            return text, encoding
    return raw.decode("cp1252", "replace"), "cp1252"


def _delimited(text: str, encoding: str) -> Grid:
    delimiter = max(",;\t|", key=lambda mark: _columns_with(text[:60_000], mark))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [[cell.strip() for cell in row] for row in islice(reader, MAX_RECORDS)]
    except csv.Error:
        raise FileRefused("broken quoting; look at the file in a text editor") from None
    if not any(map(any, rows)):
        raise FileRefused("no line that could be a header")
    return Grid("csv", rows, encoding, delimiter, text.endswith(("\n", "\r")))


def _columns_with(text: str, mark: str) -> int:
    """Marks that separate equally many fields in most records; those inside quotes do not count."""
    try:
        widths = Counter(len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark) if row)
    except csv.Error:
        return 0
    return max((n * (width - 1) for width, n in widths.items()), default=0)


def _objects(text: str, encoding: str, kind: str) -> Grid:
    try:
        if kind == "jsonl":
            found, where = [DECODER.decode(line) for line in text.splitlines() if line.strip()], ""
        else:
            found, where = _longest_list(DECODER.decode(text.strip()))
        flat = [flattened(record) for record in found[:MAX_RECORDS] if isinstance(record, dict)]
    except (ValueError, RecursionError):
        raise FileRefused("this is no JSON; export it again") from None
    names = list(dict.fromkeys(name for record in flat for name in record))
    rows = [["" if record.get(name) is None else str(record[name]) for name in names] for record in flat]
    return Grid(kind, rows, encoding, records=where, names=[normalise_name(name) for name in names])


def _longest_list(document, path: str = "") -> tuple[list, str]:
    """The longest list of objects in a document, and where it is; a list of `fields` describes, and is not meant."""
    if isinstance(document, list):
        return document, path
    if not isinstance(document, dict):
        return [], path
    found = [_longest_list(value, f"{path}.{key}".strip(".")) for key, value in document.items()]
    return max(found, key=lambda pair: ("fields" not in pair[1].split("."), len(pair[0])), default=([], path))


def _workbook(path: Path) -> Grid:
    try:
        inspect(path, None)
    except NotAWorkbook as error:
        raise FileRefused(str(error)) from None
    try:
        grid = pl.read_excel(
            path,
            engine="calamine",
            has_header=False,
            drop_empty_rows=False,
            drop_empty_cols=False,
            read_options={"header_row": None, "dtypes": "string"},
        )
    except Exception as error:  # calamine's errors have no common class
        raise FileRefused(f"the workbook cannot be read ({type(error).__name__}); export it again") from None
    rows = [[(cell or "").strip() for cell in row] for row in grid.head(MAX_RECORDS).rows()]
    if not any(map(any, rows)):
        raise FileRefused("the first sheet is empty")
    return Grid("xlsx", rows)


def _shape(values: list[str]) -> Callable[[str], object] | None:
    """A test that the values of a column pass and a header cell does not; None where nothing can be said."""
    values = [value for value in values if value]
    words = set(values)
    if len(values) < 2:
        return None
    for test in (NUMBER_LIKE.match, DATE_LIKE.match, EMAIL_LIKE.match):
        if sum(map(bool, map(test, words))) >= 0.9 * len(words):
            return test
    if all(map(CODE.match, words)):
        return CODE.match
    if 2 <= len(words) <= MAX_WORDS and len(values) >= 3 * len(words):
        return words.__contains__
    return None


def lay_out(grid: Grid) -> Layout:
    """Title rows, header rows and columns of a grid. Raises FileRefused where there is no table."""
    if grid.names is not None:
        columns = [
            DraftColumn(name, (name,), [row[place] for row in grid.rows], place)
            for place, name in enumerate(grid.names)
        ]
        return Layout(0, 1, "header", columns)
    rows = grid.rows
    width = Counter(len(row) for row in rows if any(row)).most_common(1)[0][0]
    skip = 0
    while skip < min(MAX_TITLE, len(rows)) and width > 3 and sum(map(bool, rows[skip])) <= 2:
        skip += 1
    table = [row for row in rows[skip:] if any(row)]
    if not table:
        raise FileRefused("no line that could be a header")
    padded = [row + [""] * (width - len(row)) for row in table if len(row) <= width + 1]
    n_header, questions = _count_header_rows(padded, width)
    head, records = padded[:n_header], padded[n_header:]
    names_from, names, more = _names(head, width)
    columns = []
    for place, name in enumerate(numbered(names)):
        cells = [normalise_name(row[place]) for row in head if place < len(row) and "ImportId" not in row[place]]
        texts = tuple(dict.fromkeys(filter(None, [*([name] if names_from != "position" else []), *cells])))
        columns.append(DraftColumn(name, texts, [row[place] for row in records], place))
    return Layout(
        skip,
        n_header,
        names_from,
        columns,
        has_trailing_delimiter=bool(head) and len(head[0]) == width - 1,
        has_short_rows=any(len(row) < width for row in table[3:]),
        questions=(*questions, *more),
    )


def _count_header_rows(rows: list[list[str]], width: int) -> tuple[int, tuple[str, ...]]:
    with_ids = [
        index for index, row in enumerate(rows[:3]) if sum("ImportId" in cell for cell in row) * 2 > sum(map(bool, row))
    ]
    if with_ids:
        return with_ids[0] + 1, ()
    body = rows[min(4, len(rows) // 2) :]
    tests = [_shape([row[place] for row in body]) for place in range(width)]
    if not any(tests):
        return 1, ("header_rows: too few records to distinguish a header from a record; 1 is assumed",)
    n_header = 0
    for row in rows[:3]:
        looks_alike = [bool(test(cell)) for cell, test in zip(row, tests, strict=False) if test and cell]
        is_record = sum(looks_alike) * 2 >= len(looks_alike) if looks_alike else n_header > 0
        if is_record:
            break
        n_header += 1
    return n_header, ()


def _names(head: list[list[str]], width: int) -> tuple[str, list[str], tuple[str, ...]]:
    """Where the columns' names come from, the names, and what is to be decided about them."""
    if not head:
        return "position", [str(place + 1) for place in range(width)], ()
    first = [normalise_name(cell) or f"column {place}" for place, cell in enumerate(head[0], start=1)]
    if any("ImportId" in cell for cell in head[-1]):
        try:
            ids = [json.loads(cell)["ImportId"] for cell in head[-1] if cell]
        except (ValueError, TypeError, KeyError):
            return "header", first, ("names_from: the row of ImportIds is no JSON; the first row names the columns",)
        if all(isinstance(one, str) for one in ids) and len(set(ids)) == len(ids) == len(head[-1]):
            return "import_id", [normalise_name(one) for one in ids], ()
        return "header", first, ("names_from: ImportIds are missing or repeat; the first row names the columns",)
    if len(head) == 2 and any(not above and below for above, below in zip_longest(*head, fillvalue="")):
        return "joined", join_headers(head), ()
    return "header", first, ()

"""A look into an XLSX file before it is opened: sizes really unpacked, the grid's extent, cells that hold no value.

Workbook readers build a dense grid first: two kilobytes with one cell at XFD1048576 ask for 500 GB. They also read
error cells, formulas that were never calculated and the covered part of merged cells as empty. All of it is found
here by streaming the sheet's XML, and nothing of it is taken for an empty value.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

MAX_UNPACKED = 200_000_000  # bytes, counted while unpacking: the directory's own sizes may lie
MAX_CELLS = 20_000_000  # of the dense grid
CHUNK = 1 << 16
REFERENCE = re.compile(r"^([A-Z]{1,3})([1-9][0-9]{0,6})$")


class NotAWorkbook(ValueError):
    """The file cannot be used as a workbook; the message says why."""


@dataclass
class Sheet:
    """What one sheet holds. Rows and columns count from 1; `valueless` are the columns, by row, of cells with an error
    or a formula that was never calculated, `shortened` those of numbers of more than 15 digits, of which a spreadsheet
    keeps 15 (Microsoft, "Excel specifications and limits")."""

    first_row: int = 0
    last_row: int = 0
    last_column: int = 0
    valueless: dict[int, set[int]] = field(default_factory=dict)
    shortened: dict[int, set[int]] = field(default_factory=dict)
    merged_rows: int = 0  # the lowest row that a merged range reaches

    @property
    def n_cells(self) -> int:
        """Cells of the dense grid."""
        return max(0, self.last_row - self.first_row + 1) * self.last_column


def column_number(letters: str) -> int:
    """A → 1, Z → 26, AA → 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def inspect(path: Path, worksheet: str | None) -> Sheet:
    """The named sheet of the workbook (the first where none is named). Raises NotAWorkbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            part = part_of(archive, worksheet)
            total = 0
            for other in archive.namelist():
                if other != part:
                    total += _unpack(archive, other, lambda _: None, already=total)
            return _read_sheet(archive, part, _text_lengths(archive))
    except NotAWorkbook:
        raise
    except ValueError:
        raise NotAWorkbook("a row or a cell has an impossible number; the workbook is damaged") from None
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, KeyError, expat.ExpatError):
        raise NotAWorkbook("this is not a whole XLSX workbook; export it again") from None


def _unpack(archive: zipfile.ZipFile, name: str, feed, *, already: int = 0) -> int:
    """Feed a part piece by piece; its unpacked size. Raises NotAWorkbook where all parts together are too large."""
    total = already
    with archive.open(name) as stream:
        while chunk := stream.read(CHUNK):
            total += len(chunk)
            if total > MAX_UNPACKED:
                raise NotAWorkbook(f"the file unpacks to more than {MAX_UNPACKED:,} bytes; that is no export")
            feed(chunk)
    return total - already


def _text_lengths(archive: zipfile.ZipFile) -> list[int]:
    """Characters of each shared text: 68,000 cells that share one of 32,000 ask for 2 GB."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    lengths: list[int] = []
    inside = [False]

    def start(tag: str, _) -> None:
        inside[0] = tag.rpartition(":")[2] == "t"
        if tag.rpartition(":")[2] == "si":
            lengths.append(0)

    def data(text: str) -> None:
        if inside[0] and lengths:
            lengths[-1] += len(text)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: inside.__setitem__(0, False)
    parser.CharacterDataHandler = data
    _unpack(archive, "xl/sharedStrings.xml", lambda chunk: parser.Parse(chunk, False))
    parser.Parse(b"", True)
    return lengths


def _elements(archive: zipfile.ZipFile, name: str, on_start) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: on_start(tag.rpartition(":")[2], attributes)
    _unpack(archive, name, lambda chunk: parser.Parse(chunk, False))
    parser.Parse(b"", True)


def part_of(archive: zipfile.ZipFile, worksheet: str | None) -> str:
    """The name of the part that holds the named sheet (the first where none is named)."""
    sheets: list[tuple[str, str]] = []
    targets: dict[str, str] = {}

    def sheet(tag, attributes):
        if tag == "sheet":
            relation = next((value for key, value in attributes.items() if key.endswith(":id")), "")
            sheets.append((attributes.get("name", ""), relation))

    def relation(tag, attributes):
        if tag == "Relationship":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    _elements(archive, "xl/workbook.xml", sheet)
    _elements(archive, "xl/_rels/workbook.xml.rels", relation)
    chosen = [found for name, found in sheets if worksheet is None or name == worksheet]
    if not chosen or not targets.get(chosen[0]):
        raise NotAWorkbook(
            f"there is no sheet {worksheet!r} (worksheet:); there are {', '.join(repr(name) for name, _ in sheets)}"
            if worksheet
            else "no sheet inside"
        )
    target = targets[chosen[0]]
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


class _Walker:
    """Follows one sheet's elements."""

    def __init__(self, lengths: list[int]):
        self.sheet = Sheet()
        self.lengths, self.characters = lengths, 0
        self.kind = ""
        self.in_value = False
        self.digits = ""
        self.row = self.column = 0
        self.has_formula = self.has_value = False

    def start(self, tag: str, attributes: dict) -> None:
        if tag == "row":
            self.row = int(attributes.get("r", self.row + 1))
            self.column = 0
        elif tag == "c":
            self._locate(attributes)
            self.has_formula = self.has_value = False
            self.kind = attributes.get("t", "n")
            if self.kind == "e":
                self.sheet.valueless.setdefault(self.row, set()).add(self.column)
        elif tag == "f":
            self.has_formula = True
        elif tag in ("v", "is"):
            # An empty value is one where a formula gave a text; any other formula was never calculated.
            self.has_value, self.in_value, self.digits = tag == "is" or self.kind == "str", tag == "v", ""
        elif tag == "mergeCell":
            rows = [int(row) for row in re.findall(r"[A-Z]+([0-9]{1,7})", attributes.get("ref", ""))]
            self.sheet.merged_rows = max([self.sheet.merged_rows, *rows])

    def text(self, words: str) -> None:
        self.has_value = self.has_value or (self.in_value and bool(words))
        if self.in_value and self.kind in ("s", "n") and len(self.digits) < 32:
            self.digits += words

    def end(self, tag: str) -> None:
        if tag == "v":
            self.in_value = False
            if self.kind == "n" and _is_shortened(self.digits):
                self.sheet.shortened.setdefault(self.row, set()).add(self.column)
            index = int(self.digits) if self.kind == "s" and self.digits.isdigit() else -1
            self.characters += self.lengths[index] if 0 <= index < len(self.lengths) else 0
            if self.characters > MAX_UNPACKED:
                raise NotAWorkbook(f"its cells hold more than {MAX_UNPACKED:,} characters; that is no export")
        if tag == "c":
            # A cell that is only formatted holds nothing: readers begin with the first that does.
            if self.has_value or self.has_formula:
                self._place()
            if self.has_formula and not self.has_value:
                self.sheet.valueless.setdefault(self.row, set()).add(self.column)

    def _locate(self, attributes: dict) -> None:
        reference = attributes.get("r")
        if reference is None:
            self.column += 1
        else:
            found = REFERENCE.match(reference)
            if found is None:
                raise NotAWorkbook("a cell has an impossible address; the workbook is damaged")
            self.column, self.row = column_number(found[1]), int(found[2])

    def _place(self) -> None:
        sheet = self.sheet
        sheet.first_row = min(sheet.first_row or self.row, self.row)
        sheet.last_row = max(sheet.last_row, self.row)
        sheet.last_column = max(sheet.last_column, self.column)
        if sheet.n_cells > MAX_CELLS:
            raise NotAWorkbook(f"the sheet spans {sheet.n_cells:,} cells; that is no export")


def _is_shortened(digits: str) -> bool:
    try:
        return abs(float(digits)) >= 1e15
    except ValueError:
        return False


def _read_sheet(archive: zipfile.ZipFile, part: str, lengths: list[int]) -> Sheet:
    walker = _Walker(lengths)
    parser = expat.ParserCreate()
    parser.CharacterDataHandler = walker.text
    parser.StartElementHandler = lambda tag, attributes: walker.start(tag.rpartition(":")[2], attributes)
    parser.EndElementHandler = lambda tag: walker.end(tag.rpartition(":")[2])
    _unpack(archive, part, lambda chunk: parser.Parse(chunk, False))
    parser.Parse(b"", True)
    return walker.sheet

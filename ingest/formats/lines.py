"""Delimited text → records with line numbers, exactly: fast where the text is plain, careful where it is not.

Every line is judged before anything is split: its delimiters are counted, its quotes are checked against RFC 4180.
Lines that pass are split by polars, which then has nothing to guess. All others (stray quotes, line
breaks inside quotes, wrong number of fields) go through the standard library's strict reader one by one and come out
as `odd` records. Nothing is dropped: lines in = plain + odd + blank (docs/decisions/0003-reading.md).
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

BLOCK_BYTES = 1 << 23  # bytes
MAX_LINE = 1 << 20  # bytes; a longer line is damage or an attack, not a record
QUOTE = ord('"')


class Unreadable(ValueError):
    """The text cannot be split; the message names the line and never what stands there."""


@dataclass(frozen=True)
class Odd:
    """A record that took the careful way. `breaks`: it spans lines; `fields` is None where it is no record.

    `set_aside`: the reason of the declared rule by which the line is no record at all.
    """

    line: int
    fields: list[str] | None
    breaks: bool
    set_aside: str = ""


@dataclass(frozen=True)
class Piece:
    """A stretch of records: `plain` has `line` and one text column `column_N` per field (N from 1)."""

    plain: pl.DataFrame
    odd: list[Odd]


def text_blocks(path: Path, encoding: str) -> Iterator[bytes]:
    """The file as UTF-8 with `\\n` line ends, in blocks of whole lines, without byte-order mark. Raises Unreadable."""
    decoder = codecs.getincrementaldecoder(encoding)()
    carry, n_lines, is_first, returns_only = b"", 0, True, False
    with path.open("rb") as file:
        while True:
            chunk = file.read(BLOCK_BYTES)
            if encoding != "utf-8":
                try:
                    chunk = (
                        decoder.decode(chunk, final=not chunk).encode() if chunk else decoder.decode(b"", True).encode()
                    )
                except UnicodeError:
                    raise Unreadable(f"near line {n_lines + 1}: bytes that are not {encoding}") from None
            if is_first:
                chunk = chunk.removeprefix(codecs.BOM_UTF8)
                returns_only = b"\r" in chunk and b"\n" not in chunk  # line ends of the old Mac
                is_first = False
            is_last = not chunk
            if returns_only:
                chunk = chunk.replace(b"\r", b"\n")
            carry += chunk
            end = len(carry) if is_last else carry.rfind(b"\n") + 1
            if end:
                block, carry = carry[:end], carry[end:]
                if not block.isascii():
                    _check_utf8(block, n_lines, encoding)
                n_lines += block.count(b"\n")
                yield block.replace(b"\r\n", b"\n") if b"\r" in block else block
            if is_last:
                return
            if len(carry) > MAX_LINE:
                raise Unreadable(f"line {n_lines + 1} has more than {MAX_LINE:,} bytes; that is no record")


def _check_utf8(block: bytes, n_lines: int, encoding: str) -> None:
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        line = n_lines + block.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"near line {line}: bytes that are not {encoding}") from None


def passed(lines: pl.Series, rules: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Index and reason of lines that a declared rule takes for no record, in linear time; the first rule counts."""
    found: set[int] = set()
    for pattern, reason in rules.items():
        for index in lines.str.contains(pattern).fill_null(False).arg_true():
            if index not in found:
                found.add(index)
                yield index, reason


class Splitter:
    """Takes a delimited text apart: first `record()` for the header rows, then `pieces()` for all that follows."""

    def __init__(
        self, path: Path, *, encoding: str, delimiter: str, quoting: str, passed_over: dict[str, str] | None = None
    ):
        self.passed_over = passed_over or {}
        csv.field_size_limit(MAX_LINE)
        self.delimiter = delimiter
        self.has_quotes = quoting == "standard"
        self._blocks = text_blocks(path, encoding)
        self._block, self._at, self._line = b"", 0, 0  # the next line starts at `_at` and is number `_line` + 1
        style = {"strict": True} if self.has_quotes else {"quoting": csv.QUOTE_NONE}
        self._reader = csv.reader(self._lines(), delimiter=delimiter, **style)

    def _lines(self) -> Iterator[str]:
        while True:
            if self._at >= len(self._block):
                self._block, self._at = next(self._blocks, b""), 0
                if not self._block:
                    return
            end = self._block.find(b"\n", self._at)
            end = len(self._block) if end < 0 else end + 1
            if end - self._at > MAX_LINE:
                raise Unreadable(f"line {self._line + 1} has more than {MAX_LINE:,} bytes; that is no record")
            text = self._block[self._at : end].decode()
            self._at, self._line = end, self._line + 1
            yield text

    def record(self) -> Odd | None:
        """The next record, the careful way; None at the end. Raises Unreadable for broken quoting."""
        start = self._line
        try:
            fields = next(self._reader, None)
        except csv.Error as error:
            if "new-line character" in str(error) and self._line == start + 1:
                return Odd(start + 1, None, breaks=True)  # a lone carriage return inside a line
            raise Unreadable(
                f"line {start + 1}: broken quoting ({str(error)[:100]}); an unclosed quote swallows all that follows"
            ) from None
        return None if fields is None else Odd(start + 1, fields, breaks=self._line - start > 1)

    def skip(self, n: int) -> str:
        """Pass over `n` lines; what stood there."""
        return "".join(islice(self._lines(), n))

    def pieces(self, width: int) -> Iterator[Piece]:
        """All further records; those with `width` fields on one line are plain."""
        while True:
            if self._at >= len(self._block):
                self._block, self._at = next(self._blocks, b""), 0
                if not self._block:
                    return
            yield self._piece(width)

    def _piece(self, width: int) -> Piece:
        block, first = self._block[self._at :] if self._at else self._block, self._line
        self._block, self._at = block, 0
        marks = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(marks == 10)
        if not block.endswith(b"\n"):
            ends = np.append(ends, len(block))
        starts = np.concatenate(([0], ends[:-1] + 1))
        if (ends - starts).max() > MAX_LINE:
            line = first + int((ends - starts).argmax()) + 1
            raise Unreadable(f"line {line} has more than {MAX_LINE:,} bytes; that is no record")
        blank = ends == starts
        plain = ~blank & self._is_plain(block, marks, starts, ends, width)
        odd: list[Odd] = []
        no_records: dict[int, str] = {}
        if self.passed_over:
            no_records = dict(passed(_texts(block, starts, ends).str.strip_suffix("\n"), self.passed_over))
        plain[list(no_records)] = False
        position = 0
        for index in np.flatnonzero(~plain & ~blank):
            if index < position:  # swallowed by a record that began before
                continue
            if index in no_records and block.count(b'"', starts[index], ends[index]) % 2 == 0:
                odd.append(Odd(first + int(index) + 1, None, breaks=False, set_aside=no_records[index]))
                continue
            self._at, self._line = int(starts[index]), first + int(index)
            record = self.record()
            position = len(starts) if self._block is not block else self._line - first
            plain[index:position] = False
            if record is not None and record.fields != []:
                odd.append(replace(record, set_aside=no_records.get(index, "")))
        if self._block is block:
            self._at, self._line = len(block), first + len(starts)
        return Piece(self._parsed(block, starts, ends, plain, first, width), odd)

    def _is_plain(self, block: bytes, marks, starts, ends, width: int) -> np.ndarray:
        if not self.delimiter.isascii():
            return np.zeros(len(starts), dtype=bool)

        def count(byte: int) -> np.ndarray:
            found = np.flatnonzero(marks == byte)
            return np.searchsorted(found, ends) - np.searchsorted(found, starts)

        n_delimiters = count(ord(self.delimiter))
        good = n_delimiters == width - 1
        for byte in (0, 13):
            if bytes([byte]) in block:
                good &= count(byte) == 0
        if self.has_quotes and b'"' in block:
            quoted = count(QUOTE) > 0
            good &= ~quoted
            good[quoted] = self._is_well_quoted(block, starts, ends, quoted, width)
        return good

    def _is_well_quoted(self, block: bytes, starts, ends, quoted, width: int) -> np.ndarray:
        """Lines of which every field is quoted as RFC 4180 says or not at all, and which have `width` fields."""
        mark = f"\\x{{{ord(self.delimiter):x}}}"
        field = rf'(?:[^"{mark}\n\r\x00]*|"(?:[^"\n\r\x00]|"")*")'
        lines = _texts(block, starts, ends).filter(pl.Series(quoted))
        fits = lines.str.contains(f"^{field}(?:{mark}{field})*\n?$")
        bare = lines.str.replace_all('"(?:[^"]|"")*"', "")
        return (fits & (bare.str.count_matches(self.delimiter, literal=True) == width - 1)).to_numpy()

    def _parsed(self, block: bytes, starts, ends, plain, first: int, width: int) -> pl.DataFrame:
        lines = pl.Series("line", np.flatnonzero(plain) + first + 1, dtype=pl.Int64)
        names = [f"column_{number}" for number in range(1, width + 1)]
        if lines.is_empty():
            return pl.DataFrame(schema={"line": pl.Int64} | dict.fromkeys(names, pl.String))
        frame = pl.read_csv(
            block if plain.all() else _kept(block, starts, ends, plain),
            has_header=False,
            separator=self.delimiter,
            quote_char='"' if self.has_quotes else None,
            empty_string_is_null=False,
            schema=dict.fromkeys(names, pl.String),
        )
        if frame.height != lines.len() or frame.width != width:
            raise AssertionError(f"{lines.len()} lines were judged plain, {frame.height} came out")
        return frame.insert_column(0, lines)


def _texts(block: bytes, starts, ends) -> pl.Series:
    """The block's lines with their ends, without copying them."""
    offsets = np.append(starts, min(int(ends[-1]) + 1, len(block))).astype(np.int64)
    return pl.Series(pa.LargeStringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(block)))


def _kept(block: bytes, starts, ends, plain) -> bytes:
    """The plain lines alone, run by run."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], plain.astype(np.int8), [0]))))
    view = memoryview(block)
    runs = (view[starts[begin] : ends[end - 1]] for begin, end in zip(edges[::2], edges[1::2], strict=True))
    return b"\n".join(runs) + b"\n"

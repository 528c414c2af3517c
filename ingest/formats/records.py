"""What every reader gives: batches of text records with line numbers, and faults. Nothing is guessed or dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from ingest.mapping.model import Mapping

BATCH_RECORDS = 50_000

BATCH_CHARACTERS = 32_000_000


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


HEADER_AGAIN = ("repeated_header", "", "a record, not the header again")


class Collector:
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
        """Whether the batch is to be handed on."""
        return len(self.rows) + len(self.faults) >= BATCH_RECORDS or self.characters >= BATCH_CHARACTERS

    def batch(self) -> Batch:
        """The batch gathered so far; the collector is empty afterwards."""
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

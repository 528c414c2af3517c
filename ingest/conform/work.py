"""What every step of one batch needs, and which rule each record broke first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from ingest.formats.records import Batch
from ingest.mapping.columns import Reading
from ingest.mapping.model import Mapping
from ingest.pseudonyms import Pseudonyms

MAX_EXPECTED = 500


class BrokenRules:
    """The first rule that each record broke: an index into `rules`, -1 where none is broken."""

    def __init__(self, n: int):
        self.rules: list[tuple[str, str, str, str]] = []
        self.broken = pl.repeat(-1, n, dtype=pl.Int32, eager=True)

    def add(self, mask: pl.Series, *, kind: str, rule: str, column: str, expected: str) -> None:
        """Records in `mask` break this rule, unless they broke one before."""
        if not mask.any():
            return
        free = mask.fill_null(False) & (self.broken < 0)
        self.broken = pl.select(pl.when(free).then(len(self.rules)).otherwise(self.broken)).to_series()
        self.rules.append((kind, rule, column, expected[:MAX_EXPECTED]))

    @property
    def good(self) -> pl.Series:
        """Records that broke no rule."""
        return self.broken < 0


@dataclass
class Work:
    """What every step of one batch needs."""

    batch: Batch
    mapping: Mapping
    pseudonyms: Pseudonyms
    verdicts: BrokenRules
    dates: pl.Series
    file_name: str
    masked: set[str]
    load_id: str = ""
    dropped: list[tuple[pl.Series, str, str]] = field(default_factory=list)  # values: where, issue, resolution
    answers: dict[str, tuple[int, int]] = field(default_factory=dict)
    ids: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))

    @property
    def n(self) -> int:
        """Number of records."""
        return self.batch.frame.height

    @property
    def is_workbook(self) -> bool:
        """Whether the file is a workbook, where dates are days since 1899-12-30."""
        return self.batch.kind == "xlsx"

    def judge(self, reading: Reading) -> Callable[[pl.Series, str, str], None]:
        """Records a broken rule of the column that `reading` is read from."""
        name = " + ".join(reading.headers)

        def broken(mask: pl.Series, rule: str, expected: str) -> None:
            self.verdicts.add(mask, kind="faulty", rule=rule, column=name, expected=expected)

        return broken


class UnfitValues:
    """Which values of one column do not fit: the value is dropped, and its record stays."""

    def __init__(self, n: int):
        self.mask = pl.repeat(False, n, dtype=pl.Boolean, eager=True)

    def __call__(self, mask: pl.Series, rule: str, expected: str) -> None:
        """Values in `mask` do not fit; which rule they break is not kept."""
        self.mask = self.mask | mask.fill_null(False)


def repeat_value(value, kind, n: int) -> pl.Series:
    """A series of `n` times the same value."""
    return pl.Series([value], dtype=kind).new_from_index(0, n)

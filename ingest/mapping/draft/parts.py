"""The parts of a draft as they are found: lines of columns, questions, and which columns have a role."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.mapping.draft.dates import NOTHING, DateFormats, find_formats
from ingest.mapping.draft.grid import DATE_LIKE, DraftColumn, Layout


def quote(word: str) -> str:
    """A word as a quoted YAML scalar."""
    return json.dumps(word, ensure_ascii=False)


def quote_list(words) -> str:
    """Words as a YAML list."""
    return f"[{', '.join(map(quote, words))}]"


@dataclass
class Draft:
    """The parts of the text as they are found, the questions, and which columns have a role."""

    layout: Layout
    source: str
    table: str
    columns: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    further: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)

    def is_free(self, column: DraftColumn) -> bool:
        """Whether the column has no role yet."""
        return column.name not in self.taken

    def add(self, name: str, column: DraftColumn, *, why: str = "by the header", more: str = "") -> None:
        """Read field `name` from `column`."""
        self.taken.setdefault(column.name, name)
        self.columns.append(f"  {name}: {{from: {quote(column.name)}{more}}}  # GUESS: {why}")

    def add_dated(self, name: str, column: DraftColumn, *, as_time: bool, more: str = "") -> None:
        """A date or time, with the formats that read all its values; without any it is a question."""
        self.taken.setdefault(column.name, name)
        found = find_formats(column.present, as_time=as_time)
        nulls = f", null_words: {quote_list(['', *found.null_words])}" if found.null_words else ""

        def line(formats: list[str]) -> str:
            return f"{name}: {{from: {quote(column.name)}, formats: {quote_list(formats)}{nulls}{more}}}"

        if not found.formats:
            self.questions.append(f"{name}: {found.question}")
            self.columns.append(f"  # DECIDE {name}: {found.question}")
            self.columns += [f"  # {line(option)}" for option in found.options or [["?"]]]
            return
        self.columns.append(f"  {line(found.formats)}  # GUESS: {found.evidence}")
        if as_time and not _has_offset(found, column.present):
            self.questions.append(
                "time_zone: the times have no offset; UTC is taken unless you declare time_zone: (Europe/Berlin)"
            )


def _has_offset(found: DateFormats, values: list[str]) -> bool:
    is_declared = any("%Z" in one or one.endswith(("Z", "UTC")) or one.startswith("unix") for one in found.formats)
    return is_declared or all(re.search(r"(Z|[+-]\d\d:?\d\d)$", value) for value in values)


def is_dated(column: DraftColumn) -> bool:
    """Whether four fifths of the values are dates or times."""

    def is_date(value: str) -> bool:
        return bool(
            DATE_LIKE.match(value) or NOTHING.match(value) or re.fullmatch(r"\d{10}|\d{13}|\d{5}(\.\d+)?", value)
        )

    return bool(column.present) and sum(map(is_date, column.present)) >= 0.8 * len(column.present)


def is_id(column: DraftColumn) -> bool:
    """Whether the values could be ids."""
    are_numbers = all(re.fullmatch(r"\d{5,8}", value) for value in column.present)
    return bool(column.present) and not column.is_address and (are_numbers or not is_dated(column))


def is_filled(column: DraftColumn) -> bool:
    """Whether any record has a value."""
    return bool(column.present)


def find_column(draft: Draft, patterns: list[str], fits: Callable[[DraftColumn], bool]) -> DraftColumn | None:
    """The first free column, by the order of the patterns, one of whose headers fits and whose values do."""
    return next(
        (
            column
            for pattern in patterns
            for column in draft.layout.columns
            if draft.is_free(column) and any(re.fullmatch(pattern, key) for key in column.keys) and fits(column)
        ),
        None,
    )

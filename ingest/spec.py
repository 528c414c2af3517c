"""A source, described by configuration: which files, how they are written, where each field stands.

A mapping is a YAML file; the built-in ones are beside this module in `sources/`, the customer's own in the
workspace's `sources/` (same name: the customer's wins). Every key is checked, an unknown one is an error.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from ingest.strict_yaml import ConfigError, Strict, TimeZone, load_as
from ingest.tables import PERSONAL, RECORD_TABLES

BUILT_IN = Path(__file__).parent / "sources"


class SnapshotDate(Strict):
    """Where the date that a file speaks about comes from: one of the three."""

    column: str | None = None
    filename: str | None = Field(None, description="regular expression with the groups year, month and perhaps day")
    fixed: date | None = None
    formats: tuple[str, ...] = ("%Y-%m-%d",)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if sum(value is not None for value in (self.column, self.filename, self.fixed)) != 1:
            raise ValueError("give exactly one of column, filename, fixed")
        if self.filename is not None:
            try:
                groups = set(re.compile(self.filename).groupindex)
            except re.error as error:
                raise ValueError(f"no regular expression: {error}") from None
            if not {"year", "month"} <= groups:
                raise ValueError("the expression needs the named groups (?P<year>…) and (?P<month>…)")
        return self


def _as_words(value):
    """YAML's plain scalars as the words that a file would hold (true, not True)."""
    if not isinstance(value, dict):
        return value

    def word(scalar) -> str:
        if not isinstance(scalar, str | int | float):
            raise ValueError(f"{str(scalar)[:40]!r} is no single word")
        return str(scalar).lower() if isinstance(scalar, bool) else str(scalar)

    return {word(key): word(scalar) for key, scalar in value.items()}


class Column(Strict):
    """How one field is read."""

    from_: str | tuple[str, ...] | None = Field(None, alias="from", description="header, or headers joined by a space")
    constant: str | None = None
    optional: bool = Field(False, description="the file may lack this column")
    required: bool | None = Field(None, description="the record is quarantined where this is empty")
    formats: tuple[str, ...] = Field((), description="of dates and times, tried in this order")
    two_digit_years: Literal["past", "near"] = "near"
    null_words: tuple[str, ...] = ()
    values: dict[str, str] = Field({}, description="the file's word → ours; any other word is quarantined")
    range: tuple[float, float] | None = None
    namespace: str = Field("", description="of ids from another number space than the person ids")

    @field_validator("from_", "formats", "null_words", mode="before")
    @classmethod
    def _lists(cls, value):
        return tuple(value) if isinstance(value, list) else value

    _words = field_validator("values", mode="before")(_as_words)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.from_ is None) == (self.constant is None):
            raise ValueError("give either from or constant")
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers this field is read from."""
        if self.from_ is None:
            return ()
        return (self.from_,) if isinstance(self.from_, str) else self.from_


class Item(Strict):
    """One survey item: where it stands, which scale it belongs to, how its answers become 0–100."""

    from_: str = Field(alias="from")
    scale: str
    range: tuple[float, float] = (1.0, 5.0)
    reverse: bool = False
    values: dict[str, str] = Field(default_factory=dict)
    optional: bool = False

    _words = field_validator("values", mode="before")(_as_words)


class SetAside(Strict):
    """A declared rule by which a record does not count (a preview, an unfinished response)."""

    column: str
    equals: tuple[str, ...]
    reason: str


class Mapping(Strict):
    """One source's mapping. `source` is the inbox folder and the kind of table it fills."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    source: Literal["hris", "survey", "checkins", "roster"]
    files: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    format: Literal["csv", "xlsx", "jsonl", "by_ending"] = "by_ending"
    encoding: Literal["utf-8", "utf-16", "cp1252", "latin-1"] = "utf-8"
    delimiter: str = Field(",", min_length=1, max_length=1)
    header_rows: int = Field(1, ge=1, le=3)
    names_from: Literal["header", "import_id"] = "header"
    worksheet: str | None = None
    final_newline: Literal["required", "optional"] = "required"
    decimal_mark: Literal[".", ","] = "."
    null_words: tuple[str, ...] = ("",)
    time_zone: TimeZone = "UTC"
    snapshot: SnapshotDate | None = None
    columns: dict[str, Column]
    items: dict[str, Item] = Field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    zero_records: Literal["refused", "allowed"] = "refused"

    @model_validator(mode="after")
    def _nothing_personal_in_the_clear(self) -> Self:
        kinds = RECORD_TABLES[self.source].fields
        personal = {h for name, c in self.columns.items() if kinds.get(name) in PERSONAL for h in c.headers}
        clear = {h for name, c in self.columns.items() if kinds.get(name) not in PERSONAL for h in c.headers}
        both = sorted(personal & clear)
        if both:
            raise ValueError(f"{', '.join(both)}: read as personal and in the clear; use the hashed field only")
        return self

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        table = RECORD_TABLES[self.source]
        unknown = sorted(set(self.columns) - set(table.fields))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such field; {table.name} has {', '.join(table.fields)}")
        given = set(self.columns) | ({self.dated_field} if self.snapshot else set())
        missing = sorted(set(table.required) - given)
        if missing:
            raise ValueError(f"{', '.join(missing)}: {table.name} cannot do without; add under columns (or snapshot)")
        if self.items and self.source != "survey":
            raise ValueError("items belong to a survey")
        return self

    @property
    def dated_field(self) -> str:
        """The field that `snapshot` fills."""
        return "launched_date" if self.source == "survey" else "snapshot_date"

    @property
    def digest(self) -> str:
        """Changes when the mapping means something else; a file is loaded anew then."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def load_mapping(path: Path) -> Mapping:
    """The mapping in `path`. Raises ConfigError that names file, key and fault."""
    return load_as(path, Mapping)


def load_mappings(folder: Path) -> list[Mapping]:
    """All mappings in force: the built-in ones, replaced and extended by those in `folder`.

    The customer's come first, so that they also win where the globs of two mappings fit the same file.
    """
    own: dict[str, Mapping] = {}
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else []:
        mapping = load_mapping(path)
        if mapping.name in own:
            raise ConfigError(f"{path}: the name {mapping.name} is taken by another mapping; rename one")
        own[mapping.name] = mapping
    built_in = {m.name: m for m in map(load_mapping, sorted(BUILT_IN.glob("*.yml")))}
    return [*own.values(), *(m for name, m in built_in.items() if name not in own)]


def mapping_for(mappings: list[Mapping], source: str, file_name: str) -> Mapping | None:
    """The first mapping of `source` with a glob that fits `file_name`."""
    for mapping in mappings:
        if mapping.source == source and any(Path(file_name).match(glob) for glob in mapping.files):
            return mapping
    return None

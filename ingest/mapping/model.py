"""One source, described by configuration: which files, how they are written, where each field stands.

The language is described in docs/reference/mappings.md; every key is checked, an unknown one is an error.
"""

from __future__ import annotations

import codecs
import hashlib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from ingest.mapping.columns import (
    AnswerScale,
    Attribute,
    Column,
    Item,
    Long,
    SetAside,
    SnapshotDate,
    as_list,
    as_list_of_words,
    given_keys,
)
from ingest.mapping.headers import normalise_name
from ingest.tables import IDENTIFYING, PERSONAL, RECORD_TABLES, RawTable
from study.strict_yaml import Strict, TimeZone

ENCODINGS = (
    "utf-8",
    "utf-16",
    "ascii",
    "latin-1",
    "iso8859-2",
    "iso8859-5",
    "iso8859-7",
    "iso8859-9",
    "iso8859-15",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1257",
    "cp437",
    "cp850",
    "cp852",
    "mac-roman",
    "koi8-r",
    "euc-jp",
    "euc-kr",
    "shift_jis",
    "gb18030",
    "big5",
)

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}  # by the words that a mapping may use

# Keys that say how another format is written.
OF_TEXT = ("encoding", "delimiter", "quoting", "final_newline", "short_rows", "trailing_delimiter", "line_breaks")

OF_TABLES = ("skip_rows", "header_rows", "names_from")

OF_FORMATS = {
    "csv": ("records", "worksheet"),
    "xlsx": (*OF_TEXT, "records"),
    "json": (*(key for key in OF_TEXT if key != "encoding"), *OF_TABLES, "worksheet"),
    "jsonl": ("delimiter", "quoting", "short_rows", "trailing_delimiter", *OF_TABLES, "worksheet", "records"),
}


def idle_keys(column: Column, kind: str, *, has_words: bool = False) -> list[str]:
    """Keys that were given for a column and would do nothing for a field of this kind."""
    given = given_keys(column)
    is_dated = kind in ("date", "time", "birth_year")
    short_years = any(mark in one for one in column.formats for mark in ("%y", "%D", "%x"))
    does_something = {
        "decimal_mark": kind == "number" and column.duration is None,
        "thousands_mark": kind == "number" and column.duration is None,
        "duration": kind == "number",
        "multiply_by": kind == "number",
        "range": kind == "number",
        "strip": is_dated or (kind == "number" and column.duration is None),
        "formats": is_dated,
        "two_digit_years": is_dated and short_years,
        "zero_pad": kind in ("person", "id", "text"),
        "namespace": kind == "person" or column.personal is not None,
        "personal": kind in ("text", "id"),
        "case": kind in ("text", "id"),
        "separator": len(column.from_) > 1,
        "on_unmapped": bool(column.values) or column.extract is not None or has_words,
        "required": column.if_empty is None,
        "optional": bool(column.headers),
    }
    return [key for key, has_effect in does_something.items() if key in given and not has_effect]


class Mapping(Strict):
    """One source's mapping. `source` is the inbox folder, `table` which of its tables the records fill."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    system: str = Field("", description="the product that writes it, for people")
    source: Literal["hris", "survey", "checkins", "roster"]
    table: str = ""
    files: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    vintage: str = Field("", description="name of this version of the export")
    since: date | None = Field(None, description="the vintage is tried for files of this day or later only")
    # How the file is written
    format: Literal["csv", "xlsx", "jsonl", "json", "by_ending"] = "by_ending"
    encoding: str = "utf-8"
    delimiter: str = ","
    quoting: Literal["standard", "none"] = "standard"
    skip_rows: int = Field(0, ge=0, le=50, description="lines of title above the header")
    header_rows: int = Field(1, ge=0, le=3)
    names_from: Literal["header", "second", "third", "import_id", "joined", "position"] = "header"
    records: str = Field("", description="of a JSON document: where the list of records is (data.employees)")
    worksheet: str | None = None
    final_newline: Literal["required", "optional"] = "required"
    short_rows: Literal["refused", "padded"] = Field("refused", description="records that leave out last, empty fields")
    trailing_delimiter: bool = Field(False, description="each record ends with one that the header has not")
    line_breaks: Literal["refused", "kept"] = Field("refused", description="inside a field that is read")
    zero_records: Literal["refused", "allowed"] = "refused"
    # How its words are read
    decimal_mark: Literal[".", ","] = "."
    thousands_mark: Literal["", ",", ".", " ", "'"] | None = Field(
        None, description="groups digits in threes; a point where decimal_mark is a comma, else nothing may group"
    )
    null_words: tuple[str, ...] = ()
    month_names: tuple[str, ...] = Field(
        (), description="twelve, for dates that write them (%b) in another language; Januar|Jan for several spellings"
    )
    time_zone: TimeZone = "UTC"
    # What the file means
    snapshot: SnapshotDate | None = None
    rows: Literal["snapshots", "history"] = "snapshots"
    delivery: Literal["full", "delta"] = "full"
    on_blank: Literal["erases", "keeps"] = "erases"
    on_missing_person: Literal["nothing", "ended"] = "nothing"
    key: tuple[str, ...] = Field((), description="fields that distinguish records; the table's own where empty")
    conflicts: Literal["refused", "first", "last"] = Field("refused", description="of records with an equal key")
    anonymous: bool = Field(False, description="a survey without a person; groups are columns of its own")
    # Where the fields stand
    columns: dict[str, Column]
    unpivot: tuple[dict[str, Column], ...] = Field(
        (), description="one record holds several (goal 1, goal 2): the columns of each"
    )
    attributes: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Attribute] = Field(default_factory=dict)
    answer_scales: dict[str, AnswerScale] = Field(default_factory=dict)
    items: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Item] = Field(default_factory=dict)
    long: Long | None = None
    set_aside: tuple[SetAside, ...] = ()
    dropped: tuple[str, ...] = Field((), description="columns that are known and never read (names, pay)")
    # Older versions of the export, newest first; built from `vintages`
    earlier: tuple[Mapping, ...] = ()

    _lists = field_validator("files", "key", "month_names", mode="before")(as_list)

    @field_validator("files")
    @classmethod
    def _globs(cls, value):
        for glob in value:
            try:
                Path("a").match(glob)
            except ValueError:
                raise ValueError(f"{glob!r} is no pattern of file names") from None
        return value

    _word_lists = field_validator("null_words", "dropped", mode="before")(as_list_of_words)

    @field_validator("delimiter", mode="before")
    @classmethod
    def _one_mark(cls, value):
        value = {**DELIMITERS, "\\t": "\t"}.get(value, value)
        if not isinstance(value, str) or len(value) != 1 or value in '"\r\n':
            raise ValueError("one character, or tab, comma, semicolon, pipe")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value):
        known = {codecs.lookup(name).name: name for name in ENCODINGS}
        try:
            return known[codecs.lookup(value).name]
        except (KeyError, LookupError):
            raise ValueError(f"{value[:40]!r} is not one of {', '.join(ENCODINGS)}") from None

    @model_validator(mode="after")
    def _shape_is_possible(self) -> Self:
        if self.month_names and len(self.month_names) != 12:
            raise ValueError("month_names: give all twelve, January first")
        needed = {"second": 2, "third": 3, "import_id": 2, "joined": 2, "header": 1, "position": 0}[self.names_from]
        if self.header_rows < needed:
            raise ValueError(f"names_from: {self.names_from} needs header_rows: {needed} or more")
        if self.since and self.snapshot and self.snapshot.column:
            raise ValueError("since: needs the day of the whole file (filename, title or fixed), not of each row")
        if self.on_missing_person == "ended" and self.delivery == "delta":
            raise ValueError("on_missing_person: ended cannot be known from a delta: it leaves out what did not change")
        return self

    @model_validator(mode="after")
    def _fields_exist(self) -> Self:
        tables = RECORD_TABLES[self.source]
        if self.table and self.table not in tables:
            raise ValueError(f"table: {self.source} has {', '.join(tables)}")
        record = self.record
        unknown = sorted({name for name, _ in self.all_columns} - set(record.fields))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such field; {record.name} has {', '.join(record.fields)}")
        parts = [set(block) for block in self.unpivot] or [set()]
        given = set(self.columns) | set.intersection(*parts) | ({record.dated} if self.snapshot else set())
        missing = sorted(set(record.required) - given - ({"response_id"} if self.anonymous else set()))
        missing += [" or ".join(group) for group in record.one_of if not given & set(group)]
        if missing:
            raise ValueError(f"{', '.join(missing)}: {record.name} cannot do without; add under columns (or snapshot)")
        strangers = sorted(set(self.key) - set(record.fields))
        if strangers:
            raise ValueError(f"key: {', '.join(strangers)} is no field of {record.name}")
        if self.rows == "history" and "valid_from_date" not in given:
            raise ValueError("rows: history needs valid_from_date (and valid_to_date)")
        return self

    @model_validator(mode="after")
    def _words_are_known(self) -> Self:
        for name, column in self.all_columns:
            known = self.record.words.get(name)
            if known is None:
                continue
            given = {*column.values.values(), *filter(None, (column.constant, column.if_empty))}
            strange = sorted(given - set(known) - {""})
            if column.case is not None:
                raise ValueError(f"columns.{name}: case: would make words of it that no model knows; use values:")
            if strange or column.on_unmapped == "kept":
                unknown = ", ".join(strange) or "on_unmapped: kept"
                raise ValueError(
                    f"columns.{name}: {unknown} says nothing to the models; its words are {', '.join(known)}"
                )
        return self

    @model_validator(mode="after")
    def _keys_have_an_effect(self) -> Self:
        """A key that would do nothing was meant to do something."""
        kinds = self.record.fields
        for name, column in self.all_columns:
            if idle := idle_keys(column, kinds[name], has_words=name in self.record.words):
                raise ValueError(f"columns.{name}: {', '.join(idle)} does nothing for a field of kind {kinds[name]}")
        if self.attributes and self.source != "hris":
            raise ValueError(f"attributes: of HR exports only; nothing would read them of {self.source}")
        for name, attribute in self.attributes.items():
            idle = idle_keys(attribute, attribute.kind)
            idle += ["split"] if attribute.contains is None and "split" in given_keys(attribute) else []
            if idle:
                raise ValueError(f"attributes.{name}: {', '.join(idle)} does nothing for one of kind {attribute.kind}")
        if idle := self._idle_keys():
            raise ValueError(f"{', '.join(idle)}: does nothing here; take it away")
        return self

    def _idle_keys(self) -> list[str]:
        """Keys of the mapping itself that were given and would do nothing."""
        given = given_keys(self)
        idle = ["on_blank (without delivery: delta)"] if "on_blank" in given and self.delivery != "delta" else []
        idle += [
            f"{key} (of hris only)" for key in ("rows", "on_missing_person") if key in given and self.source != "hris"
        ]
        idle += [f"{key} (not of the format {self.format})" for key in OF_FORMATS.get(self.format, ()) if key in given]
        if self.long and self.key:
            idle.append("key (with long: an answer is known by response and item)")
        if self.snapshot and self.snapshot.fixed:
            idle += [f"snapshot.{key} (with fixed)" for key in ("formats", "day") if key in given_keys(self.snapshot)]
        if self.format == "json" and any(rule.line for rule in self.set_aside):
            idle.append("set_aside.line (a JSON document has no lines)")
        return idle

    @model_validator(mode="after")
    def _unpivot_is_plain(self) -> Self:
        if self.unpivot and (self.source == "survey" or self.attributes):
            raise ValueError("unpivot: not for surveys (long: is for them), and not beside attributes")
        return self

    @model_validator(mode="after")
    def _survey_only(self) -> Self:
        if self.source != "survey" and (self.items or self.long or self.anonymous or self.answer_scales):
            raise ValueError("items, answer_scales, long and anonymous belong to a survey")
        if self.anonymous and {"person_id", "email_key"} & set(self.columns):
            raise ValueError("anonymous: this survey has no person; take person_id and email_key away")
        for name, item in self.items.items():
            if item.answers and item.answers not in self.answer_scales:
                raise ValueError(f"items.{name}: no answer scale {item.answers!r} under answer_scales")
        return self

    @model_validator(mode="after")
    def _nothing_personal_in_the_clear(self) -> Self:
        # A hash of several columns together (an id that the export has not) says nothing about one of them.
        joined = {h for _, c in self.all_columns if c.personal and len(c.from_) > 1 for h in c.headers}
        joined -= {h for n, c in self.all_columns if self.record.fields[n] in PERSONAL for h in c.headers}
        both = sorted((self.personal_headers - joined) & self._clear_headers())
        if both:
            uses = {n for n, c in self.all_columns if {*c.headers} & set(both)}
            uses |= {n for n, a in self.attributes.items() if {*a.headers} & set(both)}
            headers = f"{', '.join(both)} (in {', '.join(sorted(uses))})"
            raise ValueError(f"{headers}: read as personal and in the clear; use the hashed field only")
        dropped = sorted(
            {normalise_name(name) for name in self.dropped} & (self.personal_headers | self._clear_headers())
        )
        if dropped:
            raise ValueError(f"{', '.join(dropped)}: both dropped and read; keep one")
        return self

    @property
    def all_columns(self) -> list[tuple[str, Column]]:
        """Field and column, those of every part of `unpivot` too."""
        return [*self.columns.items(), *(pair for block in self.unpivot for pair in block.items())]

    @property
    def unpivoted(self) -> list[Mapping]:
        """This mapping once per record that a record of the file holds."""
        return [self.model_copy(update={"columns": self.columns | block, "unpivot": ()}) for block in self.unpivot]

    @property
    def identifying_headers(self) -> set[str]:
        """Headers of ids, of persons and of other things."""
        kinds = self.record.fields
        return {h for name, c in self.all_columns if kinds[name] in IDENTIFYING for h in c.headers}

    @property
    def personal_headers(self) -> set[str]:
        """Headers whose words are masked wherever a record is shown."""
        kinds = self.record.fields
        personal = {h for name, c in self.all_columns if kinds[name] in PERSONAL or c.personal for h in c.headers}
        return personal | {h for a in self.attributes.values() if a.personal or a.bands for h in a.headers}

    @property
    def masked_headers(self) -> set[str]:
        """Headers whose words are never shown: the personal ones, and those that are dropped."""
        return self.personal_headers | {normalise_name(name) for name in self.dropped}

    def _clear_headers(self) -> set[str]:
        kinds = self.record.fields
        clear = {h for n, c in self.all_columns if kinds[n] not in PERSONAL and not c.personal for h in c.headers}
        return clear | {h for a in self.attributes.values() if not (a.personal or a.bands) for h in a.headers}

    @property
    def record(self) -> RawTable:
        """The table that takes one row per record."""
        tables = RECORD_TABLES[self.source]
        return tables[self.table] if self.table else next(iter(tables.values()))

    @property
    def versions(self) -> tuple[Mapping, ...]:
        """This mapping and its older vintages, newest first."""
        return (self, *self.earlier)

    @property
    def label(self) -> str:
        """Name and vintage, for messages."""
        return f"{self.name}, vintage {self.vintage}" if self.vintage else self.name

    @property
    def digest(self) -> str:
        """Changes when the mapping means something else; a file is loaded anew then."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

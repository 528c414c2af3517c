"""A source, described by configuration: which files, how they are written, where each field stands.

A mapping is a YAML file; the built-in ones are beside this module in `sources/`, the customer's own in the
workspace's `sources/` (same name: the customer's wins). Every key is checked, an unknown one is an error. The language
is described in docs/mappings.md.

Two keys work on the document before it is read: `extends` takes everything from another mapping and changes what is
named, `vintages` holds one block per change of the export. Both merge key by key; `null` takes a key away.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import polars as pl
from pydantic import Field, ValidationError, field_validator, model_validator

from ingest.tables import IDENTIFYING, PERSONAL, RECORD_TABLES, RawTable
from study.strict_yaml import ConfigError, Strict, TimeZone, as_model, load

BUILT_IN = Path(__file__).parent / "sources"
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


INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"  # stripped with the spaces: they make two of one id


def squeezed(name: str) -> str:
    """A header or a word as it is compared: composed, without invisible marks, runs of blanks as one space."""
    visible = unicodedata.normalize("NFC", name).translate(dict.fromkeys(map(ord, INVISIBLE)))
    return " ".join(visible.split())


def _expression(pattern: str) -> re.Pattern:
    """A regular expression that Python and polars both read. polars matches in linear time, so it does the matching."""
    try:
        compiled = re.compile(pattern)
        pl.Series([""]).str.contains(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    except pl.exceptions.ComputeError:
        raise ValueError("look-around and back references are not available here") from None
    return compiled


def _as_list(value):
    if value is None:
        return ()
    return (value,) if isinstance(value, str | int | float) else tuple(value) if isinstance(value, list) else value


def _word(scalar) -> str:
    """YAML's plain scalar as the word that a file would hold (true, not True)."""
    if not isinstance(scalar, str | int | float):
        raise ValueError(f"{str(scalar)[:40]!r} is no single word")
    return str(scalar).lower() if isinstance(scalar, bool) else str(scalar)


def _as_words(value):
    if isinstance(value, dict):
        return {_word(key): _word(scalar) for key, scalar in value.items()}
    return value


def _list_of_words(value):
    return tuple(map(_word, _as_list(value))) if isinstance(_as_list(value), tuple) else value


Words = Annotated[tuple[str, ...], Field(default=())]


def told(model: Strict) -> set[str]:
    """The keys that a document gave and that differ from the default."""
    fields = type(model).model_fields
    return {
        key
        for key in model.model_fields_set
        if getattr(model, key) != fields[key].get_default(call_default_factory=True)
    }


class SnapshotDate(Strict):
    """Where the date that a file speaks about comes from: one of column, filename and fixed."""

    column: str | None = None
    filename: str | None = Field(
        None, description="regular expression with the groups year, month and perhaps day, or date; part, version"
    )
    title: str | None = Field(None, description="the same, found in the lines that skip_rows passes over")
    fixed: date | None = None
    formats: tuple[str, ...] = ("%Y-%m-%d",)
    day: Literal["first", "last"] = Field("first", description="of the month, where only the month is told")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if sum(value is not None for value in (self.column, self.filename, self.title, self.fixed)) != 1:
            raise ValueError("give exactly one of column, filename, title, fixed")
        if (pattern := self.filename or self.title) is not None:
            groups = set(_expression(pattern).groupindex)
            if not ({"year", "month"} <= groups or "date" in groups):
                raise ValueError("the expression needs the named groups (?P<year>…) and (?P<month>…), or (?P<date>…)")
            unknown = groups - {"year", "month", "day", "date", "part", "version"}
            if unknown:
                raise ValueError(f"unknown group {', '.join(sorted(unknown))}")
        return self

    _lists = field_validator("formats", mode="before")(_as_list)


class Reading(Strict):
    """What fields, attributes and items have in common: where it stands and how its words are read."""

    from_: Annotated[tuple[str, ...], Field(alias="from")] = ()
    any_of: tuple[str, ...] = Field((), description="headers, of which the first that the file has is read")
    first_of: tuple[str, ...] = Field((), description="headers, of which the first that a record fills is read")
    file_name: str | None = Field(None, description="regular expression; what its group finds in the file's name")
    constant: str | None = None
    row_number: bool = Field(False, description="an id of its own for each record of a file that has none")
    separator: str = Field(" ", description="between the parts where `from` names several headers")
    optional: bool = Field(False, description="the file may lack this column")
    required: bool | None = Field(None, description="the record is quarantined where this is empty")
    null_words: tuple[str, ...] = ()
    replace: dict[str, str] = Field({}, description="pieces of text → others, before all else; longest first")
    extract: str | None = Field(None, description="regular expression; its first group is the value")
    matches: str | None = Field(None, description="regular expression that the whole value must fit")
    values: dict[str, str] = Field({}, description="the file's word → ours, whatever its case")
    other: Literal["refused", "empty", "kept"] = Field(
        "refused", description="a word that `values` does not name or `extract` finds nothing in"
    )
    case: Literal["upper", "lower", "title"] | None = Field(None, description="one spelling of Sales, SALES, sales")
    if_empty: str | None = Field(None, description="our word where the file has none")
    range: tuple[float, float] | None = None

    _words = field_validator("values", "replace", mode="before")(_as_words)
    _lists = field_validator("from_", "any_of", "first_of", "null_words", mode="before")(_list_of_words)

    @field_validator("extract", "matches", "file_name")
    @classmethod
    def _expressions(cls, value):
        if value is not None:
            _expression(value)
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        elsewhere = (self.constant is not None, self.file_name is not None, self.row_number)
        if sum((bool(self.from_), bool(self.any_of), bool(self.first_of), *elsewhere)) != 1:
            raise ValueError("give exactly one of from, any_of, first_of, file_name, constant, row_number")
        for key, pattern in (("extract", self.extract), ("file_name", self.file_name)):
            if pattern is not None and re.compile(pattern).groups != 1:
                raise ValueError(f"{key} needs one group: (…) around the part to keep; (?:…) for others")
        folded: dict[str, str] = {}
        for word, ours in self.values.items():
            if folded.setdefault(squeezed(word).casefold(), ours) != ours:
                raise ValueError(f"values: {word!r} stands for two different words of ours")
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers this may be read from."""
        return tuple(map(squeezed, self.from_ or self.any_of or self.first_of))


class Column(Reading):
    """How one field is read."""

    formats: tuple[str, ...] = Field((), description="of dates and times, tried in this order")
    two_digit_years: Literal["past", "near"] | int = Field("near", description="or the pivot: below it 20yy")
    decimal_mark: Literal[".", ","] | None = None
    thousands_mark: Literal["", ",", ".", " ", "'"] | None = None
    strip: str = Field("", description="characters that are taken out of a number (% € $)")
    duration: Literal["h:m", "m:s"] | None = Field(
        None, description="minutes from 1h 30m, PT45M, 00:45; which of the two a colon separates"
    )
    times: float = Field(1.0, description="what a number is multiplied with (0.01 for per cent)")
    zero_pad: int = Field(0, ge=0, le=64, description="ids that lost their zeros get them back up to this length")
    namespace: str = Field("", description="of ids from another number space than the person ids")
    personal: Literal["pseudonymised"] | None = Field(None, description="a text that is hashed like an id")

    _more_lists = field_validator("formats", mode="before")(_as_list)

    @field_validator("formats")
    @classmethod
    def _formats_are_readable(cls, value):
        for written in value:
            if "%Z" in written and not written.endswith("%Z"):
                raise ValueError("%Z (a zone's name) can only stand at the end of a format")
            if written not in ("iso", "excel", "unix", "unix_ms"):
                try:
                    pl.Series(["x"]).str.to_datetime(written.removesuffix("%Z").rstrip() or "?", strict=False)
                    pl.Series(["x"]).str.to_date(written, strict=False)
                except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
                    told = f"{written!r} is no format that can be read (hours need minutes, %I needs %p)"
                    raise ValueError(told) from None
        return value


class Attribute(Column):
    """A further column, kept by name: a group, a flag, a numeric output. Personal ones hashed or in bands."""

    kind: Literal["text", "number", "flag", "date"] = "text"
    bands: tuple[float, ...] = Field((), description="lower limits; only the band is kept, never the number")
    contains: str | None = Field(None, description="a flag: is this one of the words in the cell")
    split: str = Field(";", min_length=1, description="what separates the words of a cell")

    @model_validator(mode="after")
    def _bands_of_numbers(self) -> Self:
        if self.bands and (self.kind not in ("number", "date") or list(self.bands) != sorted(set(self.bands))):
            raise ValueError("bands are rising limits of a number, or of the years of a date")
        if self.contains is not None and self.kind != "flag":
            raise ValueError("contains: makes a flag; declare kind: flag")
        if self.personal and self.kind != "text":
            raise ValueError("only a text can be pseudonymised; give a number bands")
        return self


class AnswerScale(Strict):
    """A response scale that items share: its range, and what its labels are worth in every language used."""

    range: tuple[float, float] = (1.0, 5.0)
    values: dict[str, str] = Field(default_factory=dict)
    no_answer: tuple[str, ...] = Field((), description="don't know, not applicable: asked, but no answer")

    _words = field_validator("values", mode="before")(_as_words)
    _lists = field_validator("no_answer", mode="before")(_list_of_words)


class Item(Reading):
    """One survey item: where it stands, which scale it belongs to, how its answers become 0–100."""

    scale: str
    answers: str = Field("", description="name of an answer scale; range and values here add to it")
    reverse: bool = False

    @model_validator(mode="after")
    def _an_answer_is_a_code(self) -> Self:
        given = [key for key in ("matches", "required", "if_empty", "case") if getattr(self, key) is not None]
        given += [key for key in ("constant", "file_name", "row_number") if key in told(self)]
        if given:
            raise ValueError(f"{', '.join(given)}: not for items; an answer is a code, a label or nothing")
        return self


class SetAside(Strict):
    """A declared rule by which a record does not count (a preview, an unfinished response, a line of totals)."""

    column: str | None = None
    line: str | None = Field(None, description="regular expression over the whole line, before it is split")
    equals: tuple[str, ...] = ()
    not_equals: tuple[str, ...] = ()
    matches: str | None = None
    empty: bool = False
    reason: str = Field(min_length=1)

    _lists = field_validator("equals", "not_equals", mode="before")(_list_of_words)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.column is None) == (self.line is None):
            raise ValueError("give a column, or line: with a regular expression")
        n_tests = sum((bool(self.equals), bool(self.not_equals), self.matches is not None, self.empty))
        if self.line is not None:
            _expression(self.line)
            if n_tests:
                raise ValueError("line: is the test; equals, matches and empty are of a column")
            return self
        if n_tests != 1:
            raise ValueError("give exactly one of equals, not_equals, matches, empty: true")
        if self.matches is not None:
            _expression(self.matches)
        return self


class Long(Strict):
    """A survey with one record per answer: which column tells the question and which the answer."""

    question: str
    answer: str
    other_questions: Literal["refused", "set_aside"] = "refused"


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
    given = told(column)
    is_dated = kind in ("date", "time", "birth_year")
    short_years = any(mark in one for one in column.formats for mark in ("%y", "%D", "%x"))
    does_something = {
        "decimal_mark": kind == "number" and column.duration is None,
        "thousands_mark": kind == "number" and column.duration is None,
        "duration": kind == "number",
        "times": kind == "number",
        "range": kind == "number",
        "strip": is_dated or (kind == "number" and column.duration is None),
        "formats": is_dated,
        "two_digit_years": is_dated and short_years,
        "zero_pad": kind in ("person", "id", "text"),
        "namespace": kind == "person" or column.personal is not None,
        "personal": kind in ("text", "id"),
        "case": kind in ("text", "id"),
        "separator": len(column.from_) > 1,
        "other": bool(column.values) or column.extract is not None or has_words,
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
    blank: Literal["erases", "keeps"] = "erases"
    absence: Literal["nothing", "ended"] = "nothing"
    key: tuple[str, ...] = Field((), description="fields that tell records apart; the table's own where empty")
    conflicts: Literal["refused", "first", "last"] = Field("refused", description="of records with an equal key")
    anonymous: bool = Field(False, description="a survey without a person; groups are columns of its own")
    # Where the fields stand
    columns: dict[str, Column]
    repeat: tuple[dict[str, Column], ...] = Field(
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

    _lists = field_validator("files", "key", "month_names", mode="before")(_as_list)

    @field_validator("files")
    @classmethod
    def _globs(cls, value):
        for glob in value:
            try:
                Path("a").match(glob)
            except ValueError:
                raise ValueError(f"{glob!r} is no pattern of file names") from None
        return value

    _word_lists = field_validator("null_words", "dropped", mode="before")(_list_of_words)

    @field_validator("delimiter", mode="before")
    @classmethod
    def _one_mark(cls, value):
        value = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "\\t": "\t"}.get(value, value)
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
        if self.absence == "ended" and self.delivery == "delta":
            raise ValueError("absence: ended cannot be told from a delta, which leaves out what did not change")
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
        turns = [set(block) for block in self.repeat] or [set()]
        given = set(self.columns) | set.intersection(*turns) | ({record.dated} if self.snapshot else set())
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
            if strange or column.other == "kept":
                told = ", ".join(strange) or "other: kept"
                raise ValueError(f"columns.{name}: {told} says nothing to the models; its words are {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _keys_have_an_effect(self) -> Self:
        """A key that would do nothing was meant to do something."""
        kinds = self.record.fields
        for name, column in self.all_columns:
            if idle := idle_keys(column, kinds[name], has_words=name in self.record.words):
                raise ValueError(f"columns.{name}: {', '.join(idle)} does nothing for a field of kind {kinds[name]}")
        for name, attribute in self.attributes.items():
            idle = idle_keys(attribute, attribute.kind)
            idle += ["split"] if attribute.contains is None and "split" in told(attribute) else []
            if idle:
                raise ValueError(f"attributes.{name}: {', '.join(idle)} does nothing for one of kind {attribute.kind}")
        if idle := self._idle_keys():
            raise ValueError(f"{', '.join(idle)}: does nothing here; take it away")
        return self

    def _idle_keys(self) -> list[str]:
        """Keys of the mapping itself that were given and would do nothing."""
        given = told(self)
        idle = ["blank (without delivery: delta)"] if "blank" in given and self.delivery != "delta" else []
        idle += [f"{key} (of hris only)" for key in ("rows", "absence") if key in given and self.source != "hris"]
        idle += [f"{key} (not of the format {self.format})" for key in OF_FORMATS.get(self.format, ()) if key in given]
        if self.long and self.key:
            idle.append("key (with long: an answer is known by response and item)")
        if self.snapshot and self.snapshot.fixed:
            idle += [f"snapshot.{key} (with fixed)" for key in ("formats", "day") if key in told(self.snapshot)]
        if self.format == "json" and any(rule.line for rule in self.set_aside):
            idle.append("set_aside.line (a JSON document has no lines)")
        return idle

    @model_validator(mode="after")
    def _turns_are_plain(self) -> Self:
        if self.repeat and (self.source == "survey" or self.attributes):
            raise ValueError("repeat: not for surveys (long: is for them), and not beside attributes")
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
        # A hash of several columns together (an id that the export has not) tells nothing about one of them.
        joined = {h for _, c in self.all_columns if c.personal and len(c.from_) > 1 for h in c.headers}
        joined -= {h for n, c in self.all_columns if self.record.fields[n] in PERSONAL for h in c.headers}
        both = sorted((self.personal_headers - joined) & self._clear_headers())
        if both:
            uses = {n for n, c in self.all_columns if {*c.headers} & set(both)}
            uses |= {n for n, a in self.attributes.items() if {*a.headers} & set(both)}
            told = f"{', '.join(both)} (in {', '.join(sorted(uses))})"
            raise ValueError(f"{told}: read as personal and in the clear; use the hashed field only")
        dropped = sorted({squeezed(name) for name in self.dropped} & (self.personal_headers | self._clear_headers()))
        if dropped:
            raise ValueError(f"{', '.join(dropped)}: both dropped and read; keep one")
        return self

    @property
    def all_columns(self) -> list[tuple[str, Column]]:
        """Field and column, those of every turn of `repeat` too."""
        return [*self.columns.items(), *(pair for block in self.repeat for pair in block.items())]

    @property
    def turns(self) -> list[Mapping]:
        """This mapping once per record that a record of the file holds."""
        return [self.model_copy(update={"columns": self.columns | block, "repeat": ()}) for block in self.repeat]

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
        return self.personal_headers | {squeezed(name) for name in self.dropped}

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


# --- documents ---------------------------------------------------------------------------------------------------


# Of these a mapping gives one: another is instead of it, not in addition.
ALTERNATIVES = (
    ("from", "any_of", "first_of", "file_name", "constant", "row_number"),
    ("column", "filename", "title", "fixed"),
)


def merged(base: Any, change: Any, path: tuple[str, ...] = ()) -> Any:
    """`base` with `change` laid over it: dictionaries key by key, null takes a key away, all else is replaced."""
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    result = dict(base)
    for key, value in change.items():
        group = next((group for group in ALTERNATIVES if key in group and _has_alternatives(path)), None)
        if value is None:
            result.pop(key, None)
        elif group:
            result = {other: there for other, there in result.items() if other not in group} | {key: value}
        else:
            result[key] = merged(result.get(key), value, (*path, str(key)))
    return result


def _has_alternatives(path: tuple[str, ...]) -> bool:
    """Where a field, an attribute, an item or the snapshot is described, not where one is named."""
    return path == ("snapshot",) or (len(path) == 2 and path[0] in ("columns", "attributes", "items"))


def mapping_from(document: Any, *, find: Callable[[str], dict] | None = None) -> Mapping:
    """The mapping that a document describes, `extends` and `vintages` worked out.

    Raises ValueError (pydantic's ValidationError or ConfigError) that names key and fault.
    """
    document = _extended(document, find or _built_in_document, seen=())
    if isinstance(document, dict) and "earlier" in document:
        raise ConfigError("earlier: versions of an export stand under `vintages`")
    if not isinstance(document, dict) or "vintages" not in document:
        return Mapping.model_validate(document)
    blocks = document["vintages"]
    if not isinstance(blocks, list) or not blocks or not all(isinstance(b, dict) and "vintage" in b for b in blocks):
        raise ConfigError("vintages: a list of blocks, oldest first, each with a name under `vintage`")
    names = [str(block["vintage"]) for block in blocks]
    if len(set(names)) != len(names):
        raise ConfigError("vintages: two blocks have the same name")
    current = {key: value for key, value in document.items() if key != "vintages"}
    chain = [current] if _says_where(current) else []
    for block in blocks:
        if "source" in block or "name" in block or "extends" in block:
            raise ConfigError(f"vintage {block['vintage']}: name, source and extends belong to the mapping")
        current = merged({key: value for key, value in current.items() if key != "since"}, block)
        chain.append(current)
    earlier: tuple[Mapping, ...] = ()
    for one in chain:
        newest = Mapping.model_validate(one)
        earlier, mapping = (newest, *earlier), newest.model_copy(update={"earlier": earlier})
    return mapping


def _says_where(document: dict) -> bool:
    """The part above `vintages` is an oldest vintage of its own where it can be read as a mapping."""
    try:
        Mapping.model_validate(document)
    except ValidationError:
        return False
    return True


def _extended(document: Any, find: Callable[[str], dict], *, seen: tuple[str, ...]) -> Any:
    if not isinstance(document, dict) or "extends" not in document:
        return document
    base_name = str(document["extends"])
    if base_name in seen:
        raise ConfigError(f"extends: {base_name} extends itself")
    base = _extended(find(base_name), find, seen=(*seen, base_name))
    return merged(base, {key: value for key, value in document.items() if key != "extends"})


def _built_in_document(name: str) -> dict:
    path = BUILT_IN / f"{name}.yml"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not path.exists():
        known = ", ".join(sorted(found.stem for found in BUILT_IN.glob("*.yml")))
        raise ConfigError(f"extends: no mapping {name!r}; built in are {known}")
    return load(path)


def load_mapping(path: Path, *, folder: Path | None = None) -> Mapping:
    """The mapping in `path`; it may extend those in `folder` and the built-in ones.

    Raises ConfigError that names file, key and fault.
    """

    def find(name: str) -> dict:
        for own in sorted(folder.glob("*.y*ml")) if folder else []:
            if own != path:
                document = load(own)
                if isinstance(document, dict) and document.get("name") == name:
                    return document
        return _built_in_document(name)

    try:
        return as_model(path, lambda: mapping_from(load(path), find=find))
    except ConfigError as error:
        raise error if str(error).startswith(str(path)) else ConfigError(f"{path}: {error}") from None


def load_mappings(folder: Path) -> list[Mapping]:
    """All mappings in force: the built-in ones, replaced and extended by those in `folder`.

    The customer's come first, so that they also win where the globs of two mappings fit the same file.
    """
    own: dict[str, Mapping] = {}
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else []:
        mapping = load_mapping(path, folder=folder)
        if mapping.name in own:
            raise ConfigError(f"{path}: the name {mapping.name} is taken by another mapping; rename one")
        own[mapping.name] = mapping
    return [*own.values(), *(mapping for mapping in built_in_mappings() if mapping.name not in own)]


def number_attributes(mappings: Iterable[Mapping]) -> set[str]:
    """The attributes of HR mappings that hold a number as it is, and so can be summed."""
    return {
        name
        for mapping in mappings
        for layout in mapping.versions
        if layout.source == "hris"
        for name, one in layout.attributes.items()
        if one.kind == "number" and not one.bands
    }


def survey_scales(mappings: Iterable[Mapping]) -> set[str]:
    """The scales that the items of the mappings belong to."""
    return {item.scale for mapping in mappings for layout in mapping.versions for item in layout.items.values()}


@cache
def built_in_mappings() -> tuple[Mapping, ...]:
    """The mappings beside this module, those with the most specific globs first."""
    found = map(load_mapping, sorted(BUILT_IN.glob("*.yml")))
    return tuple(sorted(found, key=lambda mapping: -max(map(len, mapping.files))))


def candidates(mappings: list[Mapping], source: str, file_name: str) -> list[Mapping]:
    """The mappings of `source` that a file of this name (below the source's folder) may be read with, best first.

    A file in a sub-folder that has a mapping's name is read with that mapping; else the globs decide.
    """
    folder, _, _ = file_name.rpartition("/")
    named = [m for m in mappings if m.source == source and folder.split("/")[0] == m.name]
    if named:
        return named
    path = Path(file_name)
    return [m for m in mappings if m.source == source and any(path.match(glob) for glob in m.files)]

"""How one column is read: fields, attributes, survey items, and rules that set records aside."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from ingest.mapping.headers import normalise_name
from study.strict_yaml import Strict


def compile_expression(pattern: str) -> re.Pattern:
    """A regular expression that Python and polars both read. polars matches in linear time, so it does the matching."""
    try:
        compiled = re.compile(pattern)
        pl.Series([""]).str.contains(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    except pl.exceptions.ComputeError:
        raise ValueError("look-around and back references are not available here") from None
    return compiled


def as_list(value):
    """A scalar as a tuple of one, a list as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str | int | float) else tuple(value) if isinstance(value, list) else value


def _as_word(scalar) -> str:
    """YAML's plain scalar as the word that a file would hold (true, not True)."""
    if not isinstance(scalar, str | int | float):
        raise ValueError(f"{str(scalar)[:40]!r} is no single word")
    return str(scalar).lower() if isinstance(scalar, bool) else str(scalar)


def _as_words(value):
    if isinstance(value, dict):
        return {_as_word(key): _as_word(scalar) for key, scalar in value.items()}
    return value


def as_list_of_words(value):
    """The same, each entry as the word that a file would hold."""
    return tuple(map(_as_word, as_list(value))) if isinstance(as_list(value), tuple) else value


Words = Annotated[tuple[str, ...], Field(default=())]


def given_keys(model: Strict) -> set[str]:
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
    day: Literal["first", "last"] = Field("first", description="of the month, where only the month is given")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if sum(value is not None for value in (self.column, self.filename, self.title, self.fixed)) != 1:
            raise ValueError("give exactly one of column, filename, title, fixed")
        if (pattern := self.filename or self.title) is not None:
            groups = set(compile_expression(pattern).groupindex)
            if not ({"year", "month"} <= groups or "date" in groups):
                raise ValueError("the expression needs the named groups (?P<year>…) and (?P<month>…), or (?P<date>…)")
            unknown = groups - {"year", "month", "day", "date", "part", "version"}
            if unknown:
                raise ValueError(f"unknown group {', '.join(sorted(unknown))}")
        return self

    _lists = field_validator("formats", mode="before")(as_list)


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
    on_unmapped: Literal["refused", "empty", "kept"] = Field(
        "refused", description="a word that `values` does not name or `extract` finds nothing in"
    )
    case: Literal["upper", "lower", "title"] | None = Field(None, description="one spelling of Sales, SALES, sales")
    if_empty: str | None = Field(None, description="our word where the file has none")
    range: tuple[float, float] | None = None

    _words = field_validator("values", "replace", mode="before")(_as_words)
    _lists = field_validator("from_", "any_of", "first_of", "null_words", mode="before")(as_list_of_words)

    @field_validator("extract", "matches", "file_name")
    @classmethod
    def _expressions(cls, value):
        if value is not None:
            compile_expression(value)
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
            if folded.setdefault(normalise_name(word).casefold(), ours) != ours:
                raise ValueError(f"values: {word!r} stands for two different words of ours")
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers this may be read from."""
        return tuple(map(normalise_name, self.from_ or self.any_of or self.first_of))


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
    multiply_by: float = Field(1.0, description="what a number is multiplied with (0.01 for per cent)")
    zero_pad: int = Field(0, ge=0, le=64, description="ids that lost their zeros get them back up to this length")
    namespace: str = Field("", description="of ids from another number space than the person ids")
    personal: Literal["pseudonymised"] | None = Field(None, description="a text that is hashed like an id")

    _more_lists = field_validator("formats", mode="before")(as_list)

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
                    reason = f"{written!r} is no format that can be read (hours need minutes, %I needs %p)"
                    raise ValueError(reason) from None
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
    _lists = field_validator("no_answer", mode="before")(as_list_of_words)


class Item(Reading):
    """One survey item: where it stands, which scale it belongs to, how its answers become 0–100."""

    scale: str
    answers: str = Field("", description="name of an answer scale; range and values here add to it")
    reverse: bool = False

    @model_validator(mode="after")
    def _an_answer_is_a_code(self) -> Self:
        given = [key for key in ("matches", "required", "if_empty", "case") if getattr(self, key) is not None]
        given += [key for key in ("constant", "file_name", "row_number") if key in given_keys(self)]
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

    _lists = field_validator("equals", "not_equals", mode="before")(as_list_of_words)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.column is None) == (self.line is None):
            raise ValueError("give a column, or line: with a regular expression")
        n_tests = sum((bool(self.equals), bool(self.not_equals), self.matches is not None, self.empty))
        if self.line is not None:
            compile_expression(self.line)
            if n_tests:
                raise ValueError("line: is the test; equals, matches and empty are of a column")
            return self
        if n_tests != 1:
            raise ValueError("give exactly one of equals, not_equals, matches, empty: true")
        if self.matches is not None:
            compile_expression(self.matches)
        return self


class Long(Strict):
    """A survey with one record per answer: which column holds the question and which the answer."""

    question: str
    answer: str
    other_questions: Literal["refused", "set_aside"] = "refused"

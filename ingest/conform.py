"""Text records → typed, pseudonymised rows, by declaration; what does not fit is quarantined with its reason.

Pure functions over one batch: no files, no database. Records in = rows out + quarantined, for every batch.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from ingest.pseudonyms import Pseudonyms
from ingest.read import Batch, Fault, FileRefused
from ingest.spec import Column, Item, Mapping
from ingest.tables import ANSWERS, PERSONAL, QUARANTINE, RECORD_TABLES, RawTable

WITHHELD = "withheld"  # stands for a personal value wherever one could be seen
PLAUSIBLE = (date(1900, 1, 1), date(2199, 12, 31))
MAX_TEXT = 2_000  # characters; survey comments and the like are not loaded at all
INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"  # stripped with the spaces: they make two of one id
COMMA_NUMBER = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$"
NUMBER = r"^[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d{1,3})?$"


@dataclass
class Conformed:
    """One batch, sorted: rows by raw table, and the quarantine."""

    tables: dict[str, pl.DataFrame]
    quarantine: pl.DataFrame


@dataclass
class _Verdicts:
    """The first rule that each record broke."""

    n: int
    rule: pl.Series = field(init=False)
    kind: pl.Series = field(init=False)
    column: pl.Series = field(init=False)
    expected: pl.Series = field(init=False)

    def __post_init__(self):
        empty = pl.Series([None], dtype=pl.String).new_from_index(0, self.n)
        self.rule = self.kind = self.column = self.expected = empty

    def add(self, broken: pl.Series, *, kind: str, rule: str, column: str, expected: str) -> None:
        if not broken.any():
            return
        free = broken.fill_null(False) & self.rule.is_null()
        for name, word in (("rule", rule), ("kind", kind), ("column", column), ("expected", expected)):
            old = getattr(self, name)
            setattr(self, name, pl.select(pl.when(free).then(pl.lit(word)).otherwise(old)).to_series())


def conform(batch: Batch, mapping: Mapping, pseudonyms: Pseudonyms, *, load_id: str, dated: date | None) -> Conformed:
    """Rows and quarantine of one batch. `dated` is the snapshot's or the launch's date where a file has just one."""
    table = RECORD_TABLES[mapping.source]
    frame = batch.frame
    verdicts = _Verdicts(frame.height)
    for rule in mapping.set_aside:
        said = frame[rule.column].str.strip_chars().str.to_lowercase()
        broken = said.is_in([word.lower() for word in rule.equals])
        verdicts.add(broken, kind="set_aside", rule="set_aside", column=rule.column, expected=rule.reason)

    dates = _dated(batch, mapping, dated, verdicts)
    columns = {"load_id": pl.Series([load_id], dtype=pl.String).new_from_index(0, frame.height), "line": frame["line"]}
    for name, kind in table.fields.items():
        if mapping.snapshot and name == mapping.dated_field:
            columns[name] = dates
        elif name in mapping.columns:
            columns[name] = _field(batch, name, kind, mapping, pseudonyms, dates, verdicts)
        else:
            columns[name] = pl.Series([None], dtype=table.schema[name]).new_from_index(0, frame.height)
    answers = {name: _answer(batch, name, item, mapping, verdicts) for name, item in mapping.items.items()}

    good = verdicts.rule.is_null()
    rows = pl.DataFrame([series.alias(name) for name, series in columns.items()], schema_overrides=table.schema)
    tables = {table.name: rows.filter(good)}
    if mapping.source == "survey":
        tables[ANSWERS.name] = _answer_rows(rows, answers, mapping, good)
    return Conformed(tables, _quarantine(batch, mapping, table, verdicts, load_id))


# --- one field ---------------------------------------------------------------------------------------------------


def _text(frame: pl.DataFrame, column: Column, mapping: Mapping) -> pl.Series:
    """The field's words: trimmed, null words made null, several headers joined by a space."""
    if column.constant is not None:
        return pl.Series([column.constant]).new_from_index(0, frame.height)
    present = [header for header in column.headers if header in frame.columns]
    if not present:
        return pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
    null_words = [*mapping.null_words, *column.null_words, ""]
    parts = [_cleaned(frame[header]).alias(str(index)) for index, header in enumerate(present)]
    # Null words are null in each part: two unknown halves of a name are no name.
    named = (pl.when(pl.col(part.name).is_in(null_words)).then(None).otherwise(pl.col(part.name)) for part in parts)
    joined = pl.concat_str(list(named), separator=" ", ignore_nulls=True)
    return pl.DataFrame(parts).select(pl.when(joined != "").then(joined)).to_series()


def _cleaned(words: pl.Series) -> pl.Series:
    """Composed (NFC), without spaces and invisible marks at the ends."""
    return words.str.normalize("NFC").str.replace_all(f"[{INVISIBLE}]", "").str.strip_chars()


def _field(batch, name, kind, mapping, pseudonyms, dates, verdicts) -> pl.Series:
    column = mapping.columns[name]
    table = RECORD_TABLES[mapping.source]
    text = _text(batch.frame, column, mapping)
    must = column.required if column.required is not None else name in table.required

    def broken(mask: pl.Series, rule: str, expected: str) -> None:
        verdicts.add(mask, kind="faulty", rule=rule, column=" + ".join(column.headers), expected=expected)

    if must:
        broken(text.is_null(), "required", f"a value for {name}")
    if column.values:
        mapped = text.replace_strict(column.values, default=None, return_dtype=pl.String)
        broken(text.is_not_null() & mapped.is_null(), "unknown_value", f"one of {', '.join(column.values)}")
        text = mapped
    if kind in ("person", "name", "email"):
        return _hashed(text, pseudonyms, form="id" if kind == "person" else kind, namespace=column.namespace)
    if kind in ("date", "birth_year"):
        value = _date(text, column, dates, is_workbook=batch.kind == "xlsx")
        outside = (value < PLAUSIBLE[0]) | (value > PLAUSIBLE[1])
        formats = " or ".join(column.formats or ("%Y-%m-%d",))
        if kind == "birth_year":
            outside = outside | (value > dates).fill_null(False)
        broken(text.is_not_null() & (value.is_null() | outside), "bad_date", f"a date written {formats}")
        return value.dt.year() if kind == "birth_year" else value
    if kind == "time":
        value = _time(text, column, mapping.time_zone, is_workbook=batch.kind == "xlsx")
        broken(
            text.is_not_null() & (value.is_null() | ~value.dt.date().is_between(*PLAUSIBLE)),
            "bad_time",
            f"a time that exists in {mapping.time_zone}",
        )
        return value
    if kind == "number":
        mark = _decimal_mark(batch, mapping)
        value = _number(text, mark)
        broken(text.is_not_null() & value.is_null(), "bad_number", f"a number with decimal {mark}")
        _check_range(value, column.range, broken)
        return value
    broken(text.str.len_chars() > MAX_TEXT, "too_long", f"at most {MAX_TEXT} characters")
    return text


def _check_range(value: pl.Series, limits: tuple[float, float] | None, broken) -> None:
    if limits:
        low, high = limits
        broken((value < low) | (value > high), "out_of_range", f"{low:g} to {high:g}")


def _hashed(text: pl.Series, pseudonyms: Pseudonyms, *, form: str, namespace: str) -> pl.Series:
    words = text.drop_nulls().unique()
    hashes = [pseudonyms.hash(word, form=form, namespace=namespace) for word in words]
    return text.replace_strict(words, hashes, default=None, return_dtype=pl.String)


def _tried(text: pl.Series, attempts: list[pl.Expr]) -> pl.Series:
    return text.alias("").to_frame().select(pl.coalesce(attempts)).to_series()


def _date(text: pl.Series, column: Column, dates: pl.Series | None, *, is_workbook: bool) -> pl.Series:
    """The first declared format that fits. Two-digit years that land after the file's date may be declared past."""
    formats = list(column.formats or ("%Y-%m-%d",))
    if is_workbook:  # a real date cell arrives as ISO text, whatever the column's written format
        formats += ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S"]
    attempts = []
    for pattern in formats:
        value = pl.col("").str.to_date(pattern, strict=False, exact=True)
        if "%y" in pattern and column.two_digit_years == "past" and dates is not None:
            value = pl.when(value > dates).then(value.dt.offset_by("-100y")).otherwise(value)
        attempts.append(value)
    return _tried(text, attempts)


def _time(text: pl.Series, column: Column, zone: str, *, is_workbook: bool) -> pl.Series:
    """UTC. Times without an offset are local to `zone`; one that does not exist there, or exists twice, is null."""
    formats = list(column.formats or ("%Y-%m-%d %H:%M:%S",)) + (["%Y-%m-%d %H:%M:%S"] if is_workbook else [])
    attempts = []
    for pattern in formats:
        value = pl.col("").str.to_datetime(pattern, strict=False, time_unit="us")
        if "%z" in pattern:
            attempts.append(value.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
        else:
            local = value.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
            attempts.append(local.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
    return _tried(text, attempts)


def _decimal_mark(batch: Batch, mapping: Mapping) -> str:
    """Workbooks and JSON write numbers with a point, whatever the sender's country."""
    return mapping.decimal_mark if batch.kind == "csv" else "."


def _number(text: pl.Series, decimal_mark: str) -> pl.Series:
    if decimal_mark == ",":  # points may only group thousands: 1.5 is no number here, and must not become 15
        text = pl.select(pl.when(text.str.contains(COMMA_NUMBER)).then(text)).to_series()
        text = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    value = pl.select(pl.when(text.str.contains(NUMBER)).then(text)).to_series().cast(pl.Float64, strict=False)
    return pl.select(pl.when(value.is_finite()).then(value)).to_series()


def _dated(batch: Batch, mapping: Mapping, dated: date | None, verdicts: _Verdicts) -> pl.Series:
    snapshot = mapping.snapshot
    if snapshot is None or snapshot.column is None:
        return pl.Series([dated], dtype=pl.Date).new_from_index(0, batch.frame.height)
    column = Column.model_validate({"from": snapshot.column, "formats": snapshot.formats})
    value = _date(_text(batch.frame, column, mapping), column, None, is_workbook=batch.kind == "xlsx")
    verdicts.add(
        value.is_null() | ~value.is_between(*PLAUSIBLE).fill_null(True),
        kind="faulty",
        rule="bad_date",
        column=snapshot.column,
        expected=f"a snapshot date written {' or '.join(snapshot.formats)}",
    )
    return value


def file_date(file_name: str, mapping: Mapping) -> date | None:
    """The date a whole file speaks about, by its name or by declaration. Raises FileRefused."""
    snapshot = mapping.snapshot
    if snapshot is None or snapshot.column is not None:
        return None
    if snapshot.fixed is not None:
        return snapshot.fixed
    found = re.search(snapshot.filename, file_name)
    try:
        parts = {name: int(number) for name, number in found.groupdict().items() if number}
        found_date = date(parts["year"], parts["month"], parts.get("day", 1))
        if not PLAUSIBLE[0] <= found_date <= PLAUSIBLE[1]:
            raise ValueError
        return found_date
    except (AttributeError, ValueError, KeyError):
        raise FileRefused(
            f"no date in the file's name; the mapping {mapping.name} expects {snapshot.filename}"
        ) from None


# --- survey items ------------------------------------------------------------------------------------------------


def _answer(batch: Batch, name: str, item: Item, mapping: Mapping, verdicts: _Verdicts) -> pl.Series:
    column = Column.model_validate({"from": item.from_, "optional": item.optional})
    text = _text(batch.frame, column, mapping)
    if item.values:
        # Exports with codes and exports with words give the same answer: a code passes, a word is translated.
        text = text.replace(item.values)
    value = _number(text, _decimal_mark(batch, mapping))

    def broken(mask: pl.Series, rule: str, expected: str) -> None:
        verdicts.add(mask, kind="faulty", rule=rule, column=item.from_, expected=expected)

    broken(text.is_not_null() & value.is_null(), "bad_number", f"an answer code for {name}")
    _check_range(value, item.range, broken)
    return value


def _answer_rows(rows: pl.DataFrame, answers: dict[str, pl.Series], mapping: Mapping, good: pl.Series) -> pl.DataFrame:
    parts = [
        rows.select("load_id", "line", "response_id")
        .with_columns(
            pl.lit(name).alias("item"),
            pl.lit(mapping.items[name].scale).alias("scale"),
            values.alias("answer"),
            pl.lit(mapping.items[name].range[0]).alias("lowest"),
            pl.lit(mapping.items[name].range[1]).alias("highest"),
            pl.lit(mapping.items[name].reverse).alias("is_reversed"),
        )
        .filter(good & values.is_not_null())
        for name, values in answers.items()
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=ANSWERS.schema)


# --- quarantine --------------------------------------------------------------------------------------------------


def _personal_headers(mapping: Mapping, table: RawTable) -> set[str]:
    return {
        header
        for name, column in mapping.columns.items()
        for header in column.headers
        if table.fields[name] in PERSONAL
    }


def _masked(record: dict[str, str | None], personal: set[str]) -> str:
    shown = {
        name: (WITHHELD if name in personal and value else (value or "")[:200])
        for name, value in record.items()
        if name != "line"
    }
    return json.dumps(shown, ensure_ascii=False, sort_keys=True)


def _quarantine(batch: Batch, mapping: Mapping, table: RawTable, verdicts: _Verdicts, load_id: str) -> pl.DataFrame:
    personal = _personal_headers(mapping, table)
    rows = []
    for index in verdicts.rule.is_not_null().arg_true():
        fault = Fault(
            line=batch.frame["line"][index],
            rule=verdicts.rule[index],
            column=verdicts.column[index],
            expected=verdicts.expected[index],
            record=batch.frame.row(index, named=True),
        )
        rows.append((fault, verdicts.kind[index]))
    # A record of the wrong shape cannot be trusted to have its columns in place: all of it is withheld.
    rows += [(fault, "faulty") for fault in batch.faults]
    shapeless = set(batch.frame.columns)
    return pl.DataFrame(
        [
            (
                load_id,
                mapping.source,
                fault.line,
                kind,
                fault.rule,
                fault.column,
                fault.expected[:500],
                _masked(fault.record, shapeless if fault.rule == "field_count" else personal),
            )
            for fault, kind in rows
        ],
        schema=QUARANTINE,
        orient="row",
    )

"""Text records → typed, pseudonymised rows, by declaration; what does not fit is quarantined with its reason.

Pure functions over one batch: no files, no database. Records in = rows out + quarantined, for every batch.
"""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

import polars as pl

from ingest.cast import (
    FLAGS,
    PLAUSIBLE,
    cleaned,
    english_months,
    number_marks,
    to_date,
    to_minutes,
    to_number,
    to_time,
)
from ingest.pseudonyms import Pseudonyms
from ingest.read import Batch, Fault, FileRefused
from ingest.spec import AnswerScale, Attribute, Column, Item, Mapping, Reading, SnapshotDate, squeezed
from ingest.tables import ANSWERS, ATTRIBUTES, IDENTIFYING, QUARANTINE, RawTable

# 1.23457E+11: what a spreadsheet leaves of a long id
DAY_MARKS = ("%d", "%e", "%j", "%D", "%F", "%x", "%v", "excel", "unix")  # of formats that say the day
SCIENTIFIC = r"^[0-9]([.,][0-9]+)?[eE]\+[0-9]+$|^[0-9][.,][0-9]+[eE][0-9]+$"
UNFIT_ANSWER = "answer outside its scale"
UNFIT_ATTRIBUTE = "attribute that does not fit its mapping"
WITHHELD = "withheld"  # stands for a personal value wherever one could be seen
MAX_TEXT = 2_000  # characters; survey comments and the like are not loaded at all
MAX_EXPECTED = 500
MAX_SHAPES = 20


@dataclass
class Conformed:
    """One batch, sorted: rows by raw table, the quarantine, what is wrong with single values of rows that were kept
    (`issues`: line, issue, resolution), per item how many answers were given and how many of them are none of its
    scale, and what the ids of the people look like (`id_shapes`: shape, n_ids, n_leading_zero)."""

    tables: dict[str, pl.DataFrame]
    quarantine: pl.DataFrame
    n_records: int
    issues: pl.DataFrame
    answers: dict[str, tuple[int, int]]
    id_shapes: pl.DataFrame


class _Verdicts:
    """The first rule that each record broke: an index into `rules`, -1 where none is broken."""

    def __init__(self, n: int):
        self.rules: list[tuple[str, str, str, str]] = []
        self.broken = pl.repeat(-1, n, dtype=pl.Int32, eager=True)

    def add(self, mask: pl.Series, *, kind: str, rule: str, column: str, expected: str) -> None:
        if not mask.any():
            return
        free = mask.fill_null(False) & (self.broken < 0)
        self.broken = pl.select(pl.when(free).then(len(self.rules)).otherwise(self.broken)).to_series()
        self.rules.append((kind, rule, column, expected[:MAX_EXPECTED]))

    @property
    def good(self) -> pl.Series:
        return self.broken < 0


@dataclass
class _Work:
    """What every step of one batch needs."""

    batch: Batch
    mapping: Mapping
    pseudonyms: Pseudonyms
    verdicts: _Verdicts
    dates: pl.Series
    file_name: str
    masked: set[str]
    load_id: str = ""
    dropped: list[tuple[pl.Series, str, str]] = field(default_factory=list)  # values: where, issue, resolution
    answers: dict[str, tuple[int, int]] = field(default_factory=dict)
    ids: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))

    @property
    def n(self) -> int:
        return self.batch.frame.height

    @property
    def is_workbook(self) -> bool:
        return self.batch.kind == "xlsx"

    def judge(self, reading: Reading) -> Callable[[pl.Series, str, str], None]:
        """Records a broken rule of the column that `reading` is read from."""
        name = " + ".join(reading.headers)

        def broken(mask: pl.Series, rule: str, expected: str) -> None:
            self.verdicts.add(mask, kind="faulty", rule=rule, column=name, expected=expected)

        return broken


class _Doubts:
    """Which values of one column do not fit: the value is dropped, and its record stays."""

    def __init__(self, n: int):
        self.mask = pl.repeat(False, n, dtype=pl.Boolean, eager=True)

    def __call__(self, mask: pl.Series, rule: str, expected: str) -> None:
        self.mask = self.mask | mask.fill_null(False)


def conform(
    batch: Batch,
    mapping: Mapping,
    pseudonyms: Pseudonyms,
    *,
    load_id: str,
    dated: date | None,
    file_name: str = "",
    masked: set[str] | None = None,
) -> Conformed:
    """Rows and quarantine of one batch, without their load id and without the fields that the mapping does not give.

    `dated` is the snapshot's or the launch's date where a file has just one. A record that holds several (`repeat`)
    counts as so many.
    """
    masked = mapping.masked_headers if masked is None else masked
    if mapping.repeat:
        facts = {"load_id": load_id, "dated": dated, "file_name": file_name, "masked": masked}
        return _turn_by_turn(batch, mapping, pseudonyms, **facts)
    table = mapping.record
    frame = batch.frame
    verdicts = _Verdicts(frame.height)
    _set_aside(batch, mapping, verdicts)
    work = _Work(
        batch, mapping, pseudonyms, verdicts, _dated(batch, mapping, dated, verdicts), file_name, masked, load_id
    )
    columns = {"line": frame["line"]}
    for name, kind in table.fields.items():
        if mapping.snapshot and name == table.dated:
            columns[name] = work.dates
        elif name in mapping.columns:
            columns[name] = _field(work, name, kind)
    if mapping.anonymous and "response_id" not in mapping.columns:
        columns["response_id"] = pl.select(pl.format("{}-{}", pl.lit(load_id[:16]), frame["line"])).to_series()
    _one_of(columns, table, verdicts)
    _required_where(work, columns)
    attributes = {name: _attribute(work, attribute) for name, attribute in mapping.attributes.items()}
    answers = _long_answers(work) if mapping.long else _wide_answers(work)

    good = verdicts.good
    rows = pl.DataFrame([series.alias(name) for name, series in columns.items()])
    kept = rows if good.all() else rows.filter(good)
    tables = {table.name: kept}
    if mapping.source == "survey":
        tables[ANSWERS.name] = _answer_rows(kept, answers, good)
    if attributes:
        tables[ATTRIBUTES[mapping.source].name] = _attribute_rows(kept, attributes, good)
    return Conformed(
        tables,
        _quarantine(work),
        frame.height + len(batch.faults),
        _issues(work, good),
        dict(work.answers),
        shapes_of(work.ids),
    )


def shapes_of(ids: pl.Series) -> pl.DataFrame:
    """How many ids of each shape there are (a digit as 9, a letter as a), and how many begin with a zero."""
    return (
        ids.alias("id")
        .to_frame()
        .group_by(shape=pl.col("id").str.replace_all(r"\p{L}", "a").str.replace_all(r"\p{Nd}", "9").str.head(40))
        .agg(
            n_ids=pl.len().cast(pl.Int64),
            n_leading_zero=pl.col("id").str.starts_with("0").sum().cast(pl.Int64),
        )
        .sort("n_ids", "shape", descending=[True, False])
        .head(MAX_SHAPES)
    )


def _issues(work: _Work, good: pl.Series) -> pl.DataFrame:
    """One row per dropped value of a record that was kept."""
    lines = work.batch.frame["line"]
    found = [
        pl.DataFrame({"line": lines.filter(mask & good)}).with_columns(
            pl.lit(issue).alias("issue"), pl.lit(resolution).alias("resolution")
        )
        for mask, issue, resolution in work.dropped
    ]
    empty = pl.DataFrame(schema={"line": lines.dtype, "issue": pl.String, "resolution": pl.String})
    return pl.concat([empty, *found])


def _turn_by_turn(batch: Batch, mapping: Mapping, pseudonyms: Pseudonyms, **facts) -> Conformed:
    """Each turn of `repeat` as if it were a file of its own; a turn that nobody filled in is set aside."""
    parts = []
    for turn, (one, block) in enumerate(zip(mapping.turns, mapping.repeat, strict=True), start=1):
        # What other turns read too (the person, the day) does not fill this one.
        elsewhere = [
            *mapping.columns.values(),
            *(c for other in mapping.repeat if other is not block for c in other.values()),
        ]
        shared = {h for column in elsewhere for h in column.headers}
        own = dict.fromkeys(h for column in block.values() for h in column.headers)
        headers = [h for h in own if h in batch.frame.columns and h not in shared]
        nothing = [fold_case(word) for word in (*mapping.null_words, "")]
        filled = pl.any_horizontal(
            ~pl.col(h).fill_null("").str.strip_chars().str.to_lowercase().is_in(nothing) for h in headers
        )
        is_filled = batch.frame.select(filled.alias("filled"))["filled"] if headers else None
        faults = batch.faults if turn == 1 else []
        if is_filled is not None and not is_filled.all():
            faults = faults + [
                Fault(
                    line, "empty_turn", " + ".join(headers), f"turn {turn} of the record holds nothing", {}, "set_aside"
                )
                for line in batch.frame["line"].filter(~is_filled)
            ]
        frame = batch.frame if is_filled is None else batch.frame.filter(is_filled)
        parts.append(conform(Batch(frame, faults, batch.kind), one, pseudonyms, **facts))
    tables = {name: pl.concat([p.tables[name] for p in parts], how="diagonal") for name in parts[0].tables}
    return Conformed(
        tables,
        pl.concat([p.quarantine for p in parts]),
        sum(p.n_records for p in parts),
        pl.concat([p.issues for p in parts]),
        {},
        parts[0].id_shapes,
    )


def _repeated(value, kind, n: int) -> pl.Series:
    return pl.Series([value], dtype=kind).new_from_index(0, n)


# --- records -----------------------------------------------------------------------------------------------------


def _set_aside(batch: Batch, mapping: Mapping, verdicts: _Verdicts) -> None:
    for rule in mapping.set_aside:
        if rule.column is None:  # judged before the line was split
            continue
        said = cleaned(batch.frame[squeezed(rule.column)])
        folded = said.str.to_lowercase()
        if rule.empty:
            mask = said.fill_null("") == ""
        elif rule.matches is not None:
            mask = said.str.contains(rule.matches).fill_null(False)
        elif rule.equals:
            mask = folded.is_in([word.lower() for word in rule.equals])
        else:
            mask = ~folded.fill_null("").is_in([word.lower() for word in rule.not_equals])
        verdicts.add(mask, kind="set_aside", rule="set_aside", column=squeezed(rule.column), expected=rule.reason)


def _one_of(columns: dict[str, pl.Series], table: RawTable, verdicts: _Verdicts) -> None:
    for group in table.one_of:
        given = [columns[name].is_null() for name in group if name in columns]
        empty = pl.select(pl.all_horizontal(given)).to_series()
        verdicts.add(empty, kind="faulty", rule="required", column="", expected=f"a value for {' or '.join(group)}")


def _required_where(work: _Work, columns: dict[str, pl.Series]) -> None:
    for name, (other, word) in work.mapping.record.required_where.items():
        if other not in columns:
            continue
        missing = columns[other] == word
        if name in columns:
            missing = missing & columns[name].is_null()
        header = " + ".join(work.mapping.columns[name].headers) if name in work.mapping.columns else ""
        expected = f"a value for {name} where {other} is {word}"
        work.verdicts.add(missing, kind="faulty", rule="required", column=header, expected=expected)


def _dated(batch: Batch, mapping: Mapping, dated: date | None, verdicts: _Verdicts) -> pl.Series:
    snapshot = mapping.snapshot
    if snapshot is None or snapshot.column is None:
        return _repeated(dated, pl.Date, batch.frame.height)
    column = Column.model_validate({"from": snapshot.column, "formats": list(snapshot.formats)})
    words = english_months(_words(batch, column, mapping), mapping.month_names)
    value = _snapshot_days(words, snapshot, zone=mapping.time_zone, is_workbook=batch.kind == "xlsx")
    verdicts.add(
        value.is_null() | ~value.is_between(*PLAUSIBLE).fill_null(True),
        kind="faulty",
        rule="bad_date",
        column=squeezed(snapshot.column),
        expected=f"a snapshot date written {' or '.join(snapshot.formats)}",
    )
    return value


def _snapshot_days(words: pl.Series, snapshot: SnapshotDate, *, zone: str, is_workbook: bool) -> pl.Series:
    """Dates by the snapshot's formats; of those that say a month only, its first or last day."""
    months = [one for one in snapshot.formats if one != "iso" and not any(mark in one for mark in DAY_MARKS)]
    days = [one for one in snapshot.formats if one not in months]

    def read(formats: list[str], *, is_workbook: bool) -> pl.Series:
        column = Column.model_validate({"from": "date", "formats": formats})
        return to_date(words, column, newest=None, is_workbook=is_workbook, zone=zone)

    nothing = pl.Series([None], dtype=pl.Date).new_from_index(0, len(words))
    whole = read(days, is_workbook=is_workbook) if days or is_workbook else nothing
    of_month = read(months, is_workbook=False) if months else nothing
    if snapshot.day == "last":
        of_month = of_month.dt.month_end()
    return pl.select(pl.coalesce(whole, of_month)).to_series()


@dataclass(frozen=True)
class FileFacts:
    """What a file's name says, or its mapping: the day it speaks about, which part of a delivery it is, its version."""

    day: date | None = None
    part: str = ""
    version: int = 0


def file_facts(file_name: str, mapping: Mapping, *, title: str | None = None) -> FileFacts:
    """Day, part and version of a whole file, from its name or from the lines above its header (`title`).

    Nothing is known before a file with a date in its title was opened (title None). Raises FileRefused where there is
    no date where it should be.
    """
    snapshot = mapping.snapshot
    if snapshot is None or snapshot.column is not None or (snapshot.title is not None and title is None):
        return FileFacts()
    if snapshot.fixed is not None:
        return FileFacts(snapshot.fixed)
    pattern = snapshot.filename or snapshot.title
    groups = re.compile(pattern).groupindex
    text = pl.Series([file_name if snapshot.filename else title])
    parts = {name: text.str.extract(pattern, place)[0] for name, place in groups.items()}
    try:
        if int(parts.get("version") or 0) >= 10**9:
            raise ValueError
        day = _day_in_name(parts, mapping)
        if not PLAUSIBLE[0] <= day <= PLAUSIBLE[1]:
            raise ValueError
        return FileFacts(day, parts.get("part") or "", int(parts.get("version") or 0))
    except (TypeError, ValueError, KeyError):
        where = "file's name" if snapshot.filename else "lines above the header (skip_rows)"
        raise FileRefused(f"no date in the {where}; the mapping {mapping.name} expects {pattern}") from None


def _day_in_name(parts: dict[str, str | None], mapping: Mapping) -> date:
    snapshot = mapping.snapshot
    if parts.get("date"):
        words = english_months(pl.Series([parts["date"]]), mapping.month_names)
        day = _snapshot_days(words, snapshot, zone=mapping.time_zone, is_workbook=False)[0]
        if day is None:
            raise ValueError
        return day
    year, month = int(parts["year"]), int(parts["month"])
    last = calendar.monthrange(year, month)[1] if snapshot.day == "last" else 1
    return date(year, month, int(parts.get("day") or last))


# --- one field ---------------------------------------------------------------------------------------------------


def _words(
    batch: Batch, reading: Reading, mapping: Mapping, more_null_words: tuple[str, ...] = (), *, extracted: bool = True
) -> pl.Series:
    """The field's words: trimmed, replacements made, null words made null, several headers joined, a part taken out."""
    frame = batch.frame
    present = [header for header in reading.headers if header in frame.columns]
    # A table has a column or not; of JSON each record may have another one of the names.
    takes_first = reading.first_of or (reading.any_of and batch.kind in ("json", "jsonl"))
    if reading.any_of and not takes_first:
        present = present[:1]
    if not present:
        return _repeated(None, pl.String, frame.height)
    null_words = [fold_case(word) for word in (*mapping.null_words, *reading.null_words, *more_null_words, "")]
    parts = [cleaned(frame[header]).alias(str(index)) for index, header in enumerate(present)]
    if reading.replace:
        old, new = zip(*sorted(reading.replace.items(), key=lambda pair: -len(pair[0])), strict=True)
        parts = [part.str.replace_many(list(old), list(new), leftmost=True).str.strip_chars() for part in parts]
    # Null words are null in each part: two unknown halves of a name are no name.
    named = [
        pl.when(~pl.col(part.name).str.to_lowercase().is_in(null_words)).then(pl.col(part.name)).alias(part.name)
        for part in parts
    ]
    if takes_first:
        words = pl.DataFrame(parts).select(pl.coalesce(named)).to_series()
    elif len(named) > 1:
        # An id made of several parts keeps the places of those that are empty: 1 and A is not 1A and nothing.
        keeps_places = getattr(reading, "personal", None) is not None
        places = [part.fill_null("\x1f") for part in named] if keeps_places else named
        joined = pl.concat_str(places, separator=reading.separator, ignore_nulls=True)
        joined = pl.when(~pl.all_horizontal(part.is_null() for part in named)).then(joined)
        words = pl.DataFrame(parts).select(pl.when(joined != "").then(joined)).to_series()
    else:
        words = pl.DataFrame(parts).select(named).to_series()
    if reading.extract is not None and extracted:
        words = words.str.extract(reading.extract, 1).str.strip_chars().replace("", None)
    return words


def _constant(work: _Work, reading: Reading) -> str | None:
    """A word that is not in the records: fixed, or found in the file's name."""
    if reading.file_name is None:
        return reading.constant
    found = cleaned(pl.Series([work.file_name]).str.extract(reading.file_name, 1))
    if found[0] is None and not reading.optional:
        raise FileRefused(f"the file's name has nothing that {reading.file_name} finds; rename it, or mend file_name:")
    nothing = [fold_case(word) for word in (*work.mapping.null_words, *reading.null_words, "")]
    return None if found[0] is None or fold_case(found[0]) in nothing else found[0]


def fold_case(word: str) -> str:
    """A word as null words are compared: as polars writes it in lower case."""
    return pl.select(pl.lit(word).str.strip_chars().str.to_lowercase()).item()


def _found_words(work: _Work, reading: Reading, broken, more_null_words: tuple[str, ...] = ()) -> pl.Series:
    """The words; a value in which `extract` finds nothing is judged, as `other` says."""
    if reading.row_number:
        return pl.select(pl.format("{}-{}", pl.lit(work.load_id[:16]), work.batch.frame["line"])).to_series()
    if not reading.headers:
        return _repeated(_constant(work, reading), pl.String, work.n)
    words = _words(work.batch, reading, work.mapping, more_null_words)
    if reading.extract is not None and reading.other != "empty":
        before = _words(work.batch, reading, work.mapping, more_null_words, extracted=False)
        if reading.other == "kept":
            return pl.select(pl.coalesce(words, before)).to_series()
        broken(before.is_not_null() & words.is_null(), "no_match", f"a value that {reading.extract} finds")
    return words


def _refined(
    work: _Work,
    reading: Reading,
    required: bool,
    name: str,
    known: tuple[str, ...] = (),
    *,
    doubts: _Doubts | None = None,
) -> pl.Series:
    """The words after presence, pattern and value map were judged; `known` are the only words that a field may have.
    What does not fit costs the record, or with `doubts` the value only."""
    broken = doubts or work.judge(reading)
    words = _found_words(work, reading, broken)
    if reading.matches is not None:
        broken(~words.str.contains(f"^(?:{reading.matches})$"), "no_match", f"a value that fits {reading.matches}")
    values = reading.values or {word: word for word in known}
    if values:
        mapped = translated(words, values)
        if reading.other == "kept":
            mapped = pl.select(pl.coalesce(mapped, words)).to_series()
        elif reading.other == "refused":
            broken(words.is_not_null() & mapped.is_null(), "unknown_value", f"one of {', '.join(values)}")
        words = mapped.replace("", None)
    if reading.case is not None:
        words = {"upper": words.str.to_uppercase, "lower": words.str.to_lowercase, "title": words.str.to_titlecase}[
            reading.case
        ]()
    if required and reading.if_empty is None:
        work.judge(reading)(words.is_null(), "required", f"a value for {name}")
    return words if reading.if_empty is None else pl.select(pl.coalesce(words, pl.lit(reading.if_empty))).to_series()


def translated(words: pl.Series, values: dict[str, str]) -> pl.Series:
    """Words by a value map, whatever their case and spacing; null where the map does not name them."""
    folded = {squeezed(word).casefold(): ours for word, ours in values.items()}
    known = words.drop_nulls().unique()
    ours = [folded.get(squeezed(word).casefold()) for word in known]
    return words.replace_strict(known, pl.Series(ours, dtype=pl.String), default=None, return_dtype=pl.String)


def _field(work: _Work, name: str, kind: str) -> pl.Series:
    column = work.mapping.columns[name]
    table = work.mapping.record
    must = column.required
    if must is None:
        leaves_out = work.mapping.delivery == "delta" and work.mapping.blank == "keeps"
        needed = name in table.required_where_mapped and not column.optional and not leaves_out
        must = name in table.required or needed
    words = _refined(work, column, must, name, table.words.get(name, ()))
    if kind in IDENTIFYING:
        damaged = words.str.contains(SCIENTIFIC)
        work.judge(column)(damaged, "damaged_id", "an id, not a number that a spreadsheet has shortened")
    if kind in ("person", "name", "email"):
        if column.zero_pad and kind == "person":
            words = words.str.zfill(column.zero_pad)
        if name == table.subject:
            work.ids = words.drop_nulls()
        form = "id" if kind == "person" else kind
        return work.pseudonyms.hash_all(words, form=form, namespace=column.namespace)
    value = _cast(work, column, kind, words, limits=table.ranges.get(name))
    if column.personal and kind in ("text", "id"):
        value = work.pseudonyms.hash_all(value, namespace=column.namespace)
    return value


def _cast(
    work: _Work,
    column: Column,
    kind: str,
    words: pl.Series,
    *,
    limits: tuple[float, float] | None = None,
    doubts: _Doubts | None = None,
) -> pl.Series:
    """Words as values of `kind`; what does not fit is judged. `limits` are the field's own, whatever the mapping."""
    broken = doubts or work.judge(column)
    if column.strip and kind in ("date", "birth_year", "time"):
        words = words.str.replace_many(list(column.strip), [""] * len(column.strip)).str.strip_chars()
    if kind in ("date", "birth_year"):
        written = english_months(words, work.mapping.month_names)
        zone = work.mapping.time_zone
        value = to_date(written, column, newest=work.dates, is_workbook=work.is_workbook, zone=zone)
        outside = (value < PLAUSIBLE[0]) | (value > PLAUSIBLE[1])
        if kind == "birth_year":
            outside = outside | (value > work.dates).fill_null(False)
        expected = f"a date written {' or '.join(column.formats or ('%Y-%m-%d',))}"
        broken(words.is_not_null() & (value.is_null() | outside), "bad_date", expected)
        return value.dt.year() if kind == "birth_year" else value
    if kind == "time":
        written = english_months(words, work.mapping.month_names)
        value = to_time(written, column, work.mapping.time_zone, is_workbook=work.is_workbook)
        outside = words.is_not_null() & (value.is_null() | ~value.dt.date().is_between(*PLAUSIBLE))
        formats = " or ".join(column.formats or ("iso",))
        broken(outside, "bad_time", f"a time written {formats} that exists once in {work.mapping.time_zone}")
        return value
    if kind == "number":
        value = _number(work, column, words, broken) * column.times
        broken(value.is_infinite(), "bad_number", "a number of a size that can be")
        _check_range(value, limits, broken)
        _check_range(value, column.range, broken)
        return value
    if kind == "flag":
        flags = translated(words, FLAGS)
        broken(words.is_not_null() & flags.is_null(), "unknown_value", f"one of {', '.join(FLAGS)}, or give values:")
        return flags.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    broken(words.str.len_chars() > MAX_TEXT, "too_long", f"at most {MAX_TEXT} characters")
    return words.str.zfill(column.zero_pad) if column.zero_pad else words


def _number(work: _Work, column: Column, words: pl.Series, broken) -> pl.Series:
    if column.duration is not None:
        value = to_minutes(words, column.duration)
        broken(
            words.is_not_null() & value.is_null(), "bad_number", f"a duration, as 1h 30m, PT45M or {column.duration}"
        )
        return value
    decimal, thousands = number_marks(column, work.mapping, work.batch.kind)
    value = to_number(words, decimal=decimal, thousands=thousands, strip=column.strip)
    broken(words.is_not_null() & value.is_null(), "bad_number", f"a number with decimal {decimal}")
    return value


def _check_range(value: pl.Series, limits: tuple[float, float] | None, broken) -> None:
    if limits:
        low, high = limits
        broken((value < low) | (value > high), "out_of_range", f"{low:g} to {high:g}")


# --- attributes --------------------------------------------------------------------------------------------------


def _attribute(work: _Work, attribute: Attribute) -> pl.DataFrame:
    """Columns word and number, one row per record. A value that does not fit is dropped, unless it is required."""
    doubts = None if attribute.required else _Doubts(work.n)
    words = _refined(work, attribute, bool(attribute.required), "this attribute", doubts=doubts)
    if attribute.contains is not None:
        words = _contains(words, attribute.contains, attribute.split)
    value = _cast(work, attribute, attribute.kind, words, doubts=doubts)
    if doubts is not None and doubts.mask.any():
        value = pl.select(pl.when(~doubts.mask).then(value)).to_series()
        columns = " + ".join(attribute.headers)
        work.dropped.append((doubts.mask, UNFIT_ATTRIBUTE, f"the record counts without this value of {columns}"))
    nothing = _repeated(None, pl.Float64, work.n)
    if attribute.bands:
        number = value.dt.year().cast(pl.Float64) if attribute.kind == "date" else value
        return pl.DataFrame({"word": banded(number, attribute.bands), "number": nothing})
    if attribute.kind == "number":
        return pl.DataFrame({"word": _repeated(None, pl.String, work.n), "number": value})
    if attribute.kind == "flag":
        return pl.DataFrame({"word": value.cast(pl.String), "number": value.cast(pl.Float64)})
    word = value.dt.to_string("%Y-%m-%d") if attribute.kind == "date" else value
    if attribute.personal:
        word = work.pseudonyms.hash_all(word, namespace=attribute.namespace)
    return pl.DataFrame({"word": word, "number": nothing})


def _contains(words: pl.Series, wanted: str, split: str) -> pl.Series:
    """true or false: is `wanted` one of the words of the cell."""
    folded = squeezed(wanted).casefold()
    # A list in JSON came as one text, its words separated by "; ".
    cells = (None if w is None else [one for part in w.split(split) for one in part.split("; ")] for w in words)
    listed = [None if cell is None else folded in [squeezed(one).casefold() for one in cell] for cell in cells]
    return pl.Series(listed, dtype=pl.Boolean).cast(pl.String)


def banded(number: pl.Series, bands: tuple[float, ...]) -> pl.Series:
    """The band that a number falls into, by its lower limits: "below 30000", "30000 to 60000", "60000 and more"."""
    labels = [f"below {bands[0]:g}"]
    labels += [f"{low:g} to {high:g}" for low, high in pairwise(bands)]
    labels.append(f"{bands[-1]:g} and more")
    turn = pl.sum_horizontal([pl.col("") >= limit for limit in bands])
    found = number.alias("").to_frame().select(pl.when(pl.col("").is_not_null()).then(turn)).to_series()
    return found.replace_strict(dict(enumerate(labels)), default=None, return_dtype=pl.String)


def _attribute_rows(kept: pl.DataFrame, attributes: dict[str, pl.DataFrame], good: pl.Series) -> pl.DataFrame:
    return pl.concat(
        kept.select("line")
        .with_columns(pl.lit(name).alias("attribute"), found["word"].filter(good), found["number"].filter(good))
        .filter(pl.col("word").is_not_null() | pl.col("number").is_not_null())
        for name, found in attributes.items()
    )


# --- survey items ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Answers:
    """The answers to one item: one value per record of the batch, null where there is none."""

    name: str
    item: Item
    range: tuple[float, float]
    values: pl.Series


def _scale_of(item: Item, mapping: Mapping) -> AnswerScale:
    shared = mapping.answer_scales.get(item.answers, AnswerScale())
    return AnswerScale(range=item.range or shared.range, values=shared.values | item.values, no_answer=shared.no_answer)


def _worth(work: _Work, item: Item, words: pl.Series, broken) -> tuple[pl.Series, AnswerScale]:
    """Answers as codes: a code passes, a label is translated, whatever its case; both exports give the same."""
    scale = _scale_of(item, work.mapping)
    if scale.values:
        words = pl.select(pl.coalesce(translated(words, scale.values), words)).to_series()
    column = Column.model_validate({"from": list(item.headers)})
    decimal, thousands = number_marks(column, work.mapping, work.batch.kind)
    value = to_number(words, decimal=decimal, thousands=thousands)
    if item.other != "empty":
        expected = f"a code or one of {', '.join(scale.values) or 'none'}"
        broken(words.is_not_null() & value.is_null(), "bad_answer", expected)
    _check_range(value, scale.range, broken)
    return value, scale


def _wide_answers(work: _Work) -> list[_Answers]:
    found = []
    for name, item in work.mapping.items.items():
        doubts = _Doubts(work.n)
        words = _found_words(work, item, doubts, _scale_of(item, work.mapping).no_answer)
        value, scale = _worth(work, item, words, doubts)
        work.answers[name] = ((words.is_not_null() | doubts.mask).sum(), doubts.mask.sum())
        if doubts.mask.any():
            value = pl.select(pl.when(~doubts.mask).then(value)).to_series()
            work.dropped.append((doubts.mask, UNFIT_ANSWER, f"it is no answer to {' + '.join(item.headers) or name}"))
        found.append(_Answers(name, item, scale.range, value))
    return found


def _long_answers(work: _Work) -> list[_Answers]:
    """One record per answer: which item it answers stands in a column of its own."""
    long, frame, verdicts = work.mapping.long, work.batch.frame, work.verdicts
    questions = cleaned(frame[squeezed(long.question)])
    names = {text.casefold(): name for name, item in work.mapping.items.items() for text in item.headers}
    known = translated(questions, names)
    kind, expected = ("faulty", "a question that items names")
    if long.other_questions == "set_aside":
        kind, expected = ("set_aside", "a question that is not asked about")
    verdicts.add(known.is_null(), kind=kind, rule="unknown_question", column=squeezed(long.question), expected=expected)
    answer = Column.model_validate({"from": long.answer})
    found, answered = [], pl.repeat(False, work.n, eager=True)
    for name, item in work.mapping.items.items():
        mine = (known == name).fill_null(False)
        broken = work.judge(answer)

        def broken_here(mask: pl.Series, rule: str, expected: str, *, mine=mine, broken=broken) -> None:
            broken(mask & mine, rule, expected)

        how = ("replace", "extract", "other", "null_words")
        reading = answer.model_copy(update={key: getattr(item, key) for key in how})
        words = _found_words(work, reading, broken_here, _scale_of(item, work.mapping).no_answer)
        words = pl.select(pl.when(mine).then(words)).to_series()
        value, scale = _worth(work, item, words, broken_here)
        answered = answered | value.is_not_null()
        found.append(_Answers(name, item, scale.range, value))
    verdicts.add(
        ~answered & verdicts.good,
        kind="set_aside",
        rule="no_answer",
        column=squeezed(long.answer),
        expected="asked, but not answered",
    )
    return found


def _answer_rows(kept: pl.DataFrame, answers: list[_Answers], good: pl.Series) -> pl.DataFrame:
    parts = [
        kept.select("line", "response_id")
        .with_columns(
            pl.lit(one.name).alias("item"),
            pl.lit(one.item.scale).alias("scale"),
            one.values.filter(good).alias("answer"),
            pl.lit(one.range[0]).alias("lowest"),
            pl.lit(one.range[1]).alias("highest"),
            pl.lit(one.item.reverse).alias("is_reversed"),
        )
        .filter(pl.col("answer").is_not_null())
        for one in answers
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=ANSWERS.schema)


# --- quarantine --------------------------------------------------------------------------------------------------


def value_class(value: str | None, *, is_personal: bool) -> str:
    """What kind of text stands there, without the text: its length and, where it names nobody, its shape."""
    if not value:
        return "empty"
    length = f"{len(value)} characters"
    if is_personal:
        return length
    shape = "".join("9" if c.isdigit() else "a" if c.isalpha() else c if c.isprintable() else "?" for c in value[:20])
    return f"{length} like {shape}" + ("…" if len(value) > 20 else "")


def _masked(record: dict[str, str | None], personal: set[str]) -> str:
    shown = {
        name: (WITHHELD if name in personal and value else (value or "")[:200])
        for name, value in record.items()
        if name != "line"
    }
    return json.dumps(shown, ensure_ascii=False, sort_keys=True)


def _quarantine(work: _Work) -> pl.DataFrame:
    batch, mapping, verdicts = work.batch, work.mapping, work.verdicts
    personal = work.masked
    rows = []
    broken = verdicts.broken
    for index in (broken >= 0).arg_true():
        kind, rule, column, expected = verdicts.rules[broken[index]]
        record = batch.frame.row(index, named=True)
        stands = [record.get(name) for name in column.split(" + ")]
        what = value_class(" ".join(filter(None, stands)), is_personal=bool(personal & set(column.split(" + "))))
        line = record["line"]
        rows.append((mapping.source, line, kind, rule, column, what, expected, _masked(record, personal)))
    # A record of the wrong shape cannot be trusted to have its columns in place: all of it is withheld.
    shapeless = set(batch.frame.columns)
    rows += [_fault_row(fault, mapping, shapeless) for fault in batch.faults]
    schema = {name: kind for name, kind in QUARANTINE.items() if name != "load_id"}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _fault_row(fault: Fault, mapping: Mapping, shapeless: set[str]) -> tuple:
    record = _masked(fault.record, shapeless)
    return (mapping.source, fault.line, fault.kind, fault.rule, fault.column, "", fault.expected[:MAX_EXPECTED], record)

"""Text records → typed, pseudonymised rows, by declaration; what does not fit is quarantined with its reason.

Pure functions over one batch: no files, no database. Records in = rows out + quarantined, for every batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from ingest.cast import (
    cleaned,
)
from ingest.conform.attributes import attribute_rows, read_attribute
from ingest.conform.days import record_days
from ingest.conform.fields import read_field
from ingest.conform.items import answer_rows, long_answers, wide_answers
from ingest.conform.masking import quarantine_rows
from ingest.conform.words import fold_case
from ingest.conform.work import BrokenRules, Work
from ingest.formats.records import Batch, Fault
from ingest.mapping.headers import normalise_name
from ingest.mapping.model import Mapping
from ingest.pseudonyms import Pseudonyms
from ingest.tables import ANSWERS, ATTRIBUTES, RawTable

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

    `dated` is the snapshot's or the launch's date where a file has just one. A record that holds several (`unpivot`)
    counts as so many.
    """
    masked = mapping.masked_headers if masked is None else masked
    if mapping.unpivot:
        facts = {"load_id": load_id, "dated": dated, "file_name": file_name, "masked": masked}
        return _conform_unpivoted(batch, mapping, pseudonyms, **facts)
    table = mapping.record
    frame = batch.frame
    verdicts = BrokenRules(frame.height)
    _set_aside(batch, mapping, verdicts)
    work = Work(
        batch, mapping, pseudonyms, verdicts, record_days(batch, mapping, dated, verdicts), file_name, masked, load_id
    )
    columns = {"line": frame["line"]}
    for name, kind in table.fields.items():
        if mapping.snapshot and name == table.dated:
            columns[name] = work.dates
        elif name in mapping.columns:
            columns[name] = read_field(work, name, kind)
    if mapping.anonymous and "response_id" not in mapping.columns:
        columns["response_id"] = pl.select(pl.format("{}-{}", pl.lit(load_id[:16]), frame["line"])).to_series()
    _one_of(columns, table, verdicts)
    _required_where(work, columns)
    attributes = {name: read_attribute(work, attribute) for name, attribute in mapping.attributes.items()}
    answers = long_answers(work) if mapping.long else wide_answers(work)

    good = verdicts.good
    rows = pl.DataFrame([series.alias(name) for name, series in columns.items()])
    kept = rows if good.all() else rows.filter(good)
    tables = {table.name: kept}
    if mapping.source == "survey":
        tables[ANSWERS.name] = answer_rows(kept, answers, good)
    if attributes:
        tables[ATTRIBUTES.name] = attribute_rows(kept, attributes, good)
    return Conformed(
        tables,
        quarantine_rows(work),
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


def _issues(work: Work, good: pl.Series) -> pl.DataFrame:
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


def _conform_unpivoted(batch: Batch, mapping: Mapping, pseudonyms: Pseudonyms, **facts) -> Conformed:
    """Each part of `unpivot` as if it were a file of its own; a part that nobody filled in is set aside."""
    parts = []
    for part, (one, block) in enumerate(zip(mapping.unpivoted, mapping.unpivot, strict=True), start=1):
        # What other turns read too (the person, the day) does not fill this one.
        elsewhere = [
            *mapping.columns.values(),
            *(c for other in mapping.unpivot if other is not block for c in other.values()),
        ]
        shared = {h for column in elsewhere for h in column.headers}
        own = dict.fromkeys(h for column in block.values() for h in column.headers)
        headers = [h for h in own if h in batch.frame.columns and h not in shared]
        nothing = [fold_case(word) for word in (*mapping.null_words, "")]
        filled = pl.any_horizontal(
            ~pl.col(h).fill_null("").str.strip_chars().str.to_lowercase().is_in(nothing) for h in headers
        )
        is_filled = batch.frame.select(filled.alias("filled"))["filled"] if headers else None
        faults = batch.faults if part == 1 else []
        if is_filled is not None and not is_filled.all():
            faults = faults + [
                Fault(
                    line, "empty_part", " + ".join(headers), f"part {part} of the record holds nothing", {}, "set_aside"
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


def _set_aside(batch: Batch, mapping: Mapping, verdicts: BrokenRules) -> None:
    for rule in mapping.set_aside:
        if rule.column is None:  # judged before the line was split
            continue
        said = cleaned(batch.frame[normalise_name(rule.column)])
        folded = said.str.to_lowercase()
        if rule.empty:
            mask = said.fill_null("") == ""
        elif rule.matches is not None:
            mask = said.str.contains(rule.matches).fill_null(False)
        elif rule.equals:
            mask = folded.is_in([word.lower() for word in rule.equals])
        else:
            mask = ~folded.fill_null("").is_in([word.lower() for word in rule.not_equals])
        verdicts.add(mask, kind="set_aside", rule="set_aside", column=normalise_name(rule.column), expected=rule.reason)


def _one_of(columns: dict[str, pl.Series], table: RawTable, verdicts: BrokenRules) -> None:
    for group in table.one_of:
        given = [columns[name].is_null() for name in group if name in columns]
        empty = pl.select(pl.all_horizontal(given)).to_series()
        verdicts.add(empty, kind="faulty", rule="required", column="", expected=f"a value for {' or '.join(group)}")


def _required_where(work: Work, columns: dict[str, pl.Series]) -> None:
    for name, (other, word) in work.mapping.record.required_where.items():
        if other not in columns:
            continue
        missing = columns[other] == word
        if name in columns:
            missing = missing & columns[name].is_null()
        header = " + ".join(work.mapping.columns[name].headers) if name in work.mapping.columns else ""
        expected = f"a value for {name} where {other} is {word}"
        work.verdicts.add(missing, kind="faulty", rule="required", column=header, expected=expected)

"""Landed files → tables of the schema `raw`, one transaction per file, keyed by the file's content hash.

Loading the same file twice changes nothing; a file whose mapping changed is loaded anew. The load log says for each
file: records in = loaded + quarantined (faulty or set aside by a declared rule).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

import durable
from ingest.conform.batch import Conformed, conform
from ingest.conform.days import FileFacts, file_facts
from ingest.duplicates import drop_orphans, one_response_each, quarantine_doubles
from ingest.formats.reader import open_file
from ingest.formats.records import FileRefused, Reading
from ingest.issues import find_early_responses, find_issues
from ingest.land import Landed, check_frozen, content_path
from ingest.log_tables import LOAD_LOG, PROFILES
from ingest.mapping.model import Mapping
from ingest.mapping.registry import candidates
from ingest.pseudonyms import Pseudonyms
from ingest.tables import ANSWERS, PARTS, RESPONSES, TABLES_OF, WORKERS, RawTable
from ingest.warehouse import insert_rows

MAX_REASON = 2_000

MANY_UNFIT = 20  # so many answers to an item that are none of its scale, and more than a tenth

MISFIT = 10_000  # so many faulty records, and more than half: the file is not what the mapping describes

READER = 5  # count up when files must be read anew after a change of the code


@dataclass(frozen=True)
class Loaded:
    """What became of one file."""

    landed: Landed
    status: str  # loaded, refused, unchanged or taken back
    reason: str = ""
    n_records: int = 0
    n_loaded: int = 0
    n_faulty: int = 0
    n_set_aside: int = 0
    opened: Opened | None = None


class RecordLost(AssertionError):
    """Records in are not records loaded plus quarantined: a fault of ours, so the run stops."""


def load_source(
    connection,
    source: str,
    landed: Iterable[Landed],
    landing: Path,
    *,
    mappings: list[Mapping],
    pseudonyms: Pseudonyms,
    taken_back: frozenset[str] = frozenset(),
) -> list[Loaded]:
    """Load every landed file of `source` that is not in the warehouse as its mapping now reads it.

    Loads in `taken_back` are removed and passed over: their file left the inbox before any release used it. Raises
    FrozenCopyChanged where a copy to be read is not what arrived.
    """
    known = dict(
        connection.execute(
            "select load_id, mapping_hash || key_id || sequence from raw.load_log where source = ?", [source]
        ).fetchall()
    )
    results = []
    for file in landed:
        if file.source != source:
            continue
        if file.load_id in taken_back:
            connection.execute("begin")
            _delete_load(connection, file)
            durable.commit(connection)
            results.append(Loaded(file, "taken back", reason="its file was taken out of the inbox before any release"))
            continue
        fitting = candidates(mappings, source, file.file_name)
        state = f"{mapping_hash(fitting)}{pseudonyms.key_id}{file.sequence}"
        if known.get(file.load_id) == state:
            results.append(Loaded(file, "unchanged"))
        else:
            is_known = file.load_id in known
            results.append(_load_file(connection, file, landing, fitting, pseudonyms, is_known=is_known))
    return results


def mapping_hash(fitting: list[Mapping]) -> str:
    """How files that these mappings fit are read; another one where a mapping or the reader changed."""
    return f"{READER}.{'-'.join(mapping.digest for mapping in fitting) or 'none'}"


def _load_file(
    connection, file: Landed, landing: Path, fitting: list[Mapping], pseudonyms: Pseudonyms, *, is_known: bool
) -> Loaded:
    connection.execute("begin")
    try:
        if is_known:
            _delete_load(connection, file)
        check_frozen(landing, file)
        try:
            result = _load_rows(connection, file, content_path(landing, file), fitting, pseudonyms)
        except (duckdb.Error, OSError, MemoryError, RecordLost):
            raise
        except FileRefused as error:
            _delete_load(connection, file)
            result = Loaded(file, "refused", reason=str(error)[:MAX_REASON])
        except BaseException as error:
            # Readers in Rust panic with classes of their own that are no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            # A file that breaks its reader must not keep the others out; its words may be people's, so none is shown.
            _delete_load(connection, file)
            reason = f"the reader broke on it ({type(error).__name__}); please report this, with the mapping"
            result = Loaded(file, "refused", reason=reason)
        _log_load(connection, result, fitting, pseudonyms)
        durable.commit(connection)
    except BaseException:
        connection.execute("rollback")
        raise
    return result


def _delete_load(connection, file: Landed) -> None:
    tables = [table.name for table in TABLES_OF[file.source]]
    for name in (*tables, "quarantine", "data_issues", "id_shapes", "profile_columns", "load_log"):
        connection.execute(f"delete from raw.{name} where load_id = ?", [file.load_id])


@dataclass(frozen=True)
class Opened:
    """A file with the mapping that reads it and what its name says."""

    mapping: Mapping
    facts: FileFacts
    reading: Reading


def open_with(path: Path, file_name: str, source: str, fitting: list[Mapping]) -> Opened:
    """The first of the fitting mappings that the file's header fits. Raises FileRefused with the first one's reason."""
    if not fitting:
        raise FileRefused(
            f"no mapping of {source} fits this file name; add one in sources/ (`coaching mapping draft FILE` drafts it)"
        )
    refusal: FileRefused | None = None
    for mapping in fitting:
        try:
            reading = open_file(
                path, mapping, day_of=lambda layout, title: file_facts(file_name, layout, title=title).day
            )
            return Opened(mapping, file_facts(file_name, reading.layout, title=reading.title), reading)
        except FileRefused as error:
            refusal = refusal or error
    raise refusal


def _load_rows(connection, file: Landed, path: Path, fitting: list[Mapping], pseudonyms: Pseudonyms) -> Loaded:
    opened = open_with(path, file.file_name, file.source, fitting)
    mapping = opened.reading.layout
    table = mapping.record
    n_records = n_faulty = n_lines = 0
    given: dict[str, np.ndarray] = {}
    for batch in opened.reading.batches:
        conformed = conform(
            batch, mapping, pseudonyms, load_id=file.load_id, dated=opened.facts.day, file_name=file.file_name
        )
        n_records += conformed.n_records
        n_lines += batch.frame.height + len(batch.faults)
        _insert_batch(connection, file, conformed)
        for item, counts in conformed.answers.items():
            given[item] = given.get(item, 0) + np.array(counts)
        n_faulty += conformed.quarantine.filter(pl.col("kind") == "faulty").height
        if n_faulty > MISFIT and 2 * n_faulty > n_records:
            raise FileRefused(f"{n_faulty:,} of the first {n_records:,} records do not fit the mapping {mapping.label}")
    _check_answers(mapping, given)
    if n_records == 0 and mapping.zero_records == "refused":
        raise FileRefused("no records below the header; an empty export is refused (zero_records: allowed takes it)")
    if file.n_declared is not None and file.n_declared != n_lines:
        raise FileRefused(f"{n_lines:,} records where its manifest says {file.n_declared:,}; deliver it again")
    counted = ANSWERS if mapping.long else table
    quarantine_doubles(connection, file, mapping, counted)
    if mapping.long:
        one_response_each(connection, file)
    for part in PARTS[file.source]:
        if part is not counted:
            drop_orphans(connection, file, counted, part)
    _name_subjects(connection, file, counted)
    for part in (table, *PARTS[file.source]):
        _profile(connection, file, part, mapping)
    if table is WORKERS:
        find_issues(connection, file.load_id, is_whole=mapping.delivery == "full" and not opened.facts.part)
    if table is RESPONSES:
        find_early_responses(connection, file.load_id)
    result = _count_load(connection, file, counted, n_records, opened)
    if result.n_loaded or mapping.zero_records == "allowed":
        return result
    reasons = _reasons(connection, file)
    return replace(result, status="refused", reason=f"none of its {n_records:,} records can be loaded: {reasons}")


def _insert_batch(connection, file: Landed, conformed: Conformed) -> None:
    of_source = pl.lit(file.source).alias("source")
    noted = conformed.issues.with_columns(of_source, pl.lit("people").alias("about"))
    shapes = conformed.id_shapes.with_columns(of_source)
    for name, frame in (
        *conformed.tables.items(),
        ("quarantine", conformed.quarantine),
        ("data_issues", noted),
        ("id_shapes", shapes),
    ):
        insert_rows(connection, name, frame, file.load_id)


def _check_answers(mapping: Mapping, given: dict[str, np.ndarray]) -> None:
    """Refuse a file with many answers to an item that are none of its scale: the scale is not the one that was asked,
    or a code means that nothing was answered. Without them the others would be a selection."""
    for name, (n_given, n_unfit) in given.items():
        if 2 * n_unfit > n_given or (n_unfit >= MANY_UNFIT and 10 * n_unfit > n_given):
            header = " + ".join(mapping.items[name].headers) or name
            raise FileRefused(
                f"{n_unfit:,} of {n_given:,} answers in {header!r} are none of the item's scale: correct its range: or "
                "values: (or no_answer:, for codes of a question that was not answered)"
            )


def _name_subjects(connection, file: Landed, table: RawTable) -> None:
    """Findings about values name whom the record is about; those of records that do not count go."""
    connection.execute(
        f"""
        delete from raw.data_issues
        where load_id = $load and line not in (select line from raw.{table.name} where load_id = $load)
        """,
        {"load": file.load_id},
    )
    if table.subject:
        connection.execute(
            f"""
            update raw.data_issues set subject_id = records.{table.subject}
            from raw.{table.name} as records
            where data_issues.load_id = $load and records.load_id = $load and data_issues.line = records.line
                and data_issues.subject_id is null
            """,
            {"load": file.load_id},
        )


def _reasons(connection, file: Landed) -> str:
    """The commonest rules that the records of a load broke, in words."""
    found = connection.execute(
        "select rule, column_name, any_value(expected), count(*)::int as n from raw.quarantine "
        "where load_id = ? group by rule, column_name order by n desc, rule, column_name limit 3",
        [file.load_id],
    ).fetchall()
    return "; ".join(
        f"{rule}{f' in {column}' if column else ''} ({n:,}), expected {expected[:200]}"
        for rule, column, expected, n in found
    )


def _profile(connection, file: Landed, table: RawTable, mapping: Mapping) -> None:
    """Facts per column that the gate judges, where the rows are, in one pass; distinct values are estimated."""
    dated = {table.dated} if mapping.snapshot else set()
    given = [
        name
        for name in table.fields
        if table is not mapping.record or name in {field for field, _ in mapping.all_columns} | dated
    ]
    wanted = ["count(*)"]
    for name in given:
        is_number = table.fields[name] in ("number", "birth_year")
        numbers = [f'{what}("{name}")::double' for what in ("min", "max", "avg")] if is_number else ["null"] * 3
        wanted += [f'count("{name}")', f'approx_count_distinct("{name}")', *numbers]
    sql = f"select {', '.join(wanted)} from raw.{table.name} where load_id = ?"
    [(n_rows, *facts)] = connection.execute(sql, [file.load_id]).fetchall()
    if not n_rows:
        return
    rows = [
        (file.source, table.name, name, n_rows, n_rows - present, *numbers)
        for name, (present, *numbers) in zip(given, zip(*[iter(facts)] * 5, strict=True), strict=True)
    ]
    schema = {name: kind for name, kind in PROFILES.items() if name != "load_id"}
    insert_rows(connection, "profile_columns", pl.DataFrame(rows, schema=schema, orient="row"), file.load_id)


def _count_load(connection, file: Landed, table: RawTable, n_records: int, opened: Opened) -> Loaded:
    [(n_loaded,)] = connection.execute(
        f"select count(*) from raw.{table.name} where load_id = ?", [file.load_id]
    ).fetchall()
    [(n_faulty, n_set_aside)] = connection.execute(
        "select count(*) filter (kind = 'faulty'), count(*) filter (kind = 'set_aside') "
        "from raw.quarantine where load_id = ?",
        [file.load_id],
    ).fetchall()
    if n_records != n_loaded + n_faulty + n_set_aside:
        raise RecordLost(
            f"{file.file_name}: {n_records} records in, but {n_loaded} loaded and {n_faulty + n_set_aside} quarantined"
        )
    return Loaded(file, "loaded", "", n_records, n_loaded, n_faulty, n_set_aside, opened)


def _log_load(connection, result: Loaded, fitting: list[Mapping], pseudonyms: Pseudonyms) -> None:
    file, opened = result.landed, result.opened
    layout = opened.reading.layout if opened else (fitting[0] if fitting else None)
    facts = opened.facts if opened else FileFacts()
    row = {
        "content_sha256": file.content_sha256,
        "source": file.source,
        "table_name": layout.record.name if layout else None,
        "mapping": layout.name if layout else None,
        "vintage": layout.vintage if layout else None,
        "mapping_hash": mapping_hash(fitting),
        "key_id": pseudonyms.key_id,
        "file_name": file.file_name,
        "n_bytes": file.n_bytes,
        "known_date": date.fromisoformat(file.known_date) if file.known_date else None,
        "file_date": facts.day,
        "part": facts.part,
        "version": facts.version,
        "sequence": file.sequence,
        "rows_are": layout.rows if layout else None,
        "delivery": layout.delivery if layout else None,
        "on_blank": layout.on_blank if layout else None,
        "on_missing_person": layout.on_missing_person if layout else None,
        "status": result.status,
        "reason": result.reason,
        "n_records": result.n_records,
        "n_loaded": result.n_loaded,
        "n_faulty": result.n_faulty,
        "n_set_aside": result.n_set_aside,
    }
    schema = {name: kind for name, kind in LOAD_LOG.items() if name != "load_id"}
    insert_rows(connection, "load_log", pl.DataFrame([row], schema=schema), file.load_id)

"""Landed files → tables of the schema `raw`, one transaction per file, keyed by the file's content hash.

Loading the same file twice changes nothing; a file whose mapping changed is loaded anew. The load log says for each
file: records in = loaded + quarantined (faulty or set aside by a declared rule).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

import durable
from ingest.conform import Conformed, FileFacts, conform, file_facts
from ingest.issues import find_early_responses, find_issues
from ingest.land import Landed, check_frozen, content_path
from ingest.pseudonyms import Pseudonyms
from ingest.read import FileRefused, Reading, open_file
from ingest.spec import Mapping, candidates
from ingest.tables import (
    ANSWERS,
    CLOSED_TABLES,
    DATA_ISSUES,
    ID_SHAPES,
    LOAD_LOG,
    PARTS,
    PROFILES,
    QUARANTINE,
    RESPONSES,
    ROSTER,
    SQL_TYPES,
    TABLES_OF,
    WORKERS,
    RawTable,
)
from study.tables import STUDY_TABLES

SCHEMAS = {"load_log": LOAD_LOG, "quarantine": QUARANTINE, "data_issues": DATA_ISSUES, "profile_columns": PROFILES}
SCHEMAS["id_shapes"] = ID_SHAPES
SCHEMAS |= {table.name: table.schema for tables in TABLES_OF.values() for table in tables}
MAX_REASON = 2_000
MEMORY_LIMIT = "1GB"  # DuckDB's; what does not fit goes to a temporary file beside the warehouse
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


REBUILD = "If the file is damaged, delete it: the next run makes it again from landing/"


class WarehouseBusy(RuntimeError):
    """Another program has the warehouse open."""


class WarehouseUnreadable(RuntimeError):
    """The warehouse is no file that DuckDB can open."""


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path))
    except duckdb.Error as error:
        words = next(iter(str(error).splitlines()), type(error).__name__)[:500]
        if "Could not set lock" in words:  # DuckDB has no class of its own for it
            raise WarehouseBusy(f"another program has {path} open; close it there, then try again") from None
        raise WarehouseUnreadable(f"{path}: {words} {REBUILD}") from None


@contextmanager
def warehouse(path: Path):
    """A connection to the warehouse, the only writer; nothing outside the file can be reached through it.

    Raises WarehouseBusy, WarehouseUnreadable.
    """
    connection = _connect(path)
    try:
        connection.execute("set enable_external_access = false")
        # One thread writes row groups as they fill; two write them once more at the end (8.9 against 3.8 s of CPU for
        # three million rows, DuckDB 2.0.0), and hold them in memory until then.
        connection.execute("set threads = 1")
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        connection.execute("set lock_configuration = true")
        yield connection
    finally:
        connection.close()


def _create(connection, name: str, schema: dict, room: str = "raw") -> None:
    columns = ", ".join(f'"{column}" {SQL_TYPES[kind]}' for column, kind in schema.items())
    connection.execute(f"create table if not exists {room}.{name} ({columns})")


def prepare(connection) -> None:
    """Create the schema `raw` with all its tables, empty where a source was never sent: dbt can always run.

    A schema whose tables are of an older version is dropped: all of it is loaded anew from landing.
    """
    connection.execute("create schema if not exists raw")
    _drop_if_older(connection)
    for name, schema in (SCHEMAS | STUDY_TABLES).items():
        _create(connection, name, schema)
    connection.execute("create schema if not exists closed")
    for name, schema in CLOSED_TABLES.items():
        _create(connection, name, schema, "closed")


def _drop_if_older(connection) -> None:
    there: dict[str, set[str]] = {}
    sql = "select table_name, column_name from information_schema.columns where table_schema = 'raw'"
    for table, column in connection.execute(sql).fetchall():
        there.setdefault(table, set()).add(column)
    if any(name in there and there[name] != set(schema) for name, schema in (SCHEMAS | STUDY_TABLES).items()):
        connection.execute("drop schema raw cascade")
        connection.execute("create schema raw")


def replace_table(connection, name: str, frame: pl.DataFrame, *, room: str = "raw") -> None:
    """Replace all rows of a table of ours (the study's, or what releases told)."""
    connection.register("incoming", frame.to_arrow())
    connection.execute("begin")
    connection.execute(f"delete from {room}.{name}")
    connection.execute(f"insert into {room}.{name} by name select * from incoming")
    durable.commit(connection)
    connection.unregister("incoming")


def create_table(connection, schema: str, name: str, frame: pl.DataFrame) -> None:
    """Make a table of what was computed from others, in place of the last one; the schema as well if it is missing."""
    connection.execute(f"create schema if not exists {schema}")
    connection.register("incoming", frame.to_arrow())
    connection.execute(f"create or replace table {schema}.{name} as select * from incoming")
    connection.unregister("incoming")


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
            _forget(connection, file)
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
            _forget(connection, file)
        check_frozen(landing, file)
        try:
            result = _load_rows(connection, file, content_path(landing, file), fitting, pseudonyms)
        except (duckdb.Error, OSError, MemoryError, RecordLost):
            raise
        except FileRefused as error:
            _forget(connection, file)
            result = Loaded(file, "refused", reason=str(error)[:MAX_REASON])
        except BaseException as error:
            # Readers in Rust panic with classes of their own that are no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            # A file that breaks its reader must not keep the others out; its words may be people's, so none is shown.
            _forget(connection, file)
            reason = f"the reader broke on it ({type(error).__name__}); please report this, with the mapping"
            result = Loaded(file, "refused", reason=reason)
        _log(connection, result, fitting, pseudonyms)
        durable.commit(connection)
    except BaseException:
        connection.execute("rollback")
        raise
    return result


def _forget(connection, file: Landed) -> None:
    tables = [table.name for table in TABLES_OF[file.source]]
    for name in (*tables, "quarantine", "data_issues", "id_shapes", "profile_columns", "load_log"):
        connection.execute(f"delete from raw.{name} where load_id = ?", [file.load_id])


def _insert(connection, name: str, frame: pl.DataFrame, load_id: str) -> None:
    """Rows of one load. Through a relation: what is registered by name is never set free (DuckDB 2.0.0)."""
    if not frame.height:
        return
    if not load_id.isalnum():
        raise ValueError("a load's id is hexadecimal")
    cells = {column: f'"{column}"' for column in frame.columns} | {"load_id": f"'{load_id}'"}
    row = (cells.get(column, f"cast(null as {SQL_TYPES[kind]})") for column, kind in SCHEMAS[name].items())
    connection.from_arrow(frame.to_arrow()).project(", ".join(row)).insert_into(f"raw.{name}")


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
            f"no mapping of {source} fits this file name; add one in sources/ "
            "(`coaching sources suggest FILE` drafts it)"
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
    _quarantine_doubles(connection, file, mapping, counted)
    if mapping.long:
        _one_response_each(connection, file)
    for part in PARTS[file.source]:
        if part is not counted:
            _drop_orphans(connection, file, counted, part)
    _name_subjects(connection, file, counted)
    for part in (table, *PARTS[file.source]):
        _profile(connection, file, part, mapping)
    if table is WORKERS:
        find_issues(connection, file.load_id, is_whole=mapping.delivery == "full" and not opened.facts.part)
    if table is RESPONSES:
        find_early_responses(connection, file.load_id)
    result = _counted(connection, file, counted, n_records, opened)
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
        _insert(connection, name, frame, file.load_id)


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


def _quarantine_doubles(connection, file: Landed, mapping: Mapping, table: RawTable) -> None:
    """A key that comes again within a file: equal records keep the first; of records that differ none is chosen.

    Unless the mapping says which: `conflicts: first` or `last`. Of responses the one with most answers counts, then the
    latest: a link that was opened again does not take back what was answered. Keys are compared by hash first, which
    few pass.
    """
    is_response = table is RESPONSES and mapping.conflicts == "refused"
    decides = is_response or mapping.conflicts != "refused"
    key = (mapping.key if table is mapping.record else ()) or table.key
    keys = ", ".join(key)
    values = ", ".join(f'"{name}"' for name in table.fields)
    suspects = (
        f"select hash({keys}) as code from raw.{table.name} where load_id = $load group by code having count(*) > 1"
    )
    parameters = {"load": file.load_id}
    connection.execute(f"create or replace temp table suspects as {suspects}", parameters)
    [(n_suspects,)] = connection.execute("select count(*) from suspects").fetchall()
    if not n_suspects:
        return
    chosen = {"refused": "n_contents = 1 and place = 1", "first": "place = 1", "last": "place = n_lines"}[
        mapping.conflicts
    ]
    order = "line"
    if is_response:
        chosen, order = (
            "place = 1",
            "coalesce(n_parts, 0) desc, recorded_at desc nulls last, if(n_contents = 1, line, -line)",
        )
    connection.execute(
        f"""
        create or replace temp table doubles as
        with more as ({_beside(file, table)})
        , counted as (
            select records.rowid as row, records.*, more.n_parts,
                count(*) over (partition by {keys}) as n_lines,
                len(list_distinct(list(hash({values}, more.content)) over (partition by {keys}))) as n_contents
            from raw.{table.name} as records left join more using (line)
            where load_id = $load and hash({keys}) in (select code from suspects)
        )
        select row, line, n_contents from (
            select row, line, n_lines, n_contents, row_number() over (partition by {keys} order by {order}) as place
            from counted
        ) where not ({chosen})
        """,
        parameters,
    )
    connection.execute(
        """
        insert into raw.quarantine by name
        select $load as load_id, $source as source, line,
            case when ($decides and n_contents > 1) or ($is_list and n_contents = 1) then 'set_aside' else 'faulty' end
                as kind,
            case when n_contents = 1 then 'duplicate_key' when $refuses then 'conflicting_key' else 'replaced_key' end
                as rule,
            '' as column_name, '' as value_class, $expected as expected, '{}' as record
        from doubles
        """,
        parameters
        | {
            "source": file.source,
            "refuses": not decides,
            # A rule says which of several counts; and a list with a row per person names a unit once per person.
            "decides": decides,
            "is_list": table is ROSTER and "person_id" not in {name for name, _ in mapping.all_columns},
            "expected": f"one record per {keys}",
        },
    )
    connection.execute(
        f"delete from raw.{table.name} where load_id = $load and rowid in (select row from doubles)", parameters
    )


def _beside(file: Landed, table: RawTable) -> str:
    """What else a record says (answers, attributes), as one number per line: two that differ there are not the same."""
    parts = [
        f"select line, hash({', '.join(part.fields)}) as content from raw.{part.name} where load_id = $load"
        for part in PARTS[file.source]
        if part is not table
    ]
    every = " union all ".join(parts)
    return f"select line, bit_xor(content) as content, count(*) as n_parts from ({every}) group by line"


def _one_response_each(connection, file: Landed) -> None:
    """Records that are answers carry their response along; it is kept once."""
    connection.execute(
        "delete from raw.raw_survey__responses where load_id = $load and line not in "
        "(select min(line) from raw.raw_survey__answers where load_id = $load group by response_id)",
        {"load": file.load_id},
    )


def _drop_orphans(connection, file: Landed, records: RawTable, part: RawTable) -> None:
    """What follows from a record goes where the record went."""
    connection.execute(
        f"delete from raw.{part.name} where load_id = ? "
        f"and line not in (select line from raw.{records.name} where load_id = ?)",
        [file.load_id, file.load_id],
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
    _insert(connection, "profile_columns", pl.DataFrame(rows, schema=schema, orient="row"), file.load_id)


def _counted(connection, file: Landed, table: RawTable, n_records: int, opened: Opened) -> Loaded:
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


def _log(connection, result: Loaded, fitting: list[Mapping], pseudonyms: Pseudonyms) -> None:
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
        "blank": layout.blank if layout else None,
        "absence": layout.absence if layout else None,
        "status": result.status,
        "reason": result.reason,
        "n_records": result.n_records,
        "n_loaded": result.n_loaded,
        "n_faulty": result.n_faulty,
        "n_set_aside": result.n_set_aside,
    }
    schema = {name: kind for name, kind in LOAD_LOG.items() if name != "load_id"}
    _insert(connection, "load_log", pl.DataFrame([row], schema=schema), file.load_id)

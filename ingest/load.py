"""Landed files → tables of the schema `raw`, one transaction per file, keyed by the file's content hash.

Loading the same file twice changes nothing; a file whose mapping changed is loaded anew. The load log says for each
file: records in = loaded + quarantined (faulty or set aside by a declared rule).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from ingest.conform import conform, file_date
from ingest.land import Landed, content_path
from ingest.pseudonyms import Pseudonyms
from ingest.read import FileRefused, read_batches
from ingest.spec import Mapping, mapping_for
from ingest.tables import (
    LOAD_LOG,
    PROFILES,
    QUARANTINE,
    RECORD_TABLES,
    SQL_TYPES,
    STUDY_TABLES,
    TABLES_OF,
    RawTable,
)

MAX_REASON = 2_000


@dataclass(frozen=True)
class Loaded:
    """What became of one file."""

    landed: Landed
    status: str  # loaded, refused or unchanged
    reason: str = ""
    n_records: int = 0
    n_loaded: int = 0
    n_faulty: int = 0
    n_set_aside: int = 0


@contextmanager
def warehouse(path: Path):
    """A connection for writing rooms: nothing outside the file can be reached through it."""
    connection = duckdb.connect(str(path))
    try:
        connection.execute("set enable_external_access = false")
        connection.execute("set threads = 2")
        connection.execute("set lock_configuration = true")
        yield connection
    finally:
        connection.close()


def _create(connection, name: str, schema: dict) -> None:
    columns = ", ".join(f'"{column}" {SQL_TYPES[kind]}' for column, kind in schema.items())
    connection.execute(f"create table if not exists raw.{name} ({columns})")


def prepare(connection) -> None:
    """Create the schema `raw` with all its tables, empty where a source was never sent: dbt can always run."""
    connection.execute("create schema if not exists raw")
    _create(connection, "load_log", LOAD_LOG)
    _create(connection, "quarantine", QUARANTINE)
    _create(connection, "profile_columns", PROFILES)
    for tables in TABLES_OF.values():
        for table in tables:
            _create(connection, table.name, table.schema)
    for name, schema in STUDY_TABLES.items():
        _create(connection, name, schema)


def replace_table(connection, name: str, frame: pl.DataFrame) -> None:
    """Replace all rows of a small table of ours (the study's)."""
    connection.register("incoming", frame.to_arrow())
    connection.execute("begin")
    connection.execute(f"delete from raw.{name}")
    connection.execute(f"insert into raw.{name} by name select * from incoming")
    connection.execute("commit")
    connection.unregister("incoming")


def load_source(
    connection,
    source: str,
    landed: Iterable[Landed],
    landing: Path,
    *,
    mappings: list[Mapping],
    pseudonyms: Pseudonyms,
) -> list[Loaded]:
    """Load every landed file of `source` that is not in the warehouse as its mapping now reads it."""
    known = dict(
        connection.execute(
            "select load_id, mapping_hash || key_id from raw.load_log where source = ?", [source]
        ).fetchall()
    )
    results = []
    for file in landed:
        if file.source != source:
            continue
        mapping = mapping_for(mappings, source, file.file_name)
        state = f"{mapping.digest if mapping else ''}{pseudonyms.key_id}"
        if known.get(file.load_id) == state:
            results.append(Loaded(file, "unchanged"))
        else:
            results.append(_load_file(connection, file, landing, mapping, pseudonyms))
    return results


def _load_file(connection, file: Landed, landing: Path, mapping: Mapping | None, pseudonyms: Pseudonyms) -> Loaded:
    connection.execute("begin")
    try:
        _forget(connection, file)
        try:
            if mapping is None:
                raise FileRefused(f"no mapping of {file.source} fits this file name; add one in sources/")
            result = _load_rows(connection, file, content_path(landing, file), mapping, pseudonyms)
        except FileRefused as error:
            _forget(connection, file)
            result = Loaded(file, "refused", reason=str(error)[:MAX_REASON])
        _log(connection, result, mapping, pseudonyms)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return result


def _forget(connection, file: Landed) -> None:
    tables = [table.name for table in TABLES_OF[file.source]]
    for name in (*tables, "quarantine", "profile_columns", "load_log"):
        connection.execute(f"delete from raw.{name} where load_id = ?", [file.load_id])


def _insert(connection, name: str, frame: pl.DataFrame) -> None:
    if frame.height:
        connection.register("incoming", frame.to_arrow())
        connection.execute(f"insert into raw.{name} by name select * from incoming")
        connection.unregister("incoming")


def _load_rows(connection, file: Landed, path: Path, mapping: Mapping, pseudonyms: Pseudonyms) -> Loaded:
    dated: date | None = file_date(file.file_name, mapping)
    n_records = 0
    for batch in read_batches(path, mapping):
        n_records += batch.frame.height + len(batch.faults)
        conformed = conform(batch, mapping, pseudonyms, load_id=file.load_id, dated=dated)
        for name, frame in conformed.tables.items():
            _insert(connection, name, frame)
        _insert(connection, "quarantine", conformed.quarantine)
    if n_records == 0 and mapping.zero_records == "refused":
        raise FileRefused("no records below the header; an empty export is refused (zero_records: allowed takes it)")
    table = RECORD_TABLES[file.source]
    for part in TABLES_OF[file.source]:
        _quarantine_doubles(connection, file, part, is_record=part is table)
        _profile(connection, file, part)
    return _counted(connection, file, table, n_records)


def _quarantine_doubles(connection, file: Landed, table: RawTable, *, is_record: bool) -> None:
    """A key that comes again within a file (a file pasted twice): the first line stays, the rest is set apart."""
    keys = ", ".join(table.key)
    doubles = f"""
        select line from (
            select line, row_number() over (partition by {keys} order by line) as turn
            from raw.{table.name} where load_id = ?
        ) where turn > 1
    """
    if is_record:
        connection.execute(
            f"""
            insert into raw.quarantine
            select load_id, '{file.source}', line, 'faulty', 'duplicate_key', '', 'one record per {keys}', '{{}}'
            from raw.{table.name} where load_id = ? and line in ({doubles})
            """,
            [file.load_id, file.load_id],
        )
    connection.execute(
        f"delete from raw.{table.name} where load_id = ? and line in ({doubles})", [file.load_id, file.load_id]
    )


def _profile(connection, file: Landed, table: RawTable) -> None:
    """Facts per column that the gate judges, computed where the rows are."""
    for name, kind in table.fields.items():
        is_number = kind in ("number", "birth_year")
        low, high = (f'min("{name}")::double', f'max("{name}")::double') if is_number else ("null", "null")
        connection.execute(
            f"""
            insert into raw.profile_columns
            select ?, ?, '{table.name}', '{name}',
                count(*), count(*) - count("{name}"), count(distinct "{name}"), {low}, {high}
            from raw.{table.name} where load_id = ?
            """,
            [file.load_id, file.source, file.load_id],
        )


def _counted(connection, file: Landed, table: RawTable, n_records: int) -> Loaded:
    [(n_loaded,)] = connection.execute(
        f"select count(*) from raw.{table.name} where load_id = ?", [file.load_id]
    ).fetchall()
    [(n_faulty, n_set_aside)] = connection.execute(
        "select count(*) filter (kind = 'faulty'), count(*) filter (kind = 'set_aside') "
        "from raw.quarantine where load_id = ?",
        [file.load_id],
    ).fetchall()
    if n_records != n_loaded + n_faulty + n_set_aside:
        raise AssertionError(
            f"{file.file_name}: {n_records} records in, but {n_loaded} loaded and {n_faulty + n_set_aside} quarantined"
        )
    return Loaded(file, "loaded", "", n_records, n_loaded, n_faulty, n_set_aside)


def _log(connection, result: Loaded, mapping: Mapping | None, pseudonyms: Pseudonyms) -> None:
    file = result.landed
    row = {
        "load_id": file.load_id,
        "source": file.source,
        "mapping": mapping.name if mapping else None,
        "mapping_hash": mapping.digest if mapping else "",
        "key_id": pseudonyms.key_id,
        "file_name": file.file_name,
        "n_bytes": file.n_bytes,
        "sequence": file.sequence,
        "status": result.status,
        "reason": result.reason,
        "n_records": result.n_records,
        "n_loaded": result.n_loaded,
        "n_faulty": result.n_faulty,
        "n_set_aside": result.n_set_aside,
    }
    _insert(connection, "load_log", pl.DataFrame([row], schema=LOAD_LOG))

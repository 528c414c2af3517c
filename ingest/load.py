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
MISFIT = 10_000  # so many faulty records, and more than half: the file is not what the mapping describes
READER = 1  # count up when files must be read anew after a change of the code


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


class RecordLost(AssertionError):
    """Records in are not records loaded plus quarantined: a fault of ours, so the run stops."""


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
    taken_back: frozenset[str] = frozenset(),
) -> list[Loaded]:
    """Load every landed file of `source` that is not in the warehouse as its mapping now reads it.

    Loads in `taken_back` are removed and passed over: their file left the inbox before any release used it.
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
            connection.execute("commit")
            results.append(Loaded(file, "taken back", reason="its file was taken out of the inbox before any release"))
            continue
        mapping = mapping_for(mappings, source, file.file_name)
        state = f"{_mapping_hash(mapping)}{pseudonyms.key_id}{file.sequence}"
        if known.get(file.load_id) == state:
            results.append(Loaded(file, "unchanged"))
        else:
            results.append(_load_file(connection, file, landing, mapping, pseudonyms))
    return results


def _mapping_hash(mapping: Mapping | None) -> str:
    return f"{READER}.{mapping.digest if mapping else 'none'}"


def _load_file(connection, file: Landed, landing: Path, mapping: Mapping | None, pseudonyms: Pseudonyms) -> Loaded:
    connection.execute("begin")
    try:
        _forget(connection, file)
        try:
            if mapping is None:
                raise FileRefused(f"no mapping of {file.source} fits this file name; add one in sources/")
            result = _load_rows(connection, file, content_path(landing, file), mapping, pseudonyms)
        except (duckdb.Error, OSError, MemoryError, RecordLost):
            raise
        except FileRefused as error:
            _forget(connection, file)
            result = Loaded(file, "refused", reason=str(error)[:MAX_REASON])
        except (Exception, pl.exceptions.PanicException) as error:
            # A file that breaks its reader must not keep the others out; its words may be people's, so none is shown.
            _forget(connection, file)
            reason = f"the reader broke on it ({type(error).__name__}); please report this, with the mapping"
            result = Loaded(file, "refused", reason=reason)
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
    n_records = n_faulty = 0
    for batch in read_batches(path, mapping):
        n_records += batch.frame.height + len(batch.faults)
        conformed = conform(batch, mapping, pseudonyms, load_id=file.load_id, dated=dated)
        for name, frame in conformed.tables.items():
            _insert(connection, name, frame)
        _insert(connection, "quarantine", conformed.quarantine)
        n_faulty += conformed.quarantine.filter(pl.col("kind") == "faulty").height
        if n_faulty > MISFIT and 2 * n_faulty > n_records:
            raise FileRefused(f"{n_faulty:,} of the first {n_records:,} records do not fit the mapping {mapping.name}")
    if n_records == 0 and mapping.zero_records == "refused":
        raise FileRefused("no records below the header; an empty export is refused (zero_records: allowed takes it)")
    table = RECORD_TABLES[file.source]
    _quarantine_doubles(connection, file, table)
    for part in TABLES_OF[file.source]:
        if part is not table:
            _drop_orphans(connection, file, table, part)
        _profile(connection, file, part)
    return _counted(connection, file, table, n_records)


def _quarantine_doubles(connection, file: Landed, table: RawTable) -> None:
    """A key that comes again within a file: equal records keep the first; of records that differ none is chosen."""
    keys = ", ".join(table.key)
    values = ", ".join(f'"{name}"' for name in table.fields)
    doubles = f"""
        select line, n_contents from (
            select line,
                row_number() over (partition by {keys} order by line) as turn,
                count(*) over (partition by {keys}) as n_lines,
                len(list_distinct(list(hash({values})) over (partition by {keys}))) as n_contents
            from raw.{table.name} where load_id = $load
        ) where turn > 1 or n_contents > 1
    """
    connection.execute(
        f"""
        insert into raw.quarantine
        select $load, $source, line, 'faulty',
            case when n_contents > 1 then 'conflicting_key' else 'duplicate_key' end,
            '', 'one record per {keys}', '{{}}'
        from ({doubles})
        """,
        {"load": file.load_id, "source": file.source},
    )
    connection.execute(
        f"delete from raw.{table.name} where load_id = $load and line in (select line from ({doubles}))",
        {"load": file.load_id},
    )


def _drop_orphans(connection, file: Landed, records: RawTable, part: RawTable) -> None:
    """What follows from a record goes where the record went."""
    connection.execute(
        f"delete from raw.{part.name} where load_id = ? "
        f"and line not in (select line from raw.{records.name} where load_id = ?)",
        [file.load_id, file.load_id],
    )


def _profile(connection, file: Landed, table: RawTable) -> None:
    """Facts per column that the gate judges, computed where the rows are, in one pass."""
    wanted = ["count(*)"]
    for name, kind in table.fields.items():
        is_number = kind in ("number", "birth_year")
        extremes = [f'min("{name}")::double', f'max("{name}")::double'] if is_number else ["null", "null"]
        wanted += [f'count("{name}")', f'count(distinct "{name}")', *extremes]
    sql = f"select {', '.join(wanted)} from raw.{table.name} where load_id = ?"
    [(n_rows, *facts)] = connection.execute(sql, [file.load_id]).fetchall()
    rows = [
        (file.load_id, file.source, table.name, name, n_rows, n_rows - present, n_distinct, low, high)
        for name, (present, n_distinct, low, high) in zip(
            table.fields, zip(*[iter(facts)] * 4, strict=True), strict=True
        )
    ]
    _insert(connection, "profile_columns", pl.DataFrame(rows, schema=PROFILES, orient="row"))


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
        raise RecordLost(
            f"{file.file_name}: {n_records} records in, but {n_loaded} loaded and {n_faulty + n_set_aside} quarantined"
        )
    return Loaded(file, "loaded", "", n_records, n_loaded, n_faulty, n_set_aside)


def _log(connection, result: Loaded, mapping: Mapping | None, pseudonyms: Pseudonyms) -> None:
    file = result.landed
    row = {
        "load_id": file.load_id,
        "content_sha256": file.content_sha256,
        "source": file.source,
        "mapping": mapping.name if mapping else None,
        "mapping_hash": _mapping_hash(mapping),
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

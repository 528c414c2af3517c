"""The warehouse as ingest writes it: one writer, tables made and replaced, rows inserted through relations."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

import durable
from ingest.closed_tables import CLOSED_TABLES
from ingest.log_tables import DATA_ISSUES, ID_SHAPES, LOAD_LOG, PROFILES, QUARANTINE
from ingest.tables import SQL_TYPES, TABLES_OF
from study.tables import STUDY_TABLES

LOGS = {
    "load_log": LOAD_LOG,
    "quarantine": QUARANTINE,
    "data_issues": DATA_ISSUES,
    "profile_columns": PROFILES,
    "id_shapes": ID_SHAPES,
}
# Every table of the schema `raw`, with its columns.
SCHEMAS = LOGS | {table.name: table.schema for tables in TABLES_OF.values() for table in tables} | STUDY_TABLES

MEMORY_LIMIT = "1GB"  # DuckDB's; what does not fit goes to a temporary file beside the warehouse

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
        connection.execute("set enable_progress_bar = false")  # it would print over ours
        # One thread writes row groups as they fill; two write them once more at the end (8.9 against 3.8 s of CPU for
        # three million rows, DuckDB 2.0.0), and hold them in memory until then.
        connection.execute("set threads = 1")
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        connection.execute("set lock_configuration = true")
        yield connection
    finally:
        connection.close()


def _create_table(connection, name: str, schema: dict, schema_name: str = "raw") -> None:
    columns = ", ".join(f'"{column}" {SQL_TYPES[kind]}' for column, kind in schema.items())
    connection.execute(f"create table if not exists {schema_name}.{name} ({columns})")


def prepare(connection) -> None:
    """Create the schema `raw` with all its tables, empty where a source was never sent: dbt can always run.

    A schema whose tables are of an older version is dropped: all of it is loaded anew from landing.
    """
    connection.execute("create schema if not exists raw")
    _drop_if_older(connection)
    for name, schema in SCHEMAS.items():
        _create_table(connection, name, schema)
    connection.execute("create schema if not exists closed")
    for name, schema in CLOSED_TABLES.items():
        _create_table(connection, name, schema, "closed")


def _drop_if_older(connection) -> None:
    there: dict[str, set[str]] = {}
    sql = "select table_name, column_name from information_schema.columns where table_schema = 'raw'"
    for table, column in connection.execute(sql).fetchall():
        there.setdefault(table, set()).add(column)
    if any(name not in SCHEMAS or there[name] != set(SCHEMAS[name]) for name in there):
        connection.execute("drop schema raw cascade")
        connection.execute("create schema raw")


def copy_loads(source: Path, target: Path, load_ids: Collection[str]) -> None:
    """Make a new warehouse that knows these loads as another one does; the loader then reads only what it would read
    otherwise (another mapping, another key). Where the other one is missing or in use nothing is copied."""
    if not source.exists():
        return
    with duckdb.connect(str(target)) as connection:
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        try:
            connection.execute(f"attach {_quoted(source)} as source (read_only)")
        except duckdb.Error:
            return
        sql = "select table_name from duckdb_columns() where database_name = 'source' and schema_name = 'raw' "
        tables = connection.execute(sql + "and column_name = 'load_id' order by 1").fetchall()
        connection.execute("create schema raw")
        for (name,) in tables:
            connection.execute(
                f"create table raw.{name} as select * from source.raw.{name} where load_id in (select unnest(?))",
                [sorted(load_ids)],
            )


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def replace_table(connection, name: str, frame: pl.DataFrame, *, schema_name: str = "raw") -> None:
    """Replace all rows of a table of ours (the study's, or what releases published)."""
    connection.register("incoming", frame.to_arrow())
    connection.execute("begin")
    connection.execute(f"delete from {schema_name}.{name}")
    connection.execute(f"insert into {schema_name}.{name} by name select * from incoming")
    durable.commit(connection)
    connection.unregister("incoming")


def create_table(connection, schema: str, name: str, frame: pl.DataFrame) -> None:
    """Make a table of what was computed from others, in place of the last one; the schema as well if it is missing."""
    connection.execute(f"create schema if not exists {schema}")
    connection.register("incoming", frame.to_arrow())
    connection.execute(f"create or replace table {schema}.{name} as select * from incoming")
    connection.unregister("incoming")


def insert_rows(connection, name: str, frame: pl.DataFrame, load_id: str) -> None:
    """Rows of one load. Through a relation: what is registered by name is never set free (DuckDB 2.0.0)."""
    if not frame.height:
        return
    if not load_id.isalnum():
        raise ValueError("a load's id is hexadecimal")
    cells = {column: f'"{column}"' for column in frame.columns} | {"load_id": f"'{load_id}'"}
    row = (cells.get(column, f"cast(null as {SQL_TYPES[kind]})") for column, kind in SCHEMAS[name].items())
    connection.from_arrow(frame.to_arrow()).project(", ".join(row)).insert_into(f"raw.{name}")

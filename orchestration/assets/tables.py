"""What the UI shows of a table: how many rows it has, its columns, their types and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

import dagster as dg
import duckdb
import yaml

from ingest.fields import MEANING
from orchestration.workspace import PROJECT_ROOT
from publish.catalogue import published_tables

COLUMNS = PROJECT_ROOT / "dbt_project" / "columns.yml"
SOURCES = PROJECT_ROOT / "dbt_project" / "models" / "sources.yml"
SCHEMA = "dagster/column_schema"
COLUMNS_QUERY = """
    select schema_name, table_name, column_name, lower(data_type) from duckdb_columns() where not internal
    order by schema_name, table_name, column_index
"""
TABLES_QUERY = "select schema_name, table_name from duckdb_tables() where not internal"


@cache
def meanings() -> dict[str, str]:
    """Column name → what it means in any layer."""
    published = {column.name: column.description for table in published_tables().values() for column in table.columns}
    return published | MEANING | yaml.safe_load(COLUMNS.read_text(encoding="utf-8"))


@cache
def descriptions() -> dict[tuple[str, str], str]:
    """(schema, table) of what dbt reads and does not make → its grain, as dbt_project/models/sources.yml says."""
    declared = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    return {(source["name"], table["name"]): table["description"] for source in declared for table in source["tables"]}


def _meanings_of(table: str) -> dict[str, str]:
    """Those of the published table first: an estimate means what is published of it."""
    published = published_tables().get(f"pub_{table.split('_', 1)[-1]}")
    if published is None:
        return meanings()
    own = {column.name: column.description for column in published.columns}
    return meanings() | own | {code: f"Why {', '.join(figures)} is empty." for code, figures in published.codes.items()}


def facts(
    connection: duckdb.DuckDBPyConnection,
    keys: Iterable[dg.AssetKey],
    declared: Mapping[dg.AssetKey, dg.TableSchema] = MappingProxyType({}),
) -> dict[dg.AssetKey, dict[str, dg.MetadataValue]]:
    """Of each asset that a table is called like: row count (of a view none, it holds no rows) and column schema.

    What `declared` says of a column goes before what its name means everywhere.
    """
    places = {key: tuple(key.path) for key in keys}
    columns: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, table, *column in connection.execute(COLUMNS_QUERY).fetchall():
        columns.setdefault((schema, table), []).append(tuple(column))
    counts = _counts(connection, set(places.values()))
    found = {}
    for key, place in places.items():
        own = declared[key].columns if key in declared else ()
        mean = _meanings_of(place[-1]) | {column.name: column.description for column in own if column.description}
        shown = [dg.TableColumn(name, kind, description=mean.get(name)) for name, kind in columns.get(place, ())]
        found[key] = {SCHEMA: dg.MetadataValue.table_schema(dg.TableSchema(columns=shown))}
        if place in counts:
            found[key]["dagster/row_count"] = dg.MetadataValue.int(counts[place])
    return found


def _counts(connection: duckdb.DuckDBPyConnection, places: set[tuple[str, ...]]) -> dict[tuple[str, str], int]:
    """(schema, table) → rows, of those that are tables."""
    tables = sorted(set(connection.execute(TABLES_QUERY).fetchall()) & places)
    counted = [f"select '{schema}', '{name}', count(*) from \"{schema}\".\"{name}\"" for schema, name in tables]
    rows = connection.execute(" union all ".join(counted)).fetchall() if counted else []
    return {(schema, name): n for schema, name, n in rows}

"""docs/reference/warehouse.md and the Dagster UI say what every table and column of the warehouse means."""

import json

import yaml

from orchestration.assets import tables
from tests.models import compiled_manifest
from tests.unit.test_docs import same_or_accepted, table

MARK = (
    "<!-- below: made from the models; COACHING_ACCEPT=docs .venv/bin/pytest "
    "tests/integration/test_warehouse_page.py -->\n"
)
LAYERS = ("raw", "closed", "panels", "cells", "comparisons")


def columns_of(connection, schema: str) -> dict[str, list[tuple[str, str]]]:
    """Table → its columns with their types."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, column, kind in connection.execute(
        "select table_name, column_name, lower(data_type) from duckdb_columns() where schema_name = ? "
        "order by table_name, column_index",
        [schema],
    ).fetchall():
        found.setdefault(name, []).append((column, kind))
    return found


def models() -> dict[tuple[str, str], dict]:
    """(schema, table) → the model as dbt knows it."""
    every = json.loads(compiled_manifest().read_text(encoding="utf-8"))["nodes"].values()
    return {(one["schema"], one["name"]): one for one in every if one["resource_type"] == "model"}


def test_the_page_says_what_each_table_and_column_means(connection, request):
    made = ""
    known = models()
    for schema in LAYERS:
        made += f"\n## {schema}\n"
        for name, columns in columns_of(connection, schema).items():
            model = known.get((schema, name))
            grain = model["description"] if model else tables.descriptions()[schema, name]
            own = {column: facts["description"] for column, facts in model["columns"].items()} if model else {}
            rows = [
                (f"`{column}`", kind, " ".join((own.get(column) or tables.meanings()[column]).split()))
                for column, kind in columns
            ]
            made += f"\n### {name}\n\n{' '.join(grain.split())}\n\n" + table(["Column", "Type", "Meaning"], rows)
    same_or_accepted(request.config.rootpath / "docs" / "reference" / "warehouse.md", made, mark=MARK)


def test_every_column_below_the_cells_has_a_meaning_and_none_is_left_over(connection):
    own = {
        key: {name for name, facts in one["columns"].items() if facts["description"]} for key, one in models().items()
    }
    needed = {
        column
        for schema in ("intermediate", "panels")
        for name, columns in columns_of(connection, schema).items()
        for column, _ in columns
        if column not in own.get((schema, name), ())
    }
    assert needed - set(tables.meanings()) == set()
    declared = yaml.safe_load(tables.COLUMNS.read_text(encoding="utf-8"))
    occurring = {
        column
        for schema in ("raw", "intermediate", "panels", "closed", "estimates", "restricted")
        for columns in columns_of(connection, schema).values()
        for column, _ in columns
    }
    assert set(declared) - occurring == set()

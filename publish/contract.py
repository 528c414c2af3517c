"""A release as a data contract: the Open Data Contract Standard 3.1 (bitol.io), from what `tables.yml` declares."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import yaml

from publish.catalogue import Column, PublishedTable, describe_code, published_tables

STANDARD = "v3.1.0"
LOGICAL = {pl.Boolean: "boolean", pl.Date: "date", pl.String: "string"}


def contract(tables: Mapping[str, pl.DataFrame], manifest: Mapping, facts: Mapping[str, str]) -> str:
    """The contract of these tables as YAML. `facts` is what the release says about itself (`publish.readme`)."""
    document = {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": f"{manifest['programme']}-coaching-outcomes",
        "name": facts["title"],
        "version": "1.0.0",
        "status": "active",
        "description": {
            "purpose": "Whether the programme worked, for whom, how sure that is, and whether to scale it.",
            "limitations": facts["not shown"],
            "usage": facts["digits"],
        },
        "servers": [
            {"server": "parquet", "type": "local", "path": "parquet/{model}.parquet", "format": "parquet"},
            {"server": "database", "type": "duckdb", "database": "metrics.duckdb", "schema": "main"},
        ],
        "schema": [_object(table, tables[name]) for name, table in published_tables().items()],
        "customProperties": [
            {"property": name.replace(" ", "_"), "value": facts[name]}
            for name in ("release", "as of", "data to", "cite as", "questions")
            if name in facts
        ],
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _object(table: PublishedTable, frame: pl.DataFrame) -> dict:
    # What may be empty can be no primary key; the grain says so in words.
    has_key = bool(table.key) and not any(table.key.values())
    return {
        "name": table.name,
        "physicalType": "table",
        "description": table.description,
        "dataGranularityDescription": f"one row per {', '.join(table.grain)}" if table.grain else "one row",
        "properties": [
            *(_property(column, frame, table.grain if has_key else ()) for column in table.columns),
            *(
                _typed(code, frame.schema[code])
                | {"description": describe_code(code, table), "classification": "reason"}
                for code in table.codes
            ),
        ],
    }


def _property(column: Column, frame: pl.DataFrame, key: tuple[str, ...]) -> dict:
    found = _typed(column.name, frame.schema[column.name]) | {
        "description": column.description,
        "classification": column.kind,
    }
    if column.name in key:
        found |= {"primaryKey": True, "primaryKeyPosition": key.index(column.name) + 1, "required": True}
    if column.unit:
        found["customProperties"] = [{"property": "unit", "value": column.unit}]
    return found


def _typed(name: str, kind: pl.DataType) -> dict:
    logical = LOGICAL.get(kind.base_type()) or ("integer" if kind.is_integer() else "number")
    return {"name": name, "logicalType": logical, "physicalType": str(kind)}

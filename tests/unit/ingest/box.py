"""An inbox, a landing and a warehouse on disk, as the run uses them; shared by the tests of ingest."""

import json
from pathlib import Path

import polars as pl

from ingest import land, load
from ingest.mapping.documents import mapping_from
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import Pseudonyms
from ingest.warehouse import prepare, warehouse

KEY = b"k" * 40


class Box:
    """An inbox, a landing and a warehouse."""

    def __init__(self, root: Path, mappings=None):
        self.root = root
        self.mappings = mappings or load_mappings(root / "sources")

    def drop(self, source, name, data):
        path = self.root / "inbox" / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def load(self, source="hris", *, known_date=None):
        land.land(land.scan(self.root / "inbox"), self.root / "landing", known_date=known_date)
        with warehouse(self.root / "warehouse.duckdb") as connection:
            prepare(connection)
            return load.load_source(
                connection,
                source,
                land.landed_files(self.root / "landing"),
                self.root / "landing",
                mappings=self.mappings,
                pseudonyms=Pseudonyms(KEY),
            )

    def ask(self, sql) -> pl.DataFrame:
        with warehouse(self.root / "warehouse.duckdb") as connection:
            return connection.sql(sql).pl()

    def quarantine(self):
        return self.ask(
            "select line, kind, rule, column_name, expected, record from raw.quarantine order by line, rule"
        )


def loaded(root, document: dict, name: str, data, *, source=None):
    """One file through one mapping; (what became of it, the box)."""
    box = Box(root, [mapping_from(document)])
    box.drop(source or document["source"], name, data)
    [result] = box.load(document["source"])
    return result, box


def issues(box) -> dict[str, int]:
    """How often each data issue was found."""
    return dict(box.ask("select issue, count(*)::int as n from raw.data_issues group by 1").iter_rows())


def records(rows: list[dict]) -> str:
    """JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

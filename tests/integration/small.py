"""Organisations small enough to count by hand: files of a few lines through ingest and dbt, without a run."""

from datetime import date
from pathlib import Path

import polars as pl

from ingest import land, load
from ingest import warehouse as warehouse_module
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import Pseudonyms
from ingest.tables import RECORD_TABLES
from ingest.warehouse import prepare, replace_table
from study.model import load_study
from tests import models

KEY = b"k" * 40


class Small:
    """A workspace folder with a study; files are dropped, then built, then asked."""

    def __init__(self, root: Path, study: str):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        (root / "study.yml").write_text(study, encoding="utf-8")

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    def drop(self, source: str, name: str, text: str) -> None:
        path = self.root / "inbox" / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def load(self, *, faults: int = 0) -> None:
        """What is in the inbox; `faults` records of it are quarantined."""
        land.land(land.scan(self.root / "inbox"), self.root / "landing", known_date=date(2026, 1, 1))
        with warehouse_module.warehouse(self.warehouse) as connection:
            prepare(connection)
            n_faulty = 0
            for source in RECORD_TABLES:
                results = load.load_source(
                    connection,
                    source,
                    land.landed_files(self.root / "landing"),
                    self.root / "landing",
                    mappings=load_mappings(self.root / "sources"),
                    pseudonyms=Pseudonyms(KEY),
                )
                assert {result.status for result in results} <= {"loaded", "unchanged"}, [r.reason for r in results]
                n_faulty += sum(result.n_faulty for result in results)
            assert n_faulty == faults, self.quarantine(connection)
        self.declare((self.root / "study.yml").read_text(encoding="utf-8"))

    def declare(self, study: str) -> None:
        """Another study of the same records."""
        (self.root / "study.yml").write_text(study, encoding="utf-8")
        with warehouse_module.warehouse(self.warehouse) as connection:
            for name, frame in load_study(self.root / "study.yml").tables().items():
                replace_table(connection, name, frame)

    @staticmethod
    def quarantine(connection) -> list:
        return connection.sql("select source, line, rule, column_name, expected from raw.quarantine").fetchall()

    def build(self, as_of: date, *names: str) -> None:
        """Load what is in the inbox, then the models (all, or these with what they read) and their data tests."""
        self.load()
        self.compute(as_of, *names)

    def compute(self, as_of: date, *names: str) -> None:
        """The models and their data tests, from the day."""
        with warehouse_module.warehouse(self.warehouse) as connection:
            models.build(connection, as_of, names)

    def ask(self, sql: str) -> pl.DataFrame:
        with warehouse_module.warehouse(self.warehouse) as connection:
            return connection.sql(sql).pl()

    def rows(self, sql: str) -> list[tuple]:
        return self.ask(sql).rows()


def csv(head: str, rows: list[tuple]) -> str:
    return "\n".join([head, *(",".join("" if cell is None else str(cell) for cell in row) for row in rows)]) + "\n"


def qualtrics(answers: dict[str, list], items: list[str], *, day: date) -> str:
    """A Qualtrics export: employee id → answers in the order of `items` (ImportIds); None is no answer."""
    names = ["_recordId", "externalDataReference", "recordedDate", "status", "finished", *items]
    head = [",".join(f'"{name}"' for name in names)] * 2
    head.append(",".join('"{""ImportId"":""' + name + '""}"' for name in names))
    rows = [
        ",".join(
            [f"R_{who}", who, f"{day} 12:00:00", "IP Address", "True", *("" if a is None else str(a) for a in given)]
        )
        for who, given in answers.items()
    ]
    return "\n".join([*head, *rows]) + "\n"

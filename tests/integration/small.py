"""Organisations small enough to count by hand: files of a few lines through ingest and dbt, without a night."""

import os
import subprocess
import tempfile
from datetime import date
from pathlib import Path

import polars as pl

from ingest import land, load
from ingest.pseudonyms import Pseudonyms
from ingest.spec import load_mappings
from ingest.study import load_study
from ingest.tables import RECORD_TABLES
from orchestration.defs.transform import DBT, PROJECT

KEY = b"k" * 40
# dbt parses its project once for all small organisations that look from the same day.
TARGET = Path(tempfile.mkdtemp(prefix="coaching-dbt-"))


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
        with load.warehouse(self.warehouse) as connection:
            load.prepare(connection)
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
        with load.warehouse(self.warehouse) as connection:
            for name, frame in load_study(self.root / "study.yml").tables().items():
                load.replace_table(connection, name, frame)

    @staticmethod
    def quarantine(connection) -> list:
        return connection.sql("select source, line, rule, column_name, expected from raw.quarantine").fetchall()

    def build(self, as_of: date, *arguments: str) -> None:
        """Load what is in the inbox, then dbt's models and data tests, from the day."""
        self.load()
        done = self.dbt(as_of, "build", "--exclude", "test_type:unit", *arguments)
        assert done.returncode == 0, done.stdout[-6000:]

    def dbt(self, as_of: date, *arguments: str) -> subprocess.CompletedProcess:
        env = os.environ | {"COACHING_WAREHOUSE": str(self.warehouse), "COACHING_AS_OF": str(as_of)}
        env["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
        paths = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        paths += ["--target-path", str(TARGET), "--log-path", str(self.root / "log")]
        command = [str(DBT), *arguments, *paths]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def ask(self, sql: str) -> pl.DataFrame:
        with load.warehouse(self.warehouse) as connection:
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

"""Loading a month of people: our cost beside a floor (splitting the lines) and a peer (polars' reader), in one run.

The floor does none of the work (no casting, no pseudonyms, no database); the peer none of the checks: it fills short
records with nulls. Run: `make benchmark` or `python benchmarks/pipeline.py [people]`.
"""

from __future__ import annotations

import csv
import resource
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from ingest import land, load
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import Pseudonyms
from ingest.warehouse import prepare, warehouse
from simulation import Design, simulate


def seconds(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def split(paths: list[Path]) -> None:
    for path in paths:
        with path.open(newline="") as file:
            for _ in csv.reader(file, strict=True):
                pass


def read_with_polars(paths: list[Path]) -> None:
    for path in paths:
        pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True)


def load_all(root: Path, source: str) -> list[load.Loaded]:
    with warehouse(root / "warehouse.duckdb") as connection:
        prepare(connection)
        return load.load_source(
            connection,
            source,
            land.landed_files(root / "landing"),
            root / "landing",
            mappings=load_mappings(root / "sources"),
            pseudonyms=Pseudonyms(b"benchmark" * 8),
        )


def main(people: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = seconds(lambda: simulate(Design(people=people, months=12), root / "inbox", truth_path=root / "t.json"))
        land.land(land.scan(root / "inbox"), root / "landing")
        print(f"{people:,} people × 12 months; simulated and written in {made:.1f} CPU-s")
        for source in ("hris", "checkins"):
            results: list[load.Loaded] = []
            ours = seconds(lambda source=source, results=results: results.extend(load_all(root, source)))
            records = sum(result.n_records for result in results)
            line = f"{source}: {records:,} records in {ours:.1f} CPU-s ({records / ours:,.0f}/s)"
            paths = sorted((root / "inbox" / source).glob("*.csv"))
            if paths:
                floor, peer = seconds(lambda paths=paths: split(paths)), seconds(lambda p=paths: read_with_polars(p))
                line += f"; {ours / floor:.1f} × splitting the lines, {ours / peer:.1f} × polars without checks"
            print(line)
        again = seconds(lambda: load_all(root, "hris"))
        print(f"hris again, nothing new: {again:.2f} CPU-s")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)

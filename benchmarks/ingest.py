"""Loading against the floor: the same bytes by `create table as select * from read_csv(all_varchar)`, in one run.

    python -m benchmarks.ingest [--checkins 20000000] [--people 1000000] [--months 12]

Each side runs in a process of its own; CPU and peak memory are the kernel's (getrusage).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import polars as pl

from ingest import land, load
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import Pseudonyms
from ingest.warehouse import prepare, warehouse


def write_checkins(path: Path, n: int) -> None:
    """Check-ins and goals as CSV."""
    (
        pl.LazyFrame({"i": pl.int_range(n, eager=True)})
        .select(
            event=pl.lit("checkin"),
            id=pl.format("C{}", pl.col("i")),
            employee_id=pl.format("E{}", (pl.col("i") % 100_000).cast(pl.String).str.zfill(7)),
            due=pl.date(2026, 1, 1) + pl.duration(days=pl.col("i") % 365),
            status=pl.when(pl.col("i") % 5 == 0).then(pl.lit("skipped")).otherwise(pl.lit("held")),
            set_by=pl.lit("team"),
        )
        .sink_csv(path)
    )


def write_snapshot(path: Path, n: int, month: int) -> None:
    """A worker report as CSV."""
    number = pl.col("i").cast(pl.String).str.zfill(7)
    (
        pl.LazyFrame({"i": pl.int_range(n, eager=True)})
        .select(
            number.alias("Employee ID"),
            pl.lit("Synthetic").alias("First Name"),
            pl.format("Person {}", number).alias("Last Name"),
            pl.format("person.{}@example.invalid", number).alias("Work Email"),
            pl.lit("01/31/1980").alias("Birth Date"),
            pl.lit("03/01/2020").alias("Hire Date"),
            pl.lit("").alias("Termination Date"),
            pl.lit("").alias("Termination Type"),
            pl.lit("Active").alias("Worker Status"),
            pl.format("D{}", pl.col("i") % 40).alias("Department"),
            pl.format("S{}", pl.col("i") % 9).alias("Site"),
            pl.format("T{}", (pl.col("i") + month) % 60_000).alias("Team ID"),
            (pl.col("i") // 10).cast(pl.String).str.zfill(7).alias("Manager ID"),
        )
        .sink_csv(path)
    )


def measured(*words: str | int | Path) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory (GB) of one part, in a process of its own."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "benchmarks.ingest", "--part", *map(str, words)])
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise RuntimeError(f"{words[0]} failed")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6


def floor(source: str, folder: Path) -> None:
    """What DuckDB alone needs to take the bytes in, unchecked and untyped."""
    with duckdb.connect(str(folder / "floor.duckdb")) as connection:
        connection.execute("set threads = 2")
        for number, path in enumerate(sorted((folder / "inbox" / source).glob("*.csv"))):
            connection.execute(f"create table t{number} as select * from read_csv('{path}', all_varchar = true)")


def ours(source: str, folder: Path) -> None:
    """All of ingest: landing, judging, casting, pseudonyms, keys, profiles, issues."""
    land.land(land.scan(folder / "inbox", seen=folder / ".seen.json"), folder / "landing")
    with warehouse(folder / "warehouse.duckdb") as connection:
        prepare(connection)
        results = load.load_source(
            connection,
            source,
            land.landed_files(folder / "landing"),
            folder / "landing",
            mappings=load_mappings(folder / "sources"),
            pseudonyms=Pseudonyms(b"k" * 40),
        )
    if any(result.status == "refused" or result.n_faulty for result in results):
        raise RuntimeError(str([(result.reason, result.n_faulty) for result in results]))


def compare(title: str, source: str, folder: Path) -> None:
    """The report about one source."""
    size = sum(path.stat().st_size for path in (folder / "inbox" / source).glob("*.csv")) / 1e9
    base, mine = measured("floor", source, folder), measured("ours", source, folder)
    for name, (wall, cpu, memory) in (("floor", base), ("ingest", mine)):
        print(f"{title} ({size:.2f} GB) {name}: {wall:.1f} s wall, {cpu:.1f} s CPU, {memory:.2f} GB peak")
    ratios = [one / other for one, other in zip(mine, base, strict=True)]
    print("{}: {:.1f} × wall, {:.1f} × CPU, {:.1f} × memory".format(title, *ratios), flush=True)


STEPS = {
    "floor": lambda source, folder: floor(source, Path(folder)),
    "ours": lambda source, folder: ours(source, Path(folder)),
    "checkins": lambda path, n: write_checkins(Path(path), int(n)),
    "snapshot": lambda path, n, month: write_snapshot(Path(path), int(n), int(month)),
}


def main() -> None:
    """Run both comparisons."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkins", type=int, default=20_000_000)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        STEPS[asked.part[0]](*asked.part[1:])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "checkins"
        (folder / "inbox" / "checkins").mkdir(parents=True)
        measured("checkins", folder / "inbox" / "checkins" / "checkins_2026.csv", asked.checkins)
        compare(f"{asked.checkins:,} check-ins", "checkins", folder)
        shutil.rmtree(folder)
        folder = Path(name) / "hris"
        (folder / "inbox" / "hris").mkdir(parents=True)
        for month in range(asked.months):
            measured("snapshot", folder / "inbox" / "hris" / f"hris_2026-{month + 1:02d}.csv", asked.people, month)
        compare(f"{asked.people:,} people × {asked.months}", "hris", folder)
        one_more(f"one month of {asked.people:,} among {asked.months + 1}", folder, asked)


def one_more(title: str, folder: Path, asked: argparse.Namespace) -> None:
    """A year is loaded; one more file comes: against the same file alone, and against looking at nothing new."""
    name = f"hris_2027-{asked.months + 1 - 12 if asked.months >= 12 else asked.months + 1:02d}.csv"
    time.sleep(land.RACY + 1)  # what was touched a moment ago is read again
    measured("ours", "hris", folder)
    nothing = measured("ours", "hris", folder)
    measured("snapshot", folder / "inbox" / "hris" / name, asked.people, asked.months)
    more = measured("ours", "hris", folder)
    alone = folder / "alone"
    (alone / "inbox" / "hris").mkdir(parents=True)
    shutil.copy(folder / "inbox" / "hris" / name, alone / "inbox" / "hris" / name)
    single = measured("ours", "hris", alone)
    for what, (wall, cpu, memory) in (("nothing new", nothing), ("one new file", more), ("that file alone", single)):
        print(f"{title}, {what}: {wall:.1f} s wall, {cpu:.1f} s CPU, {memory:.2f} GB peak")
    print(f"{title}: {more[1] / single[1]:.2f} × the CPU of that file alone", flush=True)


if __name__ == "__main__":
    main()

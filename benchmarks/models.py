"""dbt's build of a simulated organisation, by model: seconds of each, and the peak memory of dbt with DuckDB in it.

Twice in one run: from nothing, and again when nothing changed, so that what a run keeps can be seen beside what it
rebuilds. Run: `python -m benchmarks.models [people] [months] [folder]`; a folder with a loaded warehouse is used again.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from ingest import land, load, warehouse
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import Pseudonyms
from ingest.tables import RECORD_TABLES
from ingest.warehouse import replace_table
from orchestration.assets.transform import DBT, PROJECT
from orchestration.workspace import PROJECT_ROOT
from simulation import Design, simulate
from study.model import load_study

N_SHOWN = 12


def prepare(root: Path, design: Design) -> None:
    """Simulate and load, unless the folder has a warehouse already."""
    if (root / "warehouse.duckdb").exists():
        return
    simulate(design, root / "inbox", truth_path=root / "truth.json")
    shutil.copy(PROJECT_ROOT / "orchestration" / "templates" / "study.yml", root / "study.yml")
    land.land(land.scan(root / "inbox"), root / "landing", known_date=date(2026, 1, 1))
    with warehouse.warehouse(root / "warehouse.duckdb") as connection:
        warehouse.prepare(connection)
        for source in RECORD_TABLES:
            load.load_source(
                connection,
                source,
                land.landed_files(root / "landing"),
                root / "landing",
                mappings=load_mappings(root / "sources"),
                pseudonyms=Pseudonyms(b"benchmark" * 8),
            )
        for name, frame in load_study(root / "study.yml").tables().items():
            replace_table(connection, name, frame)


def build(root: Path, day: date, *, from_nothing: bool) -> tuple[float, dict[str, float]]:
    """Wall seconds of the whole, and of each node by name."""
    target = root / "target"
    command = [str(DBT), "--quiet", "build", "--exclude", "test_type:unit"]
    command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(target), "--log-path", str(root / "log")]
    command += ["--full-refresh"] if from_nothing else []
    env = os.environ | {"COACHING_WAREHOUSE": str(root / "warehouse.duckdb"), "COACHING_AS_OF": str(day)}
    started = time.monotonic()
    done = subprocess.run(command, env=env, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-4000:])
    took = time.monotonic() - started
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    return took, {result["unique_id"].split(".", 2)[2]: result["execution_time"] for result in results}


def main(people: int, months: int, folder: Path) -> None:
    design = Design(people=people, months=months)
    folder.mkdir(parents=True, exist_ok=True)
    prepare(folder, design)
    print(f"{people:,} people × {months} months")
    for title, from_nothing in (("from nothing", True), ("nothing changed", False)):
        took, nodes = build(folder, design.month(months), from_nothing=from_nothing)
        print(f"\n{title}: {took:.0f} s; the slowest of {len(nodes)} models and tests:")
        for name, seconds in sorted(nodes.items(), key=lambda item: -item[1])[:N_SHOWN]:
            print(f"  {seconds:6.1f} s  {name}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\npeak memory of dbt and DuckDB: {peak:,.0f} MB")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        int(arguments[0]) if arguments else 20_000,
        int(arguments[1]) if len(arguments) > 1 else 24,
        Path(arguments[2]) if len(arguments) > 2 else Path(tempfile.mkdtemp(prefix="coaching-models-")),
    )

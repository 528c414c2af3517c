"""A whole rebuild and a nightly delta by layer, at several sizes: wall, CPU, peak memory, rows, growth; beside a floor.

The floor is DuckDB reading the same bytes as text and aggregating once, with the same threads, in the same call. The
rebuild has everything but the newest month; the delta is the next run, when that month's files have come. CPU and
memory are those of the run and its children, looked at five times a second; layers are Dagster's steps.

Run: `python -m benchmarks.scale FOLDER PEOPLE [PEOPLE …]`. What FOLDER has already (files, measurements) is used again.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from orchestration.cli.workspaces import lay_out
from orchestration.workspace import Workspace, open_history
from simulation import Design, simulate

MONTHS = 24
EVERY = 0.2  # seconds between two looks
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
RUN = "import sys; from orchestration.cli.commands import main; sys.argv = ['coaching', *sys.argv[1:]]; main()"
LAYERS = {  # Dagster's step → layer
    "load_log": "landing",
    "load_hris": "raw",
    "load_survey": "raw",
    "load_checkins": "raw",
    "load_roster": "raw",
    "load_study": "raw",
    "load_closed": "raw",
    "transform": "models (dbt)",
    "estimate": "estimates",
}
SCHEMAS = ("raw", "intermediate", "panels", "cells", "comparisons", "estimates")


@dataclass
class Watched:
    """What a run and its children used: (time, CPU seconds so far, bytes of memory) at each look."""

    looks: list[tuple[float, float, int]] = field(default_factory=list)

    def between(self, start: float, end: float) -> tuple[float, float]:
        """CPU seconds and the peak of memory (GB) of a stretch of time."""
        inside = [look for look in self.looks if start - EVERY <= look[0] <= end + EVERY]
        return (inside[-1][1] - inside[0][1], max(look[2] for look in inside) / 1e9) if inside else (0.0, 0.0)


def tree(root: int) -> tuple[float, int]:
    """CPU seconds of a process, its children and those of them that ended; bytes that they hold now."""
    parents, used = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                facts = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except (OSError, IndexError):
                continue
            parents[int(entry.name)] = int(facts[1])
            used[int(entry.name)] = (sum(map(int, facts[11:15])) / TICKS, int(facts[21]) * PAGE)
    members = {root}
    while more := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= more
    found = [used[pid] for pid in members if pid in used]
    return sum(cpu for cpu, _ in found), sum(memory for _, memory in found)


def run(there: Workspace, day: date) -> dict:
    """One `coaching run` in a process of its own: what it used, whole and by layer, and how it ended."""
    watched, started = Watched(), time.time()
    with (there.root / f"printed-{day}").open("w") as printed:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, "run", "-w", str(there.root), "--as-of", str(day)],
            stdout=printed,
            stderr=printed,
        )

        def look() -> None:
            while process.returncode is None:
                watched.looks.append((time.time(), *tree(process.pid)))
                time.sleep(EVERY)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        thread.join()
    ended = time.time()
    return {
        "exit": process.returncode,
        "wall": ended - started,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": max(look[2] for look in watched.looks) / 1e9,
        "layers": layers(there, watched, started),
        "rows": rows(there),
    }


def layers(there: Workspace, watched: Watched, started: float) -> dict[str, dict]:
    """By layer: wall, CPU and peak; what comes before the first step is start-up."""
    os.environ["DAGSTER_HOME"] = str(there.dagster_home)
    with open_history(there) as instance:
        newest = instance.get_runs(limit=1)[0]
        steps = [one for one in instance.get_run_step_stats(newest.run_id) if one.start_time and one.end_time]
    spans = [("start-up", started, min(one.start_time for one in steps))]
    spans += [(LAYERS.get(one.step_key, "gate and release"), one.start_time, one.end_time) for one in steps]
    found: dict[str, dict] = {}
    for layer, start, end in spans:
        cpu, peak = watched.between(start, end)
        known = found.setdefault(layer, {"wall": 0.0, "cpu": 0.0, "peak": 0.0})
        found[layer] = {
            "wall": known["wall"] + end - start,
            "cpu": known["cpu"] + cpu,
            "peak": max(known["peak"], peak),
        }
    return found


def rows(there: Workspace) -> dict[str, int]:
    """Rows of each schema's tables (not its views)."""
    with duckdb.connect(str(there.warehouse), read_only=True) as connection:
        found = connection.sql(
            "select schema_name, sum(estimated_size)::bigint from duckdb_tables() group by schema_name"
        ).fetchall()
    return {schema: n for schema, n in found if schema in SCHEMAS}


FLOOR = """
import json, resource, sys
from pathlib import Path
import duckdb

connection = duckdb.connect(config={"threads": int(sys.argv[2])})
connection.execute("set enable_progress_bar = false")
families = {}
for path in sorted(Path(sys.argv[1]).rglob("*.*")):
    with path.open("rb") as file:
        families.setdefault((path.suffix, file.readline() if path.suffix == ".csv" else path.name[:4]), []).append(path)
for (ending, _), paths in families.items():
    if ending == ".csv":
        read = "read_csv(?, all_varchar = true, quote = '\\"', ignore_errors = true)"
    elif ending == ".jsonl":
        with paths[0].open() as file:
            names = dict.fromkeys(json.loads(file.readline()), "VARCHAR")
        read = f"read_json(?, format = 'newline_delimited', ignore_errors = true, columns = {names})"
    else:
        continue
    connection.execute(f"select count(*), max(columns(*)) from {read}", [[str(path) for path in paths]]).fetchall()
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""


def floor(inbox: Path) -> float:
    """CPU seconds of DuckDB reading every CSV file and JSON line as text and taking each column's maximum."""
    command = [sys.executable, "-c", FLOOR, str(inbox), str(os.cpu_count())]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(folder: Path, people: int) -> dict:
    """Simulate (unless the files are there), rebuild, then the delta."""
    design = Design(people=people, months=MONTHS)
    files = folder / f"inbox-{people}"
    if not (files / "whole").exists():
        shutil.rmtree(files, ignore_errors=True)
        simulate(design, files / "inbox", truth_path=files / "truth.json")
        (files / "whole").touch()
    there = Workspace(folder / f"run-{people}")
    shutil.rmtree(there.root, ignore_errors=True)
    lay_out(there)
    study = there.study.read_text(encoding="utf-8").replace("stale_after_days: 40", "stale_after_days: 0")
    until = f"planned_until: {design.month(MONTHS - 1)}"
    there.study.write_text(study.replace("# planned_until: 2026-12-31", until), encoding="utf-8")
    newest = f"{design.month(MONTHS - 1):%Y-%m}"
    every = [path for path in sorted((files / "inbox").rglob("*.*")) if path.parent.name != "inbox"]
    late = [path for path in every if newest in path.name]

    def deliver(paths: list[Path]) -> None:
        for path in paths:
            os.link(path, there.inbox / path.parent.name / path.name)

    deliver([path for path in every if path not in late])
    found = {"people": people, "bytes": sum(path.stat().st_size for path in every)}
    found["rebuild"] = run(there, design.month(MONTHS - 1).replace(day=20))
    deliver(late)
    found["delta"] = run(there, design.closed_on)
    found["delta_bytes"] = sum(path.stat().st_size for path in late)
    found["floor"] = floor(files / "inbox")
    shutil.rmtree(there.root)
    return found


def exponent(small: tuple[float, int], large: tuple[float, int]) -> str:
    """log(cost ratio) / log(size ratio): 1.0 is linear."""
    return f"{math.log(large[0] / small[0]) / math.log(large[1] / small[1]):.2f}"


def line(*cells: object) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*names: str) -> list[str]:
    """The first two rows of a Markdown table."""
    return [line(*names), line(*["---"] * len(names))]


def table(measured: list[dict]) -> str:
    """Markdown: the whole by size, then the layers of each size."""
    lines = head(
        "people", "files, GB", "floor, CPU s", "rebuild, CPU s", "× floor", "exponent", "wall, s", "peak, GB", "exit"
    )
    for before, one in zip([None, *measured], measured, strict=False):
        whole = one["rebuild"]
        growth = exponent((before["rebuild"]["cpu"], before["people"]), (whole["cpu"], one["people"])) if before else ""
        lines.append(
            line(
                f"{one['people']:,}",
                f"{one['bytes'] / 1e9:.2f}",
                f"{one['floor']:.1f}",
                f"{whole['cpu']:.0f}",
                f"{whole['cpu'] / one['floor']:.0f}",
                growth,
                f"{whole['wall']:.0f}",
                f"{whole['peak']:.1f}",
                whole["exit"],
            )
        )
    lines += ["", *head("people", "newest month, MB", "delta, CPU s", "of the rebuild", "wall, s", "peak, GB", "exit")]
    for one in measured:
        delta = one["delta"]
        lines.append(
            line(
                f"{one['people']:,}",
                f"{one['delta_bytes'] / 1e6:.0f}",
                f"{delta['cpu']:.0f}",
                f"{delta['cpu'] / one['rebuild']['cpu']:.0%}",
                f"{delta['wall']:.0f}",
                f"{delta['peak']:.1f}",
                delta["exit"],
            )
        )
    lines += ["", *head("people", *(f"rows: {schema}" for schema in SCHEMAS))]
    for one in measured:
        lines.append(line(f"{one['people']:,}", *(f"{one['delta']['rows'].get(name, 0):,}" for name in SCHEMAS)))
    for name in ("rebuild", "delta"):
        lines += ["", f"## By layer: {name}", "", *head("people", "layer", "CPU, s", "exponent", "wall, s", "peak, GB")]
        for before, one in zip([None, *measured], measured, strict=False):
            for layer, used in one[name]["layers"].items():
                known = before[name]["layers"].get(layer, {"cpu": 0.0}) if before else {"cpu": 0.0}
                is_known = known["cpu"] > 0 and used["cpu"] > 0
                growth = (
                    exponent((known["cpu"], before["people"]), (used["cpu"], one["people"]))
                    if before and is_known
                    else ""
                )
                numbers = f"{used['cpu']:.1f}", growth, f"{used['wall']:.1f}", f"{used['peak']:.1f}"
                lines.append(line(f"{one['people']:,}", layer, *numbers))
    return "\n".join(lines)


def main(folder: Path, sizes: list[int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / "scale.json"
    measured = {one["people"]: one for one in json.loads(known.read_text())} if known.exists() else {}
    for people in sizes:
        if people not in measured:
            measured[people] = measure(folder, people)
            known.write_text(json.dumps(list(measured.values()), indent=1))
    print(table([measured[people] for people in sorted(sizes)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(word) for word in sys.argv[2:]] or [2_000, 10_000, 100_000])

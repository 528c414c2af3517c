"""How often does the gate refuse a run without fault? Simulated organisations, month by month, through the real job.

Each organisation's files arrive as they would: a month's export at its end, a survey in its month. Every run is
judged against the release before it. What is written: one JSON line per run in FOLDER/runs.jsonl; runs that stand
there are not run again. Run: `python -m benchmarks.clean_runs [folder] [organisations] [people]`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path

from orchestration.doctor import end_of
from orchestration.workspace import PROJECT_ROOT, Workspace
from simulation import Design, simulate

MONTHS = 24
FIRST = 5  # runs begin when there is something to compare


def run_pipeline(workspace: Workspace, day: date) -> list[dict]:
    """The job in this process; the ledger's lines of the run."""
    import dagster as dg

    from orchestration.definitions import execute
    from publish import ledger

    workspace.prepare_dagster_home()
    with dg.DagsterInstance.local_temp(str(workspace.dagster_home)) as instance:
        os.environ["COACHING_WORKSPACE"] = str(workspace.root)
        os.environ.setdefault("COACHING_PSEUDONYM_KEY", "the key of nobody, for simulated people only")
        result = execute(workspace, instance, as_of=str(day))
    return [event for event in ledger.read(workspace.ledger) if event.get("run_id") == result.run_id]


def deliver(everything: Path, inbox: Path, month: str) -> None:
    """What has been sent by the end of the month."""
    for path in everything.rglob("*"):
        found = re.search(r"20\d\d-\d\d", path.name)
        target = inbox / path.relative_to(everything)
        if path.is_file() and not target.exists() and (found is None or found.group() <= month):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)


def one_organisation(folder: Path, seed: int, people: int, done: set[tuple[int, str]], log: Path) -> None:
    design = Design(people=people, months=MONTHS, seed=seed)
    there = Workspace(folder / f"organisation_{seed}")
    everything = there.root / "sent"
    if not everything.exists():
        simulate(design, everything, truth_path=there.root / "truth.json")
        shutil.copy(PROJECT_ROOT / "orchestration" / "templates" / "study.yml", there.study)
    for number in range(FIRST, MONTHS + 1):
        day = design.month(number)
        month = str(design.month(number - 1))[:7]
        deliver(everything, there.inbox, month)
        if (seed, str(day)) in done:
            continue
        events = run_pipeline(there, day)
        refused = [event for event in events if event["event"] == "refused"]
        line = {
            "seed": seed,
            "as_of": str(day),
            "people": people,
            "end": end_of(events).get("event", "nothing"),
            "reasons": [reason.split("; seen")[0] for event in refused for reason in event["reasons"]],
            "warnings": sorted({text for event in events for text in event.get("warnings", [])}),
        }
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        print(line, flush=True)


def main(folder: Path, organisations: int, people: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "runs.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {(line["seed"], line["as_of"]) for line in lines}
    for seed in range(1, organisations + 1):
        one_organisation(folder, seed, people, done, log)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    refused = [line for line in lines if line["end"] != "published"]
    print(f"{len(lines)} clean runs, {len(refused)} not published ({len(refused) / len(lines):.1%})")
    for line in refused:
        print(f"  {line['seed']} {line['as_of']}: {line['end']} {line['reasons']}")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        Path(arguments[0]) if arguments else Path(tempfile.mkdtemp(prefix="coaching-clean-runs-")),
        int(arguments[1]) if len(arguments) > 1 else 10,
        int(arguments[2]) if len(arguments) > 2 else 400,
    )

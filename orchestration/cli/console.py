"""What the command line shows: progress while the run runs, and its outcome as tables."""

from __future__ import annotations

import json
import time
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from publish.page.render import Outcome, outcomes
from publish.page.sheets.decision import answer
from publish.release import manifest_of, released_tables

LAYER_OF_STEP = {  # part of a step's name → layer; the first that fits
    "load_log": "landing",
    "load_": "raw",
    "transform": "staging … comparisons (dbt)",
    "estimate": "estimates",
    "gate": "gate (Great Expectations)",
    "recall": "raw",
    "restricted": "restricted release",
    "release": "release",
}
VERDICT_COLOURS = {"better": "green", "worse": "red", "null": "yellow", "unknown": "magenta", "suppressed": "magenta"}


def layer_of(step: str) -> str:
    """A step's layer, for people."""
    return next((layer for start, layer in LAYER_OF_STEP.items() if start in step), step)


class Progress:
    """Shows the layer at work and how many tables and checks are done; warnings and errors as they come."""

    def __init__(self, console: Console):
        self.console = console
        self.status = console.status("starting the orchestrator")
        self.tables = self.checks = 0
        self.seconds: dict[str, float] = {}
        self._started = self._step_began = time.monotonic()

    def __enter__(self) -> Progress:
        self.status.start()
        return self

    def __exit__(self, *_) -> None:
        self.status.stop()
        parts = " · ".join(f"{layer} {seconds:.1f} s" for layer, seconds in self.seconds.items() if seconds >= 0.05)
        if parts:
            self.console.print(f"{self.tables} tables, {self.checks} checks: {parts}", highlight=False, soft_wrap=True)

    def __call__(self, step: str, kind: str, message: str) -> None:
        """One event of the run."""
        if kind in ("WARNING", "ERROR", "CRITICAL"):
            colour = "yellow" if kind == "WARNING" else "red"
            self.console.print(f"  {message}", style=colour, markup=False, highlight=False)
        self.tables += kind == "ASSET_MATERIALIZATION"
        self.checks += kind == "ASSET_CHECK_EVALUATION"
        now = time.monotonic()
        if kind == "STEP_START" and not self.seconds:
            self.seconds["start-up"] = now - self._started
        elif kind in ("STEP_SUCCESS", "STEP_FAILURE"):
            self.seconds[layer_of(step)] = self.seconds.get(layer_of(step), 0.0) + now - self._step_began
        self._step_began = now if kind.startswith("STEP") else self._step_began
        done = message if kind == "PROGRESS" else f"{self.tables} tables, {self.checks} checks"
        self.status.update(f"{layer_of(step)} · {done} done")


def show_release(console: Console, release: Path, *, truth: dict | None = None) -> None:
    """The release in one screen; beside the truth where it is known (the demo)."""
    manifest = manifest_of(release)
    console.print(
        f"\n[bold]{sum(one['n_files'] for one in manifest['sources'])} file(s)[/bold] read: "
        + ", ".join(f"{one['source']} about {one['n_records_about']:,} records" for one in manifest["sources"]),
        highlight=False,
    )
    for item in manifest["corrections"]:
        console.print(
            f"Corrected by later files: {item['correction']} ({item['count']} rows, "
            f"about {item['first_month']} to {item['last_month']})",
            highlight=False,
        )
    for item in manifest["late_records"]:
        console.print(
            f"Too late for closed periods: {item['count']} {item['source']} records ({item['first_month']} to "
            f"{item['last_month']}); they enter with a restatement (coaching restate)",
            style="yellow",
            highlight=False,
        )
    if manifest["restated"]:
        console.print(
            f"Closed periods were computed again ({manifest['restated']['reason']}); "
            f"{manifest['restated']['n_kept']} groups of cells stay as published",
            highlight=False,
        )
    for item in manifest["data_issues"]:
        console.print(f"Left open: {item['issue']} ({item['count']} {item['about']})", style="yellow", highlight=False)
    verdict = manifest["verdict"]
    console.print(
        f"Gate: [green]passed[/green], {verdict['n_evaluated']} of {verdict['n_declared']} expectations evaluated",
        highlight=False,
    )
    tables = released_tables(release)
    console.print(_outcome_table(outcomes(tables, manifest, draw=False), truth))
    answered = answer(tables)
    if answered is not None:
        sure = ": ".join(filter(None, [answered.certainty, answered.certainty_reason]))
        said = " ".join(filter(None, [f"{answered.word}.", answered.reason, sure and f"{sure}.", answered.analysis]))
        console.print(f"Should it be scaled up? {said}", highlight=False)
    served = release.parent / "current"
    page = (served if served.resolve() == release.resolve() else release) / "index.html"
    console.print(f"Page: [bold]{page}[/bold]", highlight=False, soft_wrap=True)


def _outcome_table(shown: list[Outcome], truth: dict | None) -> Table:
    table = Table(title="Primary comparisons", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("outcome", "naive", "effect", "interval", "verdict"):
        table.add_column(heading, justify="left" if heading in ("outcome", "verdict") else "right", no_wrap=True)
    if truth is not None:
        table.add_column("truth", justify="right", no_wrap=True)
    for outcome in shown:
        if outcome.role != "primary":
            continue
        unit, row = outcome.unit, outcome.row
        label = f"{outcome.label}, {unit.short}" if unit.short else outcome.label
        numbers = [unit.number(x, signed=True) if x is not None else "–" for x in (outcome.naive, row["estimate"])]
        cells = [
            label,
            *numbers,
            outcome.interval,
            f"[{VERDICT_COLOURS[outcome.finding.kind]}]{outcome.finding.verdict}[/]",
        ]
        if truth is not None:
            known = truth.get(outcome.metric)
            cells.append(unit.number(known["simple"], signed=True) if known else "–")
        table.add_row(*cells)
    return table


def read_truth(path: Path) -> dict | None:
    """The simulated programme's true effects, where this workspace is a demo."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

"""`coaching run`, `restate`, `simulate` and `demo`."""

from __future__ import annotations

import json
import os
import signal
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ingest.pseudonyms import KeyMissing, Pseudonyms
from orchestration.cli.terminal import (
    BROKEN,
    BUSY,
    HERE,
    REFUSED,
    WRONG,
    WorkspaceOption,
    fail,
    opened,
    out,
    parse_day,
    show_departures,
    show_waiting,
)
from orchestration.cli.workspaces import lay_out
from orchestration.workspace import WORKSPACE_VARIABLE, Workspace, first_line, open_history
from study.model import load_study
from study.strict_yaml import ConfigError

# An ordinary draw. Without effect some draw claims something by chance whatever the method (20240101: retention).
DEMO_SEED = 11


def simulate(
    folder: Annotated[Path, typer.Option("--out", help="Where the inbox folders are written.")],
    people: Annotated[int, typer.Option(help="Head-count.")] = 2_000,
    months: Annotated[int, typer.Option(help="Calendar months, a multiple of 3.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same organisation.")] = DEMO_SEED,
    effect: Annotated[float, typer.Option(help="Multiplies every true effect; 0: the programme does nothing.")] = 1.0,
) -> None:
    """Write the export files of a made-up organisation whose true effects are known (OUT/../truth.json)."""
    from simulation import Design
    from simulation import simulate as write

    try:
        design = Design(people=people, months=months, seed=seed, effect=effect)
    except ValueError as error:
        raise fail(str(error), WRONG) from None
    truth = folder.resolve().parent / "truth.json"
    if any(path.is_file() for path in folder.rglob("*") if path.name != "README.md"):
        raise fail(f"{folder} holds files already; simulate into a new folder, or two organisations would mix", WRONG)
    with out.status("simulating") as status:
        write(design, folder, truth_path=truth, progress=lambda month: status.update(f"simulating {month}"))
    out.print(f"{people:,} people × {months} months in {folder}; true effects in {truth}", highlight=False)


def run(
    workspace: WorkspaceOption = HERE,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day to look from (default: today).")] = None,
) -> None:
    """Do what a run does: load what is new, compare, estimate, judge, publish."""
    _run(opened(workspace), parse_day(as_of))


def restate(
    workspace: WorkspaceOption = HERE,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day to look from (default: today).")] = None,
) -> None:
    """Compute closed periods again, so that what came late enters; a cell that few people change stays as published."""
    _run(opened(workspace), parse_day(as_of), restate=True)


def _run(workspace: Workspace, as_of: date | None, *, truth: dict | None = None, restate: bool = False) -> None:
    from orchestration import machine
    from orchestration.alarm import report_broken_configuration
    from orchestration.cli.console import show_release
    from orchestration.deletion import check_kept
    from orchestration.pending import DayToCome, check_day, find_pending_changes
    from publish.release import current_release, manifest_of

    try:
        check_kept(workspace, load_study(workspace.study))  # before the key, which goes with the records
        Pseudonyms.from_environment(workspace.key_file)
        check_day(workspace, as_of)
        machine.check()
        pending = find_pending_changes(workspace, as_of=as_of)
    except DayToCome as error:  # what was typed, not what the workspace holds
        raise fail(str(error), WRONG) from None
    except (ConfigError, KeyMissing) as error:
        report_broken_configuration(workspace, str(error))
        raise fail(str(error), WRONG) from None
    show_waiting(pending)
    shown = workspace.releases / (pending.newest_release or "")
    if not pending and not restate:
        out.print(f"Nothing new since release {pending.newest_release}.", highlight=False)
    else:
        reasons = [*pending.reasons, *(["closed periods are to be computed again"] if restate else [])]
        out.print(f"Running the pipeline: {'; '.join(reasons)}.", highlight=False)
        shown = _run_here(workspace, as_of, restate=restate)
    show_release(out, shown, truth=truth)
    show_departures(workspace)
    served = current_release(workspace.releases)
    if served and served.name != shown.name and not manifest_of(shown)["is_in_history"]:
        out.print(
            f"This is the view from {manifest_of(shown)['as_of']}, a release of its own; served is {served.name}, "
            "which knows more.",
            highlight=False,
            soft_wrap=True,
        )
    elif served and served.name != shown.name:
        out.print(
            f"Served is another release, {served.name}. To serve this one: coaching rollback {shown.name} -w "
            f"{workspace.root}",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )


def _run_here(workspace: Workspace, as_of: date | None, *, restate: bool = False) -> Path:
    """Run Dagster's job here, in this process; the release it wrote, or Exit with the reason."""
    from orchestration.alarm import full_disk, report_broken_run

    try:
        result = _execute(workspace, as_of, restate)
    except Exception as error:  # the orchestrator itself: a full disk, a folder that cannot be written
        words = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        reason = f"{type(error).__name__}: {words}"
        report_broken_run(workspace, run_id="", reason=reason, kind=type(error).__name__)
        raise fail(f"The run failed, nothing was published: {reason}{full_disk(workspace)}", BROKEN) from None
    outcome = outcome_of(workspace, result)
    if isinstance(outcome, typer.Exit):
        raise outcome
    return outcome


def _execute(workspace: Workspace, as_of: date | None, restate: bool):
    from orchestration.cli.console import Progress

    with Progress(out) as progress:
        os.environ[WORKSPACE_VARIABLE] = str(workspace.root)
        os.environ["DAGSTER_HOME"] = str(workspace.prepare_dagster_home())
        from orchestration import progress as events
        from orchestration.definitions import execute

        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # not under nohup
            signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # dagster knows that one
        stop = events.watch(progress)
        log = workspace.dagster_home / "run.log"  # what dbt says, for whoever has to look closer
        try:
            with log.open("w", encoding="utf-8") as file, redirect_stdout(file), open_history(workspace) as instance:
                return execute(workspace, instance, as_of=str(as_of or ""), restate=restate)
        finally:
            stop()


def outcome_of(workspace: Workspace, result) -> Path | typer.Exit:
    """What the ledger says about this run: the release that was written, or an exit code (its reason is printed)."""
    from orchestration.alarm import MAX_REASON, NO_REASON, first_cause, full_disk
    from orchestration.doctor import end_of
    from publish import ledger
    from publish.release import current_release

    mine = [event for event in ledger.read(workspace.ledger) if event.get("run_id") == result.run_id]
    last = end_of(mine)
    if last.get("event") == "published":
        return workspace.releases / last["release"]
    if last.get("event") == "turned_away":
        return fail(last["reason"], BUSY)
    is_out = any(event["event"] == "published" for event in mine)
    if last.get("event") == "refused" and not is_out:
        stays = "the last release stays" if current_release(workspace.releases) else "nothing is served yet"
        return fail(
            f"The gate refused; {stays}. What to fix (docs/how-to/the-gate-refused.md):\n"
            + "\n".join(f"- {reason}" for reason in last["reasons"]),
            REFUSED,
        )
    if last.get("event") == "refused":
        reasons = "\n".join(f"- {reason}" for reason in last["reasons"])
        return fail(f"The release was published. What is restricted to few readers was refused:\n{reasons}", REFUSED)
    failures = [event for event in result.all_events if event.is_failure and event.event_specific_data]
    errors = [getattr(event.event_specific_data, "error", None) for event in failures]
    text = next((first_cause(error) for error in errors if error), NO_REASON)
    what = "The release was published, then the run failed" if is_out else "The run failed, nothing was published"
    return fail(f"{what}: {text[:MAX_REASON]}{full_disk(workspace)}", BROKEN)


def demo(
    workspace: WorkspaceOption = Path("demo"),
    people: Annotated[int, typer.Option(help="Head-count of the simulated organisation.")] = 2_000,
    months: Annotated[int, typer.Option(help="Calendar months, a multiple of 3.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same organisation.")] = DEMO_SEED,
    effect: Annotated[float, typer.Option(help="Multiplies every true effect; 0: the programme does nothing.")] = 1.0,
) -> None:
    """Simulate an organisation, run the pipeline on its files, and show the estimates beside the truth."""
    from orchestration.cli.console import read_truth
    from simulation import Design

    there = Workspace(workspace.resolve())
    asked = {"people": people, "months": months, "seed": seed, "effect": effect}
    try:
        design = Design(**asked)
    except ValueError as error:
        raise fail(str(error), WRONG) from None
    simulated = there.root / "simulated.json"
    if there.study.exists():
        _check_demo(there, simulated, asked)
    else:
        lay_out(there)
        study = there.study.read_text(encoding="utf-8")
        study = study.replace("stale_after_days: 40", "stale_after_days: 0 ")  # its days are past
        study = study.replace("# planned_until: 2026-12-31", f"planned_until: {design.month(months - 1)}")
        there.study.write_text(study, encoding="utf-8")
        simulate(there.inbox, **asked)
        simulated.write_text(json.dumps(asked) + "\n", encoding="utf-8")
    _run(there, design.closed_on, truth=read_truth(there.root / "truth.json"))


def _check_demo(there: Workspace, simulated: Path, asked: dict) -> None:
    """A demo is of one organisation, and no demo goes into a workspace of one's own."""
    if not simulated.exists():
        raise fail(f"{there.root} is a workspace of your own; give the demo another folder, as -w demo", WRONG)
    there_is = json.loads(simulated.read_text(encoding="utf-8"))
    if there_is != asked:
        other = ", ".join(f"--{name} {there_is[name]:g}" for name in asked if there_is[name] != asked[name])
        raise fail(f"{there.root} was simulated with {other}; use another folder (-w), or delete this one", WRONG)


RUN_COMMANDS = (simulate, run, restate, demo)

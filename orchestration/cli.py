"""`coaching`: start the night, look at what it left, go back. No rule about data lives here.

Exit codes: 0 published, or nothing new · 1 broken off · 2 wrong use or configuration · 3 the gate refused ·
75 another run holds the workspace.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from contextlib import redirect_stdout
from datetime import date, datetime
from importlib import metadata, resources
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import KeyMissing, Pseudonyms, create_key_file
from orchestration import cli_design, cli_files, cli_gate, cli_releases
from orchestration.terminal import BROKEN, BUSY, HERE, REFUSED, WRONG, WorkspaceOption, fail, opened, out
from orchestration.workspace import ENVIRONMENT, Workspace, first_line, open_history
from study.strict_yaml import ConfigError

PAINT = {"well": "green", "look": "yellow", "mend": "red"}
# An ordinary draw. Without effect some draw claims something by chance whatever the method (20240101: retention).
SEED = 11

app = typer.Typer(
    name="coaching",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Did turning our managers into coaches work, for whom, how sure are we, and should we scale it?",
    epilog="Exit codes: **0** published or nothing new · **1** broken off · **2** wrong use or configuration · "
    "**3** the gate refused, the last release stays · **75** another run holds the workspace.",
)
app.add_typer(cli_files.sources, name="sources")
app.add_typer(cli_files.quarantine, name="quarantine")
app.add_typer(cli_gate.gate, name="gate")
app.command()(cli_design.design)
for _command in cli_releases.COMMANDS:
    app.command()(_command)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise fail(f"--as-of {text}: write a day as 2026-01-31", WRONG) from None


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="A new folder; what is already there is left alone.")]) -> None:
    """Lay out a workspace: a commented study.yml, inboxes, and a fresh pseudonym key."""
    workspace = Workspace(folder.resolve())
    if workspace.study.exists():
        raise fail(f"{workspace.study} exists already; nothing was changed", WRONG)
    _lay_out(workspace)
    out.print(
        f"Made {folder}. Next: write {folder}/study.yml, drop exports into {folder}/inbox/, then", highlight=False
    )
    out.print(f"  coaching run --workspace {folder}", highlight=False, style="bold")


def _lay_out(workspace: Workspace) -> None:
    templates = resources.files("orchestration") / "templates"
    for part in ("hris", "survey", "checkins", "roster"):
        (workspace.inbox / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    workspace.sources.mkdir(exist_ok=True)
    for path, text in (
        (workspace.root / ".gitignore", "# Nothing here belongs in a repository.\n*\n"),
        (workspace.study, (templates / "study.yml").read_text(encoding="utf-8")),
        (workspace.inbox / "README.md", (templates / "inbox.md").read_text(encoding="utf-8")),
    ):
        if not path.exists():
            path.write_text(text, encoding="utf-8")
    if not workspace.key_file.exists():
        create_key_file(workspace.key_file)


@app.command()
def simulate(
    folder: Annotated[Path, typer.Option("--out", help="Where the inbox folders are written.")],
    people: Annotated[int, typer.Option(help="Head-count.")] = 2_000,
    months: Annotated[int, typer.Option(help="Calendar months, a multiple of 3.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same organisation.")] = SEED,
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


@app.command()
def run(
    workspace: WorkspaceOption = HERE,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day to look from (default: today).")] = None,
) -> None:
    """Do what the night does: load what is new, compare, estimate, judge, publish."""
    _run(opened(workspace), _day(as_of))


@app.command()
def restate(
    workspace: WorkspaceOption = HERE,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day to look from (default: today).")] = None,
) -> None:
    """Compute closed periods again, so that what came late enters; a cell that few people change stays as published."""
    _run(opened(workspace), _day(as_of), restate=True)


def _run(workspace: Workspace, as_of: date | None, *, truth: dict | None = None, restate: bool = False) -> None:
    from orchestration.alarm import report_broken_configuration
    from orchestration.console import show_release
    from orchestration.news import DayToCome, check_day, look
    from publish.release import current_release, manifest_of

    try:
        Pseudonyms.from_environment(workspace.key_file)
        check_day(workspace, as_of)
        news = look(workspace, as_of=as_of)
    except DayToCome as error:  # what was typed, not what the workspace holds
        raise fail(str(error), WRONG) from None
    except (ConfigError, KeyMissing) as error:
        report_broken_configuration(workspace, str(error))
        raise fail(str(error), WRONG) from None
    _tell_waiting(news)
    shown = workspace.releases / (news.newest_release or "")
    if not news and not restate:
        out.print(f"Nothing new since release {news.newest_release}.", highlight=False)
    else:
        reasons = [*news.reasons, *(["closed periods are to be computed again"] if restate else [])]
        out.print(f"Running the night: {'; '.join(reasons)}.", highlight=False)
        shown = _night(workspace, as_of, restate=restate)
    show_release(out, shown, truth=truth)
    served = current_release(workspace.releases)
    if served and served.name != shown.name and not manifest_of(shown)["is_remembered"]:
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


def _tell_waiting(news) -> None:
    for path, reason in news.waiting:
        out.print(f"Left where it is: {path.name}: {reason}", style="yellow", markup=False, highlight=False)


def _night(workspace: Workspace, as_of: date | None, *, restate: bool = False) -> Path:
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
    from orchestration.console import Progress

    with Progress(out) as progress:
        os.environ[ENVIRONMENT] = str(workspace.root)
        os.environ["DAGSTER_HOME"] = str(workspace.prepare_dagster_home())
        from orchestration import progress as events
        from orchestration.definitions import execute

        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # not under nohup
            signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # dagster knows that one
        stop = events.watch(progress)
        log = workspace.dagster_home / "night.log"  # what dbt says, for whoever has to look closer
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
            f"The gate refused; {stays}. What to mend (docs/runbooks/the-gate-refused.md):\n"
            + "\n".join(f"- {reason}" for reason in last["reasons"]),
            REFUSED,
        )
    if last.get("event") == "refused":
        told = "\n".join(f"- {reason}" for reason in last["reasons"])
        return fail(f"The release was published. What is restricted to few readers was refused:\n{told}", REFUSED)
    failures = [event for event in result.all_events if event.is_failure and event.event_specific_data]
    errors = [getattr(event.event_specific_data, "error", None) for event in failures]
    text = next((first_cause(error) for error in errors if error), NO_REASON)
    what = "The release was published, then the run broke off" if is_out else "The run broke off, nothing was published"
    return fail(f"{what}: {text[:MAX_REASON]}{full_disk(workspace)}", BROKEN)


@app.command()
def demo(
    workspace: WorkspaceOption = Path("demo"),
    people: Annotated[int, typer.Option(help="Head-count of the simulated organisation.")] = 2_000,
    months: Annotated[int, typer.Option(help="Calendar months, a multiple of 3.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same organisation.")] = SEED,
    effect: Annotated[float, typer.Option(help="Multiplies every true effect; 0: the programme does nothing.")] = 1.0,
) -> None:
    """Simulate an organisation, run the night on its files, and show the estimates beside the truth."""
    from orchestration.console import read_truth
    from simulation import Design

    there = Workspace(workspace.resolve())
    asked = {"people": people, "months": months, "seed": seed, "effect": effect}
    try:
        day = Design(**asked).closed_on
    except ValueError as error:
        raise fail(str(error), WRONG) from None
    simulated = there.root / "simulated.json"
    if there.study.exists():
        _check_demo(there, simulated, asked)
    else:
        _lay_out(there)
        study = there.study.read_text(encoding="utf-8").replace("stale_after_days: 40", "stale_after_days: 0 ")
        there.study.write_text(study, encoding="utf-8")  # its days are past
        simulate(there.inbox, **asked)
        simulated.write_text(json.dumps(asked) + "\n", encoding="utf-8")
    _run(there, day, truth=read_truth(there.root / "truth.json"))


def _check_demo(there: Workspace, simulated: Path, asked: dict) -> None:
    """A demo is of one organisation, and no demo goes into a workspace of one's own."""
    if not simulated.exists():
        raise fail(f"{there.root} is a workspace of your own; give the demo another folder, as -w demo", WRONG)
    there_is = json.loads(simulated.read_text(encoding="utf-8"))
    if there_is != asked:
        other = ", ".join(f"--{name} {there_is[name]:g}" for name in asked if there_is[name] != asked[name])
        raise fail(f"{there.root} was simulated with {other}; use another folder (-w), or delete this one", WRONG)


@app.command()
def dev(
    workspace: WorkspaceOption = HERE,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on the loopback address.")] = 3000,
    read_only: Annotated[bool, typer.Option("--read-only", help="For viewers: nothing can be started.")] = False,
) -> None:
    """Serve the Dagster web UI on loopback; `COACHING_NIGHTLY=on` switches the schedule and the sensor on.

    It prints an address that lets one browser in, once. Other accounts of the machine and other pages of the browser
    are refused. Ctrl-C stops it.
    """
    from orchestration.serve import PortTaken, serve

    there = opened(workspace)
    try:
        serve(there, port=port, read_only=read_only)
    except PortTaken as error:
        raise fail(str(error), WRONG) from None
    except RuntimeError as error:
        raise fail(str(error), BROKEN) from None


@app.command()
def status(workspace: WorkspaceOption = HERE) -> None:
    """What lies in the inbox, what is served, and how the last runs ended."""
    from orchestration.doctor import last_run
    from orchestration.news import NothingToLoad, look
    from publish import ledger
    from publish.release import current_release

    there = opened(workspace)
    try:
        news = look(there)
        new = "; ".join(news.reasons) if news else "nothing"
    except NothingToLoad as error:
        news, new = None, f"nothing to begin with: {error}"
    except ConfigError as error:
        raise fail(str(error), WRONG) from None
    served = current_release(there.releases)
    out.print(f"Served: {served.name if served else 'nothing yet'}", highlight=False)
    out.print(f"New: {new}", highlight=False, soft_wrap=True)
    if news is not None:
        _tell_waiting(news)
    out.print(f"Mappings: {', '.join(mapping.name for mapping in load_mappings(there.sources))}", highlight=False)
    table = Table(title="Last events", title_justify="left")
    for heading in ("when (UTC)", "event", "about"):
        table.add_column(heading)
    for event in ledger.read(there.ledger)[-10:]:
        about = event.get("release") or event.get("reason") or "; ".join(event.get("reasons", [])) or event.get("as_of")
        table.add_row(event["at"], event["event"], str(about or event.get("content_hash", ""))[:200])
    out.print(table)
    level, says = last_run(ledger.read(there.ledger))
    out.print(f"Last run: {says}", style=PAINT[level], highlight=False, markup=False, soft_wrap=True)


@app.command()
def doctor(workspace: WorkspaceOption = HERE) -> None:
    """Is the workspace closed, whole and alive? Says what to mend and changes nothing; exit code 1 if something is."""
    from orchestration.doctor import as_of_now, examine

    found = list(examine(opened(workspace), as_of_now()))
    table = Table()
    for heading in ("", "about", "finding"):
        table.add_column(heading, no_wrap=heading == "about")
    for finding in found:
        table.add_row(f"[{PAINT[finding.level]}]{finding.level}[/]", finding.about, escape(finding.says))
    out.print(table)
    if any(finding.level == "mend" for finding in found):
        raise typer.Exit(BROKEN)


@app.command()
def erase(
    ids: Annotated[list[str] | None, typer.Option("--id", help="An id of the person, as exports write it.")] = None,
    emails: Annotated[list[str] | None, typer.Option("--email", help="An e-mail address of the person.")] = None,
    names: Annotated[
        list[str] | None, typer.Option("--name", help="The person's name, where text may hold it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken out.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Take a person out of all files, the warehouse, logs and records, and keep them out of every file to come.

    Each option may be given several times. What else the person's own records name them by is found. The warehouse is
    rebuilt by the next run; releases hold no person and stay. Words that no file knows are refused.
    """
    from ingest import land
    from ingest.erase.people import CannotErase
    from orchestration.erasure import erase_person, find_person
    from orchestration.lock import WorkspaceBusy

    there = opened(workspace)
    who = {"ids": ids or [], "emails": emails or [], "names": names or []}
    try:
        found = find_person(there, **who)
        told = f"{found.n_records:,} record(s) and {found.n_mentions:,} mention(s) in {found.n_files:,} file(s)"
        if dry_run:
            out.print(f"Would take out {told}. Nothing was changed.", highlight=False)
            return
        if not yes and not typer.confirm(f"Take {told} out, and delete the warehouse and the logs?"):
            raise fail("nothing was changed", WRONG)
        done = erase_person(there, **who)
    except WorkspaceBusy as error:
        raise fail(str(error), BUSY) from None
    except (CannotErase, ConfigError, KeyMissing, ValueError) as error:
        raise fail(str(error), WRONG) from None
    n_records, n_mentions = sum(one.n_records for one in done.files), sum(one.n_mentions for one in done.files)
    out.print(
        f"{n_records:,} record(s) and {n_mentions:,} mention(s) in {len(done.files):,} file(s) are gone; in closed "
        f"periods {done.n_units} unit(s) lead to nobody now. Warehouse and logs were removed; rebuild: coaching run",
        highlight=False,
    )
    for path, reason in land.scan(there.inbox).waiting:
        out.print(f"Not searched, it waits in the inbox: {path.name} ({reason})", style="yellow", markup=False)
    if not done.files:
        out.print("No file named this person; they are kept out of files to come.", style="yellow")


def _version(wanted: bool) -> None:
    if wanted:
        out.print(metadata.version("coaching-outcomes"), highlight=False)
        raise typer.Exit


@app.callback()
def _root(
    _show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    os.umask(0o077)


def main() -> None:
    """Entry point of the command `coaching`. What the file system refuses is said in words."""
    try:
        sys.exit(app())
    except OSError as error:
        code = BROKEN if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) else WRONG
        raise SystemExit(fail(f"{error.filename or 'a file'}: {error.strerror or error}", code).exit_code) from None

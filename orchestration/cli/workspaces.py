"""`coaching init`, `dev`, `status`, `doctor` and `erase`."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import KeyMissing, create_key_file
from orchestration.cli.terminal import (
    BROKEN,
    BUSY,
    HERE,
    WRONG,
    WorkspaceOption,
    fail,
    next_command,
    opened,
    out,
    show_departures,
    show_waiting,
)
from orchestration.workspace import Workspace
from study.model import Study
from study.sections import Assignment
from study.strict_yaml import ConfigError

Unit, Design = (Assignment.model_fields[name].annotation for name in ("unit", "design"))
TITLE, ZONE = "Managers as coaches: did it work?", "Europe/Berlin"  # of the template
TEMPLATES = resources.files("orchestration") / "templates"
MOST_NAMED = 20  # files in `coaching status`
LEVEL_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


def init(
    folder: Annotated[Path, typer.Argument(help="A new folder; what is already there is left alone.")],
    unit: Annotated[Unit, typer.Option(help="What is assigned to pilot or control.")] = "team",
    design: Annotated[Design, typer.Option(help="How units come to be coached.")] = "volunteered",
    time_zone: Annotated[str, typer.Option(help="IANA name; nightly runs start at 02:00 there.")] = ZONE,
    title: Annotated[str, typer.Option(help="Of the page.")] = TITLE,
    contact: Annotated[str, typer.Option(help="Whom readers of the page ask: a team or a mailbox.")] = "",
) -> None:
    """Lay out a workspace: a commented study.yml with these answers, inboxes, and a fresh pseudonym key."""
    workspace = Workspace(folder.resolve())
    if workspace.study.exists():
        raise fail(f"{workspace.study} exists already; nothing was changed", WRONG)
    answers = {
        f"title: {json.dumps(TITLE)}": f"title: {json.dumps(title, ensure_ascii=False)}",
        "  unit: team ": f"  unit: {unit} ",
        "  design: volunteered ": f"  design: {design} ",
    }
    if time_zone != ZONE:
        answers[f"time_zone: {ZONE} "] = f"time_zone: {json.dumps(time_zone)} "
    if contact:
        answers["# contact: people-analytics@example.org "] = f"contact: {json.dumps(contact, ensure_ascii=False)} "
    text = (TEMPLATES / "study.yml").read_text(encoding="utf-8")
    for template, answer in answers.items():
        text = text.replace(template, answer, 1)
    try:
        Study.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        raise fail("; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors()), WRONG) from None
    lay_out(workspace, text)
    out.print(
        f"Made {folder}. Next: write {folder}/study.yml, drop exports into {folder}/inbox/, then", highlight=False
    )
    out.print(f"  coaching run --workspace {folder}", highlight=False, style="bold")


def lay_out(workspace: Workspace, study: str = "") -> None:
    """Write what a new workspace lacks: folders, study.yml (`study`, or the template), the key. The account's group may
    pass through a new one, to its releases and to nothing else."""
    if not workspace.root.exists():
        workspace.root.mkdir(parents=True)
        workspace.root.chmod(0o710)
    make_inbox(workspace)
    if not workspace.study.exists():
        text = study or (TEMPLATES / "study.yml").read_text(encoding="utf-8")
        workspace.study.write_text(text, encoding="utf-8")
    if not workspace.key_file.exists():
        create_key_file(workspace.key_file)


def make_inbox(workspace: Workspace) -> None:
    """The folders into which exports and mappings are put, as far as they are missing."""
    for part in ("hris", "survey", "checkins", "roster"):
        (workspace.inbox / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    workspace.sources.mkdir(exist_ok=True)
    for path, text in (
        (workspace.root / ".gitignore", "# Nothing here belongs in a repository.\n*\n"),
        (workspace.inbox / "README.md", (TEMPLATES / "inbox.md").read_text(encoding="utf-8")),
    ):
        if not path.exists():
            path.write_text(text, encoding="utf-8")


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


def status(workspace: WorkspaceOption = HERE) -> None:
    """What lies in the inbox, what is served, and how the last runs ended."""
    from orchestration.deletion import RecordsOverdue
    from orchestration.doctor import last_run
    from orchestration.pending import NothingToLoad, find_pending_changes
    from publish import ledger
    from publish.release import current_release

    there = opened(workspace)
    try:
        pending = find_pending_changes(there)
        new = "; ".join(pending.reasons) if pending else "nothing"
    except NothingToLoad as error:
        pending, new = None, f"nothing to begin with: {error}"
    except RecordsOverdue as error:
        pending, new = None, f"nothing is used any more: {error}"
    except ConfigError as error:
        raise fail(str(error), WRONG) from None
    served = current_release(there.releases)
    out.print(f"Served: {served.name if served else 'nothing yet'}", highlight=False)
    out.print(f"New: {new}", highlight=False, soft_wrap=True)
    if pending is not None:
        for name in pending.files[:MOST_NAMED]:
            out.print(f"  {name}", highlight=False, markup=False, soft_wrap=True)
        if len(pending.files) > MOST_NAMED:
            out.print(f"  … and {len(pending.files) - MOST_NAMED} more", highlight=False)
        show_waiting(pending)
    out.print(f"Mappings: {', '.join(mapping.name for mapping in load_mappings(there.sources))}", highlight=False)
    table = Table(title="Last events", title_justify="left")
    for heading in ("when (UTC)", "event", "about"):
        table.add_column(heading)
    for event in ledger.read(there.ledger)[-10:]:
        about = event.get("release") or event.get("reason") or "; ".join(event.get("reasons", [])) or event.get("as_of")
        table.add_row(event["at"], event["event"], str(about or event.get("content_hash", ""))[:200])
    out.print(table)
    show_departures(there)
    level, says = last_run(ledger.read(there.ledger))
    out.print(f"Last run: {says}", style=LEVEL_COLOURS[level], highlight=False, markup=False, soft_wrap=True)


def doctor(workspace: WorkspaceOption = HERE) -> None:
    """Is the workspace closed, whole and alive? Says what to fix and changes nothing; exit code 1 if something is."""
    from orchestration.doctor import as_of_now, examine

    found = list(examine(opened(workspace), as_of_now()))
    table = Table()
    for heading in ("", "about", "finding"):
        table.add_column(heading, no_wrap=heading == "about")
    for finding in found:
        table.add_row(f"[{LEVEL_COLOURS[finding.level]}]{finding.level}[/]", finding.about, escape(finding.says))
    out.print(table)
    if any(finding.level == "error" for finding in found):
        raise typer.Exit(BROKEN)


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
        traces = f"{found.n_records:,} record(s) and {found.n_mentions:,} mention(s) in {found.n_files:,} file(s)"
        if dry_run:
            out.print(f"Would take out {traces}. Nothing was changed.", highlight=False)
            return
        if not yes and not typer.confirm(f"Take {traces} out, and delete the warehouse and the logs?"):
            raise fail("nothing was changed", WRONG)
        done = erase_person(there, found, **who)
    except WorkspaceBusy as error:
        raise fail(str(error), BUSY) from None
    except (CannotErase, ConfigError, KeyMissing, ValueError) as error:
        raise fail(str(error), WRONG) from None
    n_records, n_mentions = sum(one.n_records for one in done.files), sum(one.n_mentions for one in done.files)
    out.print(
        f"{n_records:,} record(s) and {n_mentions:,} mention(s) in {len(done.files):,} file(s) are gone; in closed "
        f"periods {done.n_units} unit(s) lead to nobody now. Warehouse and logs were removed; rebuild: "
        f"{next_command('run', workspace)}",
        highlight=False,
    )
    for path, reason in land.scan(there.inbox).waiting:
        out.print(f"Not searched, it waits in the inbox: {path.name} ({reason})", style="yellow", markup=False)
    if not done.files:
        out.print("No file named this person; they are kept out of files to come.", style="yellow")


def delete_records(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, workspace: WorkspaceOption = HERE
) -> None:
    """Delete everything that holds people, the key too, once the study's `keep_until` is over. Releases stay."""
    from orchestration import deletion
    from orchestration.configuration import checked_study
    from orchestration.lock import WorkspaceBusy

    there = opened(workspace)
    try:
        study = checked_study(there)
        if not deletion.is_over(study):
            until = f"until {study.keep_until}" if study.keep_until else "without end (keep_until is not set)"
            raise fail(f"records are kept {until}; nothing was deleted", WRONG)
        if not yes and not typer.confirm("Delete all exports, the warehouse, the logs and the key of this workspace?"):
            raise fail("nothing was deleted", WRONG)
        n_files = deletion.delete_records(there)
    except WorkspaceBusy as error:
        raise fail(str(error), BUSY) from None
    except ConfigError as error:
        raise fail(str(error), WRONG) from None
    out.print(
        f"{n_files:,} file(s) are gone. Releases, closed cells, study and ledger stay: they hold no person. Backups, "
        "and a key that was kept elsewhere, are yours.",
        highlight=False,
        soft_wrap=True,
    )


def prune(
    keep: Annotated[int, typer.Option(min=1, help="Of how many runs, the newest ones, all is kept.")] = 30,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Take away the gate's pages and Dagster's history of old runs; releases, ledger and landed files stay."""
    from orchestration.lock import WorkspaceBusy
    from orchestration.prune import prune as taken_away

    try:
        done = taken_away(opened(workspace), keep)
    except WorkspaceBusy as error:
        raise fail(str(error), BUSY) from None
    out.print(
        f"{done.n_verdicts} verdict(s) of the gate and {done.n_runs} run(s) of Dagster's history are gone, "
        f"{done.n_bytes / 1e6:.1f} MB.",
        highlight=False,
    )


WORKSPACE_COMMANDS = (init, dev, status, doctor, erase, delete_records, prune)

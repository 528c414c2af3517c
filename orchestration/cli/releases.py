"""`coaching releases`, `rollback`, `diff`, `explain`, `reproduce`: look at what was published, and go back."""

from __future__ import annotations

import os
import pwd
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from ingest.pseudonyms import KeyMissing
from orchestration.cli.terminal import BROKEN, BUSY, HERE, WRONG, WorkspaceOption, fail, next_command, opened, out
from orchestration.workspace import Workspace

Id = Annotated[
    str, typer.Argument(metavar="ID", help="A release from `coaching releases`, the beginning of its id, or current.")
]
ROWS = Annotated[int, typer.Option(help="How many changed cells are shown of a table.")]


def known(there: Workspace, identity: str) -> str:
    """The one release that is meant, or the exit that says why there is none."""
    from publish.release import current_release, list_releases

    if identity == "current" and (served := current_release(there.releases)):
        return served.name
    every = list_releases(there.releases)
    if not every:
        raise fail(f"there is no release yet; make one: {next_command('run', there.root)}", WRONG)
    fitting = [one for one in every if one.startswith(identity)]
    if len(fitting) != 1:
        what = "fits several releases" if fitting else "is no release of this workspace"
        raise fail(f"{identity} {what}; see: {next_command('releases', there.root)}", WRONG)
    return fitting[0]


def releases(workspace: WorkspaceOption = HERE) -> None:
    """All releases, oldest first; the served one is marked."""
    from publish.release import current_release, list_releases, manifest_of

    there = opened(workspace)
    served = current_release(there.releases)
    found = list_releases(there.releases)
    if not found:
        out.print(f"There is no release yet; make one: {next_command('run', workspace)}", highlight=False)
        return
    table = Table()
    for heading in ("", "release", "as of", "files", "records, about"):
        table.add_column(heading, no_wrap=heading == "release")
    for identity in found:
        manifest = manifest_of(there.releases / identity)
        table.add_row(
            "→" if served and served.name == identity else "",
            identity,
            manifest["as_of"],
            str(sum(one["n_files"] for one in manifest["sources"])),
            f"{sum(one['n_records_about'] for one in manifest['sources']):,}",
        )
    out.print(table)


def rollback(identity: Id, workspace: WorkspaceOption = HERE) -> None:
    """Serve an earlier (or later) release again; one atomic swap, nothing is deleted."""
    from orchestration.lock import WorkspaceBusy, hold
    from orchestration.pending import was_served
    from publish import ledger
    from publish.release import make_current, manifest_of

    there = opened(workspace)
    identity = known(there, identity)
    if not manifest_of(there.releases / identity)["is_in_history"]:
        raise fail(
            f"{identity} is an as-of run, judged by itself only; beside other releases it must not be served", WRONG
        )
    if not was_served(there, identity):
        raise fail(
            f"the run that wrote {identity} was interrupted before it was served; finish it: "
            f"{next_command('run', workspace)}",
            WRONG,
        )
    try:
        with hold(there.lock, run_id="rollback"):
            make_current(there.releases, identity)
            ledger.append(there.ledger, "rolled_back", release=identity)
    except WorkspaceBusy as error:
        raise fail(str(error), BUSY) from None
    out.print(f"Served now: {identity} ({datetime.now():%H:%M})", highlight=False)


def diff(before: Id, after: Id = "current", rows: ROWS = 5, workspace: WorkspaceOption = HERE) -> None:
    """What two releases say differently, and whether data, study or code changed it."""
    from publish.differences import attribution, causes, differences
    from publish.recipe import NoRecipe, Recipe

    there = opened(workspace)
    folders = [there.releases / known(there, identity) for identity in (before, after)]
    try:
        made_of = tuple(Recipe.of(there.root, folder.name).inputs for folder in folders)
    except NoRecipe as error:
        raise fail(error.args[0], WRONG) from None
    found = causes(*folders, made_of)
    out.print(f"{folders[0].name} → {folders[1].name}", style="bold", highlight=False)
    for cause in found:
        out.print(f"  {cause.kind}: {cause.says}", markup=False, highlight=False, soft_wrap=True)
    out.print(attribution(found), highlight=False, soft_wrap=True)
    show_differences(differences(*folders), rows)


def show_differences(found: list, rows: int) -> None:
    """Tables of what differs, a few cells of each."""
    if not found:
        out.print("Every published number is the same.", style="green")
        return
    table = Table()
    for heading in ("table", "rows came", "rows went", "rows changed"):
        table.add_column(heading, justify="left" if heading == "table" else "right")
    for one in found:
        table.add_row(one.table, *(f"{n:,}" for n in (one.n_came, one.n_went, one.n_changed)))
    out.print(table)
    for one in found:
        for line in one.changed.head(rows).iter_rows(named=True):
            text = f"{one.table}: {line['row']}: {line['column']} {line['before']} → {line['after']}"
            out.print(text, markup=False, highlight=False, soft_wrap=True)
        if one.changed.height > rows > 0:
            out.print(f"{one.table}: … and {one.changed.height - rows:,} more (--rows)", highlight=False)


def explain(
    identity: Id,
    metric: Annotated[str, typer.Argument(help="A metric of the study, as `engagement_score`.")],
    segment: Annotated[str, typer.Option(help="A segment, as `tenure: under 1 years`.")] = "all",
    workspace: WorkspaceOption = HERE,
) -> None:
    """Where a published number comes from: rows, query, models, rules, input files, verdict."""
    from orchestration.explain import UnknownMetric, explained
    from publish.recipe import NoRecipe
    from study.strict_yaml import ConfigError

    there = opened(workspace)
    try:
        parts = explained(there, known(there, identity), metric, segment)
    except (UnknownMetric, NoRecipe, ConfigError) as error:
        raise fail(str(error.args[0]), WRONG) from None
    for title, lines in parts.items():
        out.print(title, style="bold", highlight=False)
        for line in lines:
            out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def reproduce(
    identity: Id,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also with other code than made it; shows what it changes.")
    ] = False,
    rows: ROWS = 5,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Make a release again from what it was made of, and compare every byte. Exit code 1 if one differs."""
    from orchestration.lock import WorkspaceBusy
    from orchestration.reproduce import CannotReproduce, made_again
    from publish.differences import differences
    from publish.recipe import NoRecipe

    there = opened(workspace)
    identity = known(there, identity)
    try:
        with out.status("making it again"), made_again(there, identity, anyway=anyway) as again:
            found = differences(there.releases / identity, again.folder) if again.differing else []
    except WorkspaceBusy as error:
        raise fail(str(error), BUSY) from None
    except (CannotReproduce, NoRecipe, KeyMissing) as error:
        raise fail(str(error.args[0]), WRONG) from None
    if not again.differing:
        out.print(f"{identity}: all {again.n_files} files are the same to the byte.", style="green", highlight=False)
        return
    out.print(f"{len(again.differing)} file(s) differ: {', '.join(again.differing[:12])}", highlight=False)
    show_differences(found, rows)
    raise typer.Exit(BROKEN)


def coach_report(
    id: Annotated[str, typer.Option("--id", help="The coach's id, as exports write it.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """What is known of one coach's teams, beside all coaches (restricted release).

    The ledger notes which account looked at which coach (as a pseudonym).
    """
    from ingest.mapping.registry import load_mappings
    from ingest.pseudonyms import Pseudonyms
    from orchestration.configuration import checked_study
    from orchestration.erasure import pseudonyms_of
    from publish import ledger
    from publish.restricted import SAYS, current_coaches
    from study.strict_yaml import ConfigError

    there = opened(workspace)
    found = current_coaches(there.restricted)
    if found is None:
        try:
            is_off = not checked_study(there).coaches
        except ConfigError as error:
            raise fail(str(error), WRONG) from None
        if is_off:
            raise fail("the study has coaches: off, so nothing is computed of single coaches", WRONG)
        raise fail(
            f"there is no restricted release in {there.restricted}; make one: {next_command('run', there.root)}", WRONG
        )
    identity, coaches = found
    if not id.strip():
        raise fail("an empty --id names nobody", WRONG)
    try:
        pseudonyms = Pseudonyms.from_environment(there.key_file)
        mine = set(pseudonyms_of(pseudonyms, load_mappings(there.sources), [id], [], []))
    except (KeyMissing, ConfigError) as error:
        raise fail(str(error), WRONG) from None
    rows = coaches.filter(coaches["coach_person_id"].is_in(sorted(mine)))
    ledger.append(
        there.ledger,
        "restricted_read",
        release=identity,
        by=account(),
        coach=min(mine & set(coaches["coach_person_id"]), default="nobody"),
    )
    if rows.is_empty():
        raise fail(f"release {identity} knows no coach with this id", WRONG)
    table = Table()
    for heading in ("outcome", "teams", "people", "pooled", "interval", "alone", "if all were alike"):
        table.add_column(heading, justify="left" if heading == "outcome" else "right")
    for row in rows.iter_rows(named=True):
        table.add_row(row["metric"], *_coach_cells(row))
    out.print(f"Restricted release {identity}", style="bold", highlight=False)
    out.print(table)
    out.print(SAYS, highlight=False, soft_wrap=True)


def account() -> str:
    """The account that this process runs as, and whose it was before sudo."""
    name = pwd.getpwuid(os.getuid()).pw_name
    before = os.environ.get("SUDO_USER", "")
    return f"{name} (by sudo of {before})" if before else name


def _coach_cells(row: dict) -> tuple[str, ...]:
    if row["status"] != "estimated":
        return ("", "", row["reason"] or row["status"], "", "", "")

    def number(name: str) -> str:
        return f"{row[name]:+.3g}".replace("-", "−")

    span, funnel = (f"{number(f'{ends}_low')} to {number(f'{ends}_high')}" for ends in ("ci", "funnel"))
    return (str(row["n_units"]), str(row["n_people"]), number("pooled"), span, number("change"), funnel)


RELEASE_COMMANDS = (releases, rollback, diff, explain, reproduce, coach_report)

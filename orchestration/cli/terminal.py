"""What all commands share: where they print, how they fail, which workspace they work in."""

from __future__ import annotations

import os
import shlex
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from orchestration.workspace import DEFAULT, WORKSPACE_VARIABLE, Workspace

REFUSED, BUSY, BROKEN, WRONG = 3, 75, 1, 2

out = Console(file=sys.stdout)
err = Console(stderr=True)

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace", "-w", envvar=WORKSPACE_VARIABLE, help="The folder with study.yml, inbox/ and releases/."
    ),
]
HERE = Path(DEFAULT)


def fail(message: str, code: int) -> typer.Exit:
    """The message on stderr, and the exit to raise."""
    err.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(code)


def next_command(words: str, workspace: Path) -> str:
    """A command to type next, with the workspace unless it is the one that is meant without `-w`."""
    meant = Path(os.environ.get(WORKSPACE_VARIABLE, DEFAULT)).resolve()
    return f"coaching {words}" + ("" if workspace.resolve() == meant else f" -w {shlex.quote(str(workspace))}")


def opened(path: Path) -> Workspace:
    """The workspace at `path`, or the exit that says how to make one."""
    workspace = Workspace(path.resolve())
    if not workspace.study.exists():
        raise fail(f"{path} is no workspace (no study.yml in it); make one: coaching init {path}", WRONG)
    return workspace


def parse_day(text: str | None, option: str = "--as-of") -> date | None:
    """The day that an option gives, or the exit that says how to write one."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise fail(f"{option} {text}: write a day as 2026-01-31", WRONG) from None


def check_folder(file: Path, option: str = "") -> None:
    """Leave, saying so, where there is no folder to write `file` in; `option` gave it, where it is no argument."""
    if not file.absolute().parent.is_dir():
        given = f"{option} {file}: " if option else ""
        raise fail(f"{given}there is no folder {file.absolute().parent}", WRONG)


def show_departures(workspace: Workspace) -> None:
    """Print the units that are not coached as the lot said, as the last run read the lists."""
    from ingest.warehouse import WarehouseBusy, WarehouseUnreadable
    from orchestration.lots import departures

    try:
        found = departures(workspace)
    except (WarehouseBusy, WarehouseUnreadable) as problem:
        out.print(
            f"Whether units are coached as they were drawn is not known: {problem}",
            style="yellow",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        return
    if found:
        out.print(f"{len(found)} unit(s) are not coached as the lot said:", style="yellow")
    for unit, words in found:
        out.print(f"  {unit} {words}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def show_waiting(news) -> None:
    """Print the files that a run leaves in the inbox, with the reason, and what cannot be answered without files."""
    for source, metrics in news.unanswered:
        out.print(
            f"No file in inbox/{source} yet. Not answered without it: {', '.join(metrics)}.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    for path, reason in news.waiting:
        out.print(f"Left where it is: {path.name}: {reason}", style="yellow", markup=False, highlight=False)

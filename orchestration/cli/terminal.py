"""What all commands share: where they print, how they fail, which workspace they work in."""

from __future__ import annotations

import os
import shlex
import sys
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


def show_waiting(news) -> None:
    """Print the files that a run leaves in the inbox, with the reason."""
    for path, reason in news.waiting:
        out.print(f"Left where it is: {path.name}: {reason}", style="yellow", markup=False, highlight=False)

"""`coaching`: run the pipeline, look at what it left, go back. No rule about data lives here.

Exit codes: 0 published, or nothing new · 1 interrupted or failed · 2 wrong use or configuration · 3 the gate refused ·
75 another run holds the workspace.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from importlib import metadata
from typing import Annotated

import typer

from orchestration.cli import (
    assign,
    backup,
    design,
    dossier,
    files,
    gate,
    pool,
    register,
    releases,
    running,
    workspaces,
)
from orchestration.cli.terminal import BROKEN, WRONG, err, fail, out
from study.strict_yaml import RenamedKey

app = typer.Typer(
    name="coaching",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Did turning our managers into coaches work, for whom, how sure are we, and should we scale it?",
    epilog="Exit codes: **0** published or nothing new · **1** interrupted or failed · **2** wrong use or "
    "configuration · **3** the gate refused, the last release stays · **75** another run holds the workspace.",
)
app.add_typer(files.mapping, name="mapping")
app.add_typer(files.quarantine, name="quarantine")
app.add_typer(gate.gate, name="gate")
for _command in (
    *workspaces.WORKSPACE_COMMANDS,
    *running.RUN_COMMANDS,
    *releases.RELEASE_COMMANDS,
    *backup.BACKUP_COMMANDS,
    design.design,
    assign.assign,
    register.register,
    pool.pool,
    dossier.dossier,
):
    app.command()(_command)


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


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    if issubclass(category, RenamedKey):
        err.print(str(message), style="yellow", markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Entry point of the command `coaching`. What the file system refuses is said in words."""
    warnings.showwarning = _show_warning
    try:
        sys.exit(app())
    except OSError as error:
        code = BROKEN if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) else WRONG
        raise SystemExit(fail(f"{error.filename or 'a file'}: {error.strerror or error}", code).exit_code) from None

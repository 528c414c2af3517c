"""`coaching backup` and `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.terminal import BUSY, HERE, WRONG, WorkspaceOption, check_folder, fail, opened, out
from orchestration.cli.workspaces import make_inbox
from orchestration.workspace import Workspace


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, as coaching-2026-06-30.tar.gz.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write what cannot be made again into one file: study, mappings, landed files, closed periods, releases, ledger.

    The key and what is known of single coaches are not in it.
    """
    from orchestration.backup import back_up
    from orchestration.lock import WorkspaceBusy

    there = opened(workspace)
    if file.resolve().is_relative_to(there.root):
        raise fail(f"{file} lies in the workspace; write it elsewhere", WRONG)
    check_folder(file)
    try:
        names = back_up(there, file)
    except FileExistsError as error:
        raise fail(str(error), WRONG) from None
    except WorkspaceBusy as error:
        raise fail(str(error), BUSY) from None
    out.print(f"Wrote {file}: {', '.join(names)}.", highlight=False, soft_wrap=True)
    out.print(
        "It holds people's records, and the key that hides them is not in it: keep secrets/pseudonym.key elsewhere.",
        style="yellow",
        soft_wrap=True,
    )


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `coaching backup` wrote.")],
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
) -> None:
    """Make a workspace from a backup; the key has to be put back by hand, and the next run makes the rest."""
    from orchestration.backup import CannotRestore
    from orchestration.backup import restore as lay_out

    if not file.is_file():
        raise fail(f"there is no file {file}", WRONG)
    there = Workspace(folder.resolve())
    try:
        names = lay_out(file, there)
    except CannotRestore as error:
        raise fail(str(error), WRONG) from None
    make_inbox(there)
    out.print(f"Made {folder} with {', '.join(names)}. Next: put the key back as", highlight=False, soft_wrap=True)
    out.print(f"  {there.key_file}", highlight=False, soft_wrap=True)
    out.print(f"(mode 0600), then coaching doctor -w {folder}, then coaching run -w {folder}", highlight=False)


BACKUP_COMMANDS = (backup, restore)

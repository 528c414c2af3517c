"""What of a workspace cannot be made again, as one file, and a workspace from such a file.

The key is not in it: with `landing/` it opens everything, so it is kept elsewhere. Nor is `restricted/`, which a run
writes again, nor what is rebuilt (the warehouse, the orchestrator's home, the gate's pages).
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import durable
from ingest.erase.people import TOMBSTONES
from orchestration.lock import hold
from orchestration.workspace import Workspace
from publish.recipe import RECIPES

KEPT = (
    "study.yml",
    "sources",
    "landing",
    "closed",
    RECIPES,
    "releases",
    TOMBSTONES,
    "registration.json",
    "ledger.jsonl",
)


class CannotRestore(ValueError):
    """The file is no backup, or the folder is not empty; nothing was written."""


def back_up(workspace: Workspace, file: Path) -> list[str]:
    """Write what is kept to `file` (a gzipped tar, mode 0600) while no run changes it; returns the names.

    Raises WorkspaceBusy, and FileExistsError where the file is there already.
    """
    if file.exists():
        raise FileExistsError(f"{file} exists already; nothing was written")
    names = [name for name in KEPT if (workspace.root / name).exists()]

    def write(path: Path) -> None:
        with tarfile.open(path, "x:gz") as archive:
            for name in names:
                archive.add(workspace.root / name, arcname=name)

    with hold(workspace.lock, run_id="backup"):
        durable.replace(file, write)
    return names


def restore(file: Path, workspace: Workspace) -> list[str]:
    """Lay a backup out in a new or empty folder, with the modes that its files had; returns the names.

    Raises CannotRestore.
    """
    if workspace.root.exists() and any(workspace.root.iterdir()):
        raise CannotRestore(f"{workspace.root} is not empty; nothing was written")
    try:
        with tarfile.open(file, "r:gz") as archive:
            members = archive.getmembers()
            names = list(dict.fromkeys(Path(member.name).parts[0] for member in members))
            if "study.yml" not in names or not set(names) <= set(KEPT):
                raise CannotRestore(f"{file} is no backup of a workspace; nothing was written")
            _lay_out(archive, members, workspace.root)
    except (tarfile.TarError, EOFError) as error:
        raise CannotRestore(
            f"{file} cannot be read as a backup ({type(error).__name__}); nothing was written"
        ) from None
    return names


def _lay_out(archive: tarfile.TarFile, members: list[tarfile.TarInfo], folder: Path) -> None:
    """Beside its place first: there is never half a workspace."""
    temporary = folder.with_name(f".{folder.name}.restoring")
    durable.remove(temporary)
    temporary.mkdir(parents=True, mode=0o710)
    try:
        archive.extractall(temporary, members, filter="data")
        for member in reversed(members):  # files before the folders that may not be written in
            if not member.issym():
                (temporary / member.name).chmod(member.mode & 0o770)
        if folder.exists():
            folder.rmdir()
        durable.rename(temporary, folder)
    finally:
        durable.remove(temporary)

"""Make a release again, from what it was made of, in a workspace of its own, and compare every byte.

The workspace is laid out as it was then: the files that had arrived, study and mappings as they were, the
releases before it and the periods that they had closed. What cannot be had any more (a file that an erasure rewrote,
another code) is said instead of being replaced.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import durable
from ingest import land
from orchestration.lock import hold
from orchestration.pending import used_loads
from orchestration.restating import lay_out, link, place_file
from orchestration.workspace import REPRODUCING, Workspace, code_version
from publish import closed
from publish.recipe import Recipe
from publish.release import list_releases, make_current, manifest_of

COMMAND_LINE = "from orchestration.cli.commands import main; main()"


class CannotReproduce(RuntimeError):
    """Something that the release was made of is not there any more; the message says what."""


@dataclass(frozen=True)
class Again:
    """The release made again (in a folder that is gone when the block ends) and the files whose bytes differ."""

    folder: Path
    differing: list[str]
    n_files: int


@contextmanager
def made_again(workspace: Workspace, identity: str, *, anyway: bool = False) -> Iterator[Again]:
    """Run the pipeline of a release again. `anyway`: also with other code than made it.

    Raises CannotReproduce, NoRecipe, WorkspaceBusy.
    """
    release = workspace.releases / identity
    manifest = manifest_of(release)
    if manifest["code_version"] != code_version() and not anyway:
        raise CannotReproduce(
            f"{identity} was made by code {manifest['code_version']}, this is {code_version()}: check that version "
            "out, or see what this code makes of the same files with --anyway"
        )
    recipe = Recipe.of(workspace.root, identity)
    for left in workspace.root.glob(f"{REPRODUCING}*"):  # by a command that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=workspace.root, prefix=REPRODUCING) as folder:
        there = Workspace(Path(folder))
        with hold(workspace.lock, run_id="reproduce"):
            _lay_out(workspace, there, identity, recipe)
        made = _run(there, recipe)
        yield Again(made, _differing(release, made), sum(path.is_file() for path in release.rglob("*")))


def _lay_out(workspace: Workspace, there: Workspace, identity: str, recipe: Recipe) -> None:
    lay_out(workspace, there, recipe.study, recipe.sources)
    if recipe.registration:
        durable.replace_text(there.registration, recipe.registration)
    releases = list_releases(workspace.releases)
    for name in releases[: releases.index(identity)]:
        shutil.copytree(workspace.releases / name, there.releases / name, copy_function=link)
        Recipe.of(workspace.root, name).keep(there.root, name)
    if recipe.served:
        make_current(there.releases, recipe.served)
    _lay_out_files(workspace, there, recipe)
    closed.copy_first(workspace.closed, there.closed, recipe.n_closed)


def _lay_out_files(workspace: Workspace, there: Workspace, recipe: Recipe) -> None:
    """Landing as it was, and in the inbox what no release had read: what is in neither would count as taken back."""
    used = {load_id for name in list_releases(there.releases) for load_id in used_loads(workspace, name)}
    if recipe.is_rewritten:
        raise CannotReproduce("an erasure changed files that it was made of; the same bytes cannot be made again")
    for one in (land.Landed(**noted) for noted in recipe.landed):
        content = land.content_path(workspace.landing, one)
        if not content.exists() or land.sha256(content) != one.content_sha256:
            raise CannotReproduce(
                f"{one.source}/{one.file_name} is not what it was; the same bytes cannot be made again"
            )
        place_file(content, one, there, is_new=one.load_id not in used)


def _run(there: Workspace, recipe: Recipe) -> Path:
    """The run, in a process of its own; the release that it wrote."""
    before = set(list_releases(there.releases))
    what = "restate" if recipe.restates else "run"
    code, printed = run_in_child([what, "--workspace", str(there.root), "--as-of", recipe.as_of])
    made = [name for name in list_releases(there.releases) if name not in before]
    if code or len(made) != 1:
        raise CannotReproduce(f"the run did not come to a release (exit code {code}): {printed[-1500:]}")
    return there.releases / made[0]


def run_in_child(words: list[str]) -> tuple[int, str]:
    """A command of ours in a process of its own, which notifies nobody: exit code and what it printed."""
    quiet = {name: value for name, value in os.environ.items() if name != "COACHING_NOTIFY"}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND_LINE, *words], capture_output=True, text=True, check=False, env=quiet
    )
    return done.returncode, done.stdout + done.stderr


def _differing(release: Path, made: Path) -> list[str]:
    """Files that are not equal to the byte, or are in one of the two only."""
    digests = [
        {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }
        for folder in (release, made)
    ]
    return sorted(
        name for name in digests[0].keys() | digests[1].keys() if digests[0].get(name) != digests[1].get(name)
    )

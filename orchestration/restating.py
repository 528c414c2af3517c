"""Closed periods computed again: from today's files, and from those of earlier releases, to see who changed.

Each set of files is loaded and modelled in its own workspace and process; rows that the warehouse has already are
copied. This code may not be able to load the files of an earlier release any more; the cells that only those files
reproduce then stay as published.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ingest import land
from ingest.erase.people import TOMBSTONES
from ingest.warehouse import copy_loads, warehouse
from orchestration.resources import PipelineRun
from orchestration.workspace import RESTATING, WORKSPACE_VARIABLE, Workspace
from publish import closed
from publish.recipe import Recipe
from publish.restatement import Restated, State, read_state, restate

BUILD = "from orchestration.restating import build; build()"
DAY = "COACHING_RESTATE_AS_OF"


class CannotRestate(RuntimeError):
    """The files of a release could not be loaded again; the message says why."""


def restated(run: PipelineRun, frames: closed.Frames, warn: Callable[[str], None]) -> Restated:
    """All closed cells, computed again from what is in landing now. `warn` gets a message for each earlier release
    whose files cannot be computed again. Raises CannotRestate where today's cannot."""
    workspace = run.workspace
    texts = {path.name: path.read_text(encoding="utf-8") for path in workspace.sources.glob("*.y*ml")}
    fresh = _state(workspace, workspace.study.read_text(encoding="utf-8"), texts, run.used, str(run.day))
    return restate(frames, fresh, _former(workspace, warn), minimum=run.study.min_group_size)


def _former(workspace: Workspace, warn: Callable[[str], None]) -> Iterator[State]:
    """What the files of each release that closed something give, newest first."""
    for batch in reversed(closed.batches(workspace.closed)):
        recipe = Recipe.of(workspace.root, batch.release)
        loads = {item["load_id"] for item in recipe.inputs}
        landed = [land.Landed(**one) for one in recipe.landed if one["load_id"] in loads]
        try:
            yield _state(workspace, recipe.study, recipe.sources, landed, recipe.as_of)
        except CannotRestate as error:
            warn(f"{error}; what only they explain stays as published")


def _state(
    workspace: Workspace, study: str, sources: dict[str, str], landed: Iterable[land.Landed], as_of: str
) -> State:
    for left in workspace.root.glob(f"{RESTATING}*"):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=workspace.root, prefix=RESTATING) as folder:
        there = Workspace(Path(folder))
        lay_out(workspace, there, study, sources)
        placed = list(landed)
        for one in placed:
            place_file(land.content_path(workspace.landing, one), one, there, is_new=False)
        # What was read already is not read again: the loader compares mapping, key and order of arrival.
        copy_loads(workspace.warehouse, there.warehouse, {one.load_id for one in placed})
        build_in_child(there, as_of)
        with warehouse(there.warehouse) as connection:
            return read_state(connection)


def build_in_child(there: Workspace, as_of: str) -> None:
    """Load and model a workspace made for one computation, in a process of its own. Raises CannotRestate."""
    environment = os.environ | {WORKSPACE_VARIABLE: str(there.root), DAY: as_of}
    environment.pop("COACHING_NOTIFY", None)
    done = subprocess.run([sys.executable, "-c", BUILD], capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise CannotRestate(f"the files as of {as_of} could not be loaded again: {done.stderr[-1500:]}")


def lay_out(workspace: Workspace, there: Workspace, study: str, sources: dict[str, str]) -> None:
    """Study, mappings, key and who was erased, in a workspace of its own."""
    there.study.write_text(study, encoding="utf-8")
    there.sources.mkdir()
    for name, text in sources.items():
        (there.sources / name).write_text(text, encoding="utf-8")
    if workspace.key_file.exists():
        there.key_file.parent.mkdir(mode=0o700)
        shutil.copy2(workspace.key_file, there.key_file)
    for source in land.SOURCES:
        (there.inbox / source).mkdir(parents=True)
    erased = workspace.root / TOMBSTONES
    if erased.exists():
        shutil.copy2(erased, there.root / erased.name)


def place_file(content: Path, one: land.Landed, there: Workspace, *, is_new: bool) -> None:
    """Put a landed file into another workspace. `is_new`: into its inbox too; a new file that is in no inbox counts as
    withdrawn by its sender."""
    places = [land.content_path(there.landing, one)]
    if is_new:
        places.append(there.inbox / one.source / one.file_name)
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        link(content, place)
    land.note(one, there.landing)


def link(source: str | Path, target: str | Path) -> None:
    """The same file under another name; what is written anew later takes the name, not the file."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another file system
        shutil.copy2(source, target)


def build() -> None:
    """Load and model the workspace that the environment names; nothing is estimated or published."""
    import dagster as dg

    from orchestration.definitions import execute, graph

    workspace = Workspace.from_environment()
    assets = graph(workspace).resolve_asset_graph()
    models = next(one for one in assets.assets_defs if one.node_def.name == "transform")
    keys = {key for key in assets.get_all_asset_keys() if key.path[0] in ("raw", "closed")} | set(models.keys)
    with dg.DagsterInstance.ephemeral() as instance:  # nobody looks at this run's history
        result = execute(workspace, instance, assets=sorted(keys), as_of=os.environ[DAY], uses_all=True)
    if not result.success:
        from orchestration.alarm import NO_REASON, first_cause

        failures = [event for event in result.all_events if event.is_failure and event.event_specific_data]
        errors = [getattr(event.event_specific_data, "error", None) for event in failures]
        sys.exit(next((first_cause(error) for error in errors if error), NO_REASON))

"""staging to comparisons: dbt, by the stock integration; its tests are asset checks, its schemas are groups."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from packaging.version import Version

import durable
from ingest.warehouse import warehouse
from orchestration import built, machine, progress
from orchestration.assets import tables
from orchestration.resources import PipelineRun
from orchestration.workspace import PROJECT_ROOT, Workspace, code_version, creating

PROJECT = PROJECT_ROOT / "dbt_project"
# dbt is the one beside the running Python, not whichever PATH finds first.
DBT = Path(sys.executable).with_name("dbt")
MOST_SHOWN = 5  # failures in one message
# Unit tests prove the code, not the data: make test runs them, a run does not.
NOT_IN_RUNS = "test_type:unit"


def _environment(workspace: Workspace) -> dict[str, str]:
    return {
        "COACHING_WAREHOUSE": str(workspace.warehouse),
        machine.MEMORY: machine.memory_limit(),
        machine.THREADS: str(machine.threads()),
        # Where the integration looks for what is parsed already: never in the code's own folder.
        "DBT_TARGET_PATH": str(workspace.dbt_target),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


@contextmanager
def _as_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """This process's environment with these; the next run of this process has its own day and its own memory."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def manifest(workspace: Workspace) -> Path:
    """dbt's manifest of this very code, parsed once per code version, in the workspace (the code is never written)."""
    target = workspace.dbt_target
    path, stamp = target / "manifest.json", target / "code_version"
    with creating(workspace):
        if not (path.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == code_version()):
            stamp.unlink(missing_ok=True)
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            _parse(workspace, target)
            durable.replace_text(stamp, code_version())
    return path


def _parse(workspace: Workspace, target: Path) -> None:
    command = [str(DBT), "--quiet", "parse", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(target), "--log-path", str(target)]
    done = subprocess.run(
        command, env={**os.environ, **_environment(workspace)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"dbt could not parse its project:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


class LayerTranslator(DagsterDbtTranslator):
    """A model's group is its schema: the layer."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer."""
        return dbt_resource_props["schema"]


def transform_assets(workspace: Workspace) -> dg.AssetsDefinition:
    """All models from staging to comparisons as one step."""

    @dbt_assets(
        manifest=manifest(workspace), exclude=NOT_IN_RUNS, dagster_dbt_translator=LayerTranslator(), name="transform"
    )
    def transform(context: dg.AssetExecutionContext, dbt: DbtCliResource, run: PipelineRun) -> Iterator:
        target = run.workspace.dbt_target / "run"
        is_whole = context.selected_asset_keys == context.assets_def.keys
        with warehouse(run.workspace.warehouse) as connection:
            if is_whole:
                built.forget(connection)
            else:  # a part of the models joins the others: of their date, or not at all
                run.take_date_of(connection)
        # What another version of the code computed is computed anew.
        stamp = run.workspace.dbt_target / "built_with"
        is_same = stamp.exists() and stamp.read_text(encoding="utf-8") == code_version()
        arguments = ["build", *([] if is_same else ["--full-refresh"])]
        stamp.unlink(missing_ok=True)
        try:
            with _as_environment({**_environment(run.workspace), "COACHING_AS_OF": str(run.day)}):
                yield from _with_facts(context, run, dbt.cli(arguments, context=context, target_path=target).stream())
        except DagsterDbtCliRuntimeError as error:
            if words := what_failed(target):
                raise RuntimeError(words) from None
            raise error
        durable.replace_text(stamp, code_version())
        if is_whole:
            with warehouse(run.workspace.warehouse) as connection:
                built.write(connection, run.day, run.study.digest)

    return transform


def _with_facts(context: dg.AssetExecutionContext, run: PipelineRun, stream: Iterator) -> Iterator:
    """dbt's events, those of models with their rows and columns.

    They are handed on when dbt has ended, as the stock integration does for DuckDB, which lets one process write at a
    time; until then the terminal is shown how far it is.
    """
    events, failure = [], None
    n_built, n_models = 0, len(context.selected_asset_keys)
    try:
        for event in stream:
            events.append(event)
            n_built += isinstance(event, dg.Output | dg.AssetMaterialization)
            progress.report(context.op_handle.name, f"{n_built} of {n_models} models")
    except DagsterDbtCliRuntimeError as error:
        failure = error
    found: dict[dg.AssetKey, dict[str, dg.MetadataValue]] = {}
    if failure is None:
        with warehouse(run.workspace.warehouse) as connection:
            schemas = {
                one.key: one.metadata[tables.SCHEMA]
                for one in context.assets_def.specs
                if tables.SCHEMA in one.metadata
            }
            found = tables.facts(connection, context.assets_def.keys, schemas)
    for event in events:
        if isinstance(event, dg.Output | dg.AssetMaterialization):
            is_output = isinstance(event, dg.Output)
            key = context.asset_key_for_output(event.output_name) if is_output else event.asset_key
            yield event.with_metadata({**event.metadata, **found.get(key, {})})
        else:
            yield event
    if failure is not None:
        raise failure


def what_failed(target: Path) -> str:
    """dbt's failures in plain words, from its run_results.json; empty where it has none.

    Only names and counts: dbt's own message may quote a record.
    """
    try:
        results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    except (OSError, ValueError, KeyError):
        return ""
    failures = []
    for one in results:
        kind, _, name = one["unique_id"].split(".")[:3]
        if one["status"] == "fail":
            failures.append(f"{name} does not hold ({one['failures']} rows)")
        elif one["status"] == "error":
            failures.append(f"the {kind} {name} could not be computed")
    if not failures:
        return ""
    more = f" and {len(failures) - MOST_SHOWN} more" if len(failures) > MOST_SHOWN else ""
    return (
        f"{'; '.join(failures[:MOST_SHOWN])}{more}. Each file fits its mapping, but together they say what cannot be: "
        f"look at `coaching quarantine list` and at raw.data_issues. {target / 'run_results.json'} has dbt's words, "
        "and they may quote a record"
    )


class InstalledDbt(DbtCliResource):
    """dbt's command line without its look at PyPI: the stock resource asks `dbt --version` before every build.

    Nor does it load dbt's adapter into this process: only the integration's own row counts would ask it, and DuckDB
    lets one process write at a time.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:
        return None


def dbt_resource() -> dg.ResourceDefinition:
    """dbt's command line, of this project; no run can name another program or folder."""
    installed = InstalledDbt(
        project_dir=str(PROJECT),
        profiles_dir=str(PROJECT),
        dbt_executable=str(DBT),
        # A line for each model and each test. dbt's own default, every statement, is 5 MB and a third of a small run.
        global_config_flags=["--log-level-file", "info"],
    )
    return dg.ResourceDefinition(lambda _context: installed, config_schema={})

"""The models and data tests as plain SQL: dbt compiles them once per version of the code, tests run them in DuckDB.

`dbt build` of a few people costs half a minute, nearly all of it dbt's own; the same SQL without dbt costs two seconds.
That dbt itself builds, orders and tests the models is shown by the runs in tests/e2e.
"""

import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from importlib import metadata
from pathlib import Path
from unittest import mock

import dagster as dg
import duckdb
from dagster._core.storage.event_log import InMemoryEventLogStorage

from expectations import gate
from orchestration import definitions, explain, reproduce, restating
from orchestration.assets import estimates, transform
from orchestration.assets.candidate import READ_BY_CANDIDATE
from orchestration.assets.transform import DBT, PROJECT, InstalledDbt
from orchestration.cli import running
from orchestration.workspace import PROJECT_ROOT, WORKSPACE_VARIABLE, Workspace, code_version

ANY_DAY = "2099-12-31"  # stands for the as-of date in compiled SQL
IS_VIEW = "select 1 from duckdb_views() where schema_name = ? and view_name = ?"
GRAPH = definitions.graph
WHOLE = Workspace(Workspace.from_environment().root / "whole")  # its graph has all models and data tests
HOME = Workspace(Workspace.from_environment().root / "plain")  # whose graph serves all workspaces, without dbt's tests


@dataclass(frozen=True)
class Node:
    """A model or data test of the project, compiled."""

    name: str
    kind: str
    relation: str
    schema: str
    is_view: bool
    sql: str
    parents: tuple[str, ...]


@functools.cache
def _version() -> str:
    """Changes with the code, with what the tests make of it, and with dbt."""
    digest = hashlib.sha256(f"{code_version()} {metadata.version('dbt-core')}".encode())
    for path in sorted([*(PROJECT_ROOT / "simulation").rglob("*.py"), *(PROJECT_ROOT / "tests").glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make(folder)` fills once per version of the code, whichever test process comes first."""
    there = Path(tempfile.gettempdir()) / f"coaching-tests-{os.getuid()}" / _version()
    there.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (there / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (there / f"{name}.whole").exists():
            shutil.rmtree(there / name, ignore_errors=True)
            (there / name).mkdir(mode=0o700)
            make(there / name)
            (there / f"{name}.whole").touch()
    return there / name


def dbt(
    target: Path, warehouse: Path, as_of: date | str, *arguments: str, project: Path = PROJECT
) -> subprocess.CompletedProcess:
    """dbt's command line on the project; its files go to `target`."""
    env = os.environ | {"COACHING_WAREHOUSE": str(warehouse), "COACHING_AS_OF": str(as_of)}
    env["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    paths = ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target)]
    command = [str(DBT), "--log-level-file", "info", *arguments, *paths, "--log-path", str(target)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def _compile(folder: Path) -> None:
    done = dbt(folder, folder / "warehouse.duckdb", ANY_DAY, "compile", "--exclude", "test_type:unit")
    assert done.returncode == 0, done.stdout[-4000:]


def compiled_manifest() -> Path:
    """dbt's manifest with the compiled SQL."""
    return cached("compiled", _compile) / "manifest.json"


def lay_manifest(workspace: Workspace) -> None:
    """Into a workspace, what its first start would have dbt parse."""
    with mock.patch.object(transform, "_parse", take_manifest):
        transform.manifest(workspace)


@functools.cache
def nodes() -> dict[str, Node]:
    """Everything that dbt would build, parents first: unique id → node."""
    found = json.loads(compiled_manifest().read_text(encoding="utf-8"))["nodes"]
    every = {key: _node(node, found) for key, node in found.items()}
    return {key: every[key] for key in TopologicalSorter({k: one.parents for k, one in every.items()}).static_order()}


def _node(node: dict, known: Container[str]) -> Node:
    return Node(
        name=node["name"],
        kind=node["resource_type"],
        relation=node["relation_name"] or "",
        schema=node["schema"],
        is_view=node["config"]["materialized"] == "view",
        sql=node.get("compiled_code") or "",
        parents=tuple(parent for parent in node["depends_on"].get("nodes", ()) if parent in known),
    )


def ancestors(names: Iterable[str]) -> set[str]:
    """The unique ids of these models and of all that they read."""
    chosen, wanted = set[str](), set(names)
    waiting = [key for key, node in nodes().items() if node.kind == "model" and node.name in wanted]
    while waiting:
        if (key := waiting.pop()) not in chosen:
            chosen.add(key)
            waiting += nodes()[key].parents
    return chosen


def build(
    connection: duckdb.DuckDBPyConnection, as_of: date, models: Iterable[str] = (), *, is_tested: bool = True
) -> None:
    """Build the models (all, or these with what they read) as of a day; every data test of what is built must hold."""
    chosen = ancestors(models) if models else {key for key, node in nodes().items() if node.kind == "model"}
    for key, node in nodes().items():
        if key in chosen:
            _create(connection, node, as_of)
    if not is_tested:
        return
    failing = {
        node.name: rows
        for node in nodes().values()
        if node.kind == "test" and set(node.parents) <= chosen
        if (rows := connection.execute(_of_day(node.sql, as_of)).fetchmany(3))  # a LIMIT of DuckDB 2.0.0 may never end
    }
    assert failing == {}


def _create(connection: duckdb.DuckDBPyConnection, node: Node, as_of: date) -> None:
    """As a table, also where dbt makes a view: of a few people, planning a view for each of its readers costs more."""
    connection.execute(f"create schema if not exists {node.schema}")
    if node.is_view and connection.execute(IS_VIEW, [node.schema, node.name]).fetchall():
        connection.execute(f"drop view {node.relation}")
    connection.execute(f"create or replace table {node.relation} as {_of_day(node.sql, as_of)}")


def _of_day(sql: str, as_of: date) -> str:
    return sql.replace(ANY_DAY, str(as_of))


class CompiledModels:
    """In place of dbt's command line in a run: the same SQL, as outputs of the step. It has no checks: what data tests
    find is the subject of the runs with dbt and of `build`."""

    def __init__(self, context: dg.AssetExecutionContext):
        self.context = context

    def stream(self) -> Iterator[dg.Output]:
        """Build all models, of the warehouse and as of the day that dbt would be given."""
        assert self.context.selected_asset_keys == self.context.assets_def.keys, "a part of the models needs dbt itself"
        with duckdb.connect(os.environ["COACHING_WAREHOUSE"], config={"threads": 1}) as connection:
            build(connection, date.fromisoformat(os.environ["COACHING_AS_OF"]), is_tested=False)
        for name in self.context.assets_def.keys_by_output_name:
            yield dg.Output(None, name)


def _cli(_dbt: InstalledDbt, _arguments: list[str], *, context, target_path: Path, **_) -> CompiledModels:
    target_path.mkdir(parents=True, exist_ok=True)
    return CompiledModels(context)


def take_manifest(workspace: Workspace, target: Path) -> None:
    """The one that was compiled; for HOME without data tests, and with those models only that an asset reads: most of a
    small run's events would be about the others. What is left comes after all that dbt reads."""
    compiled = compiled_manifest()
    if workspace != HOME:
        shutil.copyfile(compiled, target / "manifest.json")
        (target / "manifest.json").chmod(0o600)  # as the product's own umask makes it, whoever compiled first
        return
    manifest = json.loads(compiled.read_text(encoding="utf-8"))
    read = {*READ_BY_CANDIDATE, *estimates.READ_BY_ESTIMATES, "intermediate.int_unit_leads"}
    kept = {key: node for key, node in manifest["nodes"].items() if f"{node['schema']}.{node['name']}" in read}
    parents = {parent for node in manifest["nodes"].values() for parent in node["depends_on"].get("nodes", ())}
    sources = sorted(parents & set(manifest["sources"]))
    for node in kept.values():
        node["depends_on"]["nodes"] = sources
    manifest |= {
        "nodes": kept,
        "parent_map": dict.fromkeys(kept, sources) | {key: [] for key in sources},
        "child_map": dict.fromkeys(sources, sorted(kept)) | {key: [] for key in kept},
        "unit_tests": {},
        "exposures": {},
    }
    (target / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def _graph(_workspace: Workspace) -> dg.Definitions:
    """One for all workspaces of this process: what differs between them comes with the run."""
    return GRAPH(HOME)


STORE = InMemoryEventLogStorage.store_event


def _store_failure(storage: InMemoryEventLogStorage, entry: dg.EventLogEntry) -> None:
    """Keep an event that somebody asks for afterwards: alarms do, of steps that failed."""
    if entry.is_dagster_event and entry.get_dagster_event().is_failure:
        STORE(storage, entry)


def _build_here(there: Workspace, as_of: str) -> None:
    """`restating.build` in this process, which has imported everything already."""
    with mock.patch.dict(os.environ, {WORKSPACE_VARIABLE: str(there.root), restating.DAY: as_of}):
        try:
            restating.build()
        except SystemExit as end:
            raise restating.CannotRestate(f"the files as of {as_of} could not be loaded again: {end}") from None


def _run_here(words: list[str]) -> tuple[int, str]:
    """A command line in this process."""
    from tests.e2e.steps import environment, run_here

    quiet = {name: value for name, value in environment().items() if name != "COACHING_NOTIFY"}
    return run_here(words, Path.cwd(), quiet)


@contextmanager
def without_dbt() -> Iterator[None]:
    """Runs in this block, and those that they start, compute the models without dbt, keep Dagster events of failures
    only (what they return has all), write no Data Docs (a quarter of the gate's time), draw no forest plot and stay in
    this process.
    """
    with ExitStack() as stack:
        for place, name, instead in (
            (running, "open_history", lambda _: dg.DagsterInstance.ephemeral()),
            (dg.DagsterInstance, "local_temp", lambda *_: dg.DagsterInstance.ephemeral()),
            (InMemoryEventLogStorage, "store_event", _store_failure),
            (InstalledDbt, "cli", _cli),
            (transform, "_parse", take_manifest),
            (restating, "build_in_child", _build_here),
            (reproduce, "run_in_child", _run_here),
            (definitions, "graph", _graph),
            (explain, "_graph", lambda _: GRAPH(WHOLE).resolve_asset_graph()),
            (gate, "_write_docs", lambda *_: None),
            (estimates, "forest", lambda _: b""),
        ):
            stack.enter_context(mock.patch.object(place, name, instead))
        yield

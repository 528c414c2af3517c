"""Shared by all tests: where outside files lie, workspaces on disk, and a run that runs in this process."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings

from tests import no_network

HERE = Path(__file__).parent
REFERENCE = Path(os.environ.get("COACHING_REFERENCE", HERE.parent.parent / "shared" / "reference"))
COACHING = Path(sys.executable).with_name("coaching")
KEY = "a key for tests, long enough to be one"
DEMO = {"people": 600, "months": 12, "seed": 7, "effect": 1}  # the organisation that most tests read

# Definitions are bound to a workspace when they are imported; each run sets its own.
_SHARED = Path(tempfile.mkdtemp(prefix="coaching-tests-"))
os.environ["COACHING_WORKSPACE"] = str(_SHARED)
os.environ["COACHING_PSEUDONYM_KEY"] = KEY
os.environ["DO_NOT_TRACK"] = "1"
# Nothing that a test starts may look beyond this machine; whoever tries is written down.
os.environ[no_network.ATTEMPTS] = str(_SHARED / "attempts")
shutil.copy(no_network.__file__, _SHARED / "sitecustomize.py")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_SHARED), str(HERE.parent), os.environ.get("PYTHONPATH")]))
no_network.install()

# How long an example takes says something about the machine, not about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Tests write their files whole; the one about files that still grow sets it back.
from ingest import land  # noqa: E402

land.SETTLED = 0


def pytest_collection_modifyitems(items):
    """Tests of the published organisation can be left out: it is made by dbt, once per version of the code."""
    for item in items:
        if {"published", "copy_of_published"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("organisation")


def pytest_sessionfinish(session, exitstatus):
    shutil.rmtree(_SHARED, ignore_errors=True)


@pytest.fixture(scope="session")
def reference():
    """Path of a file that others wrote; the test skips, saying so, where it is absent."""

    def path(name: str) -> Path:
        found = REFERENCE / name
        if not found.exists():
            pytest.skip(f"reference file {name} is absent (set COACHING_REFERENCE)")
        return found

    return path


@pytest.fixture
def workspace(tmp_path):
    """An empty workspace with the template study."""
    from orchestration.workspace import PROJECT_ROOT, Workspace

    made = Workspace(tmp_path / "workspace")
    for part in ("hris", "survey", "checkins", "roster"):
        (made.inbox / part).mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "orchestration" / "templates" / "study.yml", made.study)
    return made


def execute_pipeline(workspace, as_of: date, *, restate: bool = False, dbt: bool = False, only: tuple[str, ...] = ()):
    """The job in this process, as `coaching run` does: (exit code, the ledger event of its end, Dagster's result).

    Without `dbt` the models are computed by the SQL that dbt compiled, which takes a tenth of the time. `only`: the
    assets of these layers, upon the tables that are there; the day must be theirs.
    """
    from tests.models import without_dbt

    workspace.prepare_dagster_home()
    before, mask = os.environ["COACHING_WORKSPACE"], os.umask(0o077)
    os.environ["COACHING_WORKSPACE"] = str(workspace.root)
    try:
        with nullcontext() if dbt else without_dbt():
            return _execute_pipeline(workspace, as_of, restate, only, dbt)
    finally:
        os.environ["COACHING_WORKSPACE"] = before
        os.umask(mask)


def _execute_pipeline(workspace, as_of: date, restate: bool, only: tuple[str, ...], dbt: bool):
    import dagster as dg

    from benchmarks.torture import own_assets
    from orchestration.cli.running import outcome_of
    from orchestration.definitions import execute
    from orchestration.doctor import end_of
    from orchestration.workspace import Workspace
    from publish import ledger
    from tests.models import HOME, lay_manifest

    shared = Workspace(_SHARED) if dbt else HOME  # one graph for all workspaces of this process
    if dbt:
        lay_manifest(shared)
    assets = own_assets(shared, only) if only else None
    # Events on disk cost a third of a small run; they are kept where dbt runs too.
    kept = dg.DagsterInstance.local_temp(str(workspace.dagster_home)) if dbt else dg.DagsterInstance.ephemeral()
    with kept as instance:
        result = execute(shared, instance, assets=assets, as_of=str(as_of), restate=restate)
    outcome = outcome_of(workspace, result)
    events = [event for event in ledger.read(workspace.ledger) if event.get("run_id") == result.run_id]
    return getattr(outcome, "exit_code", 0), end_of(events), result


@pytest.fixture(scope="session")
def run_pipeline():
    return execute_pipeline


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """A small simulated organisation, published once per version of the code; tests copy it before they change it."""
    from orchestration.workspace import Workspace
    from tests.models import cached

    copied = tmp_path_factory.mktemp("published") / "workspace"
    shutil.copytree(cached("published", _publish) / "demo", copied, symlinks=True)
    return Workspace(copied)


@pytest.fixture(scope="session")
def printed_by_demo():
    """What `coaching demo` printed when it made that organisation."""
    from tests.models import cached

    return (cached("published", _publish) / "printed").read_text(encoding="utf-8")


# A study of few questions: what tests change and publish again costs half as much.
FEW_OUTCOMES = """outcomes:
  - {metric: engagement_score, role: primary, minimum_important_difference: 2}
  - {metric: retention, role: primary, minimum_important_difference: 0.02}
  - {metric: goals_met_share, role: primary, minimum_important_difference: 0.03}
  - {metric: alignment_score, role: guardrail, margin: 2}
  - {metric: enps}
  - {metric: checkins_held_share}
  - {metric: output_per_fte_month}
"""


def study_of_few_questions(template: str) -> str:
    """The template's study with few outcomes and one segment."""
    text = re.sub(r"^outcomes:\n(?:  - .*\n)+", FEW_OUTCOMES, template, flags=re.M)
    return re.sub(r"^segments: .*$", "segments: [tenure]", text, flags=re.M)


def _publish_few(folder: Path) -> None:
    from orchestration.cli.workspaces import lay_out
    from orchestration.workspace import Workspace
    from simulation import Design, simulate
    from tests.models import lay_manifest

    made, design, mask = Workspace(folder), Design(**DEMO), os.umask(0o077)
    lay_out(made)
    simulate(design, made.inbox, truth_path=made.root / "truth.json")
    os.umask(mask)
    made.study.write_text(study_of_few_questions(made.study.read_text(encoding="utf-8")), encoding="utf-8")
    code, last, _ = execute_pipeline(made, design.closed_on)
    assert code == 0, last
    lay_manifest(made)


def _publish(folder: Path) -> None:
    """One whole run as its users make it: `coaching demo` in a process of its own, with dbt."""
    from tests.e2e.steps import environment

    options = [word for name, value in DEMO.items() for word in (f"--{name}", str(value))]
    command = [COACHING, "demo", "--workspace", "demo", *options]
    with (folder / "printed").open("w") as printed:
        done = subprocess.run(command, cwd=folder, env=environment(), stdout=printed, stderr=printed, check=False)
    assert done.returncode == 0, (folder / "printed").read_text()
    attempts = Path(os.environ[no_network.ATTEMPTS])
    assert not attempts.exists(), f"looked beyond this machine: {attempts.read_text()}"


@pytest.fixture(scope="module")
def connection(published):
    """The published organisation's warehouse, open for a module's tests."""
    from ingest.warehouse import warehouse

    with warehouse(published.warehouse) as opened:
        yield opened


@pytest.fixture
def copy_of_published(tmp_path):
    """The same organisation, published by a study of few questions; the test's own to change."""
    from orchestration.workspace import Workspace
    from tests.models import cached

    copied = tmp_path / "workspace"
    shutil.copytree(cached("published_few", _publish_few), copied, symlinks=True)
    return Workspace(copied)

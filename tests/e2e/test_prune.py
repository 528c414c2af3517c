"""Old runs' pages and history go; what a release rests on stays, and the workspace is as whole as before."""

import os
import shutil

import dagster as dg
import pytest

from orchestration.prune import prune
from orchestration.workspace import Workspace
from publish import ledger
from publish.release import current_release, manifest_of
from tests.e2e.effects import files_below

pytestmark = pytest.mark.slow


@dg.asset
def nothing() -> None:
    """A later run."""


def test_the_newest_run_stays_and_the_older_one_goes(published, tmp_path):
    there = Workspace(shutil.copytree(published.root, tmp_path / "workspace", symlinks=True))
    kept = manifest_of(current_release(there.releases))["verdict"]["content_hash"][:16]
    assert (there.gate / kept / "verdict.json").exists()
    of_coaches = manifest_of(there.restricted / "current")["verdict"]["content_hash"][:16]
    shutil.copytree(there.gate / kept, there.gate / "0123456789abcdef")
    os.utime(there.gate / "0123456789abcdef", (0, 0))
    ledger.append(there.ledger, "refused", run_id="later", content_hash="fedcba9876543210")
    (there.gate / "fedcba9876543210").mkdir()
    with dg.DagsterInstance.from_config(str(there.dagster_home)) as instance:
        [first] = instance.get_runs()
        second = dg.materialize([nothing], instance=instance)
    before = {name: files_below(there.root / name) for name in ("releases", "landing", "closed", "recipes")}
    done = prune(there, 1)
    assert done.n_runs == 1 and done.n_bytes > 1_000_000
    assert {path.name for path in there.gate.iterdir()} == {kept, of_coaches, "fedcba9876543210"}
    with dg.DagsterInstance.from_config(str(there.dagster_home)) as instance:
        assert [run.run_id for run in instance.get_runs()] == [second.run_id]
    assert not list(there.dagster_home.rglob(f"{first.run_id}*"))
    assert {name: files_below(there.root / name) for name in before} == before
    assert prune(there, 1).n_bytes == 0

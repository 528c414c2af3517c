"""Batches of closed cells: whole or not there, also after a run that was killed while it wrote one."""

import polars as pl
import pytest

import durable
from publish import closed

FRAMES = {"cell_units": pl.DataFrame({"unit_id": ["t1"], "cohort": ["pilot"]})}


class Killed(BaseException):
    pass


def keep(folder, release):
    closed.keep(folder, FRAMES, release=release, as_of="2025-01-31", definitions={})


def steps_of_keep(folder, monkeypatch):
    found = []
    with monkeypatch.context() as patched:
        patched.setattr(durable, "before", found.append)
        keep(folder, "second")
    return found


def killed_before(step_number, folder, monkeypatch):
    """Two runs, the second killed before this step of its closing."""
    seen = []

    def die(name):
        seen.append(name)
        if len(seen) == step_number:
            raise Killed

    keep(folder, "first")
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(durable, "before", die)
        keep(folder, "second")


def test_a_run_killed_while_it_closes_leaves_a_batch_whole_or_none(tmp_path, monkeypatch):
    keep(tmp_path / "whole", "first")
    steps = steps_of_keep(tmp_path / "whole", monkeypatch)
    assert "rename 0002" in steps
    for n in range(1, len(steps) + 1):
        folder = tmp_path / str(n)
        killed_before(n, folder, monkeypatch)
        assert [batch.release for batch in closed.batches(folder)] in (["first"], ["first", "second"])
        assert closed.units(folder) == {"t1"}
        keep(folder, "second")
        assert [batch.release for batch in closed.batches(folder)] == ["first", "second"]
        assert sorted(path.name for path in folder.iterdir()) == ["0001", "0002"]


def test_what_an_erasure_renames_is_nowhere_else(tmp_path, monkeypatch):
    keep(tmp_path, "first")
    left = tmp_path / ".0002.tmp"
    left.mkdir()
    FRAMES["cell_units"].write_parquet(left / "cell_units.parquet")
    (left / closed.FACTS).write_text("{}")
    closed.rename(tmp_path, "unit_id", {"t1": "erased"})
    assert closed.units(tmp_path) == {"erased"}
    assert not left.exists()

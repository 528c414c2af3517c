"""What an erasure that was interrupted leaves, and the next one finishes."""

import json

import polars as pl
import pytest

import durable
from ingest import land
from orchestration.erasure import follow
from orchestration.workspace import Workspace


def test_an_erasure_that_was_interrupted_leaves_no_digest_after_the_next(tmp_path, monkeypatch):
    there = Workspace(tmp_path)
    old, new = "0" * 64, "1" * 64
    facts = {"source": "hris", "file_name": "a.csv", "n_bytes": 3, "sequence": 1}
    folder = there.landing / new
    folder.mkdir(parents=True)
    land.note(land.Landed(load_id=new, content_sha256="2" * 64, known_date="2026-01-01", **facts), there.landing)
    recipe = tmp_path / "recipes" / "r.json"
    recipe.parent.mkdir()
    recipe.write_text(json.dumps({"landed": [facts | {"load_id": old}], "inputs": [{"load_id": old}]}))
    batch = there.closed / "0001"
    batch.mkdir(parents=True)
    pl.DataFrame({"load_id": [old]}).write_parquet(batch / "loads.parquet")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(durable, "replace_text", killed)
        with pytest.raises(KeyboardInterrupt):
            follow(there)
    follow(there)
    assert pl.read_parquet(batch / "loads.parquet")["load_id"].to_list() == [new]
    assert old not in recipe.read_text() and new in recipe.read_text()

"""What is known of single coaches: closed to others, hidden where teams are small, never without a verdict."""

import stat

import polars as pl
import pytest

from publish.content import content_hash
from publish.release import NotAllowed
from publish.restricted import COACHES_TABLE, current_coaches, guard_coaches, publish_coaches


def coach(name: str, n_people: int) -> dict:
    numbers = {"change": 2.0, "pooled": 1.5, "ci_low": 0.5, "ci_high": 2.5, "funnel_low": 0.0, "funnel_high": 2.0}
    return {"metric": "m", "coach_person_id": name, "n_units": 1, "n_people": n_people} | numbers | {
        "shrinkage": 0.5, "status": "estimated", "reason": None,
    }  # fmt: skip


TABLE = pl.DataFrame([coach("anna", 10), coach("bert", 9)], schema_overrides={"reason": pl.String})


GUARDED = guard_coaches(TABLE, 10)


def passing(table: pl.DataFrame) -> dict:
    return {"passed": True, "content_hash": content_hash({COACHES_TABLE: table})}


def published(folder, **named):
    order = {
        "identity": "r1",
        "as_of": "2026-01-01",
        "through": {"m": "2025-12-01"},
        "verdict": passing(GUARDED),
        "folder": folder,
    }
    return publish_coaches(GUARDED, **(order | named))


def test_a_coach_of_nine_people_has_no_numbers_and_a_reason():
    anna, bert = guard_coaches(TABLE, 10).rows(named=True)
    assert (anna["pooled"], anna["status"]) == (1.5, "estimated")
    assert (bert["change"], bert["pooled"], bert["n_people"]) == (None, None, None)
    assert (bert["status"], bert["reason"]) == ("suppressed", "fewer than 10 people")


def test_only_its_owner_can_read_it(tmp_path):
    target = published(tmp_path / "restricted")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE((tmp_path / "restricted").stat().st_mode) == 0o700
    files = list(target.iterdir())
    assert {path.name for path in files} == {"manifest.json", f"{COACHES_TABLE}.parquet", f"{COACHES_TABLE}.csv"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o400}
    identity, table = current_coaches(tmp_path / "restricted")
    assert (identity, table.height) == ("r1", 2)


@pytest.mark.parametrize("verdict", [{"passed": False}, {"passed": True, "content_hash": "of something else"}, {}])
def test_nothing_is_written_without_a_passing_verdict_on_exactly_this_table(tmp_path, verdict):
    with pytest.raises(NotAllowed):
        published(tmp_path / "restricted", verdict=verdict)
    assert current_coaches(tmp_path / "restricted") is None


def test_the_same_release_is_written_once_and_a_half_written_one_anew(tmp_path):
    first = published(tmp_path)
    before = (first / f"{COACHES_TABLE}.parquet").stat().st_mtime_ns
    assert published(tmp_path) == first
    assert (first / f"{COACHES_TABLE}.parquet").stat().st_mtime_ns == before
    (tmp_path / ".r2.tmp").mkdir()
    (tmp_path / ".r2.tmp" / "left.csv").touch()
    assert {path.name for path in published(tmp_path, identity="r2").iterdir()} == {
        "manifest.json", f"{COACHES_TABLE}.parquet", f"{COACHES_TABLE}.csv",
    }  # fmt: skip
    assert current_coaches(tmp_path)[0] == "r2"

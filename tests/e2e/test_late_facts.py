"""What comes after a release: few corrections wait, many are told, and no two releases differ by a few people."""

import shutil
from datetime import date

import polars as pl
import pytest

from ingest.tables import RELEASED_TABLES
from publish import memory
from publish.release import current_release, manifest_of

pytestmark = pytest.mark.slow
DAYS = [date(2025, 1, day) for day in (2, 3, 4)]


def answers_again(workspace, name: str, people: int) -> None:
    """The last wave's file once more, in which so many people answered otherwise."""
    last = sorted((workspace.inbox / "survey").glob("pulse_*.csv"))[-1]
    head, body = last.read_text().splitlines(keepends=True)[:3], last.read_text().splitlines(keepends=True)[3:]
    changed = 0
    for index, line in enumerate(body):
        cells = line.rstrip("\n").split(",")
        if changed < people and cells[2] == "IP Address" and cells[11].isdigit():
            cells[11:16] = ["1" if cell == "5" else "5" for cell in cells[11:16]]
            body[index] = ",".join(cells) + "\n"
            changed += 1
    assert changed == people
    (workspace.inbox / "survey" / name).write_text("".join(head + body))


def table(workspace, name: str) -> pl.DataFrame:
    return pl.read_parquet(current_release(workspace.releases) / "parquet" / f"{name}.parquet")


def test_three_corrections_wait_and_many_are_told(copy_of_published, night):
    workspace = copy_of_published
    before = {name: table(workspace, name) for name in ("pub_levels", "pub_baseline", "pub_outcomes")}
    first = current_release(workspace.releases).name

    answers_again(workspace, "pulse_2024-11-10_few.csv", 3)
    code, last, _ = night(workspace, DAYS[0])
    assert (code, last["event"]) == (0, "published"), last
    for name, old in before.items():
        assert table(workspace, name).equals(old), name
    files = [
        sum(source["n_files"] for source in manifest_of(release)["sources"])
        for release in (workspace.releases / first, current_release(workspace.releases))
    ]
    assert files[1] == files[0] + 1

    answers_again(workspace, "pulse_2024-11-10_many.csv", 300)
    code, last, _ = night(workspace, DAYS[1])
    assert (code, last["event"]) in ((0, "published"), (3, "refused")), last
    if code == 3:  # three hundred people who turn round are a jump that the gate sees
        assert any("jumps" in reason for reason in last["reasons"])
        return
    of_engagement = pl.col("metric") == "engagement_score"
    assert not table(workspace, "pub_levels").filter(of_engagement).equals(before["pub_levels"].filter(of_engagement))
    observations = memory.recall(workspace.memory, memory.OBSERVATIONS, RELEASED_TABLES[memory.OBSERVATIONS])
    ended = observations.filter((pl.col("metric") == "engagement_score") & pl.col("replaced_in").is_not_null())
    assert ended["subject_id"].n_unique() >= 10


def test_without_memory_nothing_is_published(copy_of_published, night):
    workspace = copy_of_published
    served = current_release(workspace.releases)
    answers_again(workspace, "pulse_2024-11-10_few.csv", 3)
    shutil.rmtree(workspace.memory)
    code, _, result = night(workspace, DAYS[0])
    assert code == 1
    assert current_release(workspace.releases) == served
    said = " ".join(str(event.event_specific_data) for event in result.all_events if event.is_failure)
    assert "does not know what release" in said
    assert "Restore" in said


def test_memory_is_closed_to_others_and_holds_no_name(published):
    assert published.memory.stat().st_mode & 0o077 == 0
    for path in published.memory.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
        if path.is_dir():
            continue
        assert b"example.invalid" not in path.read_bytes()
        assert b"E0000" not in path.read_bytes()

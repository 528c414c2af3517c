"""What comes after a period has closed waits and is counted; a restatement lets it in where it is of many people."""

import shutil
from datetime import date

import polars as pl
import pytest
from typer.testing import CliRunner

from ingest.warehouse import warehouse
from orchestration.cli.commands import app
from orchestration.pending import find_pending_changes
from publish import closed
from publish.release import current_release, manifest_of

pytestmark = pytest.mark.slow
DAYS = [date(2025, 3, day) for day in (3, 4, 5)]


# Units whose closed cell is not the sum of what its people say now, of the last wave.
CHANGED = """
    with now as (
        select unit_id, sum(value) as total from panels.pnl_values
        where metric = 'engagement_score' and period_start = '2024-10-01' group by unit_id
    ),
    closed as (
        select unit_id, value_sum from cells.cell_means
        where metric = 'engagement_score' and period_start = '2024-10-01' and segment = 'all'
    )
    select count(*) from now inner join closed using (unit_id) where abs(total - value_sum) > 1e-6
"""


def answers_again(workspace, name: str, people: int, *, items: int = 5) -> None:
    """The last wave's file once more, in which so many people answered so many items otherwise."""
    last = sorted((workspace.inbox / "survey").glob("pulse_*.csv"))[-1]
    head, body = last.read_text().splitlines(keepends=True)[:3], last.read_text().splitlines(keepends=True)[3:]
    changed = 0
    for index, line in reversed(list(enumerate(body))):
        cells = line.rstrip("\n").split(",")
        if changed < people and cells[2] == "IP Address" and cells[11].isdigit():
            cells[11 : 11 + items] = ["1" if cell == "5" else "5" for cell in cells[11 : 11 + items]]
            body[index] = ",".join(cells) + "\n"
            changed += 1
    assert changed == people
    (workspace.inbox / "survey" / name).write_text("".join(head + body))


def table(workspace, name: str) -> pl.DataFrame:
    return pl.read_parquet(current_release(workspace.releases) / "parquet" / f"{name}.parquet")


def level(workspace) -> pl.DataFrame:
    """Engagement of the last wave, by arm."""
    rows = table(workspace, "pub_levels").filter((pl.col("metric") == "engagement_score") & (pl.col("scope") == "arm"))
    return rows.filter(pl.col("period_start") == rows["period_start"].max()).sort("arm").select("arm", "mean")


def test_late_answers_wait_are_counted_and_enter_with_a_restatement_where_they_are_many(
    copy_of_published, run_pipeline
):
    workspace = copy_of_published
    first = manifest_of(current_release(workspace.releases))
    assert (first["late_records"], first["restated"], first["next_restatement"]) == ([], None, None)
    before = level(workspace)

    answers_again(workspace, "pulse_2024-11-10_many.csv", 300, items=1)
    code, last, _ = run_pipeline(workspace, DAYS[0])
    assert (code, last["event"]) == (0, "published"), last
    second = manifest_of(current_release(workspace.releases))
    assert second["verdict"]["content_hash"] == first["verdict"]["content_hash"]
    [late] = second["late_records"]
    assert (late["source"], late["first_month"]) == ("survey", "2024-11")
    assert "not in these numbers" in (current_release(workspace.releases) / "index.html").read_text()
    assert [batch.number for batch in closed.batches(workspace.closed)] == [1]

    # It is announced; on that day everything is computed again.
    study = workspace.study.read_text()
    workspace.study.write_text(study + f"\nrestatements: [{DAYS[1]}]\n")
    code, last, _ = run_pipeline(workspace, DAYS[1])
    assert (code, last["event"]) == (0, "published"), last
    third = manifest_of(current_release(workspace.releases))
    assert (third["restated"]["n_kept"], third["late_records"]) == (0, [])
    assert not level(workspace).equals(before)
    assert [batch.restates for batch in closed.batches(workspace.closed)] == [False, True]


def test_a_restatement_of_eight_late_answers_keeps_every_cell_that_they_would_change(copy_of_published, run_pipeline):
    workspace = copy_of_published
    before = {name: table(workspace, name) for name in ("pub_levels", "pub_baseline", "pub_outcomes", "pub_estimates")}
    # Under the name of the first: two versions of one file lie in landing, and both stay as they are.
    answers_again(workspace, "pulse_2024-11-10.csv", 8)
    landed = {path: path.read_bytes() for path in workspace.landing.glob("*/content*")}
    code, last, _ = run_pipeline(workspace, DAYS[0], restate=True)
    assert (code, last["event"]) == (0, "published"), last
    assert landed == {path: path.read_bytes() for path in landed}
    manifest = manifest_of(current_release(workspace.releases))
    assert manifest["restated"]["n_kept"] > 0
    with warehouse(workspace.warehouse) as connection:
        [(n_units,)] = connection.sql(CHANGED).fetchall()
    assert n_units >= 1  # some of the eight are in the study
    assert manifest["late_records"] == []
    for name, old in before.items():
        assert table(workspace, name).equals(old), name


def test_a_release_that_was_never_served_is_finished_by_the_next_run(copy_of_published, run_pipeline):
    """Its run was killed after the files were written, before the periods that it closed were kept."""
    workspace = copy_of_published
    release = current_release(workspace.releases).name
    shutil.rmtree(workspace.closed)
    (workspace.releases / "current").unlink()
    events = [line for line in workspace.ledger.read_text().splitlines() if '"published"' not in line]
    workspace.ledger.write_text("\n".join(events) + "\n")
    assert find_pending_changes(workspace).reasons == (
        f"the run that wrote {release} was interrupted before it was served",
    )
    refused = CliRunner().invoke(app, ["rollback", release, "-w", str(workspace.root)])
    assert (refused.exit_code, "finish it: coaching run" in refused.output.replace("\n", " ")) == (2, True)
    code, last, _ = run_pipeline(workspace, date.fromisoformat(release[:10]))
    assert (code, last["release"]) == (0, release)
    assert current_release(workspace.releases).name == release
    assert [batch.release for batch in closed.batches(workspace.closed)] == [release]
    assert not find_pending_changes(workspace)


def test_without_closed_cells_nothing_is_published(copy_of_published, run_pipeline):
    workspace = copy_of_published
    served = current_release(workspace.releases)
    answers_again(workspace, "pulse_2024-11-10_few.csv", 3)
    shutil.rmtree(workspace.closed)
    code, _, result = run_pipeline(workspace, DAYS[0])
    assert code == 1
    assert current_release(workspace.releases) == served
    said = " ".join(str(event.event_specific_data) for event in result.all_events if event.is_failure)
    assert "batch(es) of closed periods" in said
    assert "Restore" in said


def test_closed_cells_are_closed_to_others_and_hold_no_person(published):
    assert published.closed.stat().st_mode & 0o077 == 0
    names = set()
    for path in published.closed.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
        if path.suffix != ".parquet":
            continue
        names |= set(pl.read_parquet_schema(path))
        assert b"example.invalid" not in path.read_bytes()
        assert b"E0000" not in path.read_bytes()
    assert not {"person_id", "subject_id", "coach_person_id"} & names

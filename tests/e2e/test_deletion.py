"""After keep_until: nothing of anybody is left in a workspace, and what was released is there to the byte."""

import csv
import json
from datetime import date

import pytest

from orchestration import deletion
from orchestration.pending import find_pending_changes
from tests.e2e.effects import files_below
from tests.e2e.test_erasure import hits, run

pytestmark = pytest.mark.slow


def everybody(workspace) -> set[str]:
    """Ids and addresses of the last export."""
    export = sorted((workspace.inbox / "hris").glob("*.csv"))[-1]
    rows = list(csv.reader(export.read_text(encoding="utf-8").splitlines()))[1:]
    return {row[column] for row in rows if len(row) > 3 for column in (0, 3) if row[column]}


def test_nobody_is_left_and_releases_are_to_the_byte(copy_of_published):
    there = copy_of_published
    words = everybody(there)
    assert len(words) > 1_000 and hits(there.landing, set(sorted(words)[:3]))
    kept = {name: files_below(there.root / name) for name in ("releases", "closed", "sources")}
    study = there.study.read_text(encoding="utf-8")
    there.study.write_text(f"keep_until: 2025-06-30\n{study}", encoding="utf-8")
    left_by_a_killed_run = there.root / f"{there.warehouse.name}.tmp"
    left_by_a_killed_run.mkdir()
    (left_by_a_killed_run / "spilled").write_text(" ".join(sorted(words)[:3]))
    done = run(there, "delete-records", "--yes")
    assert done.exit_code == 0, done.output
    assert hits(there.root, words) == []
    assert {name: files_below(there.root / name) for name in kept} == kept
    left = {path.name for path in there.root.iterdir()}
    assert left <= {
        "releases",
        "closed",
        "sources",
        "study.yml",
        "ledger.jsonl",
        ".gitignore",
        ".lock",
        ".lock.token",
        "truth.json",
    }
    assert json.loads((there.root / "ledger.jsonl").read_text().splitlines()[-1])["event"] == deletion.DELETED
    with pytest.raises(deletion.RecordsOverdue, match="stop the nightly run"):
        find_pending_changes(there)


def test_until_the_day_records_are_used_and_after_it_no_run_uses_them(copy_of_published, run_pipeline):
    there = copy_of_published
    study = there.study.read_text(encoding="utf-8")
    there.study.write_text(f"keep_until: 2025-06-30\n{study}", encoding="utf-8")
    code, last, _ = run_pipeline(there, date(2025, 4, 1))
    assert code != 0 and "may be kept until 2025-06-30" in last["reason"]

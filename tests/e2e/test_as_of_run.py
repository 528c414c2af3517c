"""Two times: what was true, and when it became known. An as-of run to yesterday gives yesterday's report."""

import shutil
from datetime import date, timedelta

import pytest

from ingest.warehouse import warehouse
from publish.release import current_release, manifest_of

pytestmark = pytest.mark.slow


def test_an_as_of_run_rebuilds_what_was_known_then_after_a_correction_came(copy_of_published, run_pipeline):
    workspace = copy_of_published
    first = current_release(workspace.releases)
    day = date.fromisoformat(manifest_of(first)["as_of"])
    june = workspace.inbox / "hris" / "hris_2024-05.csv"
    corrected = june.with_name("hris_2024-05_corrected.csv")
    lines = june.read_text().splitlines(keepends=True)
    corrected.write_text("".join(lines[:100] + lines[112:]))

    code, last, _ = run_pipeline(workspace, day + timedelta(days=10))
    assert code == 0, last
    later = manifest_of(workspace.releases / last["release"])
    assert later["content_hash"] != manifest_of(first)["content_hash"]

    shutil.copy(june, june.with_name("hris_2024-05_again.csv"))  # arrives today: no part of what was known then
    code, last, _ = run_pipeline(workspace, day)
    assert code == 0, last
    rebuilt = workspace.releases / last["release"]
    for table in sorted((first / "parquet").iterdir()):
        assert (rebuilt / "parquet" / table.name).read_bytes() == table.read_bytes(), table.name
    with warehouse(workspace.warehouse) as connection:
        known = dict(
            connection.execute("select file_name, known_date from raw.load_log where source = 'hris'").fetchall()
        )
        used = connection.execute("select count(*) from staging.stg_loads where source = 'hris'").fetchall()[0][0]
    assert known["hris_2024-05_corrected.csv"] == day + timedelta(days=10)
    assert "hris_2024-05_again.csv" not in known
    assert used == len(known) - 1
    assert current_release(workspace.releases).name == later["id"]

"""Settings of study.yml that only a release shows: the page and the manifest say what was set."""

import json
from datetime import date

import polars as pl
import pytest

from ingest.warehouse import warehouse
from publish import ledger
from publish.restricted import current_coaches

pytestmark = pytest.mark.slow
SETTINGS = {
    'title: "Managers as coaches: did it work?"': 'title: "Did coaching pay?"',
    "# contact: people-analytics@example.org": "contact: people-analytics@example.org",
    "time_zone: Europe/Berlin": "time_zone: Asia/Tokyo",
    "currency: EUR": "currency: CHF",
    "fixed_cost: [10000, 30000]": "fixed_cost: [77000, 78000]",
    "min_group_size: 10": "min_group_size: 25",
    "# coaches: off": "coaches: off",
    "# sensitive_facts: [leavers]": "sensitive_facts: [leavers]",
    "stale_after_days: 40": "stale_after_days: 3",
    "alpha: 0.05": "alpha: 0.04",
    "# planned_until: 2026-12-31": "planned_until: 2024-12-31",
}


def test_the_release_says_what_was_set(copy_of_published, run_pipeline):
    made = copy_of_published
    assert current_coaches(made.restricted)[1].height > 0
    first = (made.releases / "current").resolve()
    before = json.loads((made.releases / "current" / "manifest.json").read_text(encoding="utf-8"))
    study = made.study.read_text(encoding="utf-8")
    for was, is_now in SETTINGS.items():
        assert study.count(was) == 1, was
        study = study.replace(was, is_now)
    made.study.write_text(study, encoding="utf-8")
    code, last, _ = run_pipeline(made, date(2025, 3, 2))
    assert code == 0, last
    release = made.releases / "current"
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    assert (before["min_group_size"], before["alpha"], before["due"]) == (10, 0.05, "2025-04-11")
    assert (manifest["min_group_size"], manifest["due"]) == (25, "2025-03-05")
    assert manifest["alpha"] == 0.04
    found = [pl.read_parquet(folder / "parquet" / "pub_answer.parquet") for folder in (first, release)]
    answers = [table.row(0, named=True) for table in found]
    # Kick-offs in April, July and October: a year after the last there will be six quarters; this is the third.
    assert [(row["analysis"], row["planned_analyses"]) for row in answers] == [(3, 6), (3, 3)]
    assert answers[0]["alpha"] < 0.005 and 0.03 < answers[1]["alpha"] < 0.04
    page = (release / "index.html").read_text(encoding="utf-8")
    assert "Questions: people-analytics@example.org" in page
    assert "<h1>Did coaching pay?" in page and "CHF" in page and "EUR" not in page
    turnover = pl.read_parquet(release / "parquet" / "pub_turnover.parquet")
    assert turnover.height > 0 and turnover["n_leavers"].null_count() == turnover.height
    assert not made.restricted.exists()
    assert "restricted_removed" in {event["event"] for event in ledger.read(made.ledger)}
    with warehouse(made.warehouse) as connection:
        assert connection.sql("from restricted.est_coaches").fetchall() == []
    assert manifest["questions_hash"] != before["questions_hash"]

"""Each of these stops publication with exit code 3 and leaves the old release served; fixing it publishes again."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from benchmarks.torture import BACK
from ingest.warehouse import warehouse
from publish import ledger
from publish.release import current_release

AS_OF = date(2025, 3, 2)
pytestmark = pytest.mark.slow


def refused(workspace, run_pipeline, *says, only=()):
    before = current_release(workspace.releases)
    served = (before / "index.html").read_bytes()
    code, last, _ = run_pipeline(workspace, AS_OF, only=only)
    assert (code, last["event"]) == (3, "refused")
    for words in says:
        assert any(words in reason for reason in last["reasons"]), (words, last["reasons"])
    assert current_release(workspace.releases) == before
    assert (current_release(workspace.releases) / "index.html").read_bytes() == served


def replace_in_inbox(workspace, source, pattern, change, *, place=-1):
    """Deliver a changed copy of an export under a later name."""
    path = sorted((workspace.inbox / source).glob(pattern))[place]
    later = path.with_name(path.stem + "_resent" + path.suffix)
    later.write_text(change(path.read_text()))
    return later


def seven_points(text):
    """The pulse with all answers two points higher, on a scale of five."""
    head, body = text.splitlines(keepends=True)[:3], text.splitlines(keepends=True)[3:]
    cells = [line.rstrip("\n").split(",") for line in body]
    return "".join(head) + "".join(
        ",".join([*row[:11], *(str(int(v) + 2) if v.isdigit() else v for v in row[11:])]) + "\n" for row in cells
    )


def test_bad_files_stop_publication_each_for_its_reason_until_they_are_taken_away(copy_of_published, run_pipeline):
    # One run for all three: that each is found alone is shown by tests/unit/expectations/test_planted_faults.py.
    def empty(text):
        return "".join(text.splitlines(keepends=True)[:3])

    sent = [
        replace_in_inbox(copy_of_published, "survey", "pulse_*.csv", empty),
        replace_in_inbox(copy_of_published, "survey", "pulse_*[0-9].csv", seven_points, place=-2),
        copy_of_published.inbox / "roster" / "more.csv",
    ]
    sent[-1].write_text("Team ID,Wave,Arm,Kick-off\n" + "".join(f"X{i},Extra,Pilot,2024-10-01\n" for i in range(400)))
    refused(
        copy_of_published,
        run_pipeline,
        "every file in the inbox could be loaded",
        "the study's units exist in the organisation",
    )
    with warehouse(copy_of_published.warehouse) as connection:
        why = connection.sql("select reason from raw.load_log where status = 'refused' order by file_name").fetchall()
    assert len(why) == 2
    assert any("are none of the item's scale: correct its range" in reason for (reason,) in why), why
    for path in sent:
        path.unlink()
    code, last, _ = run_pipeline(copy_of_published, AS_OF)
    assert (code, last["event"]) == (0, "published")


def test_a_department_missing_from_the_snapshot_stops_publication(copy_of_published, run_pipeline):
    def without_sales(text):
        return "".join(line for line in text.splitlines(keepends=True) if ",Sales," not in line)

    later = replace_in_inbox(copy_of_published, "hris", "hris_*.csv", without_sales)
    later.rename(later.with_name("hris_2025-01.csv"))
    before = current_release(copy_of_published.releases)
    code, last, _ = run_pipeline(copy_of_published, date(2025, 4, 1))
    assert (code, last["event"]) == (3, "refused")
    assert any("no department or site vanishes" in reason and "Sales" in reason for reason in last["reasons"])
    assert current_release(copy_of_published.releases) == before


def test_an_estimate_outside_its_own_interval_stops_publication(copy_of_published, run_pipeline, monkeypatch):
    import orchestration.assets.estimates as module
    from inference.estimates import estimate_study

    def broken(*arguments, **named):
        good = estimate_study(*arguments, **named)
        moved = good.estimates.with_columns(
            pl.when(pl.col("aggregation") == "simple")
            .then(pl.col("ci_high") + 1)
            .otherwise("estimate")
            .alias("estimate")
        )
        return replace(good, estimates=moved)

    monkeypatch.setattr(module, "estimate_study", broken)
    refused(copy_of_published, run_pipeline, "an estimate lies inside its interval", only=BACK)


def test_a_run_while_another_holds_the_workspace_is_turned_away(copy_of_published, run_pipeline):
    from orchestration.lock import hold

    with hold(copy_of_published.lock, run_id="the other one"):
        code, last, _ = run_pipeline(copy_of_published, AS_OF)
    assert (code, last["event"]) == (75, "turned_away")
    assert "the other one" in last["reason"]


def test_a_run_overtaken_while_it_worked_does_not_publish(copy_of_published, run_pipeline, monkeypatch):
    import orchestration.assets.estimates as module
    from inference.estimates import estimate_study

    def overtaken(*arguments, **named):
        token = copy_of_published.root / ".lock.token"
        token.write_text(str(int(token.read_text()) + 1))
        return estimate_study(*arguments, **named)

    monkeypatch.setattr(module, "estimate_study", overtaken)
    before = current_release(copy_of_published.releases)
    code, last, _ = run_pipeline(copy_of_published, AS_OF, only=BACK)
    assert code == 1
    assert last["event"] == "failed"
    assert "LockLost" in last["reason"]
    assert current_release(copy_of_published.releases) == before


def test_the_ledger_says_the_whole_story(published):
    events = [event["event"] for event in ledger.read(published.ledger)]
    assert events == ["started", "passed", "published", "restricted"]


def test_an_as_of_run_is_a_release_of_its_own_and_is_not_served(copy_of_published, run_pipeline):
    from orchestration.pending import find_pending_changes
    from publish.release import list_releases, manifest_of

    served = current_release(copy_of_published.releases)
    code, last, _ = run_pipeline(copy_of_published, date(2024, 10, 31))
    assert (code, last["event"]) == (0, "published")
    assert last["release"].startswith("2024-10-31")
    assert manifest_of(copy_of_published.releases / last["release"])["is_as_of_run"]
    assert current_release(copy_of_published.releases) == served
    assert len(list_releases(copy_of_published.releases)) == 2
    pending = find_pending_changes(copy_of_published)
    assert not pending and pending.newest_release == served.name


@pytest.mark.parametrize(
    "change",
    [
        """update gate.verdicts set verdict = replace(verdict, '"passed": true', '"passed": true ')""",
        "update gate.verdicts set seal = repeat('0', 64)",
        "delete from gate.verdicts",
        "insert into gate.verdicts select * from gate.verdicts",
    ],
)
def test_a_verdict_that_somebody_edited_is_none(copy_of_published, change, monkeypatch):
    from ingest.warehouse import warehouse
    from orchestration.assets.gate import sealed_verdict
    from orchestration.resources import PipelineRun

    monkeypatch.setenv("COACHING_WORKSPACE", str(copy_of_published.root))
    there = PipelineRun()
    with warehouse(copy_of_published.warehouse) as connection:
        assert sealed_verdict(connection, there)["passed"]
        connection.execute(change)
        assert sealed_verdict(connection, there) == {}


def test_a_candidate_with_a_person_in_it_is_refused_and_reported(copy_of_published, run_pipeline, monkeypatch):
    import orchestration.assets.candidate as step

    real = step.candidate_tables

    def with_person(*arguments, **named):
        found = real(*arguments, **named)
        return found | {"pub_money": found["pub_money"].with_columns(pl.lit("0123456789abcdef" * 2).alias("who"))}

    monkeypatch.setattr(step, "candidate_tables", with_person)
    before = current_release(copy_of_published.releases)
    code, last, _ = run_pipeline(copy_of_published, AS_OF, only=BACK)
    assert (code, last["event"]) == (3, "refused")
    assert any("no value looks like a pseudonym" in reason for reason in last["reasons"])
    assert current_release(copy_of_published.releases) == before


def test_a_signed_finding_passes_is_reported_on_the_page_and_ends_on_its_day(copy_of_published, run_pipeline):
    def without_sales(text):
        return "".join(line for line in text.splitlines(keepends=True) if ",Sales," not in line)

    later = replace_in_inbox(copy_of_published, "hris", "hris_*.csv", without_sales)
    later.rename(later.with_name("hris_2025-01.csv"))
    study = copy_of_published.study
    signed = "\nwaivers:\n" + "".join(
        f'  - {{check: {check}, value: {value}, who: HR analytics, why: "sold on 2025-01-15", until: 2025-04-01}}\n'
        for check, value in (("group_vanished", "Sales"), ("headcount_jump", '"2025-01-31"'))
    )
    study.write_text(study.read_text() + signed)
    code, last, _ = run_pipeline(copy_of_published, date(2025, 4, 1))
    assert (code, last["event"]) == (0, "published"), last
    release = copy_of_published.releases / last["release"]
    page = (release / "index.html").read_text()
    assert "Passed by signature" in page
    assert "signed by HR analytics" in page
    code, last, _ = run_pipeline(copy_of_published, date(2025, 4, 2))
    assert (code, last["event"]) == (3, "refused")

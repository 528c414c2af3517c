"""What an operator learns: `coaching doctor` says what to fix, and a run that fails reaches a person."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from benchmarks.torture import BACK
from orchestration.doctor import Finding, examine, last_run
from publish import ledger
from publish.release import current_release

pytestmark = pytest.mark.slow
NOW = datetime.now(UTC)


@pytest.fixture
def closed(copy_of_published):
    """With its inputs closed, as `coaching init` makes them; all else is as the run left it."""
    there = copy_of_published
    inputs = [there.root, there.study, there.root / "truth.json", there.inbox, *there.inbox.rglob("*")]
    for path in inputs:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return there


def to_mend(workspace, now: datetime = NOW) -> list[Finding]:
    return [finding for finding in examine(workspace, now) if finding.level == "error"]


def test_a_whole_workspace_has_nothing_to_mend(closed):
    assert to_mend(closed, NOW + timedelta(hours=1)) == []


def spoil_modes(workspace):
    workspace.warehouse.chmod(0o644)


def spoil_release(workspace):
    [table] = current_release(workspace.releases).glob("parquet/pub_money.parquet")
    table.chmod(0o600)
    table.write_bytes(table.read_bytes() + b" ")


def spoil_landing(workspace):
    copy = next(workspace.landing.glob("*/content.csv"))
    copy.chmod(0o600)
    copy.write_bytes(copy.read_bytes() + b" ")


def spoil_closed(workspace):
    (workspace.closed / "0001" / "batch.json").unlink()


def spoil_study(workspace):
    workspace.study.write_text("programme: [")


def spoil_clock(workspace):
    line = {"at": (NOW + timedelta(days=2)).isoformat(timespec="seconds"), "event": "rolled_back", "release": "x"}
    with workspace.ledger.open("a") as file:
        file.write(json.dumps(line) + "\n")


def spoil_run(workspace):
    ledger.append(workspace.ledger, "started", run_id="killed")


@pytest.mark.parametrize(
    ("spoil", "about", "says"),
    [
        (spoil_modes, "file modes", "chmod -R go-rwx"),
        (spoil_release, "releases", "not what the manifest says"),
        (spoil_landing, "landing", "not what arrived"),
        (spoil_closed, "closed", "Restore"),
        (spoil_study, "study.yml", "study.yml"),
        (spoil_clock, "clock", "set back"),
        (spoil_run, "runs", "did not end"),
    ],
)
def test_each_fault_is_found_and_says_what_to_do(closed, spoil, about, says):
    spoil(closed)
    [finding] = to_mend(closed, NOW + timedelta(hours=1))
    assert finding.about == about
    assert says in finding.says


def test_an_old_release_is_a_fault_where_runs_are_due_every_night(closed, monkeypatch):
    later = NOW + timedelta(days=3)
    monkeypatch.setenv("COACHING_NIGHTLY", "on")
    assert to_mend(closed, later) == []  # nothing new came, so nothing was to be run
    sent = closed.inbox / "hris" / "hris_2025-01.csv"
    sent.write_text(sorted((closed.inbox / "hris").glob("*.csv"))[-1].read_text())
    sent.chmod(0o600)
    [finding] = to_mend(closed, later)
    assert "runs are due nightly, and 1 new file" in finding.says
    monkeypatch.delenv("COACHING_NIGHTLY")
    assert to_mend(closed, later) == []


def test_a_run_that_fails_is_noted_and_reported(copy_of_published, run_pipeline, monkeypatch, tmp_path):
    import orchestration.assets.release as module

    def broken(*_, **__):
        raise OSError("no space left, and here a secret word")

    heard = tmp_path / "heard.json"
    monkeypatch.setenv("COACHING_NOTIFY", f"tee {heard}")
    monkeypatch.setattr(module, "write_release", broken)
    code, last, _ = run_pipeline(copy_of_published, date(2025, 3, 2), only=BACK)
    assert (code, last["event"]) == (1, "failed")
    message = json.loads(heard.read_text())
    assert message["event"] == "failed"
    assert message["run_id"] == last["run_id"]
    assert "OSError in release" in message["reasons"][0]
    assert "secret" not in heard.read_text() + copy_of_published.ledger.read_text()
    assert last_run(ledger.read(copy_of_published.ledger))[0] == "error"


def test_models_that_fail_are_reported_by_name_and_without_a_record(copy_of_published, run_pipeline, monkeypatch):
    import orchestration.assets.transform as module

    forget = module.built.forget

    def spoiled(connection):
        forget(connection)
        connection.execute("alter table raw.raw_roster__assignments drop column cohort")

    monkeypatch.setattr(module.built, "forget", spoiled)
    (copy_of_published.inbox / "README.txt").write_text("")
    code, last, _ = run_pipeline(copy_of_published, date(2025, 3, 3), dbt=True)
    assert (code, last["event"]) == (1, "failed")
    assert "the model stg_roster__assignments could not be computed. Each file fits its mapping" in last["reason"]
    assert "select" not in last["reason"] and "cohort" not in last["reason"]


def test_a_refusal_is_reported_without_numbers_and_a_deaf_command_stops_nothing(
    copy_of_published, run_pipeline, monkeypatch
):
    import orchestration.assets.gate as module
    from expectations.verdict import Failure, Verdict

    def refuse(*_):
        what = {"layer": "estimates", "table": "est_effects", "check": "no_jump", "promise": "no jump"}
        failure = Failure(**what, observed="12 people of Sales", fix="look")
        return Verdict(content_hash="x", n_declared=1, n_evaluated=1, failures=(failure,))

    heard = copy_of_published.root / "heard.json"
    monkeypatch.setattr(module, "judge_warehouse", refuse)
    monkeypatch.setenv("COACHING_NOTIFY", f"tee {heard}")
    assert run_pipeline(copy_of_published, date(2025, 3, 2), only=BACK)[0] == 3
    assert json.loads(heard.read_text())["reasons"] == ["est_effects: no jump"]
    monkeypatch.setenv("COACHING_NOTIFY", "/nowhere/mail")
    assert run_pipeline(copy_of_published, date(2025, 3, 2), only=BACK)[0] == 3
    assert "notify_failed" in {event["event"] for event in ledger.read(copy_of_published.ledger)}

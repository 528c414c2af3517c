"""`coaching assign`: an organisation plans its pilot, draws it, and runs it; what departs from the lot is named."""

import csv
import hashlib
import re
import shutil
from unittest import mock

import duckdb
import pytest

from ingest.pseudonyms import Pseudonyms
from orchestration import planning
from orchestration.workspace import Workspace
from publish import ledger
from tests.e2e.steps import environment, run_here
from tests.models import without_dbt

pytestmark = pytest.mark.slow
DAY, KICKOFF = "2024-12-20", "2025-01-15"


def organised(published, root):
    """A workspace with everything but a roster."""
    made = Workspace(root)
    shutil.copytree(published.inbox, made.inbox)
    shutil.copytree(published.sources, made.sources)
    shutil.rmtree(made.inbox / "roster")
    study = published.study.read_text(encoding="utf-8")
    made.study.write_text(study.replace("design: volunteered", "design: randomised "), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def planned(published, tmp_path_factory):
    """A workspace in which a pilot is planned, and the organisation as it is read from it."""
    made = organised(published, tmp_path_factory.mktemp("planned") / "workspace")
    with without_dbt():
        Pseudonyms.from_environment(made.key_file)
        return made, planning.read_organisation(made, DAY)


def drawn(made, *more: str):
    words = ["assign", "-w", made.root, "--kickoff", KICKOFF, "--as-of", DAY, "--picture", made.root / "power.svg"]
    return run_here([*map(str, words), *more], made.root, environment())


WITHIN = ("--cohorts", "2", "--per-cohort", "7", "--pairs", "engagement_score")
ASKED = (*WITHIN, "--seed", "7", "--exclude", "T00003=is moving")


@pytest.fixture(scope="module")
def lot(planned):
    """The workspace, what was printed, the roster and its rows."""
    made, _ = planned
    code, printed = drawn(made, *ASKED)
    assert code == 0, printed
    (file,) = (made.inbox / "roster").glob("drawn_*.csv")
    with file.open(encoding="utf-8", newline="") as opened:
        return made, printed, file, list(csv.DictReader(opened))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "Missing option '--per-cohort'"),
        (("--per-cohort", "7", "--kickoff", "2024-12-20"), "a lot is drawn before the kick-off"),
        (("--per-cohort", "7", "--kickoff", "soon"), "--kickoff soon: write a day as 2026-01-31"),
        (("--per-cohort", "7", "--exclude", "T00003"), "give the unit and the reason, as T012=merges in May"),
        (
            ("--per-cohort", "7", "--exclude", "T9=is moving"),
            "--exclude T9=is moving: no unit of the name T9 has anybody in it",
        ),
        (("--per-cohort", "7", "--pairs", "happiness"), "--pairs happiness: no unit has a past of it"),
        (("--per-cohort", "400"), "a hold-out of at least 6 need 406"),
        (("--per-cohort", "3"), "3 coached units are too few: below 6 in an arm no verdict is given"),
        (("--per-cohort", "7", "--picture", "/nowhere/power.svg"), "there is no folder /nowhere, or it is one itself"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_written(planned, words, why):
    made, organisation = planned
    with mock.patch.object(planning, "read_organisation", lambda *_: organisation):
        code, printed = drawn(made, *words)
    assert code == 2 and why in printed, printed
    assert not (made.inbox / "roster").exists() and not made.ledger.exists()
    assert not list(made.root.glob(".plan-*"))


def test_units_that_are_people_cannot_be_drawn(planned):
    made, *_ = planned
    study = made.study.read_text(encoding="utf-8")
    try:
        made.study.write_text(study.replace("unit: team", "unit: manager"), encoding="utf-8")
        code, printed = drawn(made, "--per-cohort", "7")
    finally:
        made.study.write_text(study, encoding="utf-8")
    assert code == 2 and "units of the kind manager are people" in printed


def test_the_list_is_written_and_sealed_before_kick_off(lot):
    made, printed, file, rows = lot
    arms = {
        wave: sum(row["Wave"] == wave for row in rows) for wave in ("wave_2025_01_15", "wave_2025_04_15", "control")
    }
    assert arms["wave_2025_01_15"] == arms["wave_2025_04_15"] == 7 and arms["control"] == len(rows) - 14 > 6
    assert {row["Kick-off"] for row in rows} == {"", "2025-01-15", "2025-04-15"}
    assert "T00003" not in {row["Team ID"] for row in rows} and "T00003: is moving" in printed
    event = ledger.read(made.ledger)[-1]
    assert event["event"] == "drawn" and event["seed"] == 7 and event["as_of"] == DAY
    assert event["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert event["lot"] == {row["Team ID"]: [row["Kick-off"], row["Stratum"]] for row in rows}
    assert event["drawn_within"] == {"strata": None, "pairs": ["engagement_score"]}
    assert event["excluded"] == {"T00003": "is moving"}


def test_the_same_seed_draws_the_same_bytes(lot, planned, published, tmp_path):
    _, _, file, _ = lot
    other = organised(published, tmp_path / "workspace")
    with mock.patch.object(planning, "read_organisation", lambda *_: planned[1]):
        assert drawn(other, *ASKED)[0] == 0
        assert (other.inbox / "roster" / file.name).read_bytes() == file.read_bytes()
    code, printed = drawn(other, *ASKED)
    assert code == 2 and f"{file.name} in {other.inbox / 'roster'} has not been read yet" in printed
    assert [event["event"] for event in ledger.read(other.ledger)] == ["drawn"]


def test_what_it_would_see_is_judged_by_ones_own_past(lot):
    made, printed, *_ = lot
    found = re.findall(r"^engagement_score +(\d) +(\d) +([\d.]+) +2 +(\d+)%", printed, re.M)
    assert [(before, after) for before, after, *_ in found] == [("3", "1"), ("2", "2")]
    assert float(found[0][2]) > float(found[1][2]) > 1, "a longer pilot sees smaller effects"
    assert "<svg" in (made.root / "power.svg").read_text(encoding="utf-8")
    assert re.search(r"^engagement_score, newest period: --icc 0\.\d\d --sd 1\d\.\d --people \d", printed, re.M)


def test_a_run_reads_the_lot_and_units_that_depart_from_it_are_named(lot):
    made, _, file, rows = lot
    run = ["run", "-w", str(made.root), "--as-of", "2025-03-02"]
    code, printed = run_here(run, made.root, environment())
    assert code == 0 and "as the lot said" not in printed, printed
    with duckdb.connect(str(made.warehouse), read_only=True) as connection:
        strata = connection.execute("select count(distinct stratum) from intermediate.int_unit_assignments").fetchall()
    assert strata == [(len({row["Stratum"] for row in rows}),)] and strata[0][0] > 1
    one, other = (
        next(row["Team ID"] for row in rows if row["Wave"] == wave) for wave in ("wave_2025_01_15", "control")
    )
    swapped = file.read_text(encoding="utf-8").replace(one, "…").replace(other, one).replace("…", other)
    file.write_text(swapped, encoding="utf-8")
    code, printed = run_here(run, made.root, environment())
    assert code == 0, printed
    status = run_here(["status", "-w", str(made.root)], made.root, environment())[1]
    for said in (printed, status):
        assert "2 unit(s) are not coached as the lot said" in said
        assert f"{one} was drawn to be coached from 2025-01-15 and is listed as not coached" in said
        assert f"{other} was drawn for the hold-out and is listed as coached from 2025-01-15" in said


def test_the_next_cohort_is_drawn_within_the_strata_of_the_first(lot):
    made, _, first, _ = lot
    next_kickoff = ("--kickoff", "2025-06-01", "--as-of", "2025-03-02", "--per-cohort", "6", "--seed", "1")
    code, printed = drawn(made, *next_kickoff, "--strata", "site")
    assert code == 2 and "drawn within them; leave out --strata and --pairs" in printed
    code, printed = drawn(made, *next_kickoff)
    assert code == 0, printed
    (file,) = set((made.inbox / "roster").glob("drawn_*.csv")) - {first}
    with file.open(encoding="utf-8", newline="") as opened:
        later = {row["Team ID"]: row for row in csv.DictReader(opened)}
    now = ledger.read(made.ledger)[0]["lot"]  # as it was drawn, whatever was made of the list since
    with first.open(encoding="utf-8", newline="") as opened:
        in_a_cohort = {row["Team ID"] for row in csv.DictReader(opened) if row["Arm"] == "Pilot"}
    assert not in_a_cohort & later.keys() and "is in the cohort wave_2025_01_15 already" in printed
    assert sum(row["Wave"] == "wave_2025_06_01" for row in later.values()) == 6
    known = [unit for unit in later if unit in now]
    assert known and all(later[unit]["Stratum"] == now[unit][1] for unit in known)
    # Until a run comes after it, a lot is not yet what the lists depart from.
    _, said = run_here(["status", "-w", str(made.root)], made.root, environment())
    assert "2 unit(s) are not coached as the lot said" in said

"""`coaching mapping check | draft`, `coaching quarantine list | show | replay`, as a people analyst types them."""

import io
from collections import namedtuple

import pytest
import yaml
from typer.testing import CliRunner

from ingest import land
from ingest.mapping.documents import mapping_from
from ingest.mapping.draft.dates import find_formats
from ingest.mapping.draft.document import draft_mapping
from ingest.mapping.preview import check
from ingest.mapping.registry import BUILT_IN
from ingest.warehouse import prepare, warehouse
from orchestration.cli.commands import app
from orchestration.cli.terminal import out

HEAD = "Employee ID,Hire Date,Termination Date,Department,Team ID,First Name\n"
MAPPING = {
    "name": "ours",
    "source": "hris",
    "files": ["people_*.csv"],
    "snapshot": {"filename": r"(?P<year>\d{4})-(?P<month>\d{2})"},
    "columns": {
        "person_id": {"from": "Employee ID"},
        "hired_date": {"from": "Hire Date", "formats": ["%d/%m/%Y"]},
        "name_key": {"from": "First Name"},
    },
    "dropped": ["Department"],
}


Said = namedtuple("Said", "exit_code output")


@pytest.fixture
def cli(workspace, monkeypatch):
    workspace.sources.mkdir()
    (workspace.sources / "ours.yml").write_text(yaml.safe_dump(MAPPING))

    def run(*words):
        printed = io.StringIO()
        monkeypatch.setattr(out, "_file", printed)  # the run prints past redirections, so the runner cannot see it
        monkeypatch.setattr(out, "_width", 250)
        where = () if "draft" in words else ("-w", str(workspace.root))
        result = CliRunner().invoke(app, [*map(str, words), *where])
        return Said(result.exit_code, printed.getvalue() + result.output)

    return run


def test_check_says_how_each_column_is_understood_and_what_would_be_quarantined(cli, tmp_path):
    file = tmp_path / "people_2026-03.csv"
    file.write_text(HEAD + "E1,13/02/2020,,Sales,T1,Secretname\nE2,02/30/2020,,Sales,T1,Othername\n")
    result = cli("mapping", "check", file)
    assert result.exit_code == 0
    for said in (
        "looks like ours",
        "hired_date (date written %d/%m/%Y)",
        "dropped, as declared",
        "not read",
        "2 records = 1 would load + 1 would be quarantined",
        "first in line 3",
        "10 characters like 99/99/9999",
    ):
        assert said in result.output
    assert "Secretname" not in result.output and "Othername" not in result.output


def test_check_of_a_file_that_would_not_load_exits_with_the_reason(cli, tmp_path):
    file = tmp_path / "people_2026-03.csv"
    file.write_text("Employee ID,Start,First Name\nE1,13/02/2020,A\n")
    result = cli("mapping", "check", file, "--source", "ours")
    assert result.exit_code == 3
    assert 'column "Hire Date" is not in the file; it also has "Start"' in result.output
    assert "sources/ours.yml, under columns.hired_date" in result.output
    other = tmp_path / "staff.csv"
    other.write_text(HEAD + "E1,13/02/2020,,Sales,T1,A\n")
    result = cli("mapping", "check", other)
    assert result.exit_code == 3
    assert "its columns fit" in result.output and "coaching mapping draft" in result.output
    assert cli("mapping", "check", other, "--source", "nothing").exit_code == 2


@pytest.mark.parametrize(
    ("values", "formats", "evidence"),
    [
        (["13/02/2026", "01/02/2026"], ["%d/%m/%Y"], "13/02/2026 occurs, so d/m"),
        (["02.13.26"], ["%m.%d.%y"], "02.13.26 occurs, so m/d"),
        (["01/02/2026"], [], "every value can be read in several orders (d/m: 2026-02-01"),
        (["13/02/2026", "02/13/2026"], [], "two systems wrote it?"),
        (["2026-02-13", "0000-00-00"], ["iso"], "ISO 8601"),
        (["46066"], ["excel"], "read as excel"),
        (["8/27/2014", "1/2/2015"], ["%m/%d/%Y"], "8/27/2014 occurs, so m/d"),
        (["soon"], [], "no order reads all"),
        ([], [], "no value"),
    ],
)
def test_a_date_order_is_derived_from_evidence_or_left_to_a_person(values, formats, evidence):
    found = find_formats(values, as_time=False)
    assert found.formats == formats and evidence in (found.evidence or found.question)


def test_a_suggested_mapping_loads_the_file_it_was_made_for(cli, workspace, tmp_path):
    file = tmp_path / "staff_2026-03.csv"
    file.write_text("Worker ID;Eintrittsdatum;Team\n007;31.01.2020;Nord\n", encoding="cp1252")
    drafted = cli("mapping", "draft", file)
    assert drafted.exit_code == 0
    assert "31.01.2020 occurs, so d/m" in drafted.output and "GUESS" in drafted.output
    (workspace.sources / "drafted.yml").write_text(drafted.output)
    assert "1 records = 1 would load" in cli("mapping", "check", file).output


def test_every_built_in_mapping_can_be_listed(cli):
    listed = cli("mapping", "list").output
    assert all(path.stem.split("_")[0] in listed for path in BUILT_IN.glob("*.yml"))


def test_quarantined_records_are_listed_shown_and_load_after_the_mapping_is_corrected(cli, workspace):

    file = workspace.inbox / "hris" / "people_2026-03.csv"
    file.write_text(HEAD + "E1,2020-02-13,,Sales,T1,Secretname\nE2,13/02/2020,,Sales,T1,Othername\n")
    assert "nothing was loaded yet" in cli("quarantine", "list").output
    land.land(land.scan(workspace.inbox), workspace.landing)
    with warehouse(workspace.warehouse) as connection:
        prepare(connection)
    assert "1 quarantined now" not in cli("quarantine", "replay").output
    listed = cli("quarantine", "list").output
    assert "bad_date" in listed and "people_2026-03.csv" in listed and "Secretname" not in listed
    load_id = land.landed_files(workspace.landing)[0].load_id[:8]
    shown = cli("quarantine", "show", load_id).output
    assert 'line 2, column "Hire Date": bad_date' in shown and "Secretname" not in shown
    assert "Secretname" in cli("quarantine", "show", load_id, "--raw").output
    assert "No mapping has changed" in cli("quarantine", "replay").output
    corrected = MAPPING | {
        "columns": MAPPING["columns"] | {"hired_date": {"from": "Hire Date", "formats": ["%d/%m/%Y", "iso"]}}
    }
    (workspace.sources / "ours.yml").write_text(yaml.safe_dump(corrected))
    assert "1 quarantined before, 0 now; 2 loaded" in cli("quarantine", "replay").output
    assert mapping_from(corrected).name == "ours"


def test_quarantined_lines_are_corrected_by_hand_and_sent_again(cli, workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = workspace.inbox / "hris" / "people_2026-03.csv"
    lines = "E1,13/02/2020,,Sales,T1,Ann\nE2,2020-31-01,,Sales,T1,Bob\nE3,01/04/2020,,Sales,T1\nE4,99/99/2020,,S,T1,D\n"
    file.write_text(HEAD + lines)
    land.land(land.scan(workspace.inbox), workspace.landing)
    with warehouse(workspace.warehouse) as connection:
        prepare(connection)
    cli("quarantine", "replay")
    load_id = land.landed_files(workspace.landing)[0].load_id[:8]
    assert "3 lines in" in cli("quarantine", "fix", load_id).output
    note = tmp_path / f"fix_{load_id}.txt"
    assert note.stat().st_mode & 0o777 == 0o600 and "3: E2,2020-31-01,,Sales,T1,Bob\n" in note.read_text()
    assert cli("quarantine", "fix", load_id).exit_code == 2  # what was corrected is not overwritten
    assert "no line was changed" in cli("quarantine", "fix", load_id, "--with", note).output
    (tmp_path / "other.txt").write_text("7: x\n")
    assert (
        "no line of this load's quarantine"
        in cli("quarantine", "fix", load_id, "--with", tmp_path / "other.txt").output
    )
    note.write_text(note.read_text().replace("2020-31-01", "31/01/2020").replace("T1\n", "T1,Cyd\n"))
    assert "2 lines corrected" in cli("quarantine", "fix", load_id, "--with", note).output
    file.unlink()
    land.land(land.scan(workspace.inbox), workspace.landing)
    assert "1 quarantined now" not in cli("quarantine", "replay").output
    with warehouse(workspace.warehouse) as connection:
        found = connection.execute(
            "select file_name, n_records, n_loaded, n_faulty from raw.load_log order by sequence"
        ).fetchall()
    assert found[-1] == ("people_2026-03.corrected.csv", 4, 3, 1)


def test_a_draft_finds_title_lines_words_and_a_day_in_the_name_and_leaves_open_what_it_does_not_know(tmp_path):
    text = "Stichtag: 30.06.2025\n\nPers.-Nr.;Vorname;Nachname;Eintritt;Status;FTE\n"
    text += "00123;Ann;Synthetic;13.02.2020;Aktiv;0,5\n00124;Bob;Synthetic;01.04.2019;Ausgetreten;1\n"
    file = tmp_path / "lohn_20250630.csv"
    file.write_text(text, encoding="cp1252")
    draft = draft_mapping(file, source="hris")
    assert "skip_rows: 2" in draft and 'decimal_mark: ","' in draft and "20250630 stands in the name" in draft
    assert 'name_key: {from: ["Vorname", "Nachname"]}' in draft
    assert 'worker_status: {from: "Status", values: {"Aktiv": active, "Ausgetreten": left}}' in draft
    mapping = mapping_from(yaml.safe_load(draft))
    report = check(file, [mapping])
    assert (report.n_records, report.n_loaded, report.mapping.name) == (2, 2, mapping.name)
    file.write_text(text.replace("Ausgetreten", "Ruhend"), encoding="cp1252")
    assert "# DECIDE worker_status" in draft_mapping(file, source="hris") and '"Ruhend": ?' in draft_mapping(
        file, source="hris"
    )
    names = "社員番号,氏名\n1,テスト\n"
    (tmp_path / "j_2025-06.csv").write_bytes(names.encode("shift_jis"))
    assert "encoding: shift_jis" in draft_mapping(tmp_path / "j_2025-06.csv", source="hris")

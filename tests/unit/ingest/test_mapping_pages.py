"""The examples of docs/reference/mappings.md and of the runbooks are executed; a block that no test knows fails one."""

import re
from datetime import date

import pytest
import yaml

from orchestration.configuration import checked_study
from study import strict_yaml
from study.model import load_study
from tests.unit.ingest.box import loaded


def blocks(path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", path.read_text(encoding="utf-8"), flags=re.M | re.S)


@pytest.fixture(scope="module")
def docs(request):
    return request.config.rootpath / "docs"


@pytest.fixture
def example(docs, tmp_path):
    def read(number: int) -> dict:
        (tmp_path / "document.yml").write_text(blocks(docs / "reference" / "mappings.md")[number], encoding="utf-8")
        return strict_yaml.load(tmp_path / "document.yml")

    return read


def test_every_block_outside_the_page_of_examples_is_known(docs):
    found = {
        path.relative_to(docs).as_posix(): len(blocks(path)) for path in sorted(docs.rglob("*.md")) if blocks(path)
    }
    assert found.pop("reference/mapping-examples.md") > 100  # test_mapping_examples runs them
    # Indented blocks are run by tests/integration/test_how_to.py.
    assert found == {"reference/mappings.md": 3, "how-to/the-gate-refused.md": 1}


PAYROLL = """Lohnkonto
Stichtag: 30.06.2026
Mandant;Pers.-Nr.;Vorname;Name;Wiedereintritt;Eintritt;Austritt;Kz.;Kostenstelle;{team};Vorgesetzter;Brutto;IBAN;Steuer-ID
001;123;Ann;Synthetic;;13.02.2020;00.00.0000;A;12 vertrieb süd;G1;Müster, Bob;4.100,50;DE0;1
001;000124;Bob;Müster;01.03.2024;01.04.2019;-;K;12 VERTRIEB SÜD;G1;Bob Müster;2.999,99;DE0;1
002;125;Cid;Synthetic;;01.04.2019;;A;12 vertrieb süd;G2;;5.000,00;DE0;1
Summe;3
"""


@pytest.mark.parametrize(("team", "vintage"), [("Gruppe", ""), ("Team", "2026")])
def test_the_example_of_a_payroll_file(example, tmp_path, team, vintage):
    result, box = loaded(tmp_path, example(0), "lohn_06.csv", PAYROLL.format(team=team).encode("cp1252"))
    assert (result.n_records, result.n_loaded, result.n_faulty, result.n_set_aside) == (4, 2, 0, 2), result.reason
    assert result.opened.reading.layout.vintage == vintage
    rows = box.ask(
        "select snapshot_date, hired_date, left_date, worker_status, department, team, count(*) over () as n, "
        "(select count(distinct name_key)::int from raw.raw_hris__workers) as n_names, "
        "count(distinct manager_name_key) over () as n_managers from raw.raw_hris__workers order by hired_date"
    ).rows()
    day = date(2026, 6, 30)
    assert rows == [
        (day, date(2020, 2, 13), None, "active", "Vertrieb Süd", "G1", 2, 2, 1),
        (day, date(2024, 3, 1), None, "on_leave", "Vertrieb Süd", "G1", 2, 2, 1),
    ]
    bands = box.ask("select word from raw.raw_hris__attributes where attribute = 'pay_band' order by 1").rows()
    assert bands == [("3000 to 6000",), ("below 3000",)]


PULSE = "Id,Email,Completed,I am proud to work here.,Most days I have to drag myself to work.,"
PULSE += """How likely are you to recommend us?
1,a@example.invalid,10/04/2026 09:30,Agree,Don't know,10 - Extremely likely
2,b@example.invalid,11/04/2026 09:30,strongly agree,Disagree,0 - Not at all likely
"""


def test_the_example_of_a_survey(example, tmp_path):
    result, box = loaded(tmp_path, example(1), "pulse_2026-04-09.csv", PULSE)
    assert (result.n_records, result.n_loaded) == (2, 2), result.reason
    answers = box.ask("select item, answer, is_reversed from raw.raw_survey__answers order by all").rows()
    assert answers == [
        ("engagement_1", 4, False),
        ("engagement_1", 5, False),
        ("engagement_2", 2, True),
        ("enps", 0, False),
        ("enps", 10, False),
    ]
    times = box.ask("select launched_date, recorded_at from raw.raw_survey__responses order by 2").rows()
    assert [(str(launched), str(at)[:16]) for launched, at in times] == [
        ("2026-04-09", "2026-04-10 08:30"),
        ("2026-04-09", "2026-04-11 08:30"),
    ]


def test_the_example_of_columns_that_repeat(example, tmp_path):
    mapping = {
        "name": "our_goals",
        "source": "checkins",
        "files": ["goals.csv"],
        "columns": {
            "event": {"constant": "goal"},
            "person_id": {"from": "Employee"},
            "due_date": {"from": "Due", "formats": ["%Y-%m-%d"]},
        },
    }
    text = "Employee,Due,Goal 1,Done 1,Goal 2,Done 2\nE1,2026-03-31,sell,x,hire,x\nE2,2026-03-31,sell,x,hire,x\n"
    result, box = loaded(tmp_path, mapping | example(2), "goals.csv", text)
    assert (result.n_records, result.n_loaded) == (4, 4), result.reason
    [(n_rows, n_ids)] = box.ask(
        "select count(*)::int, count(distinct event_id)::int from raw.raw_checkins__events where status = 'met'"
    ).rows()
    assert (n_rows, n_ids) == (4, 4)


def test_the_example_of_a_finding_that_is_signed_for(docs, workspace):
    [text] = blocks(docs / "how-to" / "the-gate-refused.md")
    with workspace.study.open("a") as file:
        file.write(text)
    [signed] = checked_study(workspace).waivers
    assert (signed.check, signed.value) == ("headcount_jump", "2026-03-31")
    assert load_study(workspace.study).waivers[0].until == yaml.safe_load(text)["waivers"][0]["until"]

"""Every built-in mapping reads the export that its system would write, and reads the same as from any other system."""

import re

import polars as pl
import pytest
import yaml

from ingest.mapping.documents import mapping_from
from ingest.mapping.draft.document import draft_mapping
from ingest.mapping.registry import BUILT_IN
from simulation import Design, simulate
from simulation.exports import DIALECTS
from tests.unit.ingest.box import Box

DESIGN = Design(people=200, months=12, seed=7)
PEOPLE = """
    select {columns} from raw.raw_hris__workers
    {which} order by all
"""
# What a system's export cannot say, and what it therefore is not compared on.
SAYS_LESS = {
    "successfactors": {"termination_type"},
    "bamboohr_directory": {"birth_year", "hired_date", "left_date", "termination_type", "manager_id"},
}
COMPARED = ("snapshot_date", "person_id", "name_key", "email_key", "birth_year", "hired_date", "left_date")
COMPARED += ("termination_type", "department", "site", "team")
ANSWERS = """
    select coalesce(person_id, email_key) as who, launched_date, item, scale, is_reversed, highest, answer
    from raw.raw_survey__answers inner join raw.raw_survey__responses using (load_id, response_id)
    where scale in ('engagement', 'autonomy') order by all  -- Qualtrics asks more than the others
"""
DRAFTED = """
    select coalesce(person_id, email_key, '') as who, item, lowest, highest, answer
    from raw.raw_survey__answers inner join raw.raw_survey__responses using (load_id, response_id)
"""
BY_ADDRESS = ANSWERS.replace("coalesce(person_id, email_key)", "email_key")
NO_NAMES = ANSWERS.replace("coalesce(person_id, email_key) as who,", "")
EVENTS = """
    select event, event_id, coalesce(person_id, email_key) as who, due_date, status, set_by
    from raw.raw_checkins__events {which} order by all
"""


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    """(source, dialect) → the box that loaded it; each is made once."""
    made = {}

    def box(source, dialect):
        if (source, dialect) not in made:
            root = tmp_path_factory.mktemp(f"{source}_{dialect}")
            simulate(DESIGN, root / "inbox", truth_path=root / "truth.json", dialects={source: dialect})
            made[source, dialect] = Box(root)
            made[source, dialect].results = made[source, dialect].load(source)
        return made[source, dialect]

    return box


def faults(box):
    """(rule, column) → how many, of faulty records."""
    found = box.ask("select rule, column_name, count(*)::int from raw.quarantine where kind = 'faulty' group by all")
    return {(rule, column): n for rule, column, n in found.rows()}


@pytest.mark.parametrize("dialect", [name for name in DIALECTS["hris"] if name not in ("report", "workday_tables")])
def test_people_are_the_same_from_every_hr_system(boxes, dialect):
    box, plain = boxes("hris", dialect), boxes("hris", "report")
    assert {result.status for result in box.results} == {"loaded"}
    assert {result.opened.mapping.name for result in box.results} == {f"hris_{dialect}"}
    assert faults(box) == {}
    columns = [name for name in COMPARED if name not in SAYS_LESS.get(dialect, ())]
    # A directory lists only those without an exit; dates in a file's name may be by day or by month.
    which = "where left_date is null" if dialect == "bamboohr_directory" else ""
    # The report's own mess: an impossible date in every fifth month, which quarantines one record.
    [(n_faulty,)] = plain.ask("select count(*)::int from raw.quarantine where kind = 'faulty'").rows()
    ours = set(box.ask(PEOPLE.format(columns=", ".join(columns), which="")).rows())
    theirs = set(plain.ask(PEOPLE.format(columns=", ".join(columns), which=which)).rows())
    assert theirs <= ours and n_faulty > 0 and len(ours) - len(theirs) <= n_faulty


@pytest.mark.parametrize("dialect", ["workday_report", "bamboohr_report", "successfactors", "adp", "personio"])
def test_managers_are_the_same_people(boxes, dialect):
    """By id, or where the system writes only names, by a name that one person has."""
    found = """
        select count(*)::int as n, count(m.person_id)::int as n_found from raw.raw_hris__workers as w
        left join raw.raw_hris__workers as m on w.load_id = m.load_id
            and (w.manager_id = m.person_id or w.manager_id is null and w.manager_name_key = m.name_key)
        where w.left_date is null and (w.manager_id is not null or w.manager_name_key is not null)
    """
    [(n, n_found)] = boxes("hris", dialect).ask(found).rows()
    assert n_found == n > 0


def test_workdays_tables_say_what_the_report_says(boxes):
    box = boxes("hris", "workday_tables")
    assert {result.status for result in box.results} == {"loaded"} and faults(box) == {}
    rows = "select distinct person_id, hired_date, left_date, termination_type from raw.raw_hris__workers"
    last = " qualify row_number() over (partition by person_id, hired_date order by snapshot_date desc) = 1"
    plain = boxes("hris", "report").ask(rows.replace("distinct", "") + last)
    ours = set(box.ask(rows).rows())
    assert set(plain.rows()) <= ours and len(ours) - plain.height <= 1


@pytest.mark.parametrize("dialect", [name for name in DIALECTS["survey"] if name not in ("qualtrics", "anonymous")])
def test_answers_are_the_same_from_every_survey_tool(boxes, dialect):
    box, qualtrics = boxes("survey", dialect), boxes("survey", "qualtrics")
    assert {result.status for result in box.results} == {"loaded"}
    assert {result.opened.mapping.name.removeprefix("survey_") for result in box.results} == {
        {"google_forms": "forms", "microsoft_forms": "forms"}.get(dialect, dialect)
    }
    assert faults(box) == {}
    sql = BY_ADDRESS if dialect.endswith("_forms") else ANSWERS
    found = box.ask(sql)
    assert found.height > 4_000 and found.equals(qualtrics.ask(sql))


@pytest.mark.parametrize("dialect", DIALECTS["survey"])
def test_a_draft_reads_every_survey_tools_export_as_the_built_in_mapping_does(boxes, dialect, tmp_path):
    file = sorted((boxes("survey", dialect).root / "inbox" / "survey").rglob("*_2024-11-10.*"))[-1]
    text = draft_mapping(file, source="survey")
    draft = mapping_from(yaml.safe_load(text))
    drafted, built_in = Box(tmp_path / "draft", [draft]), Box(tmp_path / "built_in")
    for box in (drafted, built_in):
        box.drop("survey", file.name, file.read_bytes())
    [found], [right] = drafted.load("survey"), built_in.load("survey")
    assert faults(drafted) == {}
    assert (found.n_records, found.n_loaded) == (right.n_records, right.n_loaded)
    asked = {question for item in draft.items.values() for question in item.headers}
    answers, expected = (
        by_question(box, each.opened.mapping, asked) for box, each in ((drafted, found), (built_in, right))
    )
    assert len(answers) > 500 and answers == expected
    assert len(expected) == built_in.ask(DRAFTED).height  # no question is forgotten
    # What is left to a person is asked, never guessed: offsets of times, the scale that an item belongs to, a choice.
    questions = set(re.findall(r"^# DECIDE (\w+)", text, re.M))
    assert questions <= {"time_zone", "scale", "items"}


@pytest.mark.parametrize("dialect", ["log", "table"])
def test_a_draft_finds_what_an_event_is_known_by(boxes, dialect):
    file = sorted((boxes("checkins", dialect).root / "inbox" / "checkins").rglob("checkins_*"))[-1]
    draft = yaml.safe_load(draft_mapping(file, source="checkins"))
    assert draft["columns"]["event_id"]["from"].lower() == "id"


def by_question(box, mapping, asked: set[str]) -> list[tuple]:
    """(who, question, ends of its scale, answer) of every answer to the questions that are `asked`."""
    questions = {name: one for name, item in mapping.items.items() for one in item.headers if one in asked}
    rows = box.ask(DRAFTED).filter(pl.col("item").is_in(sorted(questions))).rows()
    return sorted((who, questions[item], *rest) for who, item, *rest in rows)


def test_an_anonymous_survey_keeps_the_answers_and_no_person(boxes):
    box = boxes("survey", "anonymous")
    found = box.ask(NO_NAMES)
    assert found.equals(boxes("survey", "qualtrics").ask(NO_NAMES))
    who = "select count(person_id)::int, count(email_key)::int, count(team)::int from raw.raw_survey__responses"
    [(n_ids, n_addresses, n_teams)] = box.ask(who).rows()
    assert n_ids == n_addresses == 0 < n_teams


@pytest.mark.parametrize("dialect", [name for name in DIALECTS["checkins"] if name != "log"])
def test_check_ins_are_the_same_from_every_tool(boxes, dialect):
    box = boxes("checkins", dialect)
    assert {result.status for result in box.results} == {"loaded"} and faults(box) == {}
    assert {result.opened.mapping.name for result in box.results} == {f"checkins_{dialect}"}
    kinds = {"15five": "where event = 'checkin'", "table": ""}.get(dialect, "where event = 'goal'")
    found, log = box.ask(EVENTS.format(which="")), boxes("checkins", "log").ask(EVENTS.format(which=kinds))
    assert found.height == log.height > 0 and found.equals(log)


def test_completions_of_the_learning_system_name_the_coaches(boxes):
    box = boxes("roster", "table")
    found = "select count(*)::int, count(completed_date)::int from raw.raw_roster__trainings where status = 'completed'"
    coaches = """
        select count(*)::int from raw.raw_roster__trainings as t
        inner join raw.raw_roster__assignments as a on t.person_id = a.coach_id and t.completed_date = a.trained_date
    """
    [(n, n_dated)], [(n_same,)] = box.ask(found).rows(), box.ask(coaches).rows()
    assert n == n_dated == n_same > 0


def test_every_built_in_mapping_has_an_export_of_its_own(boxes):
    """What no dialect writes has a file of the reference folder, or is read in another test, named here."""
    elsewhere = {
        "hris_crosswalk": "tests/unit/ingest/test_mapping_language.py",
        "roster_people": "tests/unit/ingest/test_mapping_language.py",
        "roster_readiness": "tests/unit/ingest/test_mapping_language.py",
        "roster_moodle": "tests/unit/ingest/test_mapping_language.py",
        "survey_forms_german": "tests/unit/ingest/test_mapping_language.py",
    }
    read = {"survey_qualtrics", "hris_report", "checkins_log", "roster_table", "roster_lms"}
    for source, names in DIALECTS.items():
        for dialect in names:
            read |= {result.opened.mapping.name for result in boxes(source, dialect).results}
    built_in = {path.stem for path in BUILT_IN.glob("*.yml")}
    assert built_in == read | set(elsewhere) and not read & set(elsewhere)

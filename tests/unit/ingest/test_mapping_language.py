"""The mapping language: what a YAML file alone can cope with, each feature on records that fit on the screen."""

from datetime import date

import pytest
from box import Box, issues, loaded, records

from ingest.mapping.documents import mapping_from
from ingest.mapping.registry import BUILT_IN, load_mapping
from ingest.pseudonyms import Pseudonyms
from study.strict_yaml import ConfigError

KEY = b"k" * 40
HRIS = {
    "name": "own",
    "source": "hris",
    "files": ["*"],
    "snapshot": {"fixed": "2026-03-31"},
    "columns": {"person_id": {"from": "id"}, "hired_date": {"from": "hired"}},
}
SURVEY = {
    "name": "own",
    "source": "survey",
    "files": ["*"],
    "snapshot": {"fixed": "2026-03-01"},
    "columns": {"response_id": {"from": "id"}},
}


def hris(tmp_path, text, *, columns=None, name="w.csv", **changes):
    document = HRIS | changes | {"columns": HRIS["columns"] | (columns or {})}
    return loaded(tmp_path, document, name, text)


def column(box, name, table="raw_hris__workers", order="line"):
    return box.ask(f"select {name} as x from raw.{table} order by {order}")["x"].to_list()


def test_a_renamed_column_is_one_block_and_older_files_still_load(tmp_path):
    document = HRIS | {
        "columns": HRIS["columns"] | {"left_date": {"from": "left", "formats": "%d.%m.%Y"}},
        "vintages": [
            {"vintage": "2025", "columns": {"person_id": {"from": "worker"}}},
            {"vintage": "2026", "delimiter": ";", "columns": {"hired_date": {"from": "start"}, "left_date": None}},
        ],
    }
    box = Box(tmp_path, [mapping_from(document)])
    box.drop("hris", "1.csv", "id,hired,left\na,2020-01-01,31.01.2026\n")
    box.drop("hris", "2.csv", "worker,hired,left\nb,2020-01-01,\n")
    box.drop("hris", "3.csv", "worker;start\nc;2020-01-01\n")
    box.drop("hris", "4.csv", "who;start\nc;2020-01-01\n")
    assert [result.status for result in box.load()] == ["loaded", "loaded", "loaded", "refused"]
    log = box.ask("select vintage, status, reason from raw.load_log order by file_name").rows()
    assert [row[0] for row in log[:3]] == ["", "2025", "2026"]
    assert 'column "worker" is not in the file; it also has "who"' in log[3][2]
    assert "vintage 2026" in log[3][2] and "sources/own.yml, under columns.person_id" in log[3][2]


def test_vintages_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="same name"):
        mapping_from(HRIS | {"vintages": [{"vintage": "a"}, {"vintage": "a"}]})
    with pytest.raises(ConfigError, match="belong to the mapping"):
        mapping_from(HRIS | {"vintages": [{"vintage": "a", "source": "survey"}]})
    with pytest.raises(ConfigError, match="no mapping 'nothing'"):
        mapping_from({"extends": "nothing"})


@pytest.mark.parametrize(
    ("declared", "text", "expected"),
    [
        ({"formats": ["%d/%m/%Y"]}, "13/02/2026", date(2026, 2, 13)),
        ({"formats": ["%m/%d/%Y"]}, "13/02/2026", None),
        ({"formats": ["excel"]}, "46066", date(2026, 2, 13)),
        ({"formats": ["%d-%b-%y"], "two_digit_years": 30}, "13-Feb-26", date(2026, 2, 13)),
        ({"formats": ["%d-%b-%y"], "two_digit_years": 20}, "13-Feb-26", date(1926, 2, 13)),
        ({"formats": ["%Y-%m-%d %H:%M:%S"]}, "2026-02-13 23:59:59", date(2026, 2, 13)),
        ({"formats": ["%d. %b %Y"]}, "13. März 2026", date(2026, 3, 13)),
        ({"formats": ["iso", "%Y%m%d"]}, "20260213", date(2026, 2, 13)),
        ({"extract": r"\((\d{4}-\d{2}-\d{2})\)"}, "since (2026-02-13)", date(2026, 2, 13)),
        ({}, "1899-12-31", None),
    ],
)
def test_dates_are_read_as_declared_and_never_guessed(tmp_path, declared, text, expected):
    months = ["Jan", "Feb", "März", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"]
    columns = {"hired_date": {"from": "hired", **declared}}
    result, box = hris(tmp_path, f'id,hired\na,"{text}"\n', columns=columns, month_names=months)
    assert (result.n_loaded, result.n_faulty) == ((1, 0) if expected else (0, 1))
    assert column(box, "hired_date") == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("declared", "text", "expected"),
    [
        ({}, "1234.5", 1234.5),
        ({}, "1,234", None),
        ({"thousands_mark": ","}, "1,234.5", 1234.5),
        ({"thousands_mark": ","}, "12,34", None),
        ({"decimal_mark": ","}, "1.234,5", 1234.5),
        ({"decimal_mark": ",", "thousands_mark": " "}, "1 234,5", 1234.5),
        ({"decimal_mark": ",", "thousands_mark": " "}, "1\u202f234,5", 1234.5),
        ({"strip": "%", "times": 0.01}, "85 %", 0.85),
        ({"strip": "€$"}, "€12.50", 12.5),
        ({"range": [0, 5]}, "46", None),  # 4.6 that lost its point
        ({}, "nan", None),
        ({}, "inf", None),
        ({}, "1e400", None),
    ],
)
def test_numbers_are_read_as_declared(tmp_path, declared, text, expected):
    columns = {"output_value": {"from": "n", **declared}}
    result, box = hris(tmp_path, f'id,hired,n\na,2020-01-01,"{text}"\n', columns=columns)
    assert (result.n_loaded, result.n_faulty) == ((1, 0) if expected is not None else (0, 1))
    assert column(box, "output_value") == ([pytest.approx(expected)] if expected is not None else [])


def test_value_maps_ignore_case_and_spacing_and_an_unknown_word_is_refused_kept_or_emptied(tmp_path):
    text = "id,hired,s\na,2020-01-01,ON  leave\nb,2020-01-01,Asleep\n"
    expected = {"refused": ["part"], "kept": ["part", "Asleep"], "empty": ["part", None]}
    for other, words in expected.items():
        columns = {"employment_type": {"from": "s", "values": {"On Leave": "part"}, "on_unmapped": other}}
        _, box = hris(tmp_path / other, text, columns=columns)
        assert column(box, "employment_type") == words


def test_fields_that_models_ask_take_only_words_that_models_know(tmp_path):
    """A status that no model knows would count as nothing, silently."""
    for wrong in (
        {"values": {"Done": "gone"}},
        {"if_empty": "gone"},
        {"on_unmapped": "kept", "values": {"A": "active"}},
    ):
        with pytest.raises(ValueError, match="its words are active, on_leave, left"):
            hris(tmp_path / "0", "id,hired,s\n", columns={"worker_status": {"from": "s"} | wrong})
    columns = {"worker_status": {"from": "s"}}
    _, box = hris(tmp_path / "1", "id,hired,s\na,2020-01-01,Active\nb,2020-01-01,Gone\n", columns=columns)
    assert column(box, "worker_status") == ["active"]
    assert box.quarantine().select("rule", "expected").rows() == [("unknown_value", "one of active, on_leave, left")]


def test_ids_get_their_lost_zeros_back_and_excel_damage_is_caught_by_a_pattern(tmp_path):
    columns = {"person_id": {"from": "id", "zero_pad": 5}, "team": {"from": "t", "matches": r"\d+-\d+"}}
    result, box = hris(tmp_path, "id,hired,t\n123,2020-01-01,6-25\n124,2020-01-01,25-Jun\n", columns=columns)
    assert column(box, "person_id") == [Pseudonyms(KEY).hash("00123")]
    assert result.n_faulty == 1
    found = box.ask("select column_name, value_class, expected from raw.quarantine").row(0)
    assert found == ("t", "6 characters like 99-aaa", r"a value that fits \d+-\d+")


def test_headers_may_be_absent_doubled_spread_over_rows_or_preceded_by_a_title(tmp_path):
    by_position = {"person_id": {"from": 2}, "hired_date": {"from": 1}}
    result, _ = hris(tmp_path / "0", "2020-01-01,a\n", columns=by_position, header_rows=0, names_from="position")
    assert result.n_loaded == 1
    result, _ = hris(tmp_path / "1", "Report run on Monday\n\nid,hired\na,2020-01-01\n", skip_rows=2)
    assert result.n_loaded == 1
    doubled = "id,hired,hired\na,2020-01-01,2021-01-01\n"
    result, _ = hris(tmp_path / "2", doubled)
    assert 'Name it by its number: "hired [1]"' in result.reason
    result, box = hris(tmp_path / "3", doubled, columns={"hired_date": {"from": "hired [2]"}})
    assert column(box, "hired_date") == [date(2021, 1, 1)]
    joined = {"person_id": {"from": "Who | id"}, "hired_date": {"from": "Who | hired"}}
    result, _ = hris(
        tmp_path / "4", "Who,\nid,hired\na,2020-01-01\n", columns=joined, header_rows=2, names_from="joined"
    )
    assert result.n_loaded == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "iso8859-15", "mac-roman", "shift_jis"])
def test_declared_encodings_give_the_same_pseudonym(tmp_path, encoding):
    name = "ヤマダ" if encoding == "shift_jis" else "Müller"
    text = f"id,hired\n{name},2020-01-01\n".encode(encoding)
    result, box = hris(tmp_path, text, encoding="utf-8" if encoding == "utf-8-sig" else encoding)
    assert (result.status, column(box, "person_id")) == ("loaded", [Pseudonyms(KEY).hash(name)])


def test_json_documents_are_read_at_any_depth(tmp_path):
    document = '{"page": 1, "data": {"people": [{"id": 7, "job": {"start": "2020-01-01"}}, {"id": [], "job": 3}, 5]}}'
    columns = {"hired_date": {"from": "job.start"}}
    result, box = hris(tmp_path, document, name="w.json", columns=columns, records="data.people")
    assert (result.n_records, result.n_loaded, result.n_faulty) == (3, 1, 2)
    assert column(box, "person_id") == [Pseudonyms(KEY).hash("7")]
    result, _ = hris(tmp_path / "b", document, name="w.json", columns=columns)
    assert 'there is no list at the top (but "page", "data")' in result.reason


def test_further_columns_that_nothing_would_read_are_refused():
    columns = {"response_id": {"from": "id"}, "launched_date": {"from": "day"}, "person_id": {"from": "who"}}
    survey = {"name": "wave", "source": "survey", "files": ["*"], "columns": columns}
    with pytest.raises(ValueError, match="attributes: of HR exports only; nothing would read them of survey"):
        mapping_from(survey | {"attributes": {"mood": {"from": "mood"}}})


def test_further_columns_are_kept_by_name_hashed_or_in_bands(tmp_path):
    attributes = {
        "pay": {"from": "pay", "kind": "number", "bands": [30000, 60000]},
        "nickname": {"from": "nick", "personal": "pseudonymised"},
        "level": {"from": "level"},
        "sales": {"from": "sales", "kind": "number"},
        "leads": {"from": "leads", "kind": "flag"},
    }
    text = "id,hired,pay,nick,level,sales,leads\na,2020-01-01,45000,Bo,L3,12.5,Yes\nb,2020-01-01,90000,,,,no\n"
    _, box = hris(tmp_path, text, attributes=attributes)
    found = box.ask(
        "select line, attribute, word, number from raw.raw_hris__attributes order by line, attribute"
    ).rows()
    assert found == [
        (2, "leads", "true", 1.0),
        (2, "level", "L3", None),
        (2, "nickname", Pseudonyms(KEY).hash("Bo"), None),
        (2, "pay", "30000 to 60000", None),
        (2, "sales", None, 12.5),
        (3, "leads", "false", 0.0),
        (3, "pay", "60000 and more", None),
    ]
    assert "45000" not in box.quarantine().write_csv()


def test_text_and_code_exports_give_identical_answers_in_any_language(tmp_path):
    document = SURVEY | {
        "answer_scales": {
            "agreement": {
                "values": {"Stimme überhaupt nicht zu": 1, "D'accord": 4, "Strongly agree": 5},
                "no_answer": ["Weiß nicht", "99"],
            }
        },
        "items": {"pride": {"from": "q", "scale": "engagement", "answers": "agreement"}},
    }
    labels = "id,q\na,stimme überhaupt nicht zu\nb,D'accord\nc,Strongly agree\nd,Weiß nicht\n"
    codes = "id,q\na,1\nb,4\nc,5\nd,99\n"
    found = []
    for name, text in (("labels", labels), ("codes", codes)):
        result, box = loaded(tmp_path / name, document, "s.csv", text)
        assert (result.n_loaded, result.n_faulty) == (4, 0)
        found.append(box.ask("select line, item, answer from raw.raw_survey__answers order by line").rows())
    assert found[0] == found[1] == [(2, "pride", 1.0), (3, "pride", 4.0), (4, "pride", 5.0)]


def test_a_long_survey_counts_answers_as_its_records(tmp_path):
    document = SURVEY | {
        "items": {"pride": {"from": "Proud?", "scale": "engagement"}, "free": {"from": "Free?", "scale": "autonomy"}},
        "long": {"question": "question", "answer": "answer"},
    }
    text = "id,question,answer\na,Proud?,5\na,free?,4\nb,Proud?,\nb,Why?,1\nc,Proud?,9\nc,Free?,2\nc,Free?,3\n"
    result, box = loaded(tmp_path, document, "s.csv", text)
    assert (result.n_records, result.n_loaded, result.n_faulty, result.n_set_aside) == (7, 2, 4, 1)
    assert box.ask("select item, answer from raw.raw_survey__answers order by line").rows() == [
        ("pride", 5.0),
        ("free", 4.0),
    ]
    assert column(box, "line", "raw_survey__responses") == [2]
    assert box.quarantine().select("line", "rule").rows() == [
        (4, "no_answer"),
        (5, "unknown_question"),
        (6, "out_of_range"),
        (7, "conflicting_key"),
        (8, "conflicting_key"),
    ]


def test_an_anonymous_survey_has_groups_and_no_person(tmp_path):
    document = SURVEY | {
        "anonymous": True,
        "columns": {"team": {"from": "Team"}},
        "items": {"pride": {"from": "q", "scale": "engagement"}},
    }
    result, box = loaded(tmp_path, document, "s.csv", "Team,q\nT1,5\nT1,5\n")
    assert result.n_loaded == 2
    rows = box.ask("select person_id, team, response_id from raw.raw_survey__responses order by line").rows()
    assert [row[:2] for row in rows] == [(None, "T1")] * 2 and rows[0][2] != rows[1][2]
    with pytest.raises(ValueError, match="no person"):
        mapping_from(document | {"columns": {"person_id": {"from": "id"}}})


def test_declared_conflicts_keep_the_first_or_the_last(tmp_path):
    text = "id,hired,t\na,2020-01-01,T1\na,2020-01-01,T2\n"
    for conflicts, kept in (("refused", []), ("first", ["T1"]), ("last", ["T2"])):
        result, box = hris(tmp_path / conflicts, text, columns={"team": {"from": "t"}}, conflicts=conflicts)
        assert column(box, "team") == kept
        # What a declared rule decides is no fault.
        assert (result.n_faulty, result.n_set_aside) == ((2, 0) if conflicts == "refused" else (0, 1))


def test_rules_set_records_aside_by_word_pattern_or_emptiness(tmp_path):
    rules = [
        {"column": "id", "matches": "(?i)^total", "reason": "totals"},
        {"column": "kind", "not_equals": ["employee"], "reason": "no employee"},
        {"column": "hired", "empty": True, "reason": "not hired yet"},
    ]
    text = "id,hired,kind\nTotal: 3,,employee\na,2020-01-01,Employee\nb,2020-01-01,vendor\nc,,employee\n"
    result, box = hris(tmp_path, text, set_aside=rules)
    assert (result.n_loaded, result.n_set_aside) == (1, 3)
    assert box.quarantine()["expected"].to_list() == ["totals", "no employee", "not hired yet"]


def test_one_snapshots_contradictions_are_reported_and_nothing_is_dropped(tmp_path):
    columns = {"left_date": {"from": "left"}, "manager_id": {"from": "boss"}, "email_key": {"from": "mail"}}
    text = (
        "id,hired,left,boss,mail\n"
        "top,2020-01-01,,,t@x\n"
        "second,2020-01-01,,,s@x\n"
        "self,2020-01-01,,self,\n"
        "a,2020-01-01,,b,\n"
        "b,2020-01-01,,c,\n"
        "c,2020-01-01,,a,\n"
        "below,2020-01-01,,a,s@x\n"
        "lost,2020-01-01,,nobody,\n"
        "back,2026-02-01,2026-01-01,top,\n"
        "twice,2020-01-01,,top,\n"
        "twice,2021-01-01,,top,\n"
    )
    result, box = hris(tmp_path, text, columns=columns)
    assert (result.n_loaded, result.n_faulty) == (11, 0)
    assert issues(box) == {
        "last day before the hire date": 1,
        "reports to themselves": 1,
        "is their own manager's manager": 3,
        "the manager is not in the snapshot": 1,
        "one of several people without a manager": 2,
        "one e-mail address, several ids": 2,
        "overlapping stints": 1,
    }


def test_a_file_in_a_folder_of_a_mappings_name_is_read_with_it(tmp_path):
    box = Box(tmp_path, [mapping_from(HRIS | {"name": "other", "files": ["x*.csv"]}), mapping_from(HRIS)])
    box.drop("hris", "own/anything.txt", "id,hired\na,2020-01-01\n")
    assert [(r.status, r.landed.file_name) for r in box.load()] == [("loaded", "own/anything.txt")]


def test_json_lines_of_an_older_vintage_are_recognised(tmp_path):
    document = HRIS | {"vintages": [{"vintage": "new", "columns": {"person_id": {"from": "uid"}}}]}
    for key, vintage in (("id", ""), ("uid", "new")):
        result, box = loaded(tmp_path / key, document, "w.jsonl", records([{key: "a", "hired": "2020-01-01"}]))
        assert (result.n_loaded, column(box, "vintage", "load_log", order="file_name")) == (1, [vintage])


GOALS = {
    "name": "own",
    "source": "checkins",
    "files": ["*"],
    "columns": {
        "event": {"constant": "goal"},
        "event_id": {"from": "id"},
        "person_id": {"from": "who"},
        "due_date": {"from": "due"},
        "status": {"from": "s", "values": {"done": "met", "not done": "missed"}},
    },
}


def goals(root, text, name="goals.csv", **change):
    return loaded(root, {**GOALS, **change, "columns": GOALS["columns"] | change.get("columns", {})}, name, text)


def test_a_record_that_holds_several_is_taken_turn_by_turn(tmp_path):
    """Wide goal tables: Goal 1, Goal 2 in one row; a turn that nobody filled in is set aside, and nothing is lost."""
    text = "who,due,Goal 1,Done 1,Goal 2,Done 2\na,2026-03-31,x,done,,\nb,2026-03-31,y,done,z,not done\n"
    text += "c,2026-03-31,q,perhaps,r,done\n"
    turns = [
        {"event_id": {"from": ["who", f"Goal {n}"], "personal": "pseudonymised"}, "status": {"from": f"Done {n}"}}
        for n in (1, 2)
    ]
    words = {"values": {"done": "met", "not done": "missed"}}
    turns = [turn | {"status": turn["status"] | words} for turn in turns]
    columns = {name: GOALS["columns"][name] for name in ("event", "person_id", "due_date")}
    result, box = loaded(tmp_path, {**GOALS, "columns": columns, "repeat": turns}, "goals.csv", text)
    assert (result.n_records, result.n_loaded, result.n_faulty, result.n_set_aside) == (6, 4, 1, 1)
    found = box.ask("select line, status from raw.raw_checkins__events order by all").rows()
    assert found == [(2, "met"), (3, "met"), (3, "missed"), (4, "met")]
    assert box.quarantine().select("line", "rule").rows() == [(2, "empty_part"), (4, "unknown_value")]


def test_lines_that_are_no_records_are_set_aside_before_they_are_split(tmp_path):
    text = "id,who,due,s\ng1,a,2026-03-31,done\n\nTotal: 1 goal\nReport run by nobody, at noon\n"
    rules = [{"line": "^(Total|Report run)", "reason": "a footer"}]
    result, box = goals(tmp_path, text, set_aside=rules)
    assert (result.n_records, result.n_loaded, result.n_set_aside) == (3, 1, 2)
    assert box.quarantine().select("line", "kind", "expected").rows() == [
        (4, "set_aside", "a footer"),
        (5, "set_aside", "a footer"),
    ]


def test_a_delimiter_at_the_end_and_rows_that_leave_out_their_last_fields_are_declared(tmp_path):
    text = "id,who,due,s,note\ng1,a,2026-03-31,done,x,\ng2,a,2026-03-31,done,,\ng3,b,2026-03-31,done,x,y\n"
    result, box = goals(tmp_path / "1", text, trailing_delimiter=True)
    assert (result.n_loaded, result.n_faulty) == (2, 1) and box.quarantine()["rule"].to_list() == ["field_count"]
    short = "id,who,due,s,note\ng1,a,2026-03-31,done\ng2,a,2026-03-31,done,x\n"
    assert goals(tmp_path / "2", short)[0].n_faulty == 1
    assert goals(tmp_path / "3", short, short_rows="padded")[0].n_loaded == 2


@pytest.mark.parametrize(
    ("word", "colon", "minutes"),
    [
        ("1h 30m", "h:m", 90),
        ("PT1H30M", "h:m", 90),
        ("PT45M", "h:m", 45),
        ("45 min", "h:m", 45),
        ("1,5 Std", "h:m", 90),
        ("00:45", "h:m", 45),
        ("0:45:30", "h:m", 45.5),
        ("45:30", "m:s", 45.5),
        ("90", "h:m", 90),
        ("30 sec", "h:m", 0.5),
        ("soon", "h:m", None),
        ("1h 30m later", "h:m", None),
        ("m", "h:m", None),
    ],
)
def test_durations_become_minutes(tmp_path, word, colon, minutes):
    columns = {"n_minutes": {"from": "t", "duration": colon}}
    _, box = goals(tmp_path, f'id,who,due,s,t\ng1,a,2026-03-31,done,"{word}"\n', columns=columns)
    assert box.ask("select n_minutes from raw.raw_checkins__events")["n_minutes"].to_list() == (
        [] if minutes is None else [minutes]
    )


def test_a_value_may_stand_in_the_files_name_in_the_first_filled_column_or_be_rewritten(tmp_path):
    columns = {
        "site": {"file_name": r"_([A-Z]{2})_"},
        "team": {"first_of": ["t2", "t1"]},
        "department": {"from": "d", "case": "upper", "replace": {"&": "and"}},
        "left_date": {"from": "state", "extract": r"^Left (.*)$", "on_unmapped": "empty"},
    }
    text = "id,hired,t1,t2,d,state\na,2020-01-01,T1,T2,R&d,Active\nb,2020-01-01,T1,,r&D,Left 2026-01-31\n"
    result, box = hris(tmp_path, text, columns=columns, name="people_DE_1.csv")
    assert result.n_loaded == 2
    found = box.ask("select site, team, department, left_date::varchar from raw.raw_hris__workers order by line").rows()
    assert found == [("DE", "T2", "RANDD", None), ("DE", "T1", "RANDD", "2026-01-31")]


def test_the_day_may_stand_in_a_title_and_a_month_may_mean_its_last_day(tmp_path):
    text = "Stichtag: 30.06.2025\nid,hired\na,2020-01-01\n"
    title = {"title": r"Stichtag: (?P<date>[\d.]+)", "formats": ["%d.%m.%Y"]}
    result, box = hris(tmp_path / "1", text, snapshot=title, skip_rows=1)
    assert column(box, "snapshot_date") == [date(2025, 6, 30)]
    assert box.ask("select file_date from raw.load_log")["file_date"].to_list() == [date(2025, 6, 30)]
    result, _ = hris(tmp_path / "2", text.replace("30.06", "xx"), snapshot=title, skip_rows=1)
    assert result.status == "refused" and "no date in the lines above the header" in result.reason
    last = {"filename": r"(?P<year>\d{4})-(?P<month>\d\d)", "day": "last"}
    _, box = hris(tmp_path / "3", "id,hired\na,2020-01-01\n", snapshot=last, name="p_2026-02.csv")
    assert column(box, "snapshot_date") == [date(2026, 2, 28)]


def test_lists_in_json_are_reached_by_place_or_by_key(tmp_path):
    rows = [
        {"id": "a", "hired": "2020-01-01", "teams": [{"n": "T1"}], "fields": [{"k": "site", "v": "North"}]},
        {"id": "b", "hired": "2020-01-01", "teams": [], "fields": []},
        {"id": {"x": 1}, "hired": "2020-01-01", "teams": [], "fields": []},
    ]
    columns = {"team": {"from": "teams[0].n"}, "site": {"from": "fields[k=site].v"}}
    _, box = hris(tmp_path, records(rows), columns=columns, name="p.jsonl")
    assert box.ask("select team, site from raw.raw_hris__workers order by line").rows() == [
        ("T1", "North"),
        (None, None),
    ]
    assert box.quarantine().select("line", "rule").rows() == [(3, "nested_value")]


def test_one_word_of_a_cell_with_several_is_a_flag(tmp_path):
    flag = {"from": "w", "kind": "flag", "contains": "My coach", "split": ","}
    text = 'id,hired,w\na,2020-01-01,"My peers, my coach"\nb,2020-01-01,My peers\nc,2020-01-01,\n'
    _, box = hris(tmp_path, text, attributes={"by_coach": flag})
    assert box.ask("select line, number from raw.raw_hris__attributes order by line").rows() == [(2, 1.0), (3, 0.0)]


def test_flags_may_be_mapped_to_yes_and_an_empty_word_of_ours_is_no_value(tmp_path):
    columns = {
        "is_regretted": {"from": "r", "values": {"O": "yes", "N": "no"}},
        "department": {"from": "d", "values": {"KEEP": "", "S": "Sales"}},
    }
    _, box = hris(tmp_path, "id,hired,r,d\na,2020-01-01,O,KEEP\nb,2020-01-01,N,S\n", columns=columns)
    found = box.ask("select is_regretted, department from raw.raw_hris__workers order by line").rows()
    assert found == [(True, None), (False, "Sales")]


def test_an_id_that_a_spreadsheet_shortened_is_no_id(tmp_path):
    result, box = hris(tmp_path, "id,hired\n1.23457E+11,2020-01-01\n7,2020-01-01\n")
    assert (result.n_loaded, box.quarantine()["rule"].to_list()) == (1, ["damaged_id"])


def test_an_items_extract_that_finds_nothing_is_reported(tmp_path):
    """An answer that cannot be read must not look like a question that nobody answered."""
    document = SURVEY | {
        "items": {"q1": {"from": "q", "scale": "engagement", "extract": r"\((\d)\)"}},
    }
    result, box = loaded(tmp_path, document, "s.csv", "id,q\n1,Agree (4)\n2,Agree\n3,\n")
    assert (result.n_loaded, result.n_faulty) == (3, 0)
    assert box.ask("select line, issue from raw.data_issues").rows() == [(3, "answer outside its scale")]


def test_german_forms_and_moodle_are_read(tmp_path):
    """The built-in mappings that no dialect of simulation/ writes."""
    questions = [item.headers[0] for item in load_mapping(BUILT_IN / "survey_forms.yml").items.values()]
    head = ";".join(["Id", "Startzeit", "Fertigstellungszeit", "E-Mail", "Name", *questions])
    row = ";".join(
        ["1", "27.04.2026 11:30", "27.04.2026 11:34", "a@example.invalid", "", *["Stimme zu"] * len(questions)]
    )
    box = Box(tmp_path)
    box.drop("survey", "forms_2026-04-20.csv", f"{head}\n{row}\n")
    [result] = box.load("survey")
    assert (result.n_loaded, result.opened.mapping.name) == (1, "survey_forms_german")
    assert (
        box.ask("select recorded_at::varchar as t from raw.raw_survey__responses")["t"].item() == "2026-04-27 11:34:00"
    )
    assert set(box.ask("select answer from raw.raw_survey__answers")["answer"]) == {4.0}
    text = "ID,Name,Email address,Quiz,Quiz - Completion date,Course complete\n"
    text += '7,Synthetic Person 7,p7@example.invalid,Completed,"1/03/26, 09:00","1/03/26, 09:00"\n'
    text += "8,Synthetic Person 8,p8@example.invalid,Not completed,,\n"
    box.drop("roster", "moodle_coaching.csv", text)
    [result] = box.load("roster")
    assert (result.n_loaded, result.opened.mapping.name) == (2, "roster_moodle")
    found = box.ask("select status, completed_date::varchar from raw.raw_roster__trainings order by line").rows()
    assert found == [("completed", "2026-03-01"), ("enrolled", None)]


def test_a_crosswalk_names_the_new_id_of_each_old_one(tmp_path):
    """By the built-in mapping; what the models make of it is stg_hris__crosswalk's unit test."""
    box = Box(tmp_path)
    box.drop("hris", "crosswalk_2026.csv", "Old Employee ID,New Employee ID\nE1,W-1\nE2,W-2\nE2,W-3\n")
    [result] = box.load()
    assert (result.opened.mapping.name, result.n_loaded, result.n_faulty) == ("hris_crosswalk", 1, 2)
    found = box.ask("select old_person_id, person_id from raw.raw_hris__crosswalk").row(0)
    assert found == tuple(map(Pseudonyms(KEY).hash, ("E1", "W-1")))
    assert box.quarantine()["rule"].to_list() == ["conflicting_key"] * 2


def test_readiness_is_read_in_the_words_that_models_know(tmp_path):
    box = Box(tmp_path)
    text = "Date,Employee ID,Readiness\n2026-03-31,E1,Overwhelmed\n2026-03-31,E2,Driver\n2026-03-31,E3,Happy\n"
    box.drop("roster", "readiness_2026.csv", text)
    [result] = box.load("roster")
    assert (result.opened.mapping.name, result.n_loaded, result.n_faulty) == ("roster_readiness", 2, 1)
    assert box.ask("select readiness from raw.raw_roster__readiness order by line")["readiness"].to_list() == [
        "resistant",
        "driver",
    ]


def test_people_assigned_one_by_one_are_listed_by_their_hashed_id(tmp_path):
    box = Box(tmp_path)
    text = (
        "Employee ID,Stratum,Wave,Arm,Kick-off\nE1,north,one,Pilot,2026-03-01\nE2,north,,Control,\n,north,,Control,\n"
    )
    box.drop("roster", "people_2026.csv", text)
    [result] = box.load("roster")
    assert (result.opened.mapping.name, result.n_loaded, result.n_faulty) == ("roster_people", 2, 1)
    found = box.ask("select person_id, unit, stratum, arm from raw.raw_roster__assignments order by line").rows()
    ids = [Pseudonyms(KEY).hash(name) for name in ("E1", "E2")]
    assert found == [(ids[0], None, "north", "pilot"), (ids[1], None, "north", "control")]

"""What attackers of the reader found, each as the smallest file that did it; none may come back."""

import json
from datetime import date

import pytest
from box import Box, issues, loaded, records

from ingest import land
from ingest.mapping.documents import mapping_from
from ingest.mapping.draft.document import draft_mapping
from ingest.mapping.preview import check
from study.strict_yaml import ConfigError

HRIS = {
    "name": "own",
    "source": "hris",
    "files": ["*"],
    "snapshot": {"fixed": "2026-03-31"},
    "columns": {"person_id": {"from": "id"}},
}


def hris(root, text, *, columns=None, name="w.csv", **changes):
    return loaded(root, HRIS | changes | {"columns": HRIS["columns"] | (columns or {})}, name, text)


def column(box, name):
    return box.ask(f"select {name} as x from raw.raw_hris__workers order by line")["x"].to_list()


def rules(box):
    return box.quarantine()["rule"].to_list()


def test_any_of_takes_the_name_that_a_json_record_has(tmp_path):
    rows = [{"id": "a", "end": "2024-01-01"}, {"id": "b", "exit": "2024-01-02"}]
    _, box = hris(tmp_path, records(rows), columns={"left_date": {"any_of": ["exit", "end"]}}, name="w.jsonl")
    assert column(box, "left_date") == [date(2024, 1, 1), date(2024, 1, 2)]


def test_a_vintage_dates_its_own_files(tmp_path):
    document = HRIS | {
        "snapshot": {"filename": r"(?P<year>\d{4})-(?P<month>\d\d)"},
        "vintages": [{"vintage": "new", "columns": {"team": {"from": "T"}}, "snapshot": {"column": "Day"}}],
    }
    box = Box(tmp_path, [mapping_from(document)])
    box.drop("hris", "w_2023-05.csv", "id\n1\n")
    box.drop("hris", "w_2026-05.csv", "id,T,Day\n1,T1,2026-05-17\n")
    assert [result.status for result in box.load()] == ["loaded", "loaded"]
    found = box.ask("select snapshot_date from raw.raw_hris__workers order by 1")["snapshot_date"].to_list()
    assert found == [date(2023, 5, 1), date(2026, 5, 17)]


def test_a_vintage_of_later_files_passes_over_a_file_that_its_title_dates_before(tmp_path):
    title = {"title": r"As of (?P<date>\d{4}-\d\d-\d\d)"}
    document = HRIS | {
        "skip_rows": 1,
        "snapshot": title,
        "columns": {"person_id": {"from": "id"}, "team": {"from": "A"}},
        "vintages": [{"vintage": "2025", "since": "2025-01-01", "columns": {"team": {"from": "B"}}}],
    }
    box = Box(tmp_path, [mapping_from(document)])
    box.drop("hris", "1.csv", "As of 2024-05-01\nid,A,B\n1,old,new\n")
    box.drop("hris", "2.csv", "As of 2025-05-01\nid,A,B\n1,old,new\n")
    box.load()
    assert set(box.ask("select team from raw.raw_hris__workers")["team"]) == {"old", "new"}
    with pytest.raises(ValueError, match="since: needs the day of the whole file"):
        mapping_from(HRIS | {"snapshot": {"column": "Day"}, "since": "2025-01-01"})


def test_the_last_day_of_a_month_that_is_written_in_words(tmp_path):
    title = {"title": r"Month: (?P<date>\w+ \d{4})", "formats": ["%B %Y"], "day": "last"}
    _, box = hris(tmp_path, "Month: May 2024\nid\n1\n", snapshot=title, skip_rows=1)
    # strptime cannot read a month without a day; the declared format says so by having none.
    assert column(box, "snapshot_date") == [date(2024, 5, 31)]


def test_an_attribute_may_be_called_title_and_stays_pseudonymised_in_a_vintage(tmp_path):
    attributes = {"title": {"from": "T", "personal": "pseudonymised"}, "fixed": {"from": "F"}}
    document = HRIS | {
        "attributes": attributes,
        "vintages": [{"vintage": "b", "attributes": {"title": {"from": "T2"}}}],
    }
    mapping = mapping_from(document)
    assert mapping.attributes["title"].personal == "pseudonymised" and set(mapping.attributes) == {"title", "fixed"}


def test_of_two_responses_under_one_id_the_fuller_one_counts_then_the_later_one(tmp_path):
    document = {
        "name": "own",
        "source": "survey",
        "files": ["*"],
        "snapshot": {"fixed": "2026-03-01"},
        "columns": {"response_id": {"from": "id"}},
        "items": {name: {"from": name, "scale": "engagement"} for name in ("q", "r")},
    }
    text = "id,q,r\nR1,5,5\nR1,1,\nR2,3,3\nR2,3,3\nR3,1,1\nR3,2,2\n"
    result, box = loaded(tmp_path, document, "s.csv", text)
    assert (result.n_loaded, result.n_faulty, result.n_set_aside) == (3, 1, 2)
    assert sorted(rules(box)) == ["duplicate_key", "replaced_key", "replaced_key"]
    kept = box.ask("select line, answer from raw.raw_survey__answers where item = 'q' order by line")
    assert kept.rows() == [(2, 5.0), (4, 3.0), (7, 2.0)]


def test_a_file_of_which_nothing_loads_is_refused_and_its_quarantine_kept(tmp_path):
    passed_over = [{"line": "^Total", "reason": "a footer"}]
    result, box = hris(tmp_path / "1", "id\nTotal 0\n", set_aside=passed_over)
    assert (result.status, result.n_set_aside) == ("refused", 1) and "set_aside" in result.reason
    result, box = hris(tmp_path / "2", "id,h\n1,x\n", columns={"hired_date": {"from": "h"}})
    assert result.status == "refused" and "bad_date in h (1)" in result.reason and rules(box) == ["bad_date"]
    assert hris(tmp_path / "3", "id\nTotal 0\n", set_aside=passed_over, zero_records="allowed")[0].status == "loaded"


def test_what_a_value_map_or_an_empty_group_leaves_empty_is_missing(tmp_path):
    for rule, declared in (
        ("required", {"values": {"0": ""}, "on_unmapped": "kept"}),
        ("no_match", {"extract": r"^E(\d*)$"}),
    ):
        _, box = hris(tmp_path / rule, "id\n0\nE\n", columns={"person_id": {"from": "id"} | declared})
        assert rule in rules(box)
    _, box = hris(tmp_path / "n", 'id,n\n1,","\n2,.\n', columns={"name_key": {"from": "n"}})
    assert column(box, "name_key") == [None, None]


def test_a_trailing_delimiter_that_is_declared_has_to_be_there(tmp_path):
    text = "id,d,t\n1,North,T1,\n2,North,\n3,North,T1\n"
    result, box = hris(tmp_path, text, columns={"team": {"from": "t"}}, trailing_delimiter=True)
    assert (result.n_loaded, rules(box)) == (1, ["field_count", "field_count"])


def test_zones_that_say_nothing_certain_or_impossible_are_not_read(tmp_path):
    document = {"name": "own", "source": "checkins", "files": ["*"], "time_zone": "America/New_York"}
    columns = {
        "event": {"constant": "checkin"},
        "event_id": {"from": "id"},
        "person_id": {"constant": "p"},
        "due_date": {"from": "t", "formats": ["%Y-%m-%dT%H:%M%#z"]},
        "status": {"constant": "held"},
        "submitted_at": {"from": "t", "formats": ["%Y-%m-%dT%H:%M%#z"]},
    }
    _, box = loaded(tmp_path, document | {"columns": columns}, "c.csv", "id,t\na,2024-01-01T00:30+05:00\n")
    found = box.ask("select due_date::varchar as d, submitted_at::varchar as s from raw.raw_checkins__events").row(0)
    assert found == ("2024-01-01", "2023-12-31 19:30:00")
    columns |= {"submitted_at": {"from": "t", "formats": ["%Y-%m-%d %H:%M %Z"]}, "due_date": {"constant": "2024-01-01"}}
    text = "id,t\na,2024-01-01 10:00 GMT+99\nb,2024-01-01 10:00 GMT+٣\nc,2024-01-01 10:00 GMT+3\n"
    result, box = loaded(tmp_path / "2", document | {"columns": columns}, "c.csv", text)
    assert (result.n_loaded, rules(box)) == (1, ["bad_time", "bad_time"])
    for impossible in ("%a %b %d %H:%M:%S %Z %Y", "%H", "%I:%M"):
        with pytest.raises(ValueError, match="format"):
            mapping_from(document | {"columns": columns | {"submitted_at": {"from": "t", "formats": [impossible]}}})


def test_two_digit_years_follow_their_rule_beside_a_time_too(tmp_path):
    born = {"birth_year": {"from": "b", "formats": ["%d.%m.%y %H:%M", "%D"], "two_digit_years": "past"}}
    _, box = hris(tmp_path, "id,b\n1,01.02.68 00:00\n2,02/01/68\n", columns=born)
    assert column(box, "birth_year") == [1968, 1968]


def test_names_in_json_may_have_brackets_and_dots(tmp_path):
    rows = [{"id": "a", "Cost [EUR]": "5", "No": "x", "No. of reports": 3, "f": [{"k": "g", "v": 1}]}]
    twice = [{"id": "b", "Cost [EUR]": "5", "No": "x", "f": [{"k": "g", "v": 1}, {"k": "g", "v": 2}]}]
    columns = {
        "output_value": {"from": "Cost [EUR]"},
        "team": {"from": "No"},
        "job_level": {"from": "f[k=g].v", "optional": True},
    }
    _, box = hris(tmp_path, records(rows + twice), columns=columns, name="w.jsonl")
    assert box.ask("select output_value, team, job_level from raw.raw_hris__workers").rows() == [(5.0, "x", "1")]
    assert rules(box) == ["nested_value"]
    deep = records([{"id": "a", "." * 60_000: 1, "No": "x", "Cost [EUR]": "1", "f": []}])
    assert hris(tmp_path / "deep", deep, columns=columns, name="w.jsonl")[0].n_loaded == 1
    wide = records([{"id": "a"} | {f"n{i}": 1 for i in range(6_000)}])
    assert "at most 5,000" in hris(tmp_path / "wide", wide, name="w.jsonl")[0].reason


def test_a_footer_rule_judges_records_and_not_the_inside_of_a_field(tmp_path):
    text = 'id,n\n1,"a\nSum of it"\nSum,"x\n9,y"\n2,z\n'
    passed_over = [{"line": "^Sum", "reason": "a footer"}]
    result, box = hris(tmp_path, text, columns={"team": {"from": "n"}}, set_aside=passed_over, line_breaks="kept")
    assert (result.n_records, result.n_loaded, result.n_set_aside) == (3, 2, 1)
    assert column(box, "team") == ["a\nSum of it", "z"]
    lines = '{"id":"1"}\nSum: 1\n'
    result, _ = hris(tmp_path / "j", lines, set_aside=passed_over, name="w.jsonl")
    assert (result.n_loaded, result.n_set_aside) == (1, 1)


def test_a_pattern_cannot_be_made_to_run_for_minutes(tmp_path):
    text = "id\n" + " " * 200_000 + "x\n" + "a" * 40 + "!\n"
    passed_over = [{"line": r"\s*Total", "reason": "a"}, {"line": r"^(\w+\s?)*$", "reason": "b"}]
    result, _ = hris(tmp_path, text, set_aside=passed_over)
    assert result.n_records == 2
    aside = {"set_aside": [{"column": "id", "matches": "(?=x)", "reason": "a"}]}
    for change in (aside, {"snapshot": {"filename": "(?<=a)(?P<date>.)"}}):
        with pytest.raises(ValueError, match="look-around"):
            mapping_from(HRIS | change)


def test_keys_of_items_that_would_do_nothing_are_refused():
    for change in ({"matches": "x"}, {"required": True}, {"if_empty": "3"}, {"case": "upper"}):
        item = {"from": "q", "scale": "s"} | change
        with pytest.raises(ValueError, match="not for items"):
            mapping_from(
                {
                    "name": "own",
                    "source": "survey",
                    "files": ["*"],
                    "snapshot": {"fixed": "2026-03-01"},
                    "columns": {"response_id": {"from": "id"}},
                    "items": {"q": item},
                }
            )


def test_no_turn_shows_the_people_of_another(tmp_path):
    document = HRIS | {
        "source": "checkins",
        "snapshot": None,
        "columns": {"event": {"constant": "goal"}, "due_date": {"constant": "2026-01-31"}},
    }
    document["repeat"] = [
        {"event_id": {"from": f"g{n}"}, "person_id": {"from": f"o{n}"}, "status": {"from": f"s{n}"}} for n in (1, 2)
    ]
    document.pop("snapshot")
    text = "g1,o1,s1,g2,o2,s2\nx,ann@x.example,met,y,bob@x.example,met\nx2,ann@x.example,??,y2,bob@x.example,met\n"
    result, box = loaded(tmp_path, document, "g.csv", text)
    assert (result.n_loaded, result.n_faulty) == (3, 1)
    assert "@" not in box.quarantine()["record"].item()


def test_dropped_columns_and_files_without_a_header_are_never_shown(tmp_path):
    rule = [{"column": "Name", "equals": ["x"], "reason": "a test person"}]
    result, box = hris(
        tmp_path,
        "id,Name,h\n1,x,2020-01-01\n2,Ann Secret,bad\n3,y,2020-01-01\n",
        columns={"hired_date": {"from": "h"}},
        dropped=["Name"],
        set_aside=rule,
    )
    assert "Secret" not in box.quarantine().write_csv() and result.n_loaded == 1
    file = tmp_path / "w.csv"
    file.write_text("1001,Ann Secret,ann@x.example\n1002,Bob Secret,bob@x.example\n")
    report = check(file, [mapping_from(HRIS)])
    assert "Secret" not in report.refused and "@" not in report.refused
    (tmp_path / "w.json").write_text(json.dumps({"ann@x.example": {"id": 1}}))
    assert "@" not in check(tmp_path / "w.json", [mapping_from(HRIS)]).refused
    (tmp_path / "g_2026-01.csv").write_text("Geburtsname,id\nMüller,1\n")
    assert "Müller" not in draft_mapping(tmp_path / "g_2026-01.csv", source="hris")


def test_a_hostile_file_beside_others_does_not_stop_the_run(tmp_path):
    version = {"filename": r"(?P<year>\d{4})-(?P<month>\d\d)(_v(?P<version>\d+))?"}
    box = Box(tmp_path, [mapping_from(HRIS | {"snapshot": version})])
    box.drop("hris", "w_2026-01_v9223372036854775808.csv", "id\n1\n")
    box.drop("hris", "x.csv", "id\n1\n")
    box.drop("hris", "x.csv.manifest.json", "[" * 9_000)
    box.drop("hris", "w_2026-02.csv", "id\n1\n")
    assert sorted(result.status for result in box.load()) == ["loaded", "refused"]
    [(path, reason)] = land.scan(tmp_path / "inbox").waiting
    assert path.name == "x.csv" and "manifest is not readable" in reason
    for broken in ("[]", "null", '{"hris/x.csv": 5}', "[" * 9_000):
        (tmp_path / ".seen.json").write_text(broken)
        assert len(land.scan(tmp_path / "inbox", seen=tmp_path / ".seen.json").files) == 2


@pytest.mark.parametrize("change", [{"files": ["."]}, {"vintages": []}, {"vintages": [], "columns": {}}])
def test_mappings_that_cannot_be_are_errors_in_words(change):
    with pytest.raises((ValueError, ConfigError)) as refused:
        mapping_from(HRIS | change)
    assert "pattern of file names" in str(refused.value) or "vintages" in str(refused.value)


def test_turns_with_other_fields_and_a_manifest_of_records(tmp_path):
    document = HRIS | {"columns": {"hired_date": {"constant": "2020-01-01"}}}
    document["repeat"] = [{"person_id": {"from": "a"}, "team": {"from": "t"}}, {"person_id": {"from": "b"}}]
    box = Box(tmp_path, [mapping_from(document)])
    box.drop("hris", "w.csv", "a,t,b\n1,T1,2\n")
    box.drop("hris", "w.csv.manifest.json", '{"records": 1}')
    [result] = box.load()
    assert (result.status, result.n_loaded) == ("loaded", 2)
    profiled = box.ask("select distinct column_name from raw.profile_columns")["column_name"].to_list()
    assert "team" in profiled and "person_id" in profiled


def test_an_odd_delimiter_and_trainings_that_know_only_names(tmp_path):
    result, box = hris(tmp_path / "1", 'id<n\n1<"a<b"\n', columns={"team": {"from": "n"}}, delimiter="<")
    assert result.status == "loaded" and column(box, "team") == ["a<b"]
    document = {
        "name": "own",
        "source": "roster",
        "table": "trainings",
        "files": ["*"],
        "columns": {"name_key": {"from": "n"}, "course": {"constant": "c"}, "status": {"constant": "completed"}},
    }
    assert loaded(tmp_path / "2", document, "t.csv", "n\nAnn\nBob\n")[0].n_loaded == 2


def test_a_path_that_leads_nowhere_in_any_record_is_no_empty_column(tmp_path):
    rows = [{"id": "a", "t": [{"f": {"ref": "q"}, "n": 1}]}]
    _, box = hris(tmp_path / "1", records(rows), columns={"team": {"from": "t[f.ref=q].n"}}, name="w.jsonl")
    assert column(box, "team") == ["1"]
    result, _ = hris(tmp_path / "2", records(rows), columns={"team": {"from": "t[0].nam"}}, name="w.jsonl")
    assert result.status == "refused" and "t[0].nam" in result.reason


def test_a_moment_in_utc_is_the_day_it_falls_on_and_a_written_offset_the_day_that_is_written(tmp_path):
    text = "id,d\n1,2025-02-28T23:00:00Z\n2,2025-02-28T23:00:00-05:00\n3,2025-03-01\n4,2025-03-01T00:00:00\n"
    _, box = hris(tmp_path, text, columns={"hired_date": {"from": "d"}}, time_zone="Europe/Berlin")
    assert [str(day) for day in column(box, "hired_date")] == ["2025-03-01", "2025-02-28", "2025-03-01", "2025-03-01"]


def test_keys_that_do_nothing_and_names_that_say_nothing_are_reported(tmp_path):
    for declared in ({"strip": "0"}, {"duration": "h:m"}, {"decimal_mark": ","}, {"formats": ["%Y"]}):
        with pytest.raises(ValueError, match="does nothing"):
            mapping_from(HRIS | {"columns": {"person_id": {"from": "id"} | declared}})
    with pytest.raises(ValueError, match="one group"):
        mapping_from(HRIS | {"columns": {"person_id": {"from": "id", "extract": "(a)|(b)"}}})
    result, _ = hris(tmp_path, "id\n1\n", columns={"site": {"file_name": "_([A-Z]{2})_"}})
    assert result.status == "refused" and "file's name" in result.reason


def test_an_id_of_several_columns_keeps_the_places_of_the_empty_ones(tmp_path):
    whole = {"from": ["id", "a", "b"], "personal": "pseudonymised"}
    _, box = hris(tmp_path, "id,a,b\n1,x,\n1,,x\n", columns={"team": whole}, key=["person_id", "team"])
    assert len(set(column(box, "team"))) == 2


def test_responses_older_than_their_survey_are_reported(tmp_path):
    document = {
        "name": "own",
        "source": "survey",
        "files": ["*"],
        "snapshot": {"fixed": "2026-03-20"},
        "columns": {"response_id": {"from": "id"}, "recorded_at": {"from": "t"}},
        "items": {"q": {"from": "q", "scale": "engagement"}},
    }
    _, box = loaded(tmp_path, document, "s.csv", "id,t,q\n1,2026-03-10 10:00,5\n2,2026-03-21 10:00,5\n")
    assert issues(box) == {"recorded before the survey was launched": 1}


def test_of_changes_nobody_asks_for_a_manager_who_is_in_another_file(tmp_path):
    columns = {"manager_id": {"from": "m"}}
    assert issues(hris(tmp_path / "1", "id,m\n1,9\n", columns=columns)[1]) == {"the manager is not in the snapshot": 1}
    assert issues(hris(tmp_path / "2", "id,m\n1,9\n", columns=columns, delivery="delta")[1]) == {}

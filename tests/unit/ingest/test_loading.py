"""Files as people send them, through landing and loading into a real warehouse: nothing lost, nothing guessed."""

import io
import random
import shutil
import zipfile

import polars as pl
import pytest
from box import KEY, Box
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import land
from ingest.mapping.model import Mapping
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import Pseudonyms

HEAD = "Employee ID,First Name,Last Name,Work Email,Birth Date,Hire Date,Termination Date,Termination Type,"
HEAD += "Worker Status,Department,Site,Team ID,Manager ID\n"


def row(number="E0000001", hired="03/01/2020", left="", team="T1", **other) -> str:
    values = {
        "first": "Synthetic",
        "last": f"Person {number}",
        "mail": f"{number}@example.invalid",
        "born": "01/31/1980",
        "kind": "Voluntary" if left else "",
        "status": "Terminated" if left else "Active",
    } | other
    return (
        f"{number},{values['first']},{values['last']},{values['mail']},{values['born']},{hired},{left},"
        f"{values['kind']},{values['status']},Sales,North,{team},NO_MANAGER\n"
    )


@pytest.fixture
def box(tmp_path):
    return Box(tmp_path)


def test_every_record_is_loaded_or_quarantined_with_its_line_and_reason(box):
    box.drop(
        "hris",
        "hris_2026-01.csv",
        HEAD
        + row("00123")
        + row("E2", hired="02/30/2020")  # no such day
        + "E3,Synthetic\n"  # lost its end
        + row("E4", status="Sleeping")  # not a word of the mapping
        + HEAD  # pasted twice
        + row("E5", first="with\0nul")
        + row("")  # nobody
        + row("00123"),  # again
    )
    [result] = box.load()
    assert (result.n_records, result.n_loaded, result.n_faulty, result.n_set_aside) == (8, 1, 7, 0)
    assert box.quarantine().select("line", "rule").rows() == [
        (3, "bad_date"),
        (4, "field_count"),
        (5, "unknown_value"),
        (6, "repeated_header"),
        (7, "nul_byte"),
        (8, "required"),
        (9, "duplicate_key"),
    ]
    bad_date = box.quarantine().row(0, named=True)
    assert (bad_date["column_name"], bad_date["expected"]) == ("Hire Date", "a date written %m/%d/%Y")


def test_names_and_addresses_and_ids_reach_neither_raw_nor_quarantine(box):
    box.drop(
        "hris", "hris_2026-01.csv", HEAD + row("E0000001") + row("E0000002", hired="soon") + "E0000003,Synthetic\n"
    )
    box.load()
    stored = box.ask("select * from raw.raw_hris__workers").write_csv() + box.quarantine().write_csv()
    for personal in ("Synthetic", "Person", "example.invalid", "E000000", "1980-01", "01/31/1980"):
        assert personal not in stored
    assert "soon" in stored  # what is wrong can be seen


def test_leading_zeros_are_part_of_an_id(box):
    box.drop("hris", "hris_2026-01.csv", HEAD + row("00123") + row("123"))
    box.load()
    ids = box.ask("select person_id from raw.raw_hris__workers order by line")["person_id"].to_list()
    assert ids == [Pseudonyms(KEY).hash("00123"), Pseudonyms(KEY).hash("123")]


def snapshots(box):
    rows = box.ask(
        "select strftime(snapshot_date, '%Y-%m') as month, count(*)::int as n from raw.raw_hris__workers group by 1"
    )
    return dict(rows.iter_rows())


def test_the_same_file_twice_changes_nothing(box):
    box.drop("hris", "hris_2026-01.csv", HEAD + row())
    assert [result.status for result in box.load()] == ["loaded"]
    box.drop("hris", "hris_2026-01.csv", HEAD + row())
    assert [result.status for result in box.load()] == ["unchanged"]
    assert snapshots(box) == {"2026-01": 1}


def test_a_month_in_which_nothing_changed_is_another_snapshot(box):
    for month in ("01", "02"):
        box.drop("hris", f"hris_2026-{month}.csv", HEAD + row())
    box.load()
    assert snapshots(box) == {"2026-01": 1, "2026-02": 1}


def test_a_file_that_was_refused_for_its_name_or_place_loads_where_it_belongs(box):
    path = box.drop("hris", "hris_january.csv", HEAD + row())
    assert box.load()[0].status == "refused"
    path.rename(path.with_name("hris_2026-01.csv"))
    assert [result.status for result in box.load()] == ["unchanged", "loaded"]
    roster = "Team ID,Wave,Arm,Kick-off\nT1,One,Pilot,2026-01-01\n"
    box.drop("hris", "programme.csv", roster)
    box.drop("roster", "programme.csv", roster)
    assert [result.status for result in box.load("roster")] == ["loaded"]


def test_an_older_file_put_back_in_place_of_its_correction_counts_as_the_newest(box):
    first, second = HEAD + row(team="T1"), HEAD + row(team="T2")
    for text in (first, second, first):
        box.drop("hris", "hris_2026-01.csv", text)
        box.load()
    newest = box.ask(
        "select team from raw.raw_hris__workers inner join raw.load_log using (load_id) order by sequence desc limit 1"
    )
    assert newest["team"].item() == "T1"


@pytest.mark.parametrize(
    "of_old",
    ["create table raw.raw_survey__attributes (load_id varchar)", "alter table raw.raw_hris__workers drop column team"],
    ids=["a table that is no more", "a column that was not yet"],
)
def test_a_warehouse_of_another_version_is_loaded_anew(box, of_old):
    box.drop("hris", "hris_2026-01.csv", HEAD + row(team="T1"))
    box.load()
    box.ask(of_old)
    assert [result.status for result in box.load()] == ["loaded"]
    assert box.ask("select team from raw.raw_hris__workers")["team"].item() == "T1"
    names = "select table_name from information_schema.tables where table_schema = 'raw'"
    assert "raw_survey__attributes" not in box.ask(names)["table_name"]


def test_one_file_that_breaks_its_reader_does_not_keep_the_others_out(box, monkeypatch):
    from ingest import load as module

    real = module.open_file

    def breaks(path, mapping, **options):
        if "broken" in path.read_text():
            raise RuntimeError("E0000001 Synthetic Person said something")
        return real(path, mapping, **options)

    monkeypatch.setattr(module, "open_file", breaks)
    box.drop("hris", "hris_2026-01.csv", HEAD + row(first="broken"))
    box.drop("hris", "hris_2026-02.csv", HEAD + row())
    broken, good = box.load()
    assert (broken.status, good.status) == ("refused", "loaded")
    assert "RuntimeError" in broken.reason and "Synthetic" not in broken.reason


def snapshot_of(folder, files, order):
    box = Box(folder)
    for name in order:
        box.drop("hris", name, files[name])
        box.load()
    rows = box.ask("select * exclude (load_id) from raw.raw_hris__workers order by all").write_csv()
    log = box.ask("select * exclude (sequence) from raw.load_log order by all").write_csv()
    return rows + log


@settings(max_examples=8)
@given(order=st.permutations(["hris_2026-01.csv", "hris_2026-02.csv", "hris_2026-03.csv"]))
def test_any_order_of_delivery_ends_the_same(tmp_path_factory, order):
    files = {
        "hris_2026-01.csv": HEAD + row("E1") + row("E2"),
        "hris_2026-02.csv": HEAD + row("E1") + row("E2", left="02/10/2026") + "short,row\n",
        "hris_2026-03.csv": HEAD + row("E1", team="T2"),
    }
    made = snapshot_of(tmp_path_factory.mktemp("order"), files, order)
    assert made == snapshot_of(tmp_path_factory.mktemp("sorted"), files, sorted(files))


def test_a_warehouse_can_be_rebuilt_from_landing(box):
    box.drop("hris", "hris_2026-01.csv", HEAD + row("E1") + row("E2", hired="?"))
    box.load()
    before = box.ask("select * from raw.raw_hris__workers order by all").write_csv() + box.quarantine().write_csv()
    (box.root / "warehouse.duckdb").unlink()
    shutil.rmtree(box.root / "inbox")
    box.load()
    after = box.ask("select * from raw.raw_hris__workers order by all").write_csv() + box.quarantine().write_csv()
    assert after == before


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_rebuild_from_a_copy_that_is_not_what_arrived_fails(box, damage):
    box.drop("hris", "hris_2026-01.csv", HEAD + row("E1"))
    box.load()
    [landed] = land.landed_files(box.root / "landing")
    copy = land.content_path(box.root / "landing", landed)
    copy.chmod(0o600)
    copy.write_text(copy.read_text() + row("E2")) if damage == "changed" else copy.unlink()
    (box.root / "warehouse.duckdb").unlink()
    with pytest.raises(land.FrozenCopyChanged, match="restore landing/ from a backup"):
        box.load()
    assert box.ask("select count(*) from raw.load_log").item() == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "0 bytes"),
        (HEAD.encode(), "no records below the header"),
        ((HEAD + row()).encode()[:-1], "the last line does not end"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>\n", "web page"),
        (b"PK\x03\x04 something\n", "ZIP or XLSX"),
        (b"\x1f\x8b compressed\n", "gzip"),
        ((HEAD + row()).encode("utf-16"), "UTF-16"),
        ((HEAD + row(last="M\xfcller")).encode("cp1252"), "not utf-8"),
        ((HEAD.replace("Team ID", "Squad") + row()).encode(), 'column "Team ID" is not in the file'),
        ((HEAD.replace("Site", "Team ID") + row()).encode(), "more than once"),
        ((HEAD + 'E1,"open quote\n' + row() * 3).encode(), "broken quoting"),
        ((HEAD + "x" * (1 << 20) + "\n").encode(), "bytes"),
        ((",".join(f"c{i}" for i in range(600)) + "\n").encode(), "600 columns"),
    ],
)
def test_a_file_of_the_wrong_shape_is_refused_with_what_to_do(box, data, says):
    box.drop("hris", "hris_2026-01.csv", data)
    [result] = box.load()
    assert result.status == "refused"
    assert says in result.reason
    assert len(result.reason) <= 2_000
    assert box.ask("select count(*) as n from raw.raw_hris__workers")["n"].item() == 0


def test_a_file_without_a_mapping_and_one_without_a_date_are_refused(box):
    box.drop("hris", "people.csv", HEAD + row())
    box.drop("survey", "pulse.csv", "a\n")
    assert "no mapping of hris" in box.load()[0].reason
    assert "no date in the file's name" in box.load("survey")[0].reason


def test_no_prefix_of_a_file_is_taken_for_the_whole(tmp_path):
    """Cut at every byte: refused, or (at a line's end) every whole record loaded and none invented."""
    whole = (HEAD + row("E1") + row("E2")).encode()
    box = Box(tmp_path)
    ends = {index + 1 for index, byte in enumerate(whole) if byte == 10}
    cuts = sorted({*random.Random(1).sample(range(1, len(whole)), 40), *ends})
    for cut in cuts:
        box.drop("hris", f"hris_2026-01_{cut}.csv", whole[:cut])
    results = {result.landed.n_bytes: result for result in box.load()}
    assert len(results) == len(cuts)
    for cut, result in results.items():
        records = whole[:cut].count(b"\n") - 1
        if cut in ends and records > 0:
            assert (result.status, result.n_loaded) == ("loaded", records)
        else:
            assert result.status == "refused"


def test_a_changed_mapping_loads_the_file_anew(tmp_path):
    box = Box(tmp_path)
    box.drop("hris", "hris_2026-01.csv", HEAD + row(status="Dormant"))
    assert box.load()[0].n_faulty == 1
    changed = next(m for m in box.mappings if m.name == "hris_report").model_dump(by_alias=True)
    changed["columns"]["worker_status"]["values"]["Dormant"] = "active"
    box.mappings = [Mapping.model_validate(changed)]
    again = box.load()[0]
    assert (again.status, again.n_loaded, again.n_faulty) == ("loaded", 1, 0)
    assert box.quarantine().height == 0


def test_files_still_being_written_wait(box):
    box.drop("hris", "hris_2026-01.csv.part", HEAD)
    found = land.scan(box.root / "inbox")
    assert not found.files
    assert [(path.name, why) for path, why in found.waiting] == [("hris_2026-01.csv.part", "still being written")]


def test_a_folder_that_is_no_source_is_reported(box):
    box.drop("HRIS", "hris_2026-01.csv", HEAD + row())
    [(path, why)] = land.scan(box.root / "inbox").waiting
    assert path.name == "hris_2026-01.csv" and "not in a source's folder" in why


def test_xlsx_keeps_ids_as_text_and_reads_real_dates(box):
    frame = pl.DataFrame(
        {
            "Employee ID": ["007", "008"],
            "Hire Date": [pl.Series([18_000]).cast(pl.Date)[0], None],
            "Termination Date": pl.Series([None, None], dtype=pl.String),
            "Department": ["Sales", "Sales"],
            "Team ID": ["T1", "T1"],
        }
    )
    path = box.root / "inbox" / "hris" / "hris_2026-01.xlsx"
    path.parent.mkdir(parents=True)
    frame.write_excel(path)
    [result] = box.load()
    assert (result.n_records, result.n_loaded, result.n_faulty) == (2, 1, 1)
    loaded = box.ask("select person_id, hired_date::varchar as hired from raw.raw_hris__workers").row(0)
    assert loaded == (Pseudonyms(KEY).hash("007"), "2019-04-14")


def workbook(cells: str, after: str = "", pad: int = 0) -> bytes:
    """The smallest workbook that Excel would open, with these <c> cells in rows."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    pack = "http://schemas.openxmlformats.org/package/2006"
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{pack}/content-types">'
        '<Default Extension="rels" ContentType="application/'
        'vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{office}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" '
        f'ContentType="{office}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{pack}/relationships"><Relationship Id="r1" Type="{rel}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet name="S" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{pack}/relationships"><Relationship Id="r1" '
        f'Type="{rel}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData>{after}</worksheet>'
        + " " * pad,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def text_row(number: int, values: list[str]) -> str:
    cells = "".join(f'<c t="inlineStr"><is><t>{value}</t></is></c>' for value in values)
    return f'<row r="{number}">{cells}</row>'


XLSX_HEAD = ["Employee ID", "Hire Date", "Termination Date", "Department", "Team ID"]
XLSX_PERSON = ["E1", "03/01/2020", "", "Sales", "T1"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK\x03\x04 not really", "not a whole XLSX"),
        (workbook(text_row(1, XLSX_HEAD), pad=210_000_000), "unpacks to more than"),
        (workbook('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "columns"),
        (workbook(text_row(1, XLSX_HEAD) + '<row r="1048576"><c r="KN1048576"><v>1</v></c></row>'), "spans"),
        (workbook('<row r="1"><c r="ANNSECRET9"><v>1</v></c></row>'), "impossible address"),
        (
            workbook(
                text_row(1, XLSX_HEAD) + text_row(2, XLSX_PERSON), '<mergeCells><mergeCell ref="D2:D4"/></mergeCells>'
            ),
            "merged",
        ),
    ],
)
def test_a_workbook_that_would_hurt_or_mislead_is_refused_before_it_is_opened(box, data, says):
    box.drop("hris", "hris_2026-01.xlsx", data)
    [result] = box.load()
    assert result.status == "refused"
    assert says in result.reason


def test_error_cells_and_uncalculated_formulas_are_no_empty_values(box):
    def with_last_cell(number: int, cell: str) -> str:
        start, _, _ = text_row(number, XLSX_PERSON).rpartition("<c")
        return f"{start}{cell}</row>"

    rows = [
        text_row(1, XLSX_HEAD),
        text_row(2, XLSX_PERSON),
        with_last_cell(3, '<c t="e"><v>#VALUE!</v></c>'),
        with_last_cell(4, "<c><f>A1+1</f></c>"),
        with_last_cell(5, "<c><f>A1+1</f><v/></c>"),
        with_last_cell(6, "<c><f>A1+1</f><v></v></c>"),
        with_last_cell(7, '<c t="str"><f>A1</f><v></v></c>').replace("E1", "E7"),  # a formula that gave an empty text
        text_row(8, XLSX_PERSON).replace("E1", "E8").replace("</row>", '<c t="e"><v>#N/A</v></c></row>'),  # not read
    ]
    box.drop("hris", "hris_2026-01.xlsx", workbook("".join(rows)))
    [result] = box.load()
    assert (result.n_records, result.n_loaded, result.n_faulty) == (7, 3, 4)
    assert box.quarantine().select("line", "rule").rows() == [(line, "error_cell") for line in (3, 4, 5, 6)]


IMPORT_IDS = (
    *("startDate", "status", "finished", "recordedDate", "_recordId", "recipientEmail", "externalDataReference"),
    *("QID1_1", "QID1_2", "QID1_3", "QID1_4", "QID1_5", "QID2_1", "QID2_2", "QID2_3"),
)
QUALTRICS = (
    "StartDate,Status,Finished,RecordedDate,ResponseId,RecipientEmail,ExternalReference,"
    + ",".join(f"Q{i}" for i in range(8))
    + "\nlabels,,,,,,,,,,,,,,\n"
    + ",".join('"{""ImportId"":""' + key + '""}"' for key in IMPORT_IDS)
    + "\n"
)


def response(identity, answers, status="IP Address", finished="True"):
    return f"2026-02-01 10:00:00,{status},{finished},2026-02-01 10:05:00,{identity},a@example.invalid,E1,{answers}\n"


def test_survey_records_are_answers_set_aside_or_out_of_range(box):
    box.drop(
        "survey",
        "pulse_2026-02-01.csv",
        QUALTRICS
        + response("R1", "1,2,3,4,5,,Don't know,5")
        + response("R2", "1,2,3,4,5,1,1,1", status="Survey Preview")
        + response("R3", "1,2,3,4,5,1,1,1", finished="False")
        + response("R4", "1,2,3,4,55,1,1,1"),
    )
    [result] = box.load("survey")
    assert (result.n_records, result.n_loaded, result.n_faulty, result.n_set_aside) == (4, 2, 0, 2)
    answers = box.ask("select item, answer, is_reversed from raw.raw_survey__answers where line = 4 order by item")
    assert answers.rows() == [
        ("autonomy_3", 5.0, False),
        ("engagement_1", 1.0, False),
        ("engagement_2", 2.0, False),
        ("engagement_3", 3.0, False),
        ("engagement_4", 4.0, False),
        ("engagement_5", 5.0, True),
    ]
    # 55 is no answer to its item; the other seven of the response count.
    assert box.ask("select count(*) from raw.raw_survey__answers where line = 7").item() == 7
    found = box.ask("select line, issue, resolution, subject_id is not null as is_named from raw.data_issues")
    assert found.rows() == [(7, "answer outside its scale", "it is no answer to QID1_5", True)]


def test_a_file_whose_answers_are_of_another_scale_is_refused(box):
    answers = [response(f"R{index}", "1,2,3,4,7,1,1,1") for index in range(3)]
    box.drop("survey", "pulse_2026-02-01.csv", QUALTRICS + "".join(answers) + response("R9", "1,2,3,4,5,1,1,1"))
    [result] = box.load("survey")
    assert result.status == "refused"
    assert result.reason.startswith("3 of 4 answers in 'QID1_5' are none of the item's scale")


def test_a_question_seen_and_not_answered_is_no_answer(box):
    """Qualtrics exports −99 for it; of one response it is one item, however many other items it has."""
    box.drop(
        "survey",
        "pulse_2026-02-01.csv",
        QUALTRICS + response("R1", "4,4,-99,4,2,1,1,1") + response("R2", "5,5,5,5,1,1,1,1"),
    )
    [result] = box.load("survey")
    assert (result.n_loaded, result.n_faulty) == (2, 0)
    assert box.ask("select count(*) from raw.raw_survey__answers where item = 'engagement_3'").item() == 1


def test_json_lines_of_any_kind_are_loaded_or_quarantined(box):
    box.drop(
        "checkins",
        "log.jsonl",
        '{"event":"goal","id":"G1","employee_id":"0042","due":"2026-01-31","status":"met","set_by":"team"}\n'
        "not json\n"
        "[1, 2]\n"
        '{"event":"goal","id":"G2","employee_id":42,"due":"2026-13-01","status":"met"}\n'
        '{"event":"goal","id":"G3","employee_id":null,"due":"2026-01-31","status":"met"}\n'
        '{"event":"goal","id":{"a":NaN},"employee_id":"7","due":"2026-01-31","status":"met"}\n'
        '{"event":"goal","id":"G5","employee_id":"7","employee_id":"8","due":"2026-01-31","status":"met"}\n'
        '{"event":"goal","id":"G6","employee_id":"\\ud800","due":"2026-01-31","status":"met"}\n'
        "\n",
    )
    [result] = box.load("checkins")
    assert (result.n_records, result.n_loaded, result.n_faulty) == (8, 1, 7)
    rules = ["bad_json", "bad_json", "bad_date", "required", "bad_json", "bad_json", "bad_text"]
    assert box.quarantine()["rule"].to_list() == rules


def test_times_that_do_not_exist_or_exist_twice_are_quarantined(tmp_path):
    mapping = next(m for m in load_mappings(tmp_path) if m.name == "survey_qualtrics").model_dump(by_alias=True)
    box = Box(tmp_path, [Mapping.model_validate(mapping | {"time_zone": "Europe/Berlin"})])
    lines = [
        response(f"R{hour}", "1,2,3,4,5,1,1,1").replace("2026-02-01 10:05:00", hour)
        for hour in ("2026-03-29 02:30:00", "2026-10-25 02:30:00", "2026-07-01 12:00:00")
    ]
    box.drop("survey", "pulse_2026-03-01.csv", QUALTRICS + "".join(lines))
    [result] = box.load("survey")
    assert (result.n_loaded, result.n_faulty) == (1, 2)
    assert (
        box.ask("select recorded_at::varchar as at from raw.raw_survey__responses")["at"].item()
        == "2026-07-01 10:00:00"
    )


def test_records_of_one_key_that_differ_are_all_set_apart_and_equal_ones_keep_the_first(box):
    box.drop(
        "roster",
        "r.csv",
        "Team ID,Wave,Arm,Kick-off\nT1,A,Pilot,2026-01-01\nT1,,Control,\nT2,,Control,\nT2,,Control,\n",
    )
    [result] = box.load("roster")
    assert (result.n_loaded, result.n_faulty, result.n_set_aside) == (1, 2, 1)
    assert box.quarantine().select("line", "rule", "kind").rows() == [
        (2, "conflicting_key", "faulty"),
        (3, "conflicting_key", "faulty"),
        (5, "duplicate_key", "set_aside"),  # a list of people names their unit again
    ]


def test_answers_go_where_their_response_went(box):
    box.drop(
        "survey",
        "pulse_2026-02-01.csv",
        QUALTRICS + response("R1", "1,1,1,1,1,1,1,1") + response("R1", "1,1,1,1,1,1,1,1"),
    )
    box.load("survey")
    lines = box.ask("select distinct line from raw.raw_survey__answers")["line"].to_list()
    assert lines == [4]


def test_two_stray_quotes_do_not_swallow_the_records_between_them(box):
    lines = [row("E1", first='"Ann'), row("E2"), row("E3", first='Bob"'), row("E4")]
    box.drop("hris", "hris_2026-01.csv", HEAD + "".join(lines))
    [result] = box.load()
    assert result.status == "refused" or result.n_faulty >= 1
    assert result.n_loaded <= 1


def test_invisible_marks_and_composition_do_not_make_two_people(box):
    box.drop(
        "hris", "hris_2026-01.csv", HEAD + row("Zoe\u0308") + row("\u200bZo\u00eb ", hired="03/02/2020") + row("\ufeff")
    )
    box.load()
    assert box.ask("select count(distinct person_id)::int as n from raw.raw_hris__workers")["n"].item() == 1
    assert box.quarantine()["rule"].to_list() == ["required"]


def test_a_header_that_is_missing_is_not_answered_with_peoples_data(box):
    box.drop("hris", "hris_2026-01.csv", row("E0000001") + row("E0000002"))
    [result] = box.load()
    assert "is the header row there" in result.reason
    assert "Synthetic" not in result.reason and "E0000001" not in result.reason


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolon"), ("\t", "tab"), ("|", "pipe")])
def test_another_delimiter_is_named(box, mark, word):
    box.drop("hris", "hris_2026-01.csv", (HEAD + row("E0000001")).replace(",", mark))
    [result] = box.load()
    assert f"separated by {word} here" in result.reason and f"delimiter: {word}" in result.reason
    assert "E0000001" not in result.reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,5", 1234.5),
        ("1234,5", 1234.5),
        ("-1.234.567", -1234567.0),
        ("1.5", None),
        ("1234.56", None),
        ("1e3", None),
    ],
)
def test_a_decimal_comma_is_never_misread_by_powers_of_ten(text, value):
    from ingest.cast import to_number

    assert to_number(pl.Series([text]), decimal=",", thousands=".").to_list() == [value]


def test_times_with_an_offset_keep_their_instant(tmp_path):
    mapping = next(m for m in load_mappings(tmp_path) if m.name == "survey_qualtrics").model_dump(by_alias=True)
    mapping["columns"]["recorded_at"]["formats"] = ["%Y-%m-%dT%H:%M:%S%z"]
    box = Box(tmp_path, [Mapping.model_validate(mapping | {"time_zone": "Europe/Berlin"})])
    line = response("R1", "1,2,3,4,5,1,1,1").replace("2026-02-01 10:05:00", "2026-01-01T12:00:00+02:00")
    box.drop("survey", "pulse_2026-01-01.csv", QUALTRICS + line)
    box.load("survey")
    assert (
        box.ask("select recorded_at::varchar as at from raw.raw_survey__responses")["at"].item()
        == "2026-01-01 10:00:00"
    )

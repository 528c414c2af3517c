"""Files that others wrote, through mappings alone, with their known quirks counted by hand beside."""

import csv
from datetime import date

from box import Box, issues, loaded

from ingest.mapping.documents import mapping_from
from ingest.mapping.registry import load_mapping

OLA = "real_input/ola/sources/ola.yml"
HR = "real_input/hr_dataset/sources/hr_dataset.yml"


def test_hr_dataset(reference, tmp_path, request):
    file = reference("hris/HRDataset_v14.csv")
    box = Box(tmp_path, [load_mapping(request.config.rootpath / "tests" / HR)])
    box.drop("hris", file.name, file.read_bytes())
    [result] = box.load()
    assert (result.n_records, result.n_loaded, result.n_faulty) == (311, 311, 0)
    rows = list(csv.DictReader(file.open(encoding="utf-8-sig")))
    trimmed = {row["Department"].strip() for row in rows}
    assert set(box.ask("select distinct department as d from raw.raw_hris__workers")["d"]) == trimmed
    assert box.ask("select max(birth_year) as y from raw.raw_hris__workers")["y"].item() < 2002


def test_ola_snapshots(reference, tmp_path, request):
    file = reference("hris/ola_monthly_snapshots.csv")
    box = Box(tmp_path, [load_mapping(request.config.rootpath / "tests" / OLA)])
    box.drop("hris", file.name, file.read_bytes())
    [result] = box.load()
    assert (result.n_records, result.n_loaded) == (19_104, 19_104)
    found = box.ask(
        "select count(distinct person_id)::int as people, count(distinct snapshot_date)::int as months, "
        "count(*) filter (output_value < 0)::int as negative from raw.raw_hris__workers"
    ).row(0)
    by_hand = sum(float(row["Total Business Value"]) < 0 for row in csv.DictReader(file.open(encoding="utf-8")))
    assert found == (2_381, 24, by_hand)


def test_workday_history_tables_load_through_the_built_in_mappings(reference, tmp_path):
    box = Box(tmp_path)
    for table in (
        "worker_history",
        "worker_position_history",
        "worker_position_organization_history",
        "organization",
    ):
        file = reference(f"hris/workday/workday_{table}_data.csv")
        box.drop("hris", file.name, file.read_bytes())
    results = {result.landed.file_name: result for result in box.load()}
    assert {result.status for result in results.values()} == {"loaded"}
    assert {r.opened.mapping.name: (r.n_records, r.n_loaded, r.n_faulty) for r in results.values()} == {
        "hris_workday_history": (7, 7, 0),
        "hris_workday_positions": (7, 7, 0),
        "hris_workday_memberships": (7, 7, 0),
        "hris_workday_organisations": (5, 5, 0),
    }
    open_ends = "select count(*) filter (valid_to_date is null)::int as n from raw.raw_hris__workers"
    assert box.ask(open_ends)["n"].item() == 6  # 9999-12-31 23:59:59; one version ended in March 2025
    last = box.ask("select max(valid_to_date) as d, max(left_date) as l from raw.raw_hris__workers").row(0)
    assert last[0] == date(2025, 3, 31) and last[1] < date(2026, 1, 1)


def test_workdays_negative_salary_and_end_before_start_are_found(reference, tmp_path):
    """A pay column may be mapped in bands with a range: what cannot be is dropped and noted; its record counts."""
    file = reference("hris/workday/workday_worker_history_data.csv")
    pay = {
        "from": "annual_summary_total_salary_and_allowances",
        "kind": "number",
        "range": [0, 10_000_000],
        "bands": [30_000, 60_000],
    }
    document = {"extends": "hris_workday_history", "name": "ours", "attributes": {"pay": pay}, "dropped": None}
    result, box = loaded(tmp_path, document | {"source": "hris"}, file.name, file.read_bytes())
    assert (result.n_loaded, result.n_faulty) == (7, 0)
    assert box.ask("select issue from raw.data_issues where issue like 'attribute%'").height == 1
    positions = reference("hris/workday/workday_worker_position_history_data.csv")
    backwards = sum(
        bool(row["end_date"]) and row["end_date"] < row["effective_date"]
        for row in csv.DictReader(positions.open(encoding="utf-8"))
    )
    columns = {
        "person_id": {"from": "worker_id"},
        "hired_date": {"from": "start_date"},
        "valid_from_date": {"from": "effective_date"},
        "valid_to_date": {"from": "end_date"},
    }
    document = {
        "name": "own",
        "source": "hris",
        "files": ["*"],
        "rows": "history",
        "columns": columns,
        "snapshot": {"fixed": "2025-04-01"},
        "final_newline": "optional",
    }
    _, box = loaded(tmp_path / "positions", document, positions.name, positions.read_bytes())
    assert issues(box)["valid_to before valid_from"] == backwards > 0


def test_bamboohr_directory(reference, tmp_path):
    file = reference("hris/bamboohr/directory.json")
    box = Box(tmp_path)
    box.drop("hris", "directory_2026-03.json", file.read_bytes())
    [result] = box.load()
    assert (result.status, result.n_records, result.n_loaded) == ("loaded", 1, 1)
    found = box.ask("select department, site, team, hired_date, name_key is null as x from raw.raw_hris__workers").row(
        0
    )
    assert found == ("Team", "Somewhere", "Company-Team", None, False)
    assert "John" not in box.ask("select * from raw.raw_hris__workers").write_csv()


SURVEYS = {
    "survey/qualtrics_3header_german.csv": {
        "name": "german",
        "extends": "survey_qualtrics",
        "snapshot": {"fixed": "2017-07-01"},
        "columns": {"person_id": {"optional": True}},
    },
    "survey/qualtrics_legacy_v1.csv": {
        "name": "legacy",
        "extends": "survey_qualtrics_legacy",
        "files": ["qualtrics_legacy_*.csv"],
        "snapshot": {"fixed": "2017-07-01"},
        "columns": {"person_id": None},
    },
}


def test_both_qualtrics_exports_give_the_same_response(reference, tmp_path):
    found = []
    for name, document in SURVEYS.items():
        file = reference(name)
        gone = dict.fromkeys([f"engagement_{n}" for n in range(1, 6)] + [f"autonomy_{n}" for n in range(1, 4)])
        item = {"from": "QID1" if "german" in name else "Q1", "scale": "engagement", "range": [1, 5]}
        mapping = mapping_from(document | {"items": gone | {"question_1": item}})
        box = Box(tmp_path / mapping.name, [mapping])
        box.drop("survey", file.name, file.read_bytes())
        [result] = box.load("survey")
        assert (result.status, result.n_records, result.n_loaded) == ("loaded", 1, 1)
        responses = box.ask("select response_id, recorded_at from raw.raw_survey__responses").rows()
        found.append((responses, box.ask("select item, answer from raw.raw_survey__answers").rows()))
    assert found[0] == found[1]
    assert found[0][1] == [("question_1", 2.0)]

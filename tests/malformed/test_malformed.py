"""Over 300 damaged files: each is refused or quarantined, none is silently wrong; plain readers take many of them."""

import csv
import functools
import io
import json
import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import duckdb
import polars as pl
import pytest
from corpus import COLUMNS, N_PEOPLE, Case, as_csv, as_json, as_jsonl, as_xlsx, corpus, people, truncations

from ingest import land, load
from ingest.mapping.documents import mapping_from
from ingest.pseudonyms import Pseudonyms
from ingest.warehouse import prepare, warehouse

MAPPING = {
    "name": "people",
    "source": "hris",
    "files": ["*"],
    "snapshot": {"fixed": "2026-03-31"},
    "columns": {
        "person_id": {"from": "id"},
        "name_key": {"from": "name"},
        "hired_date": {"from": "hired"},
        "left_date": {"from": "left"},
        "team": {"from": "team"},
        "output_value": {"from": "output"},
    },
}
CASES = list(corpus())
OPEN = ExitStack()  # until the process ends


@functools.cache
def emptied_warehouse():
    """One warehouse in memory for hundreds of files: each leaves its tables empty."""
    opened = OPEN.enter_context(warehouse(Path(":memory:")))
    prepare(opened)
    return opened


def empty(connection) -> None:
    tables = "select table_name from information_schema.tables where table_schema = 'raw' and table_type = 'BASE TABLE'"
    for (table,) in connection.execute(tables).fetchall():
        connection.execute(f"delete from raw.{table}")


def outcome(case: Case, root: Path):
    """What became of the file, and the people it left in raw."""
    extra = {"records": "people"} if case.ending == "json" else {}
    mapping = mapping_from(MAPPING | extra | {"encoding": case.encoding})
    root.mkdir(parents=True)
    path = root / f"people.{case.ending}"
    path.write_bytes(case.data)
    arrival = land.Arrival("hris", path, land.sha256(path))
    land.land(land.Inbox({arrival.load_id: arrival}, ()), root / "landing")
    connection = emptied_warehouse()
    [result] = load.load_source(
        connection,
        "hris",
        land.landed_files(root / "landing"),
        root / "landing",
        mappings=[mapping],
        pseudonyms=Pseudonyms(b"k" * 40),
    )
    rows = connection.execute(
        "select person_id, hired_date, left_date, team, output_value from raw.raw_hris__workers order by all"
    ).fetchall()
    empty(connection)
    shutil.rmtree(root)
    return result, rows


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The rows that the whole file gives."""
    _, rows = outcome(Case("whole", "", "csv", as_csv(people()).encode()), tmp_path_factory.mktemp("t") / "whole")
    assert len(rows) == N_PEOPLE
    return set(rows)


def judge(result, rows, truth) -> str:
    """`refused`, `quarantined`, `harmless` (all that was sent arrived, and nothing else) or `deceived`."""
    assert result.n_records == result.n_loaded + result.n_faulty + result.n_set_aside
    assert len(result.reason) <= 2_000 and "Synthetic" not in result.reason
    if result.status == "refused":
        return "refused"
    if not set(rows) <= truth:
        return "deceived"
    if result.n_faulty + result.n_set_aside:
        return "quarantined"
    return "harmless" if set(rows) == truth else "deceived"


def test_the_corpus_is_large_and_covers_every_format():
    assert len(CASES) >= 300
    assert {case.ending for case in CASES} == {"csv", "jsonl", "json", "xlsx"}
    assert len({(case.name, case.ending) for case in CASES}) == len(CASES)


# Damage to a part that no reader needs: all that was sent arrived, value by value.
HARMLESS = ["xlsx: broken workbook: without [Content_Types].xml"]


def test_every_damaged_file_is_refused_or_quarantined_and_none_is_silently_wrong(truth, tmp_path, capsys):
    verdicts = {case: judge(*outcome(case, tmp_path / str(i)), truth) for i, case in enumerate(CASES)}
    counts = Counter(verdicts.values())
    naive = Counter(plain(case) for case in CASES)
    with capsys.disabled():
        print(f"\n{len(CASES)} damaged files: ours {dict(counts)}; polars and DuckDB as they come {dict(naive)}")
    deceived = [
        f"{case.ending}: {case.damage}: {case.name}" for case, verdict in verdicts.items() if verdict == "deceived"
    ]
    harmless = [
        f"{case.ending}: {case.damage}: {case.name}" for case, verdict in verdicts.items() if verdict == "harmless"
    ]
    assert deceived == []
    assert harmless == HARMLESS
    assert naive["silently taken"] >= 150


def plain(case: Case) -> str:
    """The same file through the readers' defaults: an error is honest, a table that is not the whole one is not."""
    try:
        frame = _plain_frame(case)
    except Exception:  # any error is a refusal, whatever its class
        return "refused"
    return "silently taken" if frame is not None else "refused"


def _plain_frame(case: Case) -> pl.DataFrame | None:
    if case.ending == "xlsx":
        return pl.read_excel(io.BytesIO(case.data), engine="calamine")
    if case.ending == "jsonl":
        return pl.read_ndjson(io.BytesIO(case.data))
    if case.ending == "json":
        return pl.DataFrame(json.loads(case.data)["people"])
    with duckdb.connect() as connection:
        path = Path("/tmp") / f"plain-{id(case)}.csv"
        path.write_bytes(case.data)
        try:
            return connection.sql(f"from read_csv('{path}')").pl()
        finally:
            path.unlink()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "xlsx"])
def test_a_file_cut_at_any_byte_is_never_taken_for_whole(truth, tmp_path, ending):
    """A cut exactly at a line's end is a shorter file: its whole records load, and no value is invented."""
    data = {
        "csv": as_csv(people()).encode(),
        "jsonl": as_jsonl(people()).encode(),
        "json": as_json(people()).encode(),
        "xlsx": as_xlsx(people()),
    }[ending]
    step = {"csv": 3, "jsonl": 7, "json": 7, "xlsx": 101}[ending]
    at_line_end = 0
    for case in truncations(ending, data, step):
        result, rows = outcome(case, tmp_path / case.name.replace(" ", "_"))
        assert set(rows) <= truth
        if result.status != "refused":
            assert case.data.endswith(b"\n") and ending in ("csv", "jsonl")
            at_line_end += 1
    assert at_line_end <= N_PEOPLE


def test_the_negative_control_reads_the_whole_file(tmp_path):
    """The plain readers do read a good file, so what they take of the corpus is the corpus's doing."""
    good = Case("whole", "", "csv", as_csv(people()).encode())
    assert plain(good) == "silently taken"
    assert len(list(csv.DictReader(io.StringIO(as_csv(people()))))) == N_PEOPLE
    assert set(people()[0]) == set(COLUMNS)

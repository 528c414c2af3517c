"""Each format without a person: own records go, mentions go, everything else stays as it was sent."""

import json
import shutil
from datetime import date

import polars as pl
import pytest

import durable
from ingest import land
from ingest.erase import files, traces
from ingest.erase.files import cleanse, find_traces, learn_words
from ingest.erase.people import CannotErase, Erased
from ingest.mapping.registry import load_mapping
from ingest.pseudonyms import Pseudonyms

KEY = Pseudonyms(b"k" * 40)
DELIMITED = """
name: report
source: hris
files: ["hris*"]
{more}
snapshot: {{filename: 'hris_(?P<year>\\d{{4}})-(?P<month>\\d{{2}})'}}
columns:
  person_id: {{from: ID}}
  name_key: {{from: Name}}
  email_key: {{from: Mail}}
  manager_id: {{from: Boss}}
  team: {{from: Team}}
"""
ROWS = [
    ("E0001", "Canary, Ann", "ann@x.example", "E0002", "T1"),
    ("E0002", "Other, Bo", "bo@x.example", "E0001", "T1"),
    ("E0003", "Third, Cy", "cy@x.example", "E0001", "T2"),
]
HEAD = ("ID", "Name", "Mail", "Boss", "Team")
"""The person: E0001, who leads two others."""


@pytest.fixture
def box(tmp_path):
    (tmp_path / "sources").mkdir()
    for part in ("inbox/hris", "landing", "memory"):
        (tmp_path / part).mkdir(parents=True)

    def make(more: str, name: str, content: bytes):
        path = tmp_path / "sources" / "report.yml"
        path.write_text(DELIMITED.format(more=more))
        (tmp_path / "inbox" / "hris" / name).write_bytes(content)
        land.land(land.scan(tmp_path / "inbox"), tmp_path / "landing", known_date=date(2026, 2, 1))
        return [load_mapping(path)]

    return tmp_path, make


def erased_from(root, mappings, *, ids=("E0001",)):
    gone = Erased(KEY)
    gone.add(KEY.hash(one) for one in ids)
    words = learn_words(root / "inbox", root / "landing", mappings, gone)
    done = cleanse(root / "inbox", root / "landing", mappings, gone, frozenset({*ids, *words}))
    return gone, done


def csv_of(mark=",", end="\n", quote="{}"):
    return "".join(mark.join(quote.format(cell) for cell in row) + end for row in (HEAD, *ROWS))


@pytest.mark.parametrize(
    ("more", "mark", "end", "encoding"),
    [
        ("", ";", "\n", "utf-8"),
        ("", ";", "\r\n", "utf-8-sig"),
        ("encoding: cp1252", "\t", "\n", "cp1252"),
        ("encoding: utf-16", "|", "\n", "utf-16"),
    ],
)
def test_text_in_any_dialect(box, more, mark, end, encoding):
    root, make = box
    delimiter = {"\t": "tab"}.get(mark, mark)
    mappings = make(f'delimiter: "{delimiter}"\n{more}', "hris_2026-01.csv", csv_of(mark, end).encode(encoding))
    gone, done = erased_from(root, mappings)
    after = (root / "inbox" / "hris" / "hris_2026-01.csv").read_bytes()
    expected = csv_of(mark, end).splitlines(keepends=True)
    expected = [expected[0], *(line.replace("E0001", "") for line in expected[2:])]
    assert after == "".join(expected).encode(encoding)
    [landed] = land.landed_files(root / "landing")
    assert land.content_path(root / "landing", landed).read_bytes() == after
    assert landed.load_id in land.scan(root / "inbox").files
    assert {one.n_records for one in done} == {1}
    assert KEY.hash("ann@x.example", form="email") and len(gone.tombstones) >= 3  # id, name and address


def test_a_record_over_several_lines_goes_whole(box):
    root, make = box
    text = csv_of(",", quote='"{}"').replace('"T1"', '"T\n1"', 1)
    mappings = make("line_breaks: kept", "hris_2026-01.csv", text.encode())
    erased_from(root, mappings)
    after = (root / "inbox" / "hris" / "hris_2026-01.csv").read_text()
    assert "Canary" not in after and "E0001" not in after
    assert len(after.splitlines()) == 3


def test_a_refused_record_goes_too(box):
    root, make = box
    text = csv_of(",", quote='"{}"') + '"E0001","Canary, Ann","ann@x.example","E0002","T1","one field too many"\n'
    mappings = make("", "hris_2026-01.csv", text.encode())
    erased_from(root, mappings)
    assert b"ann@x" not in (root / "inbox" / "hris" / "hris_2026-01.csv").read_bytes()


def test_json_lines_and_documents(box):
    root, make = box
    records = [dict(zip(HEAD, row, strict=True)) for row in ROWS]
    lines = "".join(json.dumps(record) + "\n" for record in records)
    mappings = make("format: jsonl", "hris_2026-01.jsonl", lines.encode())
    erased_from(root, mappings)
    kept = [json.loads(line) for line in (root / "inbox/hris/hris_2026-01.jsonl").read_text().splitlines()]
    assert [one["ID"] for one in kept] == ["E0002", "E0003"]
    assert {one["Boss"] for one in kept} == {None}
    document = {"data": {"employees": records}, "page": 1}
    mappings = make("format: json\nrecords: data.employees", "hris_2026-01.json", json.dumps(document).encode())
    (root / "inbox/hris/hris_2026-01.jsonl").unlink()
    erased_from(root, mappings)
    after = json.loads((root / "inbox/hris/hris_2026-01.json").read_text())
    assert after["page"] == 1
    assert [one["ID"] for one in after["data"]["employees"]] == ["E0002", "E0003"]


def test_a_workbook_keeps_its_other_rows(box, tmp_path):
    from ingest.load import open_with

    root, make = box
    path = tmp_path / "made.xlsx"
    pl.DataFrame(ROWS, schema=list(HEAD), orient="row").write_excel(path)
    mappings = make("format: xlsx", "hris_2026-01.xlsx", path.read_bytes())
    erased_from(root, mappings)
    there = root / "inbox" / "hris" / "hris_2026-01.xlsx"
    reading = open_with(there, there.name, "hris", mappings).reading
    rows = [row for batch in reading.batches for row in batch.frame.iter_rows(named=True)]
    assert [row["ID"] for row in rows] == ["E0002", "E0003"]
    assert {row["Boss"] for row in rows} <= {None, ""}
    import zipfile

    with zipfile.ZipFile(there) as archive:
        assert not any(b"Canary" in archive.read(name) or b"E0001" in archive.read(name) for name in archive.namelist())


def test_what_nobody_can_read_but_names_the_person_stops_the_erasure(box):
    root, make = box
    mappings = make("", "hris_2026-01.csv", csv_of(",", quote='"{}"').encode())
    (root / "inbox" / "hris" / "notes.txt").write_text("Spoke with ann@x.example\n")
    with pytest.raises(CannotErase, match=r"notes\.txt"):
        erased_from(root, mappings)


def test_a_crash_between_the_content_and_its_name_is_corrected_by_the_next_search(box, monkeypatch):
    root, make = box
    mappings = make("", "hris_2026-01.csv", csv_of(",", quote='"{}"').encode())
    monkeypatch.setattr(files, "_rename_landed", lambda _: None)
    gone, _ = erased_from(root, mappings)
    [landed] = land.landed_files(root / "landing")
    assert land.sha256(land.content_path(root / "landing", landed)) != landed.content_sha256
    monkeypatch.undo()
    cleanse(root / "inbox", root / "landing", mappings, gone)
    [landed] = land.landed_files(root / "landing")
    assert landed.load_id in land.scan(root / "inbox").files


class Killed(BaseException):
    """The process ends here."""


def state(root):
    """All frozen copies by folder, with their notes."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted((root / "landing").rglob("*"))
        if path.is_file() and not path.name.endswith(".tmp")
    }


def test_an_erasure_killed_before_any_of_its_steps_is_finished_by_the_next(box, monkeypatch):
    root, make = box
    mappings = make("", "hris_2026-01.csv", csv_of(",", quote='"{}"').encode())
    shutil.copytree(root, root.parent / "kept")
    seen = []
    monkeypatch.setattr(durable, "before", seen.append)
    erased_from(root, mappings)
    whole = state(root)
    assert len(whole) == 2 and b"E0001" not in b"".join(whole.values())
    for n in range(1, len(seen) + 1):
        shutil.rmtree(root)
        shutil.copytree(root.parent / "kept", root)
        steps = iter(range(1, len(seen) + 1))

        def die(_name, n=n, steps=steps):
            if next(steps) == n:
                raise Killed

        monkeypatch.setattr(durable, "before", die)
        with pytest.raises(Killed):
            erased_from(root, mappings)
        monkeypatch.setattr(durable, "before", None)
        erased_from(root, mappings)
        assert state(root) == whole, seen[n - 1]
    assert n == len(seen) > 8


def test_who_was_erased_stays_out_when_a_mapping_learns_to_read_a_file(box):
    root, make = box
    mappings = make("", "hris_2026-01.csv", csv_of(",", quote='"{}"').encode())
    gone, _ = erased_from(root, mappings)
    renamed = csv_of(",", quote='"{}"').replace("ID", "Worker", 1)
    (root / "inbox" / "hris" / "hris_2026-02.csv").write_text(renamed)
    cleanse(root / "inbox", root / "landing", mappings, gone)  # nobody can read it
    land.land(land.scan(root / "inbox"), root / "landing")
    corrected = [root / "sources" / "report.yml"]
    corrected[0].write_text(corrected[0].read_text().replace("{from: ID}", "{any_of: [ID, Worker]}"))
    done = cleanse(root / "inbox", root / "landing", [load_mapping(corrected[0])], gone)
    assert done
    assert b"E0001" not in b"".join(state(root).values())


def test_a_file_whose_manifest_is_true_no_more_is_taken_all_the_same(box):
    root, make = box
    mappings = make("", "hris_2026-01.csv", csv_of(",", quote='"{}"').encode())
    gone, _ = erased_from(root, mappings)
    sent = root / "inbox" / "hris" / "hris_2026-02.csv"
    sent.write_bytes(csv_of(",", quote='"{}"').encode())
    note = sent.with_name(sent.name + land.MANIFEST)
    note.write_text(json.dumps({"bytes": sent.stat().st_size, "records": 3}))
    assert cleanse(root / "inbox", root / "landing", mappings, gone)
    found = land.scan(root / "inbox")
    assert (len(found.files), found.waiting) == (2, ())


def test_a_copy_that_a_crash_left_without_a_note_is_not_kept(box):
    root, make = box
    mappings = make("", "hris_2026-01.csv", csv_of(",", quote='"{}"').encode())
    (root / "landing" / "nobody").mkdir()
    (root / "landing" / "nobody" / "content.csv").write_text("E0001,ann@x.example")
    [landed] = land.landed_files(root / "landing")
    (root / "landing" / landed.load_id / ".content.csv.tmp").write_text("E0001")
    erased_from(root, mappings)
    assert {path.name for path in (root / "landing").rglob("*") if path.is_file()} == {"content.csv", "landed.json"}
    assert len(list((root / "landing").iterdir())) == 1


def test_a_frozen_copy_that_somebody_changed_stops_the_erasure(box):
    root, make = box
    mappings = make("", "hris_2026-01.csv", csv_of(",", quote='"{}"').encode())
    [landed] = land.landed_files(root / "landing")
    copy = land.content_path(root / "landing", landed)
    copy.chmod(0o600)
    copy.write_bytes(copy.read_bytes() + b"E0009,x,x,x,x\n")
    with pytest.raises(land.FrozenCopyChanged, match="is not what arrived"):
        erased_from(root, mappings)


def test_tombstones_are_no_pseudonyms_and_need_the_key(tmp_path):
    gone = Erased(KEY)
    assert gone.add([KEY.hash("E0001")])
    assert not gone.add([KEY.hash("E0001")])
    gone.keep(tmp_path)
    assert KEY.hash("E0001") not in (tmp_path / "erased.json").read_text()
    assert (tmp_path / "erased.json").stat().st_mode & 0o777 == 0o600
    again = Erased.of(tmp_path, KEY)
    assert again.covers(KEY.hash("E0001")) and not again.covers(KEY.hash("E0002"))
    assert not Erased.of(tmp_path, Pseudonyms(b"x" * 40)).covers(KEY.hash("E0001"))


def test_an_erasure_goes_on_from_what_was_read_for_the_question(box, monkeypatch):
    root, make = box
    mappings = make("", "hris_2026-01.csv", csv_of(",", quote='"{}"').encode())
    sought = Erased(KEY)
    sought.add([KEY.hash("E0001")])
    learn_words(root / "inbox", root / "landing", mappings, sought)
    find_traces(root / "inbox", root / "landing", mappings, sought)
    gone = Erased(KEY)
    gone.add([KEY.hash("E0001")])
    gone.go_on_from(sought)
    monkeypatch.setattr(traces, "open_with", None)  # no file is read again
    words = learn_words(root / "inbox", root / "landing", mappings, gone)
    assert "ann@x.example" in words
    assert cleanse(root / "inbox", root / "landing", mappings, gone, frozenset({"E0001", *words}))
    assert b"E0001" not in b"".join(state(root).values())


def test_what_another_erasure_sought_is_read_anew(box):
    root, make = box
    mappings = make("", "hris_2026-01.csv", csv_of(",", quote='"{}"').encode())
    sought, gone = Erased(KEY), Erased(KEY)
    sought.add([KEY.hash("E0001")])
    learn_words(root / "inbox", root / "landing", mappings, sought)
    gone.add([KEY.hash("E0003")])  # erased before
    gone.go_on_from(sought)
    assert gone.read == {} and sought.tombstones < gone.tombstones

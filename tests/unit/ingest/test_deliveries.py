"""Files that come in any order, late, twice, corrected or unfinished."""

import hashlib
import json
import os
from datetime import date
from itertools import combinations, permutations

from box import Box

from ingest import land
from ingest.mapping.documents import mapping_from

MAPPING = {
    "name": "own",
    "source": "hris",
    "files": ["*.csv"],
    "snapshot": {"filename": r"(?P<year>\d{4})-(?P<month>\d{2})(_v(?P<version>\d))?\."},
    "columns": {"person_id": {"from": "id"}, "hired_date": {"from": "hired"}, "left_date": {"from": "left"}},
}
HEAD = "id,hired,left\n"
DELIVERIES = {
    "w_2026-01.csv": HEAD + "a,2020-01-01,\nb,2020-01-01,\n",
    "w_2026-02.csv": HEAD + "a,2020-01-01,\nb,2020-01-01,2026-01-20\n",  # a late termination
    "w_2026-01_v2.csv": HEAD + "a,2020-01-01,\nb,2020-01-01,2026-01-20\nbad\n",  # January corrected
    "w_2026-03.csv": HEAD + "a,2020-01-01,2026-02-30\n",  # a day that does not exist
    "w_2026-04.csv": "<html>sign in</html>\n",
}
WHAT_COUNTS = """
    select w.* exclude (load_id), l.file_name, row_number() over (
        partition by l.mapping, l.part, w.snapshot_date, w.person_id order by l.version desc, l.sequence desc
    ) = 1 as counts
    from raw.raw_hris__workers as w inner join raw.load_log as l using (load_id) order by all
"""


def digest(box) -> str:
    tables = (
        WHAT_COUNTS,
        "select * exclude (load_id) from raw.quarantine order by all",
        "select * exclude (load_id) from raw.data_issues order by all",
        "select * exclude (sequence) from raw.load_log order by all",
        "select * from raw.profile_columns order by all",
    )
    return hashlib.sha256("".join(box.ask(sql).write_csv() for sql in tables).encode()).hexdigest()


def test_any_order_of_five_deliveries_ends_in_one_warehouse(tmp_path):
    orders = list(permutations(DELIVERIES))[::5]
    before = {pair for order in orders for pair in combinations(order, 2)}
    assert before == set(permutations(DELIVERIES, 2)), "each comes before and after each other"
    digests = set()
    for number, order in enumerate(orders):
        box = Box(tmp_path / str(number), [mapping_from(MAPPING)])
        for name in order:
            box.drop("hris", name, DELIVERIES[name])
            land.land(land.scan(box.root / "inbox"), box.root / "landing", known_date=date(2026, 5, 1))
        box.load()
        digests.add(digest(box))
    assert len(digests) == 1


def test_a_file_waits_until_it_is_as_its_manifest_says(tmp_path):
    box = Box(tmp_path, [mapping_from(MAPPING)])
    text = DELIVERIES["w_2026-01.csv"]
    path = box.drop("hris", "w_2026-01.csv", text[:20])
    declared = {"bytes": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest(), "records": 2}
    box.drop("hris", "w_2026-01.csv.manifest.json", json.dumps(declared))
    assert box.load() == []
    [(_, why)] = land.scan(tmp_path / "inbox").waiting
    assert why == f"20 bytes of the {len(text)} that its manifest names"
    path.write_text(text)
    assert [result.n_loaded for result in box.load()] == [2]


def test_a_file_cut_at_a_lines_end_is_refused_where_its_manifest_counts_records(tmp_path):
    box = Box(tmp_path, [mapping_from(MAPPING)])
    box.drop("hris", "w_2026-01.csv", DELIVERIES["w_2026-01.csv"])
    box.drop("hris", "w_2026-01.csv.manifest.json", '{"records": 3}')
    [result] = box.load()
    assert (result.status, "2 records where its manifest says 3" in result.reason) == ("refused", True)


def test_a_file_that_still_grows_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(land, "SETTLED", 0.2)
    box = Box(tmp_path, [mapping_from(MAPPING)])
    path = box.drop("hris", "w_2026-01.csv", HEAD)

    def hash_while_it_grows(_):
        with path.open("a") as file:
            file.write("a,2020-01-01,\n")
        return "0" * 64

    monkeypatch.setattr(land, "digest_of", hash_while_it_grows)
    assert [why for _, why in land.scan(tmp_path / "inbox").waiting] == ["still being written"]


def test_a_manifest_that_says_nothing_readable_holds_the_file_back(tmp_path):
    box = Box(tmp_path, [mapping_from(MAPPING)])
    box.drop("hris", "w_2026-01.csv", DELIVERIES["w_2026-01.csv"])
    box.drop("hris", "w_2026-01.csv.manifest.json", "records: 2")
    assert "its manifest is not readable" in land.scan(tmp_path / "inbox").waiting[0][1]


def test_a_second_look_reads_only_what_changed(tmp_path, monkeypatch):
    """By size, inode and both times; what was touched a moment ago is read again."""
    read = []
    digest = land.digest_of
    inbox, seen = tmp_path / "inbox", tmp_path / ".seen.json"

    def noted(file):
        inode = os.fstat(file.fileno()).st_ino
        read.extend(path.name for path in (inbox / "hris").iterdir() if path.stat().st_ino == inode)
        return digest(file)

    monkeypatch.setattr(land, "digest_of", noted)
    monkeypatch.setattr(land, "RACY", 0.0)
    (inbox / "hris").mkdir(parents=True)
    for name in ("a.csv", "b.csv"):
        (inbox / "hris" / name).write_text("id\n1\n")
    first = land.scan(inbox, seen=seen)
    assert land.scan(inbox, seen=seen) == first and read == ["a.csv", "b.csv"]
    before = (inbox / "hris" / "a.csv").stat()
    (inbox / "hris" / "a.csv").write_text("id\n2\n")
    os.utime(inbox / "hris" / "a.csv", ns=(before.st_atime_ns, before.st_mtime_ns))  # the same size and time
    changed = land.scan(inbox, seen=seen)
    assert read == ["a.csv", "b.csv", "a.csv"] and set(changed.files) != set(first.files)
    seen.write_text("{broken")
    monkeypatch.setattr(land, "RACY", 3_600.0)
    for _ in range(2):
        assert set(land.scan(inbox, seen=seen).files) == set(changed.files)
    assert read[3:] == ["a.csv", "b.csv"] * 2

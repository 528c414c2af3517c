"""What a release has beside its page: a workbook, a described database, a data contract, CSV, and a README."""

import html
import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path
from zipfile import ZipFile

import duckdb
import polars as pl
import pytest
import yaml
from markdown_it import MarkdownIt

from publish.catalogue import published_tables
from publish.contract import contract
from publish.page.wording import FILES
from publish.release import manifest_of
from publish.workbook import write_workbook
from tests.unit.publish.test_release import content, order, passing, written  # noqa: F401

FACTS = {"title": "A study", "as of": "2025-01-01", "questions": "someone@example.org"}


@pytest.fixture(scope="module")
def release(content, tmp_path_factory):  # noqa: F811
    return written(content, tmp_path_factory.mktemp("releases"), contact="people-analytics@example.org")


def test_the_readme_names_every_file_and_whom_to_ask(release):
    text = (release / "README.md").read_text(encoding="utf-8")
    there = {f"{path.name}/" if path.is_dir() else path.name for path in release.iterdir()} - {"README.md"}
    assert there == set(FILES)
    assert all(f"| `{name}` |" in text for name in there)
    assert f"Release {release.name}, as of 2025-01-01" in text
    assert "people-analytics@example.org" in text and "fewer than 10 people" in text
    assert "**Answer**: " in text and "**Certainty**: Certainty " in text


def test_no_title_and_no_contact_is_active_in_the_readme(content, tmp_path):  # noqa: F811
    title, contact = "Q1 [click](https://evil.example) <b>`x`</b>", "![](https://evil.example/pixel) a_b@example.org"
    made = written(content, tmp_path, title=title, contact=contact)
    text = (made / "README.md").read_text(encoding="utf-8")
    shown = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    assert not re.search(r"<(a|img|b|code)\b[^>]*evil", shown) and "<img" not in shown and "<a " not in shown
    seen = html.unescape(re.sub(r"<[^>]+>", "", shown))
    assert title in seen and contact in seen


def test_a_text_that_is_too_long_for_a_cell_is_cut_and_says_so(alike, tmp_path, monkeypatch):
    long = alike | {"pub_outcomes": pl.DataFrame({"metric": ["x" * 40_000, "y" * 32_767]})}
    monkeypatch.setattr("publish.workbook.dictionary", lambda _: alike["pub_outcomes"])
    write_workbook(long, FACTS, tmp_path / "book.xlsx")
    found = pl.read_excel(tmp_path / "book.xlsx", sheet_name="pub_outcomes")["metric"].to_list()
    assert [len(text) for text in found] == [32_767, 32_767] and found[0].endswith("x…") and found[1].endswith("y")


def test_the_page_links_what_is_there(release):
    page = (release / "index.html").read_text(encoding="utf-8")
    files = [
        str(path.relative_to(release)) for path in release.rglob("*") if path.suffix not in ("", ".parquet", ".md")
    ]
    assert [name for name in files if name != "index.html" and f'href="{name}"' not in page] == []


def test_every_csv_begins_with_a_byte_order_mark(release):
    paths = [*(release / "csv").glob("*.csv"), release / "dictionary.csv"]
    assert len(paths) == len(published_tables()) + 1
    assert {path.read_bytes()[:3] for path in paths} == {b"\xef\xbb\xbf"}


def test_numbers_are_written_with_the_digits_that_they_support(release):
    """None has more than eight, however it is written; nothing that was computed is that exact."""
    longest = {}
    for path in (release / "csv").glob("*.csv"):
        table = pl.read_csv(path, infer_schema=False)
        kinds = pl.read_parquet(release / "parquet" / f"{path.stem}.parquet").schema
        for name in (name for name, kind in kinds.items() if kind.is_float()):
            for text in table[name].drop_nulls():
                digits = text.lower().split("e")[0].lstrip("-").replace(".", "").lstrip("0").rstrip("0")
                if len(digits) > 8:
                    longest[f"{path.stem}.{name}"] = text
    assert longest == {}


def test_no_column_bears_a_reserved_word():
    reserved = {
        word
        for (word,) in duckdb.sql(
            "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
        ).fetchall()
    }
    names = {
        column
        for table in published_tables().values()
        for column in (*(one.name for one in table.columns), *table.codes)
    }
    assert reserved and names & reserved == set()


def test_the_workbook_has_a_sheet_for_each_table_and_the_answer_first(release, content):  # noqa: F811
    sheets = pl.read_excel(release / "release.xlsx", sheet_id=0, infer_schema_length=None, raise_if_empty=False)
    assert list(sheets) == ["read me first", *published_tables()]
    first = pl.read_excel(release / "release.xlsx", sheet_id=1, has_header=False, infer_schema_length=None)
    words = {row[0]: row[1] for row in first.iter_rows() if row[0]}
    assert words["answer"].split(".")[0] in ("Scale it up", "Not yet", "Stop")
    n_columns = sum(len(table.columns) + len(table.codes) for table in published_tables().values())
    assert sum(1 for row in first.iter_rows() if row[0] in published_tables()) == n_columns
    for name in ("pub_cohorts", "pub_estimates", "pub_money"):
        numbers = [column for column, kind in content[name].schema.items() if kind.is_numeric()]
        there, meant = (frame.select(pl.col(numbers).cast(pl.Float64)) for frame in (sheets[name], content[name]))
        assert there.equals(meant)
    assert sheets["pub_cohorts"]["kickoff_date"].dtype == pl.Date


@pytest.fixture
def alike(content):  # noqa: F811
    """Tables of one column: text that a spreadsheet would run, follow or read as a number."""
    texts = ["=1+1", "@x", "-2", "https://example.org", "7", "{=1}"]
    numbers = [1.5, float("nan"), float("inf"), None, -0.25, 0.0]
    return {name: pl.DataFrame({"metric": texts, "number": numbers}) for name in content}


def test_text_that_begins_like_a_formula_is_text(alike, tmp_path, monkeypatch):
    monkeypatch.setattr("publish.workbook.dictionary", alike.get("pub_outcomes").pipe(lambda table: lambda _: table))
    path = tmp_path / "book.xlsx"
    write_workbook(alike, FACTS, path)
    with ZipFile(path) as archive:
        parts = [archive.read(part) for part in archive.namelist()]
    assert not [part for part in parts if b"<f>" in part or b"hyperlink" in part]
    found = pl.read_excel(path, sheet_name="pub_outcomes", infer_schema_length=None)
    assert found["metric"].to_list() == alike["pub_outcomes"]["metric"].to_list()


def test_the_workbook_has_the_same_bytes_at_another_time(content, tmp_path):  # noqa: F811
    paths = [tmp_path / name for name in ("one.xlsx", "two.xlsx")]
    write_workbook(content, FACTS, paths[0])
    time.sleep(2.1)  # an archive's times are even seconds
    write_workbook(content, FACTS, paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_database_has_views_with_labels_and_units(release, tmp_path):
    moved = tmp_path / "anything.duckdb"  # views must not depend on the file's name
    moved.write_bytes((release / "metrics.duckdb").read_bytes())
    with duckdb.connect(str(moved), read_only=True) as reader:
        views = dict(reader.execute("select view_name, comment from duckdb_views() where not internal").fetchall())
        assert {"estimates", "decisions", "levels"} <= set(views) and all(views.values())
        for view in views:
            [(n, labelled)] = reader.execute(f"select count(*), count(label) from {view}").fetchall()
            [(meant,)] = reader.execute(f"select count(*) from pub_{view}").fetchall()
            assert n == meant == labelled, view
        row = reader.execute("select label, unit from estimates where metric = 'retention' limit 1").fetchone()
    assert row == ("Retention", "share retained")


def test_the_contract_has_every_column_with_its_type_and_meaning(release, content):  # noqa: F811
    made = yaml.safe_load((release / "release.odcs.yaml").read_text(encoding="utf-8"))
    assert (made["apiVersion"], made["kind"], made["status"]) == ("v3.1.0", "DataContract", "active")
    assert {"id", "version"} <= made.keys()
    described = {one["name"]: {each["name"]: each for each in one["properties"]} for one in made["schema"]}
    assert {name: list(columns) for name, columns in described.items()} == {
        name: table.columns for name, table in content.items()
    }
    every = [each for columns in described.values() for each in columns.values()]
    assert all(each["description"] for each in every)
    assert {each["logicalType"] for each in every} == {"string", "number", "integer", "boolean", "date"}
    assert described["pub_outcomes"]["metric"]["primaryKeyPosition"] == 1
    for one in made["schema"]:
        key = [each["name"] for each in one["properties"] if each.get("primaryKey")]
        assert key == ([] if one["name"] == "pub_estimates" else list(published_tables()[one["name"]].grain))
    emptied = {name: table.clear() for name, table in content.items()}
    again = yaml.safe_load(contract(emptied, manifest_of(release), {"title": "t", "not shown": "n", "digits": "d"}))
    assert again["schema"] == made["schema"]  # what is promised does not depend on what is there today


def test_the_page_is_the_same_wherever_it_is_made(content, tmp_path):  # noqa: F811
    pages = []
    for zone in ("UTC", "Asia/Kolkata", "America/New_York"):
        make = (
            "import sys, pathlib, pickle\n"
            "from publish.release import write_release\n"
            "given = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
            "print(write_release(**given, releases=pathlib.Path(sys.argv[2])))\n"
        )
        given = tmp_path / "given"
        given.write_bytes(pickle.dumps({"tables": content, "verdict": passing(content), "order": order()}))
        command = [sys.executable, "-c", make, str(given), str(tmp_path / zone.replace("/", "_"))]
        done = subprocess.run(command, env=os.environ | {"TZ": zone}, capture_output=True, text=True, check=True)
        made = Path(done.stdout.strip())
        pages.append({path.name: path.read_bytes() for path in made.rglob("*") if path.is_file()})
    assert [name for name in pages[0] if len({page[name] for page in pages}) > 1] == []

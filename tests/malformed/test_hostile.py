"""Five hundred strings that mean something to some language: here they mean themselves and come back as sent."""

import csv
import io
import json
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from xlsxwriter import Workbook

from ingest.mapping.documents import mapping_from
from ingest.mapping.draft.document import draft_mapping
from ingest.mapping.preview import check
from ingest.pseudonyms import Pseudonyms
from ingest.quarantine import records as quarantined
from ingest.warehouse import warehouse
from study.strict_yaml import ConfigError
from tests.unit.ingest.box import KEY, Box

PIECES = {
    "sql": [
        "'; drop table raw.load_log; --",
        '"; drop schema raw cascade; --',
        "' or '1'='1",
        "1); delete from raw.quarantine; --",
        "$load",
        "?",
        ":name",
        "/* */ union select * from raw.load_log",
        "'; attach '/tmp/pwned.db'; --",
        "'; copy (select 1) to '/tmp/pwned.csv'; --",
        "'; install httpfs; load httpfs; --",
        "read_csv('/etc/passwd')",
    ],
    "formula": [
        '=HYPERLINK("http://example.invalid","click")',
        "+1+1",
        "-2+3",
        "@SUM(A1:A9)",
        "=cmd|' /C calc'!A0",
        "\t=1+1",
    ],
    "path": [
        "../../etc/passwd",
        "/etc/passwd",
        "..\\..\\windows\\win.ini",
        "~/.ssh/id_rsa",
        "file:///etc/passwd",
        "CON",
        "nul.csv",
    ],
    "yaml": [
        "!!python/object/apply:os.system ['id']",
        "&a [*a,*a]",
        "NO",
        "0123",
        "null",
        "~",
        "{a: b}",
        "- x",
        "key: value",
    ],
    "template": [
        "{{ 7*7 }}",
        "{% import os %}",
        "${7*7}",
        "<%= 7*7 %>",
        "#{7*7}",
        "{0.__class__}",
        "%s%s%n",
        "{{ ref('x') }}",
    ],
    "markup": [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "]]>",
        "<!--",
        "[red]x[/red]",
        "[link=file:///]x[/link]",
    ],
    "marks": [
        "\u202eevil",
        "a\u0301",
        "\U0001f469\u200d\U0001f4bb",
        "ﷺ",
        "\u0085",
        "\u2028",
        "ß",
        "İ",
        "Ǆ",
        "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    ],
    "shell": [
        "$(id)",
        "`id`",
        "; rm -rf /",
        "| cat /etc/passwd",
        "&& id",
        "\\",
        "\\n",
        "%00",
        "x" * 1_500,
    ],
    "json": [
        '{"a":1}',
        "[1,2]",
        '"',
        "'",
        "\\u0000",
        "true",
        "1e999",
    ],
}


def strings() -> list[str]:
    """Every piece alone, twice, with text around, with others; 500 of them that are no two the same."""
    pieces = [piece for kind in PIECES.values() for piece in kind]
    made = [*pieces]
    made += [f"Team {piece}" for piece in pieces] + [f"{piece} 7" for piece in pieces]
    made += [f"{one}{other}" for one, other in zip(pieces, pieces[1:] + pieces[:1], strict=True)]
    made += [f"{one} {other}" for one, other in zip(pieces, pieces[5:] + pieces[:5], strict=True)]
    made += (
        [f"({piece})" for piece in pieces]
        + [f"«{piece}»" for piece in pieces]
        + [f"{piece}{piece}" for piece in pieces]
    )
    return list(dict.fromkeys(text for text in made if text.strip() == text and len(text) <= 2_000))[:500]


HOSTILE = strings()
MAPPING = {
    "name": "people",
    "source": "hris",
    "files": ["*"],
    "snapshot": {"fixed": "2026-03-31"},
    "columns": {
        "person_id": {"from": "id"},
        "name_key": {"from": "name"},
        "hired_date": {"from": "hired"},
        "team": {"from": "team"},
    },
    "attributes": {"word": {"from": "word"}},
}


def rows() -> list[dict[str, str]]:
    return [
        {"id": f"E{n}", "name": text, "hired": "2020-01-01", "team": text, "word": text}
        for n, text in enumerate(HOSTILE)
    ]


def written(ending: str) -> bytes:
    if ending == "csv":
        target = io.StringIO()
        writer = csv.DictWriter(target, rows()[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows())
        return target.getvalue().encode()
    if ending == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows()).encode()
    target = io.BytesIO()
    # The writer would make links and formulas of some; a real export has them as text.
    with Workbook(target, {"strings_to_urls": False, "strings_to_formulas": False}) as book:
        pl.DataFrame(rows()).write_excel(book, worksheet="s")
    return target.getvalue()


def loaded(root: Path, name: str, data: bytes, mapping=MAPPING):
    """What became of it, and what it left: teams, words, names as hashes, quarantined records."""
    box = Box(root, [mapping_from(mapping)])
    box.drop("hris", name, data)
    [result] = box.load()
    teams = box.ask("select team from raw.raw_hris__workers order by line")["team"].to_list()
    words = box.ask("select word from raw.raw_hris__attributes order by line")["word"].to_list()
    names = box.ask("select name_key from raw.raw_hris__workers order by line")["name_key"].to_list()
    with warehouse(root / "warehouse.duckdb") as connection:
        kept = quarantined(connection, "", n=2_000)
    return result, teams, words, names, kept


def test_there_are_five_hundred_of_every_kind():
    assert len(HOSTILE) == 500 and all(
        any(piece in text for text in HOSTILE) for kind in PIECES.values() for piece in kind
    )


@pytest.mark.parametrize("ending", ["csv", "jsonl", "xlsx"])
def test_hostile_values_come_back_as_they_were_sent(ending, tmp_path):
    before = set(Path("/tmp").glob("pwned*"))
    result, teams, words, names, kept = loaded(tmp_path, f"people.{ending}", written(ending))
    assert (result.status, result.n_loaded, kept.height) == ("loaded", 500, 0)
    sent = [unicodedata.normalize("NFC", text).replace("\u200d", "") for text in HOSTILE]
    assert teams == words == sent
    pseudonyms = Pseudonyms(KEY)
    assert names == [pseudonyms.hash(text, form="name") for text in sent]
    assert set(Path("/tmp").glob("pwned*")) == before


def test_hostile_values_that_are_quarantined_change_nothing_either(tmp_path):
    """As dates they fit nowhere: all are quarantined, none is shown where it names a person."""
    columns = {name: one for name, one in MAPPING["columns"].items() if name != "team"}
    mapping = MAPPING | {"columns": columns | {"left_date": {"from": "team"}}, "attributes": {}}
    result, *_, kept = loaded(tmp_path, "people.csv", written("csv"), mapping)
    assert result.n_records == result.n_faulty == 500 and kept.height == 500
    for record, text in zip(kept["record"], HOSTILE, strict=True):
        shown = json.loads(record)
        assert shown["name"] == shown["id"] == "withheld" and shown["team"] == text[:200]


def test_hostile_file_names_name_files_and_nothing_else(tmp_path):
    usable = [t for t in HOSTILE if "/" not in t and "\0" not in t and len(t.encode()) < 200 and t not in (".", "..")]
    box = Box(tmp_path, [mapping_from(MAPPING)])
    for n, text in enumerate(usable[:150]):
        box.drop("hris", f"{text}.csv", f"id,name,hired,team,word\nE{n},x,2020-01-01,t,w\n")
    results = box.load()
    names = set(box.ask("select file_name from raw.load_log")["file_name"])
    taken = {f"{text}.csv" for text in usable[:150] if not text.startswith((".", "~$"))}
    assert names == taken and all(result.n_loaded == 1 for result in results)


def test_hostile_headers_are_words_and_a_draft_of_them_is_a_mapping_or_an_error_in_words(tmp_path):
    target = io.StringIO()
    headers = [text for text in HOSTILE if "\n" not in text][:300]
    writer = csv.writer(target, lineterminator="\n")
    writer.writerows([headers, ["1"] * len(headers)])
    path = tmp_path / "hostile.csv"
    path.write_text(target.getvalue(), encoding="utf-8")
    draft = draft_mapping(path, source="hris")
    (tmp_path / "draft.yml").write_text(draft, encoding="utf-8")
    assert all(line.startswith("#") or ":" in line for line in draft.splitlines())
    report = check(path, [mapping_from(MAPPING)], source="people")
    assert not report.would_load and len(report.refused) < 2_000


@pytest.mark.parametrize("text", [t for t in PIECES["yaml"] + PIECES["template"] + PIECES["sql"] if not t.isalpha()])
def test_hostile_configuration_is_refused_in_words(text):
    """Where a mapping names fields, tables and patterns, only known words pass."""
    for change in (
        {"name": text},
        {"table": text},
        {"source": text},
        {"columns": {text: {"from": "id"}}},
        {"key": [text]},
    ):
        with pytest.raises((ValueError, ConfigError)):
            mapping_from(MAPPING | change)

"""docs/reference/mapping-examples.md is executed: every example, every refusal; no key is without one."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from box import Box
from xlsxwriter import Workbook

from ingest.mapping.columns import AnswerScale, Attribute, Column, Item, Long, SetAside, SnapshotDate
from ingest.mapping.documents import mapping_from
from ingest.mapping.model import Mapping
from study import strict_yaml

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "mapping-examples.md"
SECTIONS = {
    part.split("\n", 1)[0].strip(): part.split("\n", 1)[1]
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
}
IDLE = SECTIONS.pop("What would do nothing is refused")
BASE = {
    "name": "own",
    "source": "hris",
    "files": ["*"],
    "snapshot": {"fixed": "2026-03-31"},
    "columns": {"person_id": {"from": "id"}, "hired_date": {"from": "hired"}},
}


def block(text: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)
    assert found, f"no {language} block"
    return found.group(1)


def read(text: str, folder: Path):
    """A document as the product reads one (a plain `no` is a word, not False)."""
    (folder / "document.yml").write_text(text, encoding="utf-8")
    return strict_yaml.load(folder / "document.yml")


def files(text: str) -> Iterator[tuple[str, bytes]]:
    """(source/name, content) of each file that an example shows."""
    for name, encoding, body in re.findall(r"^`([^`\n]+)`( \w+)?\n\n```text\n(.*?)\n```$", text, flags=re.M | re.S):
        content = body[:-1] if body.endswith("⏎") else body + "\n"
        yield name, content.encode(encoding.strip() or "utf-8")


def plain(frame: pl.DataFrame) -> list:
    return json.loads(json.dumps([list(row) for row in frame.iter_rows()], default=str))


@pytest.mark.parametrize("title", SECTIONS)
def test_an_example_gives_the_answer_that_it_shows(tmp_path, title):
    text = SECTIONS[title]
    document = read(block(text, "yaml"), tmp_path)
    refused = re.search(r"^Refused: (.+)$", text, flags=re.M)
    if refused:
        with pytest.raises(ValueError, match=re.escape(refused.group(1))):
            mapping_from(document)
        return
    box = Box(tmp_path, [mapping_from(document)])
    shown = list(files(text))
    assert shown, "the example shows no file"
    for path, content in shown:
        source, _, name = path.partition("/")
        box.drop(source, name, content)
        box.load(source)
    answer = re.search(r"^Answer: `(.*)`$", text, flags=re.M)
    assert plain(box.ask(block(text, "sql"))) == json.loads(answer.group(1))


def idle() -> list[tuple[str, str]]:
    rows = re.findall(r"^\| (.+?) \| `(.+)` \|$", IDLE, flags=re.M)
    assert len(rows) > 30
    return rows


@pytest.mark.parametrize(("what", "piece"), idle())
def test_a_key_that_would_do_nothing_is_refused(tmp_path, what, piece):
    document = {**BASE, "columns": dict(BASE["columns"])}
    for key, value in read(piece.replace("\\n", "\n"), tmp_path).items():
        if key in Mapping.model_fields:
            document[key] = value
        elif what.startswith("attribute"):
            document.setdefault("attributes", {})[key] = value
        else:
            document["columns"][key] = value
    with pytest.raises(ValueError):
        mapping_from(document)


def used(value) -> set[str]:
    """Every key that a document sets, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(used, value.values()))
    return set().union(*map(used, value)) if isinstance(value, list) else set()


def test_no_key_of_the_language_is_without_an_example(tmp_path):
    """`worksheet` needs a workbook, which is no text: it has a test of its own below."""
    shown = set().union(*(used(read(block(text, "yaml"), tmp_path)) for text in SECTIONS.values()))
    known = {
        field.alias or name
        for model in (
            Mapping,
            SnapshotDate,
            Column,
            Attribute,
            AnswerScale,
            Item,
            SetAside,
            Long,
        )
        for name, field in model.model_fields.items()
    }
    assert known - shown == {"worksheet", "earlier"}


def test_worksheet_names_the_sheet_that_is_read(tmp_path):
    with Workbook(tmp_path / "w.xlsx") as book:
        book.add_worksheet("Notes").write_row(0, 0, ["nothing here"])
        sheet = book.add_worksheet("Staff")
        sheet.write_row(0, 0, ["id", "hired"])
        sheet.write_row(1, 0, ["a", "2020-01-02"])
    document = {**BASE, "format": "xlsx", "worksheet": "Staff"}
    box = Box(tmp_path, [mapping_from(document)])
    box.drop("hris", "w.xlsx", (tmp_path / "w.xlsx").read_bytes())
    [result] = box.load("hris")
    assert (result.status, result.n_loaded) == ("loaded", 1), result
    box = Box(tmp_path / "other", [mapping_from({**document, "worksheet": "Staf"})])
    box.drop("hris", "w.xlsx", (tmp_path / "w.xlsx").read_bytes())
    [result] = box.load("hris")
    assert result.status == "refused" and "Staff" in result.reason


def test_earlier_is_no_key_of_a_document():
    with pytest.raises(ValueError, match="earlier"):
        mapping_from({**BASE, "earlier": []})

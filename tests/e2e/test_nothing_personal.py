"""What a full run leaves behind (logs, ledger, Data Docs, orchestrator's records, warehouse, memory, releases) and says
holds no personal word of its inputs; also when a file is damaged and when the run fails."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from tests.e2e.test_erasure import contents

pytestmark = pytest.mark.slow
TOKENS = re.compile(rb"[\w.@/+-]+")
INPUTS = ("inbox", "landing", "secrets", "truth.json")


def personal_values(inbox: Path) -> set[bytes]:
    """Every id, name, address and day of birth that the inputs hold, as a token of text."""
    found = set()
    for path in (inbox / "hris").glob("*.csv"):
        for row in csv.DictReader(path.open(encoding="utf-8")):
            found |= {row["Employee ID"], row["Work Email"], row["Birth Date"]}
            found |= {row["Last Name"].split()[-1], f"{row['First Name']}.{row['Last Name']}"}
    for path in (inbox / "survey").glob("*.csv"):
        for row in list(csv.reader(path.open(encoding="utf-8")))[3:]:
            found |= {row[6], row[9], row[10]}
    return {word.encode() for word in found if word and len(word) > 5}


def left_behind(root: Path, words: set[bytes]) -> dict[str, set[bytes]]:
    """File → personal words in it, of everything but the inputs."""
    found = {}
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root)
        if path.is_file() and not path.is_symlink() and place.parts[0] not in INPUTS:
            tokens = {token for content in contents(path) for token in TOKENS.findall(content)}
            if here := tokens & words:
                found[str(place)] = here
    return found


def test_the_search_finds_what_is_there(published):
    words = personal_values(published.inbox)
    assert len(words) > 2_000
    raw = next((published.landing).glob("*/content.csv"))
    assert {token for content in contents(raw) for token in TOKENS.findall(content)} & words


def test_a_whole_run_leaves_no_personal_word(published):
    words = personal_values(published.inbox)
    places = {path.relative_to(published.root).parts[0] for path in published.root.rglob("*") if path.is_file()}
    assert {"dagster", "gate", "ledger.jsonl", "closed", "recipes", "releases", "warehouse.duckdb"} <= places
    assert left_behind(published.root, words) == {}


def damage(text: str) -> str:
    """Faults that quote what people wrote: shifted fields, a date in a name, a half quote, a repeated header."""
    lines = text.splitlines()
    for index in range(5, len(lines), 7):
        cells = lines[index].split(",")
        lines[index] = ",".join(cells[1:] + cells[:1]) if index % 2 else lines[index].replace(",", ',"', 1)
    return "\n".join([*lines, lines[0], lines[3]])


def test_a_damaged_file_and_a_broken_run_tell_no_personal_word(copy_of_published, run_pipeline, capfd, monkeypatch):
    words = personal_values(copy_of_published.inbox)
    last = sorted((copy_of_published.inbox / "hris").glob("*.csv"))[-1]
    (copy_of_published.inbox / "hris" / "hris_2025-01.csv").write_text(damage(last.read_text()))
    code, _, _ = run_pipeline(copy_of_published, date(2025, 4, 1))
    assert code == 3
    assert left_behind(copy_of_published.root, words) == {}

    import orchestration.assets.estimates as module

    def broken(*_, **__):
        raise ValueError(last.read_text()[:5_000])

    monkeypatch.setattr(module, "estimate_study", broken)
    (copy_of_published.inbox / "hris" / "hris_2025-01.csv").unlink()
    code, _, _ = run_pipeline(copy_of_published, date(2025, 4, 1))
    assert code == 1
    said = "".join(capfd.readouterr()).encode()
    assert left_behind(copy_of_published.root, words) == {}
    assert set(TOKENS.findall(said)) & words == set()

"""A person is erased: every byte of the workspace is searched for them, also after an old copy came back."""

import hashlib
import shutil
import zipfile
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from ingest.pseudonyms import Pseudonyms
from orchestration.cli.commands import app
from publish import ledger
from publish.release import current_release

pytestmark = pytest.mark.slow
AS_OF = date(2025, 3, 4)


def contents(path: Path):
    """What a file holds, unpacked: the bytes as they lie there, and what Parquet, DuckDB and workbooks compress."""
    yield path.read_bytes()
    if path.suffix == ".parquet":
        yield pl.read_parquet(path).write_json().encode()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute(
                "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
            ).fetchall()
            for schema, table in tables:
                yield connection.sql(f'from "{schema}"."{table}"').pl().write_json().encode()


def hits(root: Path, words: set[str]) -> list[str]:
    """Where any of the words stands, in whatever case."""
    wanted = [word.lower().encode() for word in words]
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            text = [content.lower() for content in contents(path)]
            found += [f"{path.relative_to(root)}: {word.decode()}" for word in wanted if any(word in t for t in text)]
    return found


def run(workspace, *arguments):
    return CliRunner().invoke(app, [*arguments, "-w", str(workspace.root)])


@pytest.fixture(scope="module")
def canary(published):
    """Somebody who is everywhere: employed, a manager, a coach in the roster, trained, in every survey."""
    first = sorted((published.inbox / "roster").glob("programme_roster.csv"))[0].read_text().splitlines()[1]
    who = first.split(",")[4]
    rows = [
        line.split(",")
        for line in next((published.inbox / "hris").glob("*.csv")).read_text().splitlines()
        if line.startswith(who)
    ]
    words = {who, rows[0][3]}
    from orchestration.workspace import Workspace

    pseudonyms = Pseudonyms.from_environment(Workspace(published.root).key_file)
    hashed = {pseudonyms.hash(who), pseudonyms.hash(rows[0][3], form="email")}
    hashed.add(pseudonyms.hash(f"{rows[0][1]} {rows[0][2]}", form="name"))
    return who, words, hashed


def test_an_erased_person_is_nowhere_and_stays_out(copy_of_published, canary, run_pipeline):
    who, words, hashed = canary
    there = copy_of_published
    # The address stands in the name of a file too.
    address = next(word for word in words if "@" in word)
    export = sorted((there.inbox / "hris").glob("*.csv"))[-1]
    shutil.copy(export, export.with_name(f"{export.stem}_for_{address.upper()}.csv"))
    code, last, _ = run_pipeline(there, date(2025, 3, 3))
    assert (code, last["event"]) == (0, "published"), last
    before = hits(there.root, words | hashed)
    places = {place.split("/")[0].split(":")[0] for place in before}
    assert {"inbox", "landing", "recipes", "warehouse.duckdb"} <= places, places
    assert not [place for place in before if place.startswith("releases")]
    old = there.root.parent / "old_landing"
    shutil.copytree(there.landing, old)
    last_export = sorted((there.inbox / "hris").glob("*.csv"))[-1]
    exported_again = last_export.read_text()
    release = current_release(there.releases)
    served = {path: path.read_bytes() for path in release.rglob("*") if path.is_file()}
    digests = {path.parent.name for path in there.landing.glob("*/landed.json")}
    digests |= {hashlib.sha256(path.read_bytes()).hexdigest() for path in there.landing.glob("*/content*")}

    done = run(there, "erase", "--id", who, "--yes")
    assert done.exit_code == 0, done.output
    assert hits(there.root, words | hashed) == []
    assert not [path for path in there.root.rglob("*") if address.lower() in path.name.lower()]
    entry = ledger.read(there.ledger)[-1]
    assert entry["event"] == "erased"
    assert len(entry["files"]) > 20
    # Nobody keeps a digest of what a file was: with all other records known, one could try whose record gives it.
    gone = digests - {path.parent.name for path in there.landing.glob("*/landed.json")}
    assert len(gone) > 40
    kept = {hashlib.sha256(path.read_bytes()).hexdigest() for path in there.landing.glob("*/content*")}
    assert hits(there.root, gone - kept) == []
    done = run(there, "reproduce", release.name)
    assert (done.exit_code, "an erasure changed files" in done.output) == (2, True), done.output
    assert served == {path: path.read_bytes() for path in release.rglob("*") if path.is_file()}

    code, last, _ = run_pipeline(there, AS_OF)
    assert (code, last["event"]) == (0, "published"), last
    assert hits(there.root, words | hashed) == []

    # A backup of landing is put back, and tomorrow's export knows the person again.
    for folder in old.iterdir():
        if not (there.landing / folder.name).exists():
            shutil.copytree(folder, there.landing / folder.name)
    later = there.inbox / "hris" / "hris_2025-01.csv"
    later.write_text(exported_again)
    shutil.copy(export, later.with_name(f"hris_2025-02_for_{address}.csv"))
    assert hits(there.root, words)
    code, last, _ = run_pipeline(there, date(2025, 4, 1))
    assert (code, last["event"]) == (0, "published"), last
    assert hits(there.root, words | hashed) == []
    assert not [path for path in there.root.rglob("*") if address.lower() in path.name.lower()]
    assert "erased_again" in {event["event"] for event in ledger.read(there.ledger)}


def test_everybody_else_stays_byte_by_byte(copy_of_published, canary):
    who, _, _ = canary
    path = sorted((copy_of_published.inbox / "hris").glob("*.csv"))[0]
    before = path.read_bytes().splitlines(keepends=True)
    assert run(copy_of_published, "erase", "--id", who, "--yes").exit_code == 0
    after = path.read_bytes().splitlines(keepends=True)
    own = [line for line in before if line.startswith(who.encode())]
    named = [line for line in before if f",{who},".encode() in line]
    assert len(own) == 1 and named
    assert len(after) == len(before) - 1
    others = [line for line in before if who.encode() not in line]
    assert others == [line for line in after if line in before]
    blanked = [line.replace(f",{who},".encode(), b",,") for line in named if line not in own]
    assert blanked == [line for line in after if line not in before]


def test_whom_nobody_knows_is_refused_and_a_name_alone_is_not_enough(copy_of_published):
    n_told = len(ledger.read(copy_of_published.ledger))
    done = run(copy_of_published, "erase", "--id", "E9999999", "--yes")
    assert done.exit_code == 2
    assert len(ledger.read(copy_of_published.ledger)) == n_told
    assert not (copy_of_published.root / "erased.json").exists()
    assert run(copy_of_published, "erase", "--name", "Somebody").exit_code == 2


def test_nothing_is_taken_out_unless_asked_and_answered(copy_of_published, canary):
    who, words, _ = canary
    before = hits(copy_of_published.root, words)
    assert before
    assert run(copy_of_published, "erase", "--id", who, "--dry-run").exit_code == 0
    assert run(copy_of_published, "erase", "--id", who).exit_code == 1  # nobody answers the question
    assert run(copy_of_published, "erase", "--id", "").exit_code == 2
    assert hits(copy_of_published.root, words) == before

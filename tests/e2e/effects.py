"""What is prepared before a step of a walk, goes on during it, and is seen after it."""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from ingest import land
from orchestration import backup
from orchestration.lock import hold
from orchestration.workspace import PROJECT_ROOT
from publish import ledger
from publish.release import current_release
from publish.restricted import current_coaches
from study.model import load_study
from tests.e2e.steps import Place

PAGE = "<html>Sign in</html>\n"
NO_DAY = "02/30/2021"  # stands in a simulated file


def write(path: str, text: str) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        target = Path(path.format_map(place))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    return act


def change(path: str, old: str, new: str) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        target = Path(path.format_map(place))
        text = target.read_text()
        assert old in text
        target.chmod(0o600)
        target.write_text(text.replace(old, new))

    return act


def sees(check: Callable[[Place, str], bool]) -> Callable[[Place, str], None]:
    def look(place: Place, printed: str) -> None:
        assert check(place, printed), printed

    return look


@contextmanager
def workspace_held(place: Place):
    with hold(place.there.lock, run_id="another"):
        yield


@contextmanager
def warehouse_held(place: Place):
    """Another program has it open (a process of its own: within one, DuckDB shares)."""
    code = f"import duckdb, sys; c = duckdb.connect({str(place.there.warehouse)!r}); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        yield
        other.communicate(b"\n")


@contextmanager
def port_taken(place: Place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        place["taken"] = str(server.getsockname()[1])
        yield


def is_erased(place: Place, *words: str) -> bool:
    files = [p for p in place.there.inbox.rglob("*") if p.is_file()]
    return not any(word in path.read_text(errors="replace") for path in files for word in words)


def choose_person(place: Place) -> None:
    row = place.rows()[40]
    place.update(person=row[0], email=place.rows()[41][3], name=f"{row[1]} {row[2]}", surname=row[2])


def age_ledger(place: Place) -> None:
    """The last release is from long ago, and there is a new file."""
    text = place.there.ledger.read_text()
    place.there.ledger.write_text(re.sub(r'"at": "\d{4}', '"at": "2025', text))
    shutil.copy(place.hris(), place.hris().with_name("hris_2025-01.csv"))
    with place.hris().open("a") as file:
        file.write("\n")


def correct_by_hand(place: Place) -> None:
    """The day that does not exist, in the file that was written, becomes one."""
    [note] = place.folder.glob("fix_*.txt")
    assert NO_DAY in note.read_text()
    note.write_text(note.read_text().replace(NO_DAY, "02/28/2021"))
    place["note"] = str(note)


def do_without_that_day(place: Place) -> None:
    """A mapping of the workspace's own, under the name of the built-in one."""
    column = f"{{from: Hire Date, formats: ['%m/%d/%Y'], null_words: ['{NO_DAY}'], required: false}}"
    text = f"name: hris_report\nextends: hris_report\ncolumns: {{hired_date: {column}}}\n"
    (place.there.sources / "ours.yml").write_text(text)


def load_of_many(place: Place) -> None:
    """A load with several quarantined records."""
    with duckdb.connect(str(place.there.warehouse), read_only=True) as connection:
        place["many"] = connection.execute(
            "select load_id from raw.quarantine group by 1 having count(*) > 1 order by 1 limit 1"
        ).fetchone()[0]


def take_key_away(place: Place) -> None:
    shutil.rmtree(place.folder / "new" / "secrets")
    (place.folder / "new" / "inbox" / "hris" / "hris_2024-01.csv").write_text("Employee ID\n")


def copy_as_another(place: Place) -> None:
    """As if another pilot had sent it: its cohorts have other people."""
    there = place.folder / "elsewhere"
    shutil.copytree(place.there.releases / place.earlier(), there)
    table = there / "parquet" / "pub_cohorts.parquet"
    table.chmod(0o600)
    pl.read_parquet(table).with_columns(pl.col("n_people") + 1).write_parquet(table)


def change_code_version(place: Place) -> None:
    """As if another version of the program had made the release."""
    path = place.there.releases / place.earlier() / "manifest.json"
    path.chmod(0o600)
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"code_version": "other"}))


def spoil_last_export(place: Place) -> None:
    place.hris().write_text(PAGE)
    place["heard"] = str(place.folder / "heard.json")


def is_laid_out(place: Place) -> bool:
    new = place.folder / "new"
    key = new / "secrets" / "pseudonym.key"
    return key.stat().st_mode & 0o777 == 0o400 and (new / "study.yml").read_text().startswith("# The study")


def is_answered(place: Place) -> bool:
    """The answers stand in the study, and all else as in the template."""
    template = PROJECT_ROOT / "orchestration" / "templates" / "study.yml"
    assert (place.folder / "new" / "study.yml").read_bytes() == template.read_bytes()
    made, template = load_study(place.folder / "other" / "study.yml"), load_study(template)
    answers = {"title": 'Did "it" work', "contact": "us@example.org", "time_zone": "Asia/Tokyo"}
    assignment = template.assignment.model_copy(update={"unit": "site", "design": "randomised"})
    return made == template.model_copy(update={**answers, "assignment": assignment})


def are_unlike(place: Place) -> bool:
    """Two simulated organisations: another seed gives other people, `effect` multiplies the true effects."""
    truths = [json.loads((place.folder / name / "truth.json").read_text()) for name in ("one", "two")]
    effects = [truth["engagement_score"]["simple"] for truth in truths]
    files = [sorted((place.folder / name / "inbox" / "hris").iterdir()) for name in ("one", "two")]
    assert len(files[0]) == 12
    return effects[0] == 0 < effects[1] and files[0][0].read_bytes() != files[1][0].read_bytes()


def is_look_noted(place: Place) -> bool:
    """Who looked, and at whom, by pseudonym."""
    noted = ledger.read(place.there.ledger)[-1]
    assert noted["by"].startswith(pwd.getpwuid(os.getuid()).pw_name)
    known = set(current_coaches(place.there.restricted)[1]["coach_person_id"])
    return noted["event"] == "restricted_read" and noted["coach"] in known and place.coach() not in str(noted)


def is_dossier(place: Place, name: str) -> bool:
    """It says of each column how it is kept, names the study's minimum, and nobody."""
    text = (place.folder / name).read_text(encoding="utf-8")
    mark = ("| ", " | ") if name.endswith(".md") else ("<td>", "</td>\n<td>")
    for words in (("Employee ID", "person_id"), ("Hire Date", "hired_date")):
        assert mark[0] + mark[1].join(words) + mark[1] in text, words
    assert "10 people" in text and "http" not in text and "hashed with the key" in text
    return not any(cell in text for row in place.rows()[:50] for cell in (row[0], row[3]) if cell)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_same_but_for_the_key(place: Place) -> bool:
    """What was saved is there to the byte and with its modes; the key and what is known of coaches are not."""
    again = place.folder / "again"
    for name in backup.KEPT:
        here = place.there.root / name
        if here.is_dir():
            assert files_below(here) == files_below(again / name), name
            for path in here.rglob("*"):
                assert path.lstat().st_mode == (again / name / path.relative_to(here)).lstat().st_mode, path
        elif here.exists():
            assert here.read_bytes() == (again / name).read_bytes()
    links = [folder / "releases" / "current" for folder in (again, place.there.root)]
    assert links[0].readlink() == links[1].readlink()
    return not (again / "secrets").exists() and not (again / "restricted").exists()


def numbers_are_those_before(place: Place) -> bool:
    """The run in what was restored makes the numbers that were served."""
    tables = [folder / "releases" / "current" / "parquet" for folder in (place.there.root, place.folder / "again")]
    return files_below(tables[0]) == files_below(tables[1])


def amount(printed: str) -> str:
    """What an erasure takes out, in numbers."""
    return re.search(r"[\d,]+ record\(s\) and [\d,]+ mention\(s\) in [\d,]+ file\(s\)", printed)[0]


def is_drawn(place: Place) -> bool:
    return "<svg" in (place.folder / "power.svg").read_text()


def old_verdict(place: Place) -> None:
    """A page of the gate's from long ago."""
    folder = place.there.gate / "0123456789abcdef"
    folder.mkdir()
    os.utime(folder, (0, 0))


def take_mapping_away(place: Place) -> None:
    """Files were read by a mapping that nobody has any more."""
    with duckdb.connect(str(place.there.warehouse)) as connection:
        connection.execute("update raw.load_log set mapping = 'former' where source = 'roster'")


def damage_landing(place: Place) -> None:
    """A file that was copied in is not what it was any more."""
    one = land.landed_files(place.there.landing)[0]
    path = land.content_path(place.there.landing, one)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b"\n")
    for drawn in (place.there.inbox / "roster").glob("drawn_*"):  # a list that no run has read keeps the next one away
        drawn.unlink()


def says_what_was_changed(place: Place) -> bool:
    page = " ".join((place.there.releases / "current" / "index.html").read_text(encoding="utf-8").split())
    return (
        "<b>after kick-off</b>" in page
        and "Changed since: <code>outcomes[retention].minimum_important_difference</code> from 0.02 to 0.03." in page
    )


def is_served(place: Place, release: str) -> bool:
    return current_release(place.there.releases).name == release


def number_of(pattern: str, printed: str) -> int:
    return len(re.findall(pattern, printed, re.M))

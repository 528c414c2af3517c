"""Every command with every option, as people type it, on a real workspace: exit codes, words and effects.

The steps are a table: a command, an option, a variable or an exit code that no step has fails a test at the end.
"""

import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import (
    AbstractContextManager,
    ExitStack,
    chdir,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import pytest

from ingest.pseudonyms import Pseudonyms
from orchestration.cli import terminal
from orchestration.cli.commands import main
from orchestration.lock import hold
from orchestration.workspace import Workspace
from publish import ledger
from publish.release import current_release, list_releases, manifest_of
from publish.restricted import current_coaches
from tests.e2e.test_documented_commands import OF_TYPER, PROJECT_ROOT, commands, leaf
from tests.models import without_dbt

pytestmark = pytest.mark.slow
COACHING = Path(sys.executable).with_name("coaching")
PEOPLE = {"people": 300, "months": 12, "seed": 7, "effect": 1.5}
PAGE = "<html>Sign in</html>\n"
NO_DAY = "02/30/2021"  # stands in a simulated file
LATER = "2025-04-01"  # after the last export of the simulated year


class Place(dict):
    """What the words of a step may name, of one walk: folders, files and ids, looked up when they are asked for."""

    def __init__(self, folder: Path, root: Path):
        super().__init__()
        self.folder, self.there = folder, Workspace(root)

    def __missing__(self, name: str) -> str:
        found = getattr(self, name)
        return str(found() if callable(found) else found)

    def w(self) -> Path:
        return self.there.root

    def release(self) -> str:
        return list_releases(self.there.releases)[0]

    def earlier(self) -> str:
        return list_releases(self.there.releases)[-1]

    def hris(self) -> Path:
        return sorted((self.there.inbox / "hris").glob("*.csv"))[-1]

    def survey(self) -> Path:
        return sorted((self.there.inbox / "survey").glob("*.csv"))[-1]

    def load(self) -> str:
        return self.loads("hris")[0]

    def loads(self, source: str) -> list[str]:
        with duckdb.connect(str(self.there.warehouse), read_only=True) as connection:
            found = connection.execute(
                "select distinct q.load_id, l.file_name from raw.quarantine q join raw.load_log l using (load_id) "
                "where q.kind = 'faulty' and l.source = ? order by 2",
                [source],
            ).fetchall()
        return [load_id for load_id, _ in found]

    def rows(self) -> list[list[str]]:
        return [line.split(",") for line in self.hris().read_text().splitlines()[1:]]

    def person(self) -> str:
        return self.rows()[40][0]

    def email(self) -> str:
        return self.rows()[41][3]

    def coach(self) -> str:
        known = set(current_coaches(self.there.restricted)[1]["coach_person_id"])
        key = Pseudonyms.from_environment(self.there.key_file)
        return next(row[0] for row in self.rows() if key.hash(row[0]) in known)

    def port(self) -> int:
        with socket.create_server(("127.0.0.1", 0)) as server:
            return server.getsockname()[1]


def nothing(place: Place, *_) -> None:
    """No preparation, no look at the effect."""


@dataclass(frozen=True)
class Step:
    """One command: what it is given, the exit code, a pattern in what it prints, and its effect."""

    words: str
    code: int = 0
    says: str = ""
    before: Callable[[Place], Any] = nothing
    after: Callable[[Place, str], Any] = nothing
    during: Callable[[Place], AbstractContextManager] = field(default=lambda _: nullcontext())
    typed: str = ""
    env: dict[str, str] = field(default_factory=dict)
    until: str = ""  # a pattern, seen which Ctrl-C is pressed
    alone: bool = False  # in a process of its own, with dbt

    def tokens(self) -> list[str]:
        return shlex.split(self.words)


def run(step: Step, place: Place) -> tuple[int, str]:
    """In a process of its own what ends by a signal, here everything else: (exit code, what was printed)."""
    words = [word.format_map(place) for word in step.tokens()]
    env = {name: value for name, value in os.environ.items() if name != "COACHING_WORKSPACE"}
    env |= {"COLUMNS": "400", "TERM": "dumb"} | {k: v.format_map(place) for k, v in step.env.items()}
    return (run_process if step.until or step.alone else run_here)(step, words, env, place)


def run_process(step: Step, words: list[str], env: dict[str, str], place: Place) -> tuple[int, str]:
    log = place.folder / "printed"
    with log.open("w") as file:
        process = subprocess.Popen(
            [str(COACHING), *words], stdin=subprocess.PIPE, stdout=file, stderr=file, env=env, cwd=place.folder
        )
        if step.until:
            end = time.monotonic() + 300
            while not re.search(step.until, log.read_text()) and process.poll() is None and time.monotonic() < end:
                time.sleep(0.2)
            process.send_signal(signal.SIGINT)
        process.communicate(step.typed.encode(), timeout=900)
    return process.returncode, log.read_text()


def run_here(step: Step, words: list[str], env: dict[str, str], place: Place) -> tuple[int, str]:
    """The same entry point in this process, which has imported everything already; models without dbt."""
    printed, mask = io.StringIO(), os.umask(0o077)
    with ExitStack() as stack:
        stack.callback(os.umask, mask)
        for console in (terminal.out, terminal.err):
            for name, value in (("_file", printed), ("_width", 400)):
                stack.enter_context(mock.patch.object(console, name, value))
        stack.enter_context(mock.patch.dict(os.environ, env, clear=True))
        stack.enter_context(mock.patch.object(sys, "argv", ["coaching", *words]))
        stack.enter_context(mock.patch.object(sys, "stdin", io.StringIO(step.typed)))
        stack.enter_context(mock.patch.object(tempfile, "tempdir", tempfile.tempdir))  # `dev` moves it
        for entered in (redirect_stdout(printed), redirect_stderr(printed), chdir(place.folder), without_dbt()):
            stack.enter_context(entered)
        try:
            main()
        except SystemExit as end:
            return end.code or 0, printed.getvalue()
    raise AssertionError("a command did not end")


# Preparations, and what is seen afterwards.


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


def change_code_version(place: Place) -> None:
    """As if another version of the program had made the release."""
    path = place.there.releases / place.release() / "manifest.json"
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


def are_unlike(place: Place) -> bool:
    """Two simulated organisations: another seed gives other people, `effect` multiplies the true effects."""
    truths = [json.loads((place.folder / name / "truth.json").read_text()) for name in ("one", "two")]
    effects = [truth["engagement_score"]["simple"] for truth in truths]
    files = [sorted((place.folder / name / "inbox" / "hris").iterdir()) for name in ("one", "two")]
    assert len(files[0]) == 12
    return effects[0] == 0 < effects[1] and files[0][0].read_bytes() != files[1][0].read_bytes()


def is_look_noted(place: Place) -> bool:
    noted = ledger.read(place.there.ledger)[-1]
    return noted["event"] == "restricted_read" and noted["n_rows"] > 0 and place.coach() not in str(noted)


def amount(printed: str) -> str:
    """What an erasure takes out, in numbers."""
    return re.search(r"[\d,]+ record\(s\) and [\d,]+ mention\(s\) in [\d,]+ file\(s\)", printed)[0]


def is_drawn(place: Place) -> bool:
    return "<svg" in (place.folder / "power.svg").read_text()


def is_served(place: Place, release: str) -> bool:
    return current_release(place.there.releases).name == release


def number_of(pattern: str, printed: str) -> int:
    return len(re.findall(pattern, printed, re.M))


SIMULATE = "simulate --people 200 --months 12"
SMALL = " ".join(f"--{name} {value}" for name, value in PEOPLE.items())

# Each walk is on a copy of one published workspace of its own.
WALKS: dict[str, list[Step]] = {
    "a new workspace": [
        Step("", 2, "Did turning our managers into coaches work"),
        Step("nonsense", 2, "No such command"),
        Step("--version", 0, r"^\d+\.\d+\.\d+$"),
        Step("--help", 0, "75"),
        Step("init new", 0, "coaching run --workspace new", after=sees(lambda p, _: is_laid_out(p))),
        Step("init new", 2, "nothing was changed"),
        Step("doctor -w new", 0, "none yet"),
        Step("status -w new", 0, r"(?s)nothing yet.*is empty; drop exports"),
        Step("status -w nowhere", 2, "coaching init nowhere"),
        Step("run -w new", 2, "is empty; drop exports"),
        Step("run -w nowhere", 2, "coaching init nowhere"),
        Step("run -w new --as-of yesterday", 2, "2026-01-31"),
        Step("run -w new --as-of 2999-01-01", 2, "has not come yet"),
        Step("releases -w new", 0, "no release yet"),
        Step("releases -w nowhere", 2, "coaching init nowhere"),
        Step("doctor -w nowhere", 2, "coaching init nowhere"),
        Step("quarantine list -w new", 2, "nothing was loaded yet"),
        Step("quarantine list -w nowhere", 2, "coaching init nowhere"),
        Step("quarantine replay -w nowhere", 2, "coaching init nowhere"),
        Step("gate explain -w nowhere", 2, "coaching init nowhere"),
        Step("coach-report --id E1 -w new", 2, "there is no restricted release"),
        Step("dev -w nowhere", 2, "coaching init nowhere"),
        Step("run -w new", 2, "no pseudonym key", before=take_key_away, env={"COACHING_PSEUDONYM_KEY": ""}),
        Step("mapping list", 0, "qualtrics"),
        Step("mapping list -w nowhere", 2, "coaching init nowhere"),
    ],
    "simulate and design": [
        Step(f"{SIMULATE} --out one/inbox --seed 3 --effect 0", 0, "200 people × 12 months"),
        Step("simulate --out one/inbox", 2, "holds files already"),
        Step("simulate --out other/inbox --people 3", 2, "at least 200"),
        Step(
            f"{SIMULATE} --out two/inbox --seed 4 --effect 2",
            after=sees(lambda p, _: are_unlike(p)),
        ),
        Step("demo -w demo --people 3", 2, "at least 200"),
        Step("demo -w {w} --people 400", 2, "was simulated with --people 300"),
        Step("demo -w {w} --months 15", 2, "with .*--months 12"),
        Step("demo -w {w} --seed 8 --people 300 --months 12", 2, "with --seed 7, --effect 1.5; use another folder"),
        Step(f"demo -w {{w}} {SMALL}", 0, r"(?s)Nothing new.*Page:"),
        Step("design --teams 40", after=lambda p, printed: p.update(plan=printed)),
        *(
            Step(
                f"design --teams 40 {option}", 0, after=sees(lambda p, printed: "effects from" in printed != p["plan"])
            )
            for option in (
                "--people 5",
                "--share 0.3",
                "--icc 0.2",
                "--sd 20",
                "--effect 0.4",
                "--before 1",
                "--after 3",
                "--lasting-unit 0.5",
                "--lasting-person 0.2",
                "--uneven 0.9",
                "--alpha 0.01",
            )
        ),
        Step(
            "design --teams 40 --picture power.svg",
            after=sees(lambda p, _: is_drawn(p)),
        ),
        Step("design --teams 40 --share 2", 2, "share"),
        Step("design --teams 40 --picture none/power.svg", 2, "there is no folder"),
    ],
    "mapping": [
        Step("mapping list -w {w}", 0, "hris"),
        Step(
            "mapping check {hris} -w {w}",
            0,
            r"(?s)looks like hris.*would load",
            after=sees(lambda _, t: "found again" not in t),
        ),
        Step("mapping check {hris} -s survey -w {w}", 3, "It would not load"),
        Step("mapping check {hris} --source nosuch -w {w}", 2, "no such mapping"),
        Step("mapping check page.csv -w {w}", 3, "web page", before=write("{folder}/page.csv", PAGE)),
        Step("mapping check nowhere.csv", 2, "does not exist"),
        Step(
            "mapping check hris_2024-12.csv -w {w}",
            0,
            r"^- 0 of the 3\d\d people of 2024-11-01 are found again, and \d\d\d of the others are known by e-mail",
            before=lambda p: (p.folder / "hris_2024-12.csv").write_text(p.hris().read_text().replace("E0", "X0")),
        ),
        Step("mapping check {hris} -w {w}", 0, "another program has", during=warehouse_held),
        Step("mapping draft {hris}", 0, r"(?m)^source: hris"),
        Step("mapping draft {survey} -s survey", 0, r"(?m)^source: survey"),
        Step("mapping draft {survey} -s nosuch", 2, "hris, survey, checkins, roster"),
        Step("mapping draft page.csv", 3, "web page"),
    ],
    "quarantine": [
        Step("quarantine list -w {w}", 0, "(?s)checkins_2024.*hris_2024"),
        Step(
            "quarantine list -w {w} -s hris",
            after=sees(lambda _, t: "hris_" in t and "checkins_" not in t),
        ),
        Step("quarantine list -w {w} -s nosuch", 2, "one of hris"),
        Step("quarantine list -w {w} --set-aside", 0, "set_aside"),
        Step("quarantine show {load} -w {w}", 0, "there stands"),
        Step("quarantine show {load} -w {w} --raw", 0, "(?m)^  sent: E0"),
        Step("quarantine show {load} -w {w} --line 13", 0, "line 13"),
        Step("quarantine show {load} -w {w} --line 14", 2, "nothing is quarantined"),
        Step(
            "quarantine show {many} -w {w} -n 1",
            before=load_of_many,
            after=sees(lambda _, t: number_of("expected", t) == 1),
        ),
        Step("quarantine show nosuch -w {w}", 2, "nothing is quarantined in 'nosuch'"),
        Step("quarantine fix nosuch -w {w}", 2, "nothing faulty is quarantined in nosuch"),
        Step("quarantine fix {load} -w {w}", 0, "it names people: delete it afterwards"),
        Step("quarantine fix {load} -w {w}", 2, "is there already"),
        Step(
            "quarantine fix {load} --with {note} -w {w}",
            0,
            "1 line corrected",
            before=correct_by_hand,
            after=sees(
                lambda p, _: "02/28/2021" in (p.there.inbox / "hris" / "hris_2024-03.corrected.csv").read_text()
            ),
        ),
        Step("quarantine replay -w {w}", 0, "No mapping has changed"),
        Step(
            "quarantine replay -w {w}", 0, r"hris_2024-03.csv: 1 quarantined before, 0 now", before=do_without_that_day
        ),
        *(
            Step(f"quarantine {words} -w {{w}}", 75, "another program has", during=warehouse_held)
            for words in ("list", "show x", "fix x", "replay")
        ),
        Step("quarantine replay -w {w}", 75, "another run holds", during=workspace_held),
        Step("quarantine list -w {w}", 2, "delete it: the next run", before=write("{w}/warehouse.duckdb", "damaged")),
        Step("quarantine replay -w {w}", 2, "delete it: the next run"),
        Step("doctor -w {w}", 1, "warehouse"),
        Step(
            "run -w {w} --as-of 2025-03-03",
            1,
            "delete it: the next run",
            after=sees(lambda p, _: ledger.read(p.there.ledger)[-1]["event"] == "failed"),
        ),
        Step("restate -w {w} --as-of 2025-03-03", 1, "delete it: the next run"),
    ],
    "runs": [
        Step("run -w {w}", 0, "Nothing new since release"),
        Step("run", 0, "Nothing new since release", env={"COACHING_WORKSPACE": "{w}"}),
        Step("status --workspace {w}", 0, "published"),
        Step("doctor -w {w}", 0, "can be opened"),
        Step(
            "doctor -w {w}",
            1,
            "runs are due nightly, and 1 new file",
            before=age_ledger,
            env={"COACHING_NIGHTLY": "on"},
        ),
        Step(
            f"run -w {{w}} --as-of {LATER}",
            3,
            "(?s)The gate refused; the last release stays.*web page",
            before=spoil_last_export,
            env={"COACHING_NOTIFY": "tee {heard}"},
            after=sees(lambda p, _: json.loads(Path(p["heard"]).read_text())["event"] == "refused"),
        ),
        Step(f"restate -w {{w}} --as-of {LATER}", 3, "(?s)The gate refused; the last release stays.*web page"),
        Step(f"run -w {{w}} --as-of {LATER}", 75, "another run holds", during=workspace_held),
        Step(f"run -w {{w}} --as-of {LATER}", 75, "another program has", during=warehouse_held),
        Step("run -w {w}", 2, "min_group_size", before=change("{w}/study.yml", "group_size: 10", "group_size: 3")),
        Step("restate -w {w}", 2, "min_group_size"),
        Step("status -w {w}", 2, "min_group_size"),
        Step("doctor -w {w}", 1, "min_group_size"),
        Step("gate explain -w {w}", 0, "blocked"),
        Step("gate explain nosuch -w {w}", 2, "no check"),
    ],
    "releases": [
        Step("releases -w {w}", 0, r"→ . \d{4}-\d\d-\d\d-[0-9a-f]{10}"),
        Step("diff {release} -w {w}", 0, "Every published number is the same"),
        Step("explain current engagement_score -w {w}", 0, "pub_estimates: att_not_yet_treated"),
        Step(
            "explain {release} engagement_score --segment 'cascade_depth: 1' -w {w}",
            after=sees(lambda _, printed: "cascade_depth: 1" in printed.splitlines()[0]),
        ),
        Step("explain current engagement_score --segment nosuch -w {w}", 2, "nosuch"),
        Step("explain current nosuch -w {w}", 2, "nosuch"),
        Step("explain nosuch engagement_score -w {w}", 2, "is no release of this workspace"),
        Step("restate -w {w} --as-of 2025-03-03", 0, "groups of cells stay as published"),
        Step("reproduce current -w {w}", 0, "files are the same to the byte"),
        Step("restate -w {w}", 75, "another run holds", during=workspace_held),
        Step("reproduce nosuch -w {w}", 2, "is no release of this workspace"),
        Step("reproduce {release} -w {w}", 75, "another run holds", during=workspace_held),
        Step(
            "run -w {w} --as-of 2024-10-15",
            0,
            "a release of its own",
            after=sees(lambda p, _: manifest_of(p.there.releases / p.earlier())["as_of"] == "2024-10-15"),
        ),
        Step("run -w {w} --as-of 2024-10-15", 0, "Nothing new since release 2024-10-15"),
        Step("diff {release} {earlier} --rows 1 -w {w}", after=sees(lambda _, t: number_of("→.*[0-9]", t) > 1)),
        Step("diff {release} {earlier} --rows 0 -w {w}", after=sees(lambda _, t: number_of(" → ", t) == 1)),
        Step("diff {release} nosuch -w {w}", 2, "is no release of this workspace"),
        Step("rollback {earlier} -w {w}", 2, "must not be served"),
        Step("rollback 20 -w {w}", 2, "fits several releases"),
        Step("rollback {release} -w {w}", 75, "another run holds", during=workspace_held),
        Step(
            "rollback {release} -w {w}",
            0,
            "Served now",
            after=sees(lambda p, _: is_served(p, p.release())),
        ),
        Step(
            "coach-report --id {coach} -w {w}",
            0,
            r"(?s)engagement_score.*never a basis for pay",
            after=sees(lambda p, _: is_look_noted(p)),
        ),
        Step("coach-report --id E0000000 -w {w}", 2, "no coach with this id"),
        Step("gate explain -w {w}", 0, "kept"),
        Step("gate explain unit_coverage -w {w}", 0, r"(?s)warn: 0\.97.*to do:"),
        Step(
            "reproduce {release} -w {w}",
            2,
            "was made by code other",
            before=change_code_version,
        ),
        Step("reproduce {release} --anyway --rows 1 -w {w}", 1, r"1 file\(s\) differ: manifest.json"),
    ],
    "erasing": [
        Step("erase -w {w}", 2, "id"),
        Step("erase --id E9999999 --yes -w {w}", 2, "nothing was changed"),
        Step(
            "erase --id {person} --name {name} --dry-run -w {w}",
            0,
            "Nothing was changed",
            before=choose_person,
            after=lambda p, printed: p.update(amount=amount(printed)),
        ),
        Step("erase --id {person} -w {w}", 2, "nothing was changed", typed="n\n"),
        Step("erase --id {person} -w {w}", 1, "Abort"),
        Step("erase --id {person} --yes -w {w}", 75, "another run holds", during=workspace_held),
        Step(
            "erase --id {person} --name {name} -w {w}",
            0,
            "are gone",
            typed="y\n",
            after=sees(lambda p, t: is_erased(p, p["person"], p["surname"]) and amount(t) == p["amount"]),
        ),
        Step("erase --email {email} --yes -w {w}", 0, "are gone", after=sees(lambda p, _: is_erased(p, p["email"]))),
    ],
    "the web server": [
        Step("dev -w {w} --port {port}", 0, "http://coaching-", until="http://"),
        Step("dev -w {w} --port {port} --read-only", 0, "http://coaching-", until="http://"),
        Step("dev -w {w} --port {taken}", 2, "port", during=port_taken),
        Step("dev -w {w} --port 0", 2, "port"),
        Step(
            "dev -w {w} --port {port}",
            1,
            "delete it, the next start",
            before=write("{w}/dagster/dagster.yaml", "telemetry: ["),
        ),
    ],
}


@pytest.fixture(scope="module")
def published_by_demo(tmp_path_factory) -> Path:
    """What `coaching demo` leaves, its first and whole run included."""
    folder = tmp_path_factory.mktemp("demo")
    place = Place(folder, folder / "demo")
    code, printed = run(Step(f"demo -w {{w}} {SMALL}", alone=True), place)
    assert code == 0 and "Primary comparisons" in printed, printed
    assert json.loads((place.there.root / "simulated.json").read_text()) == PEOPLE
    return place.there.root


def shape(text: str) -> str:
    """A line with 9 for every number and every verdict's word gone, so that two runs of different people look alike."""
    return re.sub(r"[+−-]?\d[\d,.]*", "9", " ".join(text.split()))


def test_the_readme_shows_what_the_demo_prints(published_by_demo):
    """Steps in their order, counts, the gate's line, the table's heads and rows, the page's place."""
    printed = (published_by_demo.parent / "printed").read_text()
    block = re.search(r"^Running the pipeline: .*?^Page: .*?$", (PROJECT_ROOT / "README.md").read_text(), re.M | re.S)[
        0
    ]
    steps = [re.findall(r"(?:: |· )([^·:]+?) [\d.]+ s", text) for text in (block, printed)]
    assert steps[0] == steps[1] and len(steps[0]) > 6
    shapes = {shape(line) for line in printed.splitlines()}
    for line in ("Running the pipeline: ", "Gate: ", " outcome "):
        shown = next(one for one in block.splitlines() if one.startswith(line))
        assert shape(shown) in shapes, shown
    for line in ("Engagement, points", "Goals met, pp", "Retention, pp"):
        row = next(one.split("  ") for one in block.splitlines() if one.strip().startswith(line))
        same = next(one.split("  ") for one in printed.splitlines() if one.strip().startswith(line))
        assert len(list(filter(str.strip, row))) == len(list(filter(str.strip, same))), same
    assert "file(s) read: checkins about" in block and "file(s) read: checkins about" in " ".join(printed.split())
    assert (
        re.search(r"^Page: .*/releases/current/index.html$", block, re.M) and "releases/current/index.html" in printed
    )


@pytest.mark.parametrize("name", WALKS)
def test_a_walk(name, published_by_demo, tmp_path):
    shutil.copytree(published_by_demo, tmp_path / "workspace", symlinks=True)
    place = Place(tmp_path, tmp_path / "workspace")
    for step in WALKS[name]:
        step.before(place)
        with step.during(place):
            code, printed = run(step, place)
        assert code == step.code, f"coaching {step.words}\n{printed}"
        assert re.search(step.says, printed, re.M), f"coaching {step.words}: {step.says}\n{printed}"
        assert "Traceback" not in printed, f"coaching {step.words}\n{printed}"
        step.after(place, printed)


def test_a_run_whose_terminal_is_closed_is_noted_and_leaves_no_process(published_by_demo, tmp_path):
    shutil.copytree(published_by_demo, tmp_path / "workspace", symlinks=True)
    there = Workspace(tmp_path / "workspace")
    shutil.rmtree(there.dbt_target / "run")
    known = len(ledger.read(there.ledger))
    heard = tmp_path / "heard.json"
    with (tmp_path / "printed").open("w") as file:
        process = subprocess.Popen(
            [str(COACHING), "run", "-w", str(there.root), "--as-of", LATER],
            stdout=file,
            stderr=file,
            env=os.environ | {"COACHING_NOTIFY": f"tee {heard}"},
            start_new_session=True,
        )
    end = time.monotonic() + 180
    while not (there.dbt_target / "run" / "dbt.log").exists() or len(ledger.read(there.ledger)) == known:
        assert process.poll() is None and time.monotonic() < end, (tmp_path / "printed").read_text()
        time.sleep(0.2)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 1
    assert "it was asked to stop" in (tmp_path / "printed").read_text()
    assert "it was asked to stop" in ledger.read(there.ledger)[-1]["reason"]
    assert json.loads(heard.read_text())["event"] == "failed"
    end = time.monotonic() + 20  # dbt gets the signal too and needs a moment to end
    while alive_in_group(process.pid) and time.monotonic() < end:
        time.sleep(0.2)
    assert alive_in_group(process.pid) == []


@pytest.fixture
def small_disk(published_by_demo, tmp_path):
    """The workspace on a file system of its own in memory, made as small as asked; skips where none can be made."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(place)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"this machine cannot make a small disk: {made.stderr.strip()}")
    shutil.copytree(published_by_demo, place / "workspace", symlinks=True)

    def shrink(left: int) -> Workspace:
        known = os.statvfs(place)
        size = (known.f_blocks - known.f_bfree) * known.f_frsize + left
        subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)
        return Workspace(place / "workspace")

    yield shrink
    subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.mark.parametrize("left", [0, 25_000_000], ids=["nothing left", "25 MB left"])
def test_a_full_disk_ends_in_words_and_a_notification(small_disk, tmp_path, left):
    there = small_disk(left)
    served = current_release(there.releases).name
    place = Place(tmp_path, there.root)
    place["heard"] = str(tmp_path / "heard.json")
    code, printed = run(
        Step(f"run -w {{w}} --as-of {LATER}", env={"COACHING_NOTIFY": "tee {heard}"}, alone=True), place
    )
    assert code == 1, printed
    assert "Traceback" not in printed
    assert re.search(rf"the disk of {there.root} has \d+ MB left", " ".join(printed.split())), printed
    heard = json.loads(Path(place["heard"]).read_text())
    assert heard["event"] == "failed"
    assert "MB left" in heard["reasons"][0]
    assert current_release(there.releases).name == served


def alive_in_group(group: int) -> list[str]:
    """Processes of a group that have not ended (one that has, and that nobody has asked about, is still listed)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, _, of_group, *_ = path.read_text().rpartition(")")[2].split()
            found += [state] if int(of_group) == group and state not in "ZX" else []
    return found


STEPS = [Step(f"demo -w {{w}} {SMALL}"), *(step for walk in WALKS.values() for step in walk)]


def met() -> dict[str, tuple[set[str], set[int]]]:
    """Command → options that a step gives it, and exit codes that a step expects."""
    known = {id(command): name for name, command in commands()}
    found: dict[str, tuple[set[str], set[int]]] = {name: (set(), set()) for name in known.values()}
    for step in STEPS:
        if step.words == "nonsense":
            continue
        command, rest = leaf(step.tokens())
        options, codes = found[known[id(command)]]
        options |= {one for one in rest if one.startswith("-")}
        codes.add(step.code)
    return found


def exit_codes() -> dict[str, set[int]]:
    """Command → the exit codes that docs/reference/commands.md gives it."""
    text = (PROJECT_ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(coaching[a-z -]*)`.*\| ([0-9, ]+) \|$", text, flags=re.M)
    return {name: {int(code) for code in codes.split(",")} for name, codes in rows}


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda one: one if isinstance(one, str) else "")
def test_every_option_and_exit_code_of_a_command_has_a_step(name, command):
    given, codes = met()[name]
    options = [one for one in command.params if one.param_type_name == "option" and not set(one.opts) & OF_TYPER]
    assert not [one.opts for one in options if not set(one.opts) & given]
    assert codes == exit_codes()[name]


def test_every_variable_of_the_environment_has_a_step():
    text = (PROJECT_ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(COACHING_\w+)`", text, flags=re.M))
    assert documented == {name for step in STEPS for name in step.env}

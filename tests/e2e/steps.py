"""Commands as steps: the words, the exit code, what is printed, and the effect; typed in this process or their own."""

import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, chdir, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from ingest.pseudonyms import Pseudonyms
from orchestration.cli import terminal
from orchestration.cli.commands import main
from orchestration.workspace import Workspace
from publish.release import list_releases
from publish.restricted import current_coaches
from tests.conftest import COACHING
from tests.models import without_dbt

WIDTH = 400  # columns


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
    env = environment({name: value.format_map(place) for name, value in step.env.items()})
    if step.until or step.alone:
        return run_process(step, words, env, place)
    return run_here(words, place.folder, env, step.typed)


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """This process's environment as a terminal without a workspace has it, so wide that no line is broken."""
    known = {name: value for name, value in os.environ.items() if name != "COACHING_WORKSPACE"}
    return known | {"COLUMNS": str(WIDTH), "TERM": "dumb"} | (more or {})


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


def run_here(words: list[str], folder: Path, env: dict[str, str], typed: str = "") -> tuple[int, str]:
    """The same entry point in this process, which has imported everything already; models without dbt."""
    printed, mask = io.StringIO(), os.umask(0o077)
    with ExitStack() as stack:
        stack.callback(os.umask, mask)
        for console in (terminal.out, terminal.err):
            for name, value in (("_file", printed), ("_width", WIDTH)):
                stack.enter_context(mock.patch.object(console, name, value))
        stack.enter_context(mock.patch.dict(os.environ, env, clear=True))
        stack.enter_context(mock.patch.object(sys, "argv", ["coaching", *words]))
        stack.enter_context(mock.patch.object(sys, "stdin", io.StringIO(typed)))
        stack.enter_context(mock.patch.object(tempfile, "tempdir", tempfile.tempdir))  # `dev` moves it
        for entered in (redirect_stdout(printed), redirect_stderr(printed), chdir(folder), without_dbt()):
            stack.enter_context(entered)
        try:
            main()
        except SystemExit as end:
            return end.code or 0, printed.getvalue()
    raise AssertionError("a command did not end")

"""Files are whole or not there, and everything that must survive a crash is written through one module."""

import ast
import os
from pathlib import Path

import pytest

import durable

PROJECT_ROOT = Path(__file__).parents[3]
PACKAGES = ("ingest", "inference", "expectations", "publish", "orchestration")
# Method or function → where it may stand, and why.
ELSEWHERE = {
    "fsync": set(),
    "commit": set(),
    "rename": set(),
    "symlink_to": set(),
    "write_text": {
        "orchestration/cli/running.py",  # demo: the study of a new folder
        "orchestration/cli/workspaces.py",  # init: into a new folder, before there is anything to lose
        "orchestration/cli/design.py",  # a picture for a person
        "orchestration/restating.py",  # into a folder of its own that goes when it was read
        "orchestration/serve.py",  # the list of what the web server shows, made again at each start
        "orchestration/workspace.py",  # Dagster's settings, made again where they are missing
        "expectations/gate.py",  # Data Docs, made anew with each verdict
        "publish/release.py",  # into a folder that is renamed when it is whole
        "publish/files.py",  # the same
        "ingest/land.py",  # handed to durable.replace
    },
    "write_bytes": {
        "ingest/erase/files.py",
        "orchestration/cli/files.py",
    },  # handed to durable.replace; a new file of a person
    # Data Docs; what a killed comparison or restatement left
    "rmtree": {
        "expectations/gate.py",
        "orchestration/reproduce.py",
        "orchestration/restating.py",
    },
}


class Killed(BaseException):
    pass


@pytest.fixture
def dying(monkeypatch):
    """Die before the n-th step; returns the names of the steps that were reached."""

    def arm(n: int) -> list[str]:
        seen: list[str] = []

        def before(name: str) -> None:
            seen.append(name)
            if len(seen) == n:
                raise Killed

        monkeypatch.setattr(durable, "before", before)
        return seen

    return arm


@pytest.mark.parametrize("n", range(1, 5))
def test_a_file_is_the_old_or_the_new_one_wherever_the_process_dies(tmp_path, dying, n):
    path = tmp_path / "file"
    durable.replace_text(path, "old")
    dying(n)
    with pytest.raises(Killed):
        durable.replace_text(path, "new")
    assert path.read_text() == ("old" if n <= 3 else "new")
    dying(99)
    durable.replace_text(path, "newer")
    assert path.read_text() == "newer"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    durable.replace_text(path, "old")

    def half(temporary):
        temporary.write_text("ha")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        durable.replace(path, half)
    assert path.read_text() == "old"


def test_a_line_after_a_torn_one_is_a_line_of_its_own(tmp_path):
    path = tmp_path / "lines"
    durable.append(path, b"one")
    with path.open("ab") as file:
        file.write(b"torn")
    durable.append(path, b"two")
    assert path.read_bytes() == b"one\ntorn\ntwo\n"


def test_a_line_is_written_whole_or_an_error_says_so(tmp_path, monkeypatch):
    """A disk that is nearly full takes a part of a write and reports no error."""
    real, taken = os.write, []

    def short(handle, data):
        if len(taken) == 1:
            raise OSError(28, "No space left on device")
        taken.append(real(handle, data[:4]))
        return taken[-1]

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space"):
        durable.append(tmp_path / "lines", b"published")
    monkeypatch.undo()
    durable.append(tmp_path / "lines", b"published")
    assert (tmp_path / "lines").read_bytes() == b"publ\npublished\n"


def test_what_cannot_be_taken_away_is_said(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    monkeypatch.setattr(durable.shutil, "rmtree", lambda *_, **__: None)
    with pytest.raises(OSError, match="could not be taken away"):
        durable.remove(tmp_path / "there")


@pytest.mark.parametrize("n", [1, 2])
def test_a_link_points_to_the_old_or_the_new_target(tmp_path, dying, n):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    durable.point(tmp_path / "current", "a")
    dying(n)
    with pytest.raises(Killed):
        durable.point(tmp_path / "current", "b")
    assert (tmp_path / "current").resolve().name == ("a" if n == 1 else "b")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_nothing_is_written_past_it(name):
    users = set()
    for package in PACKAGES:
        for path in (PROJECT_ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = node.func if isinstance(node, ast.Call) else None
                owner = getattr(getattr(called, "value", None), "id", "")
                if isinstance(called, ast.Attribute) and called.attr == name and owner != "durable":
                    if name == "rename" and node.keywords + node.args and not _is_path(node):
                        continue  # a frame's columns
                    users.add(path.relative_to(PROJECT_ROOT).as_posix())
    assert users == ELSEWHERE[name]


def _is_path(node: ast.Call) -> bool:
    """Whether a call of rename looks like a path's: one positional argument that is no dictionary."""
    return len(node.args) == 1 and not isinstance(node.args[0], ast.Dict | ast.DictComp)

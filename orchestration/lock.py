"""One writer per workspace: an advisory lock that dies with its process, and a fencing token that outlives mistakes.

The operating system releases the lock when the holder ends, however it ends. The token counts holders: whoever comes
back from the dead finds a higher one and must not publish.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import durable


class WorkspaceBusy(RuntimeError):
    """Another run holds the workspace."""


class LockLost(RuntimeError):
    """A later run has taken the workspace; this one must not write any more."""


@dataclass(frozen=True)
class Held:
    """The lock, held by this run with a fencing token."""

    path: Path
    token: int

    def check(self) -> None:
        """Raise LockLost if a later run has come."""
        if _token(self.path) != self.token:
            raise LockLost(
                f"run with token {self.token} was overtaken by token {_token(self.path)}; nothing is published"
            )


def _fence(path: Path) -> Path:
    return path.with_name(path.name + ".token")


def _token(path: Path) -> int:
    try:
        return int(_fence(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return 0


def _holder(handle: int) -> str:
    try:
        note = json.loads(os.read(handle, 500))
        return f": {note['run_id']} (process {note['pid']}), since {note['since']}"
    except (ValueError, KeyError):
        return ""


@contextmanager
def hold(path: Path, *, run_id: str):
    """Hold the workspace or raise WorkspaceBusy at once, naming the holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WorkspaceBusy(
                f"another run holds this workspace{_holder(handle)}; try again when it is done"
            ) from None
        token = _token(path) + 1
        durable.replace_text(_fence(path), str(token))
        note = {"run_id": run_id, "pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(note).encode(), 0)
        yield Held(path, token)
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)

"""The ledger: an append-only file of what happened to a workspace, one JSON object per line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import durable

JUDGED = ("passed", "refused")  # events of the gate


def append(path: Path, event: str, **facts) -> None:
    """Add one event with the time (UTC); on disk when this returns."""
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), "event": event, **facts}, default=str)
    durable.append(path, line.encode())


def read(path: Path) -> list[dict]:
    """All events, oldest first. A line that a crash left unfinished is passed over."""
    events = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                events.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return events

"""The inbox and the landing: which files arrived, frozen copies by content hash, in the order they came.

A file stays in the inbox (it is the sender's folder); what was seen before is known by its content. Half-written
files are left for the next run. `landing/` is the only place that holds what was sent, and only ingest opens it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

SOURCES = ("hris", "survey", "checkins", "roster")
UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".swp")


@dataclass(frozen=True)
class Landed:
    """One frozen file. `sequence` counts arrivals from 1; `load_id` is the sha256 of the content."""

    load_id: str
    source: str
    file_name: str
    n_bytes: int
    sequence: int


@dataclass(frozen=True)
class Inbox:
    """What lies in the inbox now: content hash → (source, file), and files that are still being written."""

    files: dict[str, tuple[str, Path]]
    unfinished: tuple[Path, ...]


def sha256(path: Path) -> str:
    """Hex digest of a file's content, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def scan(inbox: Path) -> Inbox:
    """All files below `inbox/<source>/`, by content. Of two equal files the one first by name counts."""
    files: dict[str, tuple[str, Path]] = {}
    unfinished = []
    for source in SOURCES:
        for path in sorted((inbox / source).glob("**/*")):
            if not path.is_file() or path.name.startswith((".", "~$")):
                continue
            before = path.stat()
            digest = sha256(path)
            after = path.stat()
            changing = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
            if changing or path.suffix.lower() in UNFINISHED:
                unfinished.append(path)
            else:
                files.setdefault(digest, (source, path))
    return Inbox(files, tuple(unfinished))


def landed_files(landing: Path) -> list[Landed]:
    """Everything that ever landed, in the order of arrival."""
    notes = [json.loads(path.read_text(encoding="utf-8")) for path in landing.glob("*/landed.json")]
    return sorted((Landed(**note) for note in notes), key=lambda landed: landed.sequence)


def content_path(landing: Path, landed: Landed) -> Path:
    """Where the frozen copy lies; it keeps the ending of its name, which tells the format."""
    return landing / landed.load_id / f"content{Path(landed.file_name).suffix.lower()}"


def land(inbox: Inbox, landing: Path) -> list[Landed]:
    """Freeze what is new; returns the new ones. Each file is written, synced and renamed, then its note is."""
    landing.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = landed_files(landing)
    have = {landed.load_id for landed in known}
    sequence = max((landed.sequence for landed in known), default=0)
    new = []
    for digest, (source, path) in inbox.files.items():
        if digest in have:
            continue
        sequence += 1
        landed = Landed(digest, source, path.name, path.stat().st_size, sequence)
        _freeze(path, landed, landing)
        new.append(landed)
    return new


def _freeze(path: Path, landed: Landed, landing: Path) -> None:
    folder = landing / landed.load_id
    folder.mkdir(mode=0o700, exist_ok=True)
    target = content_path(landing, landed)
    temporary = target.with_name(target.name + ".tmp")
    shutil.copyfile(path, temporary)
    if sha256(temporary) != landed.load_id:  # it changed while it was copied: leave it for the next run
        temporary.unlink()
        raise OSError(f"{path.name} changed while it was read; run again when it is complete")
    _sync_and_rename(temporary, target, mode=0o400)
    note = folder / "landed.json"
    temporary = note.with_name("landed.json.tmp")
    temporary.write_text(json.dumps(asdict(landed)), encoding="utf-8")
    _sync_and_rename(temporary, note, mode=0o600)


def _sync_and_rename(temporary: Path, target: Path, *, mode: int) -> None:
    temporary.chmod(mode)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(target)

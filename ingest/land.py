"""The inbox and the landing: which files arrived, frozen copies by hash, in the order they came.

A file stays in the inbox, which is the sender's folder. Source, file name and content together identify a file: a
month without changes is a new snapshot with the same content, and a file that was refused for its name can be renamed.
Half-written files are left for the next run. `landing/` is the only place that holds what was sent, and only ingest
opens it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import BinaryIO

import durable
from ingest.plain_files import NotAFile, open_plain, walk

SOURCES = ("hris", "survey", "checkins", "roster")
UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".partial", ".swp")
MANIFEST = ".manifest.json"
RACY = 2.0  # seconds; file systems keep times no finer than this
SETTLED = 0.4  # seconds without a change; a copy that is going on writes more often than that


@dataclass(frozen=True)
class Landed:
    """One frozen file. `sequence` counts arrivals from 1; `load_id` hashes source, name and content."""

    load_id: str
    content_sha256: str
    source: str
    file_name: str
    n_bytes: int
    sequence: int
    n_declared: int | None = None  # records, where a manifest says how many
    known_date: str = ""  # the day of the run that took it in; before any day where it was not written down


def load_id_of(source: str, file_name: str, content_sha256: str) -> str:
    """What a file is known by: sha256 over source, name and content."""
    return hashlib.sha256(f"{source}\0{file_name}\0{content_sha256}".encode()).hexdigest()


@dataclass(frozen=True)
class Arrival:
    """A whole file in the inbox."""

    source: str
    path: Path
    content_sha256: str
    place: str = ""  # below the source's folder
    inbox: Path | None = None

    def open(self):
        """The file, opened without following links below the inbox."""
        if self.inbox is None:
            return open_plain(self.path.parent, (self.path.name,))
        return open_plain(self.inbox, self.path.relative_to(self.inbox).parts)

    @property
    def file_name(self) -> str:
        """Folder and name below the source's folder as text; bytes that are no UTF-8 are written out."""
        return os.fsencode(self.place or self.path.name).decode("utf-8", "backslashreplace")

    @property
    def load_id(self) -> str:
        """sha256 over source, name and content."""
        return load_id_of(self.source, self.file_name, self.content_sha256)


@dataclass(frozen=True)
class Inbox:
    """What lies in the inbox now: by load id, and files that cannot be taken yet, each with the reason."""

    files: dict[str, Arrival]
    waiting: tuple[tuple[Path, str], ...]


def digest_of(file: BinaryIO) -> str:
    """sha256 of an open file's content, in hex."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def sha256(path: Path) -> str:
    """sha256 of a file's content, in hex, read in pieces."""
    with path.open("rb") as file:
        return digest_of(file)


class Seen:
    """A cache of files' digests, so that only new and changed files of the inbox are read.

    A digest is taken from the cache if path, size, inode, mtime and ctime are as they were (no program can set ctime).
    File systems keep times no finer than RACY seconds: a file that changed less than RACY seconds before it was read
    is not cached, as a second change could leave its times the same.
    """

    def __init__(self, note: Path | None):
        self.note = note
        self.there: dict[str, list] = {}
        self.now: dict[str, list] = {}
        if note is not None:
            try:
                found = json.loads(note.read_text(encoding="utf-8"))
                if isinstance(found, dict) and all(isinstance(one, list) and len(one) == 5 for one in found.values()):
                    self.there = found
            except (OSError, ValueError, RecursionError):
                pass  # there is no hash cache, so everything is read

    @staticmethod
    def _state(file: BinaryIO) -> list[int]:
        found = os.fstat(file.fileno())
        return [found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]

    def digest(self, file: BinaryIO, place: str) -> str:
        """The open file's sha256, read only if the file is not as it was."""
        state = self._state(file)
        known = self.there.get(place)
        if known and known[:-1] == state:
            self.now[place] = known
            return known[-1]
        found = digest_of(file)
        if time.time() - max(state[2:]) / 1e9 > RACY and self._state(file) == state:
            self.now[place] = [*state, found]
        return found

    def keep(self) -> None:
        """Write the hash cache, if it has a path and something changed."""
        if self.note is None or self.now == self.there:
            return
        with contextlib.suppress(OSError):  # a folder that can only be read: digests are computed again next time
            self._keep()

    def _keep(self) -> None:
        self.note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.note.parent.glob(f".{self.note.name}.*.tmp"):
            if not _is_alive(left.name.split(".")[-2]):  # by a process that was killed
                left.unlink(missing_ok=True)
        text = json.dumps(self.now)
        durable.replace(self.note, lambda path: path.write_text(text, encoding="utf-8"), beside=f".{os.getpid()}.tmp")


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def scan(inbox: Path, *, seen: Path | None = None) -> Inbox:
    """All regular files below `inbox/<source>/`, sorted by name; a file that may still be growing is listed as waiting.

    Links are not followed. A file with a manifest beside it (`<name>.manifest.json` with any of `bytes`, `sha256`,
    `records`) is taken once it agrees with the manifest. A file without one is taken if it did not change for SETTLED
    seconds before it was read, nor while it was read. `seen` is the path of the cache of digests.
    """
    memory = Seen(seen)
    files: dict[str, Arrival] = {}
    waiting: list[tuple[Path, str]] = []
    for place in walk(inbox):
        path = inbox.joinpath(*place)
        if path.name == "README.md" or any(part.startswith((".", "~$")) for part in place):
            continue
        if path.name.endswith(MANIFEST):
            if not path.with_name(path.name.removesuffix(MANIFEST)).exists():
                waiting.append((path, "the file that it describes has not arrived"))
        elif len(place) < 2 or place[0] not in SOURCES:
            waiting.append((path, f"not in a source's folder; they are {', '.join(SOURCES)}"))
        elif path.suffix.lower() in UNFINISHED:
            waiting.append((path, "still being written"))
        else:
            try:
                arrival = _whole(inbox, place, memory)
                files[arrival.load_id] = arrival
            except OSError as error:
                waiting.append((path, error.strerror or "cannot be read"))
            except NotWhole as error:
                waiting.append((path, str(error)))
    memory.keep()
    return Inbox(files, tuple(waiting))


class NotWhole(ValueError):
    """The file cannot be taken yet; the message says why."""


def _whole(inbox: Path, parts: tuple[str, ...], memory: Seen) -> Arrival:
    source, place, path = parts[0], "/".join(parts[1:]), inbox.joinpath(*parts)
    with open_plain(inbox, parts) as file:
        first = os.fstat(file.fileno())
        age = time.time() - first.st_mtime
        if age < SETTLED:  # also where the sender's clock is ahead
            time.sleep(SETTLED - max(age, 0.0))
        before = os.fstat(file.fileno())
        if (first.st_size, first.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise NotWhole("still being written")
        arrival = Arrival(source, path, memory.digest(file, f"{source}/{place}"), place, inbox)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or _grew(after):
        raise NotWhole("still being written")
    declared = read_manifest(arrival)
    if "bytes" in declared and declared["bytes"] != after.st_size:
        raise NotWhole(f"{after.st_size:,} bytes of the {declared['bytes']:,} that its manifest names")
    if "sha256" in declared and str(declared["sha256"]).lower() != arrival.content_sha256:
        raise NotWhole("its content is not what its manifest names (sha256)")
    return arrival


def _grew(after: os.stat_result) -> bool:
    return 0 <= time.time() - after.st_mtime < SETTLED


def read_manifest(arrival: Arrival) -> dict:
    """What the sender says of a file: a subset of bytes, sha256, records. Raises NotWhole for what is no manifest."""
    note = replace(arrival, path=arrival.path.with_name(arrival.path.name + MANIFEST))
    try:
        with note.open() as file:
            text = file.read(10_000)
    except FileNotFoundError:
        return {}
    except NotAFile as error:
        raise NotWhole(f"its manifest: {error.strerror}") from None
    try:
        declared = json.loads(text)
        if not isinstance(declared, dict) or not all(
            isinstance(declared.get(key, 0), int) and not isinstance(declared.get(key), bool)
            for key in ("bytes", "records")
        ):
            raise ValueError
    except (ValueError, RecursionError):
        raise NotWhole('its manifest is not readable; write {"bytes": …, "sha256": "…", "records": …}') from None
    return declared


def landed_files(landing: Path) -> list[Landed]:
    """Everything that ever landed, in the order of arrival."""
    notes = [(path.parent.name, json.loads(path.read_text(encoding="utf-8"))) for path in landing.glob("*/landed.json")]
    return sorted((Landed(**note | {"load_id": name}) for name, note in notes), key=lambda landed: landed.sequence)


def content_path(landing: Path, landed: Landed) -> Path:
    """Where the frozen copy lies; it keeps the ending of its name, which gives the format."""
    return landing / landed.load_id / f"content{Path(landed.file_name).suffix.lower()[:10]}"


class FrozenCopyChanged(RuntimeError):
    """A copy in `landing/` is not what arrived: what is made of it would be made of something else."""


def check_frozen(landing: Path, landed: Landed) -> None:
    """Raise FrozenCopyChanged unless the frozen copy is there and is what was noted when it arrived."""
    path = content_path(landing, landed)
    if not path.exists() or sha256(path) != landed.content_sha256:
        raise FrozenCopyChanged(
            f"landing/{landed.load_id[:16]}… ({landed.source}/{landed.file_name}) is not what arrived (sha256 "
            f"{landed.content_sha256[:16]}…): somebody changed it or the disk did; restore landing/ from a backup"
        )


def tidy(landing: Path) -> None:
    """Take away what a crash left half done: copies without a note (nobody knows them), and temporary files."""
    for folder in sorted(landing.iterdir()) if landing.exists() else []:
        if folder.is_dir() and not (folder / "landed.json").exists():
            durable.remove(folder)
    for left in landing.glob("*/.*.tmp"):
        left.unlink(missing_ok=True)


def land(inbox: Inbox, landing: Path, *, known_date: date | None = None) -> list[Landed]:
    """Freeze what is new and return it; a file that changes meanwhile is left for the next run.

    `known_date` is the day of the run; an as-of run for an earlier day does not use these files.

    If a later file of the same name replaced a file and the earlier one comes back, it counts as a new arrival.
    """
    landing.mkdir(mode=0o700, parents=True, exist_ok=True)
    tidy(landing)
    known = {landed.load_id: landed for landed in landed_files(landing)}
    latest: dict[tuple[str, str], int] = {}
    for landed in known.values():
        latest[landed.source, landed.file_name] = landed.sequence
    sequence = max((landed.sequence for landed in known.values()), default=0)
    new = []
    for load_id, arrival in inbox.files.items():
        old = known.get(load_id)
        if old and old.sequence == latest[old.source, old.file_name]:
            continue
        try:
            declared = read_manifest(arrival)
            with arrival.open() as file:
                n_bytes = os.fstat(file.fileno()).st_size
        except (OSError, NotWhole):
            continue
        landed = Landed(
            load_id=load_id,
            content_sha256=arrival.content_sha256,
            source=arrival.source,
            file_name=arrival.file_name,
            n_bytes=n_bytes,
            sequence=sequence + 1,
            n_declared=declared.get("records"),
            known_date=str(known_date or ""),
        )
        if old or _freeze(arrival, landed, landing):
            sequence += 1
            note(landed, landing)
            new.append(landed)
    return new


def _freeze(arrival: Arrival, landed: Landed, landing: Path) -> bool:
    folder = landing / landed.load_id
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        durable.replace(
            content_path(landing, landed), lambda copy: _copy(arrival, copy, landed.content_sha256), mode=0o400
        )
    except (FileNotFoundError, PermissionError, NotAFile, _Changed):
        return False
    return True


class _Changed(OSError):
    """The file changed while it was copied."""


def _copy(arrival: Arrival, copy: Path, digest: str) -> None:
    with arrival.open() as file, copy.open("wb") as target:
        shutil.copyfileobj(file, target, 1 << 20)
    if sha256(copy) != digest:
        copy.unlink()
        raise _Changed


def note(landed: Landed, landing: Path) -> None:
    """Write down what is known of a frozen file; without it the file has not landed."""
    facts = asdict(landed)
    del facts["load_id"]  # the folder's name, which changes with the content
    durable.replace_text(landing / landed.load_id / "landed.json", json.dumps(facts))

"""Erasing a person from the inbox and the landing copies, so that an interrupted erasure can be finished."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import durable
from ingest import land
from ingest.erase.people import CannotErase, Erased, Rewritten
from ingest.erase.rewrite import without_person
from ingest.erase.traces import DISTINCT, Traces, traces
from ingest.formats.records import FileRefused
from ingest.load import mapping_hash
from ingest.mapping.model import Mapping
from ingest.mapping.registry import candidates

ERASING = "erasing"  # beside a frozen copy: sha256 of what will stand in its place


def search_files(
    inbox: Path, landing: Path, mappings: list[Mapping], erased: Erased
) -> Iterator[tuple[Path, str, str]]:
    """Files not searched yet: path, name below the source's folder, source. Landed ones first."""

    def is_searched(digest: str, source: str, file_name: str) -> bool:
        return _as_read_by(digest, candidates(mappings, source, file_name)) in erased.searched

    for landed in land.landed_files(landing):
        path = land.content_path(landing, landed)
        digest = land.sha256(path) if path.exists() else ""
        if digest not in (landed.content_sha256, _promised_content(path)) or not digest:
            land.check_frozen(landing, landed)
        if not is_searched(digest, landed.source, landed.file_name):
            yield path, landed.file_name, landed.source
    for arrival in land.scan(inbox).files.values():
        if not is_searched(arrival.content_sha256, arrival.source, arrival.file_name):
            yield arrival.path, arrival.file_name, arrival.source


def learn_words(inbox: Path, landing: Path, mappings: list[Mapping], erased: Erased) -> set[str]:
    """Everything that the files name the erased by, followed to the end: an id leads to an address, that to another id.

    The words themselves; their tombstones are added to `erased`.
    """
    words: set[str] = set()
    _rename_landed(landing)
    grows = bool(erased.tombstones)
    while grows:
        grows = False
        for path, file_name, source in search_files(inbox, landing, mappings, erased):
            try:
                _, found = traces(path, file_name, source, mappings, erased)
            except FileRefused:
                continue
            words |= found.words
            grows = erased.add(found.pseudonyms) or grows
    return words


@dataclass(frozen=True)
class _Change:
    """What is to become of one file: `layout` None where no mapping reads it, `content` None where it stays."""

    path: Path
    source: str
    file_name: str
    layout: Mapping | None
    found: Traces
    old: str
    content: bytes | None

    @property
    def rewritten(self) -> Rewritten | None:
        if self.content is None:
            return None
        new = hashlib.sha256(self.content).hexdigest()
        return Rewritten(self.source, self.old, new, len(self.found.own), self.found.n_mentions)


def _change_of(place: tuple[Path, str, str], mappings: list[Mapping], erased: Erased, words: frozenset[str]) -> _Change:
    path, file_name, source = place
    old = path.read_bytes()
    known = {"path": path, "source": source, "file_name": file_name, "old": hashlib.sha256(old).hexdigest()}
    try:
        layout, found = traces(path, file_name, source, mappings, erased)
    except FileRefused:
        if _mentions(path, words):
            raise CannotErase(
                f"{path} names the person and no mapping reads it; take it away (in landing/ its whole folder) "
                "and erase again"
            ) from None
        return _Change(**known, layout=None, found=Traces(), content=None)
    if not found and not words:
        return _Change(**known, layout=layout, found=found, content=None)
    try:
        content = without_person(path, layout, found, set(words))
    except (OSError, ValueError, csv.Error, ElementTree.ParseError) as error:
        raise _cannot_change(path, error) from None
    return _Change(**known, layout=layout, found=found, content=None if content == old else content)


def _cannot_change(path: Path, error: Exception) -> CannotErase:
    return CannotErase(
        f"{path} holds somebody who is to be erased and cannot be changed ({type(error).__name__}); take the file away "
        "and erase again"
    )


def find_traces(
    inbox: Path, landing: Path, mappings: list[Mapping], erased: Erased, words: frozenset[str] = frozenset()
) -> list[Rewritten]:
    """What `cleanse` would do, without doing it. Raises CannotErase."""
    changes = (_change_of(place, mappings, erased, words) for place in search_files(inbox, landing, mappings, erased))
    return [rewritten for change in changes if (rewritten := change.rewritten)]


def cleanse(
    inbox: Path, landing: Path, mappings: list[Mapping], erased: Erased, words: frozenset[str] = frozenset()
) -> list[Rewritten]:
    """Take the erased out of every landed file and every file of the inbox that was not searched yet.

    Raises CannotErase where a file cannot be read by any mapping, but names one of `words`, or cannot be written.
    """
    done = []
    land.tidy(landing)
    _rename_landed(landing)  # what an interrupted erasure had written
    for place in list(search_files(inbox, landing, mappings, erased)):
        change = _change_of(place, mappings, erased, words)
        rewritten = change.rewritten
        if rewritten:
            _write(change, rewritten.new, is_landed=landing in change.path.parents)
        new = rewritten.new if rewritten else change.old
        if change.layout is not None:  # what no mapping reads is looked at again: somebody may correct the mapping
            erased.searched.add(_as_read_by(new, candidates(mappings, change.source, change.file_name)))
        if rewritten:
            done.append(rewritten)
    _rename_landed(landing)
    return done


def _write(change: _Change, new: str, *, is_landed: bool) -> None:
    path = change.path
    try:
        if is_landed:
            durable.replace_text(path.with_name(ERASING), new)
        else:  # what the sender's manifest says of it is true no more
            path.with_name(path.name + land.MANIFEST).unlink(missing_ok=True)
        path.chmod(0o600)
        durable.replace(
            path, lambda temporary: temporary.write_bytes(change.content), mode=0o400 if is_landed else 0o600
        )
    except OSError as error:
        raise _cannot_change(path, error) from None


def _as_read_by(digest: str, fitting: list[Mapping]) -> str:
    return f"{digest}.{mapping_hash(fitting)}"


def _promised_content(path: Path) -> str:
    """What an interrupted erasure was about to write in place of a frozen copy; "" where there is none."""
    promise = path.with_name(ERASING)
    return promise.read_text(encoding="utf-8") if promise.exists() else ""


def _mentions(path: Path, words: Iterable[str]) -> bool:
    raw = path.read_bytes().lower()
    return any(word.lower().encode() in raw for word in words if DISTINCT.match(word))


def _rename_landed(landing: Path) -> None:
    """A landed file is known by its content: one that was changed gets another name, or goes where that is there.

    Its note is written first: a crash before the folder is renamed leaves a whole file under its former name.
    """
    for landed in land.landed_files(landing):
        path = land.content_path(landing, landed)
        digest = land.sha256(path) if path.exists() else ""
        if digest not in (landed.content_sha256, _promised_content(path)):
            continue  # nobody here has written that; the search says so
        if digest != landed.content_sha256:
            facts = {"content_sha256": digest, "n_bytes": path.stat().st_size, "n_declared": None}
            land.note(replace(landed, **facts), landing)
        path.with_name(ERASING).unlink(missing_ok=True)
        load_id = land.load_id_of(landed.source, landed.file_name, digest)
        if load_id == landed.load_id:
            continue
        kept = next((one for one in land.landed_files(landing) if one.load_id == load_id), None)
        if kept:  # what is newest stays newest
            land.note(replace(kept, sequence=max(kept.sequence, landed.sequence)), landing)
            (landing / landed.load_id / "landed.json").unlink()
            durable.remove(landing / landed.load_id)
        else:
            durable.rename(landing / landed.load_id, landing / load_id)


def redact(text: str, words: Iterable[str], mark: str = "[erased]") -> str:
    """`text` with `mark` for every word that is a person's own (DISTINCT), in whatever case; the longest first."""
    for word in sorted({word for word in words if DISTINCT.match(word)}, key=len, reverse=True):
        text = re.sub(re.escape(word), mark, text, flags=re.IGNORECASE)
    return text


def words_in_names(inbox: Path, landing: Path, is_erased: Callable[[str], bool]) -> set[str]:
    """What stands in file names, between two marks that are no letter or digit, and is a word of somebody erased."""
    names = {path.name for path in inbox.rglob("*") if path.is_file()}
    names |= {landed.file_name for landed in land.landed_files(landing)}
    parts = {part for name in names for part in _parts(name)}
    return {part for part in parts if DISTINCT.match(part) and is_erased(part)}


def _parts(name: str) -> Iterator[str]:
    marks = [found.start() for found in re.finditer(r"[\W_]", name)]
    for start in (0, *(mark + 1 for mark in marks)):
        for end in (*marks, len(name)):
            if end > start:
                yield name[start:end]


def redact_names(inbox: Path, landing: Path, words: Iterable[str]) -> None:
    """Rename files whose name holds one of the words, in the inbox and in what landing notes of them."""
    for path in sorted(path for path in inbox.rglob("*") if path.is_file()):
        if (name := redact(path.name, words, "erased")) != path.name:
            durable.rename(path, path.with_name(name))
    for landed in land.landed_files(landing):
        if (name := redact(landed.file_name, words, "erased")) != landed.file_name:
            land.note(replace(landed, file_name=name), landing)
    _rename_landed(landing)

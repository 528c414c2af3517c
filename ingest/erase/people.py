"""Who was erased: keyed hashes only, kept so that files that come later are searched too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import durable
from ingest.pseudonyms import Pseudonyms

TOMBSTONES = "erased.json"

PSEUDONYM = re.compile(r"^[0-9a-f]{32}$")


class CannotErase(ValueError):
    """A file that may hold the person can be neither read nor changed; the message names it and says what to do."""


@dataclass
class Erased:
    """Who was erased: `tombstones`, and what was searched for all of them: contents (sha256) as mappings read them."""

    pseudonyms: Pseudonyms
    tombstones: set[str] = field(default_factory=set)
    searched: set[str] = field(default_factory=set)
    _known: dict[str, bool] = field(default_factory=dict, repr=False)
    read: dict[tuple[str, str, str], tuple] = field(default_factory=dict, repr=False)  # what files hold of them

    @classmethod
    def of(cls, folder: Path, pseudonyms: Pseudonyms) -> Erased:
        """As kept in `folder`; nobody where nothing was kept."""
        path = folder / TOMBSTONES
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return cls(pseudonyms, set(found.get("tombstones", [])), set(found.get("searched", [])))

    def keep(self, folder: Path) -> None:
        """Write it down, whole or not at all."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps({"tombstones": sorted(self.tombstones), "searched": sorted(self.searched)}, indent=1)
        durable.replace_text(folder / TOMBSTONES, text + "\n")

    def add(self, pseudonyms: Iterable[str]) -> bool:
        """Take these people in; whether anybody was new. Then every file is to be searched again."""
        return self._add({self._tombstone(one) for one in pseudonyms})

    def _add(self, tombstones: set[str]) -> bool:
        new = tombstones - self.tombstones
        if new:
            self.tombstones |= new
            self.searched.clear()
            self._known.clear()
            self.read.clear()
        return bool(new)

    def go_on_from(self, search: Erased) -> None:
        """Know whom a search found; where it sought nobody less, what it read of the files too."""
        self._add(search.tombstones)
        if self.tombstones == search.tombstones:
            self.read.update(search.read)

    def _tombstone(self, pseudonym: str) -> str:
        return self.pseudonyms.seal(f"erased\x1f{pseudonym}")[:32]

    def covers(self, pseudonym: str | None) -> bool:
        """Whether a pseudonym is that of somebody who was erased."""
        if pseudonym is None or not self.tombstones:
            return False
        if pseudonym not in self._known:
            self._known[pseudonym] = self._tombstone(pseudonym) in self.tombstones
        return self._known[pseudonym]


@dataclass(frozen=True)
class Rewritten:
    """What became of one file: its digest before and after, and how much went."""

    source: str
    old: str
    new: str
    n_records: int
    n_mentions: int

"""Keyed hashes for ids, names and e-mails, so that files can be joined but people not read.

`HMAC-SHA256(key, NFC(trim(id)))`, as 32 hex digits (128 bits). A plain hash of employee numbers can be enumerated,
hence the key, which stays outside data and repository: environment variable `COACHING_PSEUDONYM_KEY` or a file that
only its owner can read (0400).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

MAX_KNOWN = 2_000_000  # words of one kind that are cached (about 0.25 GB)
KEY_VARIABLE = "COACHING_PSEUDONYM_KEY"
MIN_KEY_BYTES = 32


class KeyMissing(ValueError):
    """There is no usable key, so nothing that names a person may be read."""


def normal_id(text: str) -> str:
    """An id's normal form: NFC and trimmed; leading zeros and case are kept (invisible marks went at reading)."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFC", text).strip()


def normal_name(text: str) -> str:
    """A name's normal form: case, spaces and full stops folded, and "Last, First" equal to "First Last"."""
    folded = " ".join(unicodedata.normalize("NFC", text).casefold().replace(".", " ").split())
    last, comma, first = folded.partition(",")
    return f"{first.strip()} {last.strip()}".strip() if comma else folded


def normal_email(text: str) -> str:
    """An e-mail address's normal form."""
    return unicodedata.normalize("NFC", text).strip().casefold()


NORMAL_FORMS = {"id": normal_id, "name": normal_name, "email": normal_email}


@dataclass
class Pseudonyms:
    """Turns personal words into keyed hashes; remembers what it has hashed within one run."""

    key: bytes = field(repr=False)
    _known: dict[tuple[str, str], dict[str | None, str | None]] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, key_file: Path) -> Pseudonyms:
        """The key from the environment, else from `key_file`. Raises KeyMissing with what to do."""
        text = os.environ.get(KEY_VARIABLE, "")
        if not text:
            if not key_file.exists():
                raise KeyMissing(
                    f"no pseudonym key: set {KEY_VARIABLE} or create {key_file} (mode 0400, at least "
                    f"{MIN_KEY_BYTES} characters); `coaching init` makes one. Keep it: another key makes other people."
                )
            if key_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise KeyMissing(f"{key_file} can be read by others; run: chmod 0400 {key_file}")
            text = key_file.read_text(encoding="utf-8").strip()
        if len(text.encode()) < MIN_KEY_BYTES:
            raise KeyMissing(f"the pseudonym key has fewer than {MIN_KEY_BYTES} characters; make a longer one")
        return cls(key=text.encode())

    @property
    def key_id(self) -> str:
        """Eight hex digits that distinguish two keys and say nothing about either."""
        return hashlib.sha256(b"key id" + self.key).hexdigest()[:8]

    def seal(self, text: str) -> str:
        """64 hex digits that only the holder of the key can write below a text."""
        return hmac.digest(self.key, b"seal\x1f" + text.encode(), "sha256").hex()

    def hash(self, text: str, *, form: str = "id", namespace: str = "") -> str:
        """The pseudonym of `text`; `form` is id, name or email; other number spaces get another `namespace`.

        What has nothing in its normal form (a name "," or ".") has no pseudonym: "".
        """
        space = namespace if form == "id" else form
        normal = NORMAL_FORMS[form](text)
        if not normal:
            return ""
        message = f"{space}\x1f{normal}" if space else normal
        return hmac.digest(self.key, message.encode(), "sha256").hex()[:32]

    def hash_all(self, words: pl.Series, *, form: str = "id", namespace: str = "") -> pl.Series:
        """The pseudonyms of a series of words; a word that comes again within a run is not hashed again."""
        known = self._known.setdefault((form, namespace), {None: None})
        if len(known) > MAX_KNOWN:
            known.clear()
            known[None] = None
        texts = words.to_list()
        hashes = list(map(known.get, texts))
        if hashes.count(None) > words.null_count():
            for place, text in enumerate(texts):
                if text is not None and hashes[place] is None:
                    if text not in known:
                        known[text] = self.hash(text, form=form, namespace=namespace)
                    hashes[place] = known[text]
        return pl.Series(words.name, hashes, dtype=pl.String).replace("", None)


def create_key_file(path: Path) -> None:
    """Write a fresh random key, readable by its owner only; an existing one is never touched."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32) + "\n")

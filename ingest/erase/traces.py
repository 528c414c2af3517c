"""Where a person stands in a file: records of their own, and words that name them elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ingest.conform.batch import conform
from ingest.erase.people import PSEUDONYM, Erased
from ingest.land import sha256
from ingest.load import mapping_hash, open_with
from ingest.mapping.columns import Column
from ingest.mapping.model import Mapping
from ingest.mapping.registry import candidates

Header = tuple[str, str, str, bool]  # header, form, namespace, whether it says whose record it is
OWN = ("person_id", "old_person_id", "email_key")  # whose record it is

# A word that is taken out wherever it stands must not be one that stands everywhere.
DISTINCT = re.compile(r"^(?=.*[^\W\d_])(?=.*[\d@ ]).{5,}$|^\d{7,}$")


@dataclass
class Traces:
    """Where a file names the erased: lines of own records, and words to take out of other lines. `words` are those
    that the own records name the person by, `pseudonyms` what they are hashed to."""

    own: set[int] = field(default_factory=set)
    mentions: dict[int, set[str]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    pseudonyms: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.own or self.mentions)

    @property
    def n_mentions(self) -> int:
        """Records of others that name the person."""
        return len(self.mentions.keys() - self.own)


def traces(path: Path, file_name: str, source: str, mappings: list[Mapping], erased: Erased) -> tuple[Mapping, Traces]:
    """Read a file by its mapping and find the erased in it. Raises FileRefused.

    A content is read once for the same people: a file of the inbox has a copy in landing.
    """
    fitting = candidates(mappings, source, file_name)
    key = (sha256(path), mapping_hash(fitting), f"{source}/{file_name}")
    if key not in erased.read:
        erased.read[key] = _read_traces(path, file_name, source, fitting, erased)
    return erased.read[key]


def _read_traces(
    path: Path, file_name: str, source: str, fitting: list[Mapping], erased: Erased
) -> tuple[Mapping, Traces]:
    opened = open_with(path, file_name, source, fitting)
    layout, found = opened.reading.layout, Traces()
    headers = _headers_of(layout)
    in_parts = [header for name, one in layout.all_columns if _is_in_parts(name, one) for header in one.headers]
    for batch in opened.reading.batches:
        done = conform(batch, layout, erased.pseudonyms, load_id="0" * 64, dated=opened.facts.day, file_name=file_name)
        for frame in done.tables.values():
            _in_rows(frame, erased, found)
        records = [(row["line"], row) for row in batch.frame.iter_rows(named=True)]
        records += [(fault.line, fault.record) for fault in batch.faults]
        for line, record in records:
            _in_words(line, record, headers, erased, found)
        for line, record in records:
            if line in found.own:
                _learn_words(record, headers, in_parts, erased, found)
    return layout, found


def _headers_of(layout: Mapping) -> list[Header]:
    kinds = {name: kind for name, kind in layout.record.fields.items() if kind in ("person", "name", "email")}
    return [
        (header, "id" if kinds[name] == "person" else kinds[name], column.namespace, name in (*OWN, "name_key"))
        for name, column in layout.all_columns
        if name in kinds and name != "response_id" and not _is_in_parts(name, column)
        for header in column.headers
    ]


def _is_in_parts(name: str, column: Column) -> bool:
    """A first name alone is nobody's."""
    return name == "name_key" and len(column.headers) > 1


def _in_rows(frame: pl.DataFrame, erased: Erased, found: Traces) -> None:
    """What the conformed rows are about; of own ones, all that the person is known by."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and name != "load_id"]
    for name in texts:
        for line, value in frame.select("line", name).rows():
            if value is not None and PSEUDONYM.match(value) and erased.covers(value):
                found.own.add(line) if name in OWN else found.mentions.setdefault(line, set())
    known_by = [name for name in texts if name in (*OWN, "name_key")]
    for row in frame.filter(pl.col("line").is_in(sorted(found.own))).select(known_by).iter_rows():
        found.pseudonyms.update(value for value in row if value is not None)


def _in_words(line: int, record: dict, headers: list[Header], erased: Erased, found: Traces) -> None:
    """The words as they stand, also of records that were refused."""
    for header, form, namespace, is_own in headers:
        word = record.get(header)
        if word and erased.covers(erased.pseudonyms.hash(word, form=form, namespace=namespace)):
            if is_own and form != "name":  # two people may have one name
                found.own.add(line)
            else:
                found.mentions.setdefault(line, set()).add(word)


def _learn_words(record: dict, headers: list[Header], in_parts: list[str], erased: Erased, found: Traces) -> None:
    for header, form, namespace, is_own in headers:
        word = record.get(header)
        if word and is_own:
            found.words.add(word)
            found.pseudonyms.add(erased.pseudonyms.hash(word, form=form, namespace=namespace))
    names = [word for word in (record.get(header) for header in in_parts) if word]
    if len(names) > 1:
        found.words |= {" ".join(names), " ".join(reversed(names)), ", ".join(reversed(names))}

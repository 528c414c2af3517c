"""JSON documents and JSON lines: objects as records, nested ones by dotted names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from ingest.formats.header import missing_headers, quote_names, wanted_headers
from ingest.formats.lines import passed
from ingest.formats.records import Batch, Collector, Fault, FileRefused
from ingest.formats.text import check_head, line_rules, open_splitter
from ingest.mapping.headers import normalise_name
from ingest.mapping.model import Mapping

MAX_NAMES = 5_000  # of one JSON record, nested ones included

SAMPLE = 500  # JSON records that are looked at for their names

MAX_DOCUMENT = 200_000_000  # bytes of a JSON document, which has to be read whole


class _Number(str):
    """A JSON number kept as it was written."""


def _as_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and _is_plain(value):
        return "; ".join(filter(None, map(_as_text, value)))
    raise ValueError("a list or an object where a word should be")


def flattened(record: dict, prefix: str = "", folders: set[str] | None = None) -> dict[str, object]:
    """Nested objects as dotted names: {"boss": {"id": 1}} → {"boss.id": 1}; `folders` takes the objects' names."""
    flat: dict[str, object] = {}
    for key, value in record.items():
        name = normalise_name(f"{prefix}{key}")
        if isinstance(value, dict):
            if folders is not None:
                folders.add(name)
            more = flattened(value, f"{prefix}{key}.", folders)
            if flat.keys() & more.keys():
                raise ValueError("a name stands twice")
            flat |= more
        elif name in flat:
            raise ValueError("a name stands twice")
        else:
            flat[name] = value
    return flat


class NotPlain(ValueError):
    """A list or an object where a word should be; the message names the place."""


STEP = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]|\[([^=\]]+)=([^\]]*)\]")


def element(record: object, path: str) -> object:
    """What a path with lists leads to: `teams[0].name`, or `fields[name=Grade].value`; None where there is nothing."""
    for name, index, key, word in STEP.findall(path):
        if name:
            record = record.get(name) if isinstance(record, dict) else None
        elif not isinstance(record, list):
            return None
        elif index:
            record = record[int(index)] if int(index) < len(record) else None
        else:
            with_key = [one for one in record if isinstance(one, dict) and str(flattened(one).get(key)) == word]
            if len(with_key) > 1:
                raise NotPlain(f"one element with {key}={word}, not {len(with_key)}")
            record = with_key[0] if with_key else None
    return record


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice")
    return record


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON value")


DECODER = json.JSONDecoder(
    object_pairs_hook=_no_doubles, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant
)

BAD_JSON = "one JSON object, plain values in the columns that are read, no key twice"


def open_jsonl(path: Path, mapping: Mapping) -> tuple[list[str], Iterator[Batch]]:
    """Names of the first records, and batches. Raises FileRefused."""
    check_head(path, mapping)
    rules = line_rules(mapping)
    numbered_lines = (
        (n, _SkippedLine(reason) if (reason := _reason(line, rules)) else _decoded(line))
        for n, line in enumerate(_lines(path, mapping), start=1)
        if line.strip()
    )
    return _sampled(map(_decoded, islice(_lines(path, mapping), SAMPLE))), _object_batches(
        numbered_lines, mapping, "jsonl"
    )


class _SkippedLine(str):
    """The reason why a line is no record."""


def _reason(line: str, rules: dict[str, str]) -> str:
    return next((why for _, why in passed(pl.Series([line]), rules)), "") if rules else ""


def _decoded(line: str) -> object:
    try:
        return DECODER.decode(line.strip())
    except (ValueError, RecursionError):
        return None


def _sampled(records: Iterable[object]) -> list[str]:
    """The names that the first records have, in the order of their first appearance."""
    names: dict[str, None] = {}
    for record in records:
        if isinstance(record, dict):
            try:
                names |= dict.fromkeys(flattened(record))
            except (ValueError, RecursionError):
                continue
    return list(names)


def _lines(path: Path, mapping: Mapping) -> Iterator[str]:
    return open_splitter(path, mapping)._lines()


def open_json(path: Path, mapping: Mapping) -> tuple[list[str], Iterator[Batch]]:
    """A document that holds a list of objects; a record's line is its number in the list, from 1."""
    if line_rules(mapping):
        raise FileRefused("set_aside has a rule about a line, and a JSON document has none; give a rule about a column")
    if path.stat().st_size > MAX_DOCUMENT:
        raise FileRefused(f"a JSON document of more than {MAX_DOCUMENT:,} bytes; send JSON lines or CSV")
    check_head(path, mapping.model_copy(update={"final_newline": "optional"}))
    try:
        text = path.read_bytes().decode("utf-8-sig" if mapping.encoding == "utf-8" else mapping.encoding)
        found = DECODER.decode(text.strip())
        for key in filter(None, mapping.records.split(".")):
            found = found[key]
    except UnicodeDecodeError:
        raise FileRefused(f"bytes that are not {mapping.encoding}; declare the right encoding") from None
    except (KeyError, TypeError):
        raise FileRefused(f"there is nothing at {mapping.records!r}; say under records: where the list is") from None
    except (ValueError, RecursionError):
        raise FileRefused("this is not a whole JSON document; export it again") from None
    if not isinstance(found, list):
        where = f"at {mapping.records!r}" if mapping.records else "at the top"
        # Keys may be people (an object per address): only what looks like a name of ours is repeated.
        all_keys = list(found) if isinstance(found, dict) else []
        words = [key for key in all_keys if re.fullmatch(r"[A-Za-z_]{1,30}", key)]
        keys = quote_names(words[:20]) or "no list"
        raise FileRefused(f"there is no list {where} (but {keys}); say under records: where the list is")
    return _sampled(found[:SAMPLE]), _object_batches(enumerate(found, start=1), mapping, "json")


def _object_batches(numbered_records: Iterable[tuple[int, object]], mapping: Mapping, kind: str) -> Iterator[Batch]:
    objects = _Objects(mapping, kind)
    for number, record in numbered_records:
        if isinstance(record, _SkippedLine):
            objects.collector.faults.append(Fault(number, "set_aside", "", str(record), {}, "set_aside"))
            continue
        try:
            objects.add(number, record)
        except FileRefused:
            raise
        except NotPlain as error:
            objects.collector.fault(number, "nested_value", str(error))
        except (ValueError, RecursionError):
            objects.fault(number)
        if objects.collector.is_full:
            yield objects.collector.batch()
    objects.check_columns()
    yield objects.collector.batch()


def _is_plain(value: list) -> bool:
    return all(isinstance(one, str | bool) for one in value)


class _Objects:
    """JSON objects as records; remembers which of the wanted names were ever seen."""

    def __init__(self, mapping: Mapping, kind: str):
        self.mapping = mapping
        self.wanted = wanted_headers(mapping)
        self.paths = {name: index for index, name in enumerate(self.wanted) if "[" in name}
        self.seen: set[str] = set()
        self.n_records = 0
        self.collector = Collector(self.wanted, kind)

    def add(self, number: int, record: object) -> None:
        """Raises ValueError for what is no record."""
        if not isinstance(record, dict):
            raise ValueError
        folders: set[str] = set()
        flat = flattened(record, "", folders)
        if len(flat) > MAX_NAMES:
            raise FileRefused(f"record {number} has {len(flat):,} names; at most {MAX_NAMES:,} can be an export")
        if folders and (inside := next((name for name in self.wanted if name in folders), "")):
            raise NotPlain(f"a plain value under {inside}; name a part of it, as {inside}.name")
        values = []
        for name in self.wanted:
            value = element(record, name) if name in self.paths and name not in flat else flat.get(name)
            if isinstance(value, dict) or (isinstance(value, list) and not _is_plain(value)):
                raise NotPlain(f"a plain value under {name}; name an element of it, as {name}[0].name")
            values.append(_as_text(value))
        if not self.seen >= flat.keys():
            self.seen |= flat.keys()
        self.seen.update(name for name in self.paths if values[self.paths[name]] is not None)
        self.n_records += 1
        self.collector.add(number, values)

    def fault(self, number: int) -> None:
        self.collector.fault(number, "bad_json", BAD_JSON)

    def check_columns(self) -> None:
        """Raises FileRefused where a column that must be there is in no record."""
        missing = missing_headers(self.wanted, self.seen, self.mapping, at_end=True)
        if missing and self.n_records:
            raise FileRefused(
                f"no record has {quote_names(missing)}; if it was renamed, add a vintage with the new name to the "
                f"mapping {self.mapping.label}"
            )

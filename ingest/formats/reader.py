"""Opening a file: the vintage of a mapping that its header fits, and the reader of its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from ingest.formats.csv import open_csv
from ingest.formats.header import missing_headers, quote_names, wanted_headers
from ingest.formats.json import open_json, open_jsonl
from ingest.formats.lines import Unreadable
from ingest.formats.records import Batch, FileRefused, Reading
from ingest.formats.xlsx import open_xlsx
from ingest.mapping.model import Mapping

ENDINGS = {".xlsx": "xlsx", ".xlsm": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}


def open_file(
    path: Path, mapping: Mapping, *, day_of: Callable[[Mapping, str | None], date | None] | None = None
) -> Reading:
    """Read `path` by the newest vintage of `mapping` that its header fits. Raises FileRefused.

    `day_of` gives the day that the file speaks about as a vintage understands it, from the file's name and, once it is
    known, from its title; a vintage that begins later is passed over.
    """
    if path.stat().st_size == 0:
        raise FileRefused("the file is empty (0 bytes); export it again")
    refusal: FileRefused | None = None
    for layout in mapping.versions:
        try:
            _check_since(layout, day_of, None)
            reading = _open(path, layout)
            _check_since(layout, day_of, reading.title)
            if reading.kind in ("json", "jsonl") and mapping.earlier:
                _check_sample(reading)
            return reading
        except (FileRefused, Unreadable) as error:
            refusal = refusal or FileRefused(str(error))
    raise refusal


def _check_since(layout: Mapping, day_of, title: str | None) -> None:
    day = day_of(layout, title) if day_of else None
    if day and layout.since and day < layout.since:
        raise FileRefused(f"the vintage {layout.label} is for files of {layout.since} or later, this one is of {day}")


def _check_sample(reading: Reading) -> None:
    """Of several vintages, the one whose columns the first records have."""
    missing = missing_headers(wanted_headers(reading.layout), set(reading.names), reading.layout)
    if missing:
        raise FileRefused(f"the first records have no {quote_names(missing)} (mapping {reading.layout.label})")


def kind_of(path: Path, mapping: Mapping) -> str:
    """The format: as declared, else by the file's ending (CSV where it has none)."""
    return ENDINGS.get(path.suffix.lower(), "csv") if mapping.format == "by_ending" else mapping.format


def _open(path: Path, layout: Mapping) -> Reading:
    kind = kind_of(path, layout)
    opener = {"csv": open_csv, "xlsx": open_xlsx, "jsonl": open_jsonl, "json": open_json}[kind]
    names, batches, *title = opener(path, layout)
    return Reading(layout, names, kind, _refuse_unreadable(batches), *title)


def _refuse_unreadable(batches: Iterator[Batch]) -> Iterator[Batch]:
    try:
        yield from batches
    except Unreadable as error:
        raise FileRefused(str(error)) from None

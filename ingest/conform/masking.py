"""Quarantined records as they may be shown: personal values masked."""

from __future__ import annotations

import json

import polars as pl

from ingest.conform.work import MAX_EXPECTED, Work
from ingest.formats.records import Fault
from ingest.log_tables import QUARANTINE
from ingest.mapping.model import Mapping

WITHHELD = "withheld"  # stands for a personal value wherever one could be seen


def value_class(value: str | None, *, is_personal: bool) -> str:
    """What kind of text stands there, without the text: its length and, where it names nobody, its shape."""
    if not value:
        return "empty"
    length = f"{len(value)} characters"
    if is_personal:
        return length
    shape = "".join("9" if c.isdigit() else "a" if c.isalpha() else c if c.isprintable() else "?" for c in value[:20])
    return f"{length} like {shape}" + ("…" if len(value) > 20 else "")


def mask_record(record: dict[str, str | None], personal: set[str]) -> str:
    """The record as JSON, personal values masked."""
    shown = {
        name: (WITHHELD if name in personal and value else (value or "")[:200])
        for name, value in record.items()
        if name != "line"
    }
    return json.dumps(shown, ensure_ascii=False, sort_keys=True)


def quarantine_rows(work: Work) -> pl.DataFrame:
    """One row per record that broke a rule or had no readable shape."""
    batch, mapping, verdicts = work.batch, work.mapping, work.verdicts
    personal = work.masked
    rows = []
    broken = verdicts.broken
    for index in (broken >= 0).arg_true():
        kind, rule, column, expected = verdicts.rules[broken[index]]
        record = batch.frame.row(index, named=True)
        stands = [record.get(name) for name in column.split(" + ")]
        what = value_class(" ".join(filter(None, stands)), is_personal=bool(personal & set(column.split(" + "))))
        line = record["line"]
        rows.append((mapping.source, line, kind, rule, column, what, expected, mask_record(record, personal)))
    # A record of the wrong shape cannot be trusted to have its columns in place: all of it is withheld.
    shapeless = set(batch.frame.columns)
    rows += [_fault_row(fault, mapping, shapeless) for fault in batch.faults]
    schema = {name: kind for name, kind in QUARANTINE.items() if name != "load_id"}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _fault_row(fault: Fault, mapping: Mapping, shapeless: set[str]) -> tuple:
    record = mask_record(fault.record, shapeless)
    return (mapping.source, fault.line, fault.kind, fault.rule, fault.column, "", fault.expected[:MAX_EXPECTED], record)

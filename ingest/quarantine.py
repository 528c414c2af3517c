"""The quarantine for people: what is in it, one record with its line, and another try after the cause was mended."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import polars as pl

from ingest.land import Landed, content_path
from ingest.read import kind_of
from ingest.spec import Mapping
from ingest.split import text_blocks

GROUPS = """
    select left(quarantine.load_id, 8) as load, loads.file_name as file, quarantine.kind, quarantine.rule,
        quarantine.column_name as column, any_value(quarantine.value_class) as stands_there,
        any_value(quarantine.expected) as expected, count(*)::int as n, min(quarantine.line)::int as first_line
    from raw.quarantine as quarantine
    inner join raw.load_log as loads on quarantine.load_id = loads.load_id
    where ($source = '' or quarantine.source = $source) and ($kind = '' or quarantine.kind = $kind)
    group by quarantine.load_id, loads.file_name, loads.sequence, quarantine.kind, quarantine.rule,
        quarantine.column_name
    order by loads.sequence, n desc, first_line
"""
RECORDS = """
    select quarantine.load_id, loads.file_name as file, loads.mapping, quarantine.line, quarantine.kind,
        quarantine.rule, quarantine.column_name as column, quarantine.value_class as stands_there,
        quarantine.expected, quarantine.record
    from raw.quarantine as quarantine
    inner join raw.load_log as loads on quarantine.load_id = loads.load_id
    where starts_with(quarantine.load_id, $load) and ($line = 0 or quarantine.line = $line)
    order by quarantine.load_id, quarantine.line limit $n
"""
# What to do about each rule, in one sentence.
ADVICE = {
    "required": "fill it in the source system, or declare required: false",
    "bad_date": "correct the date, or add its format to formats: (null_words: for a word that means no date)",
    "bad_time": "correct the time, or declare formats: and time_zone:",
    "bad_number": "correct the number, or declare decimal_mark:, thousands_mark: or strip:",
    "bad_answer": "add the label to the answer scale's values:, or to no_answer:",
    "out_of_range": "correct the value, or widen range: if it is right",
    "unknown_value": "add the word to values:, or declare other: kept or empty",
    "unknown_question": "add the question to items:, or declare long.other_questions: set_aside",
    "no_match": "correct the value, or the pattern under matches: or extract:",
    "field_count": "a delimiter or a quote is missing or too many in this line; export it again",
    "repeated_header": "two files were pasted together; check that both belong here",
    "line_break": "a quote is not closed, or declare line_breaks: kept if fields may have several lines",
    "nul_byte": "the file is damaged there; export it again",
    "bad_text": "the file is damaged there; export it again",
    "bad_json": "correct the object in this line",
    "error_cell": "mend the formula in the workbook, or paste values",
    "too_long": "shorten it, or do not read this column",
    "duplicate_key": "the same record came twice; nothing is missing",
    "replaced_key": "another record of this key was taken, as conflicts: says",
    "damaged_id": "export ids as text; what the spreadsheet cut off cannot be got back",
    "nested_value": "name one element of the list or object (docs/mappings.md, JSON)",
    "empty_turn": "nothing to do",
    "conflicting_key": "two records differ under one key: decide which is right, or declare key: or conflicts:",
    "set_aside": "a declared rule; nothing to do",
    "no_answer": "asked and not answered; nothing to do",
}


def groups(connection, *, source: str = "", kind: str = "") -> pl.DataFrame:
    """One row per file, rule and column, with how many records and the first line."""
    return _ask(connection, GROUPS, {"source": source, "kind": kind})


def records(connection, load: str, *, line: int = 0, n: int = 20) -> pl.DataFrame:
    """Quarantined records of a load (by the beginning of its id); personal columns are masked."""
    return _ask(connection, RECORDS, {"load": load, "line": line, "n": n})


def _ask(connection, sql: str, parameters: dict) -> pl.DataFrame:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    return pl.DataFrame(cursor.fetchall(), schema=names, orient="row", infer_schema_length=None)


def raw_line(landing: Path, landed: Landed, mapping: Mapping, line: int) -> str | None:
    """The line as it was sent, from landing; None for formats without lines. It may name people: only for a screen."""
    path = content_path(landing, landed)
    if kind_of(path, mapping) not in ("csv", "jsonl"):
        return None
    lines = (one for block in text_blocks(path, mapping.encoding) for one in block.splitlines())
    found = next(islice(lines, line - 1, None), None)
    return None if found is None else found.decode()[:2_000]

"""The quarantine for people: what is in it, one record with its line, and another try after the cause was corrected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ingest.formats.lines import text_blocks
from ingest.formats.reader import kind_of
from ingest.land import Landed, content_path
from ingest.mapping.model import Mapping

QUARANTINE_GROUPS_QUERY = """
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
    select quarantine.load_id, loads.file_name as file, loads.mapping, loads.vintage, quarantine.line, quarantine.kind,
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
    "unknown_value": "add the word to values:, or declare on_unmapped: kept or empty",
    "unknown_question": "add the question to items:, or declare long.other_questions: set_aside",
    "no_match": "correct the value, or the pattern under matches: or extract:",
    "field_count": "a delimiter or a quote is missing or too many in this line; export it again",
    "repeated_header": "two files were pasted together; check that both belong here",
    "line_break": "a quote is not closed, or declare line_breaks: kept if fields may have several lines",
    "nul_byte": "the file is damaged there; export it again",
    "bad_text": "the file is damaged there; export it again",
    "bad_json": "correct the object in this line",
    "error_cell": "correct the formula in the workbook, or paste values",
    "too_long": "shorten it, or do not read this column",
    "duplicate_key": "the same record came twice (or a list of people names their unit again); nothing is missing",
    "replaced_key": "another record of this key was taken: as conflicts: says, or the response with most answers",
    "shortened_id": "store the ids as text in the workbook; what the spreadsheet cut off cannot be got back",
    "damaged_id": "export ids as text; what the spreadsheet cut off cannot be got back",
    "nested_value": "name one element of the list or object (docs/reference/mappings.md, JSON)",
    "empty_part": "nothing to do",
    "conflicting_key": "two records differ under one key: decide which is right, or declare key: or conflicts:",
    "set_aside": "a declared rule; nothing to do",
    "no_answer": "asked and not answered; nothing to do",
}


def groups(connection, *, source: str = "", kind: str = "") -> pl.DataFrame:
    """One row per file, rule and column, with how many records and the first line."""
    return _ask(connection, QUARANTINE_GROUPS_QUERY, {"source": source, "kind": kind})


def records(connection, load: str, *, line: int = 0, n: int = 20) -> pl.DataFrame:
    """Quarantined records of a load (by the beginning of its id); personal columns are masked."""
    return _ask(connection, RECORDS, {"load": load, "line": line, "n": n})


def _ask(connection, sql: str, parameters: dict) -> pl.DataFrame:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    return pl.DataFrame(cursor.fetchall(), schema=names, orient="row", infer_schema_length=None)


class CannotFix(ValueError):
    """The records of this load cannot be corrected line by line; the message says what to do instead."""


def sent_lines(landing: Path, landed: Landed, layout: Mapping, lines: set[int]) -> dict[int, str]:
    """Line → its text as it was sent, from landing. It may name people: only for a screen or a file of the owner's.

    `layout` is the mapping's vintage that read the file. Raises CannotFix for formats without lines.
    """
    if kind_of(content_path(landing, landed), layout) not in ("csv", "jsonl"):
        raise CannotFix("this format has no lines: correct the file itself and drop it again under its name")
    return {number: text for number, text in _numbered_lines(landing, landed, layout) if number in lines}


def _numbered_lines(landing: Path, landed: Landed, layout: Mapping) -> Iterator[tuple[int, str]]:
    blocks = text_blocks(content_path(landing, landed), layout.encoding)
    return enumerate((line.decode() for block in blocks for line in block.removesuffix(b"\n").split(b"\n")), start=1)


def correction_text(sent: dict[int, str], about: str) -> str:
    """A text to be corrected by hand: `line: what was sent`, one record each."""
    head = f"# {about}\n# Correct what stands after the line number; lines left as they are stay quarantined.\n"
    return head + "".join(f"{number}: {text}\n" for number, text in sorted(sent.items()))


def corrected_lines(text: str, sent: dict[int, str]) -> dict[int, str]:
    """The lines that were changed. Raises CannotFix for one that was not quarantined, or is no line."""
    changed = {}
    for row in text.split("\n"):
        if not row.strip() or row.startswith("#"):
            continue
        number, colon, words = row.removesuffix("\r").partition(": ")
        if not colon or not number.isdigit() or int(number) not in sent:
            raise CannotFix(f"{number[:20]!r} is no line of this load's quarantine; keep `line: record`")
        if words != sent[int(number)]:
            changed[int(number)] = words
    if not changed:
        raise CannotFix("no line was changed")
    return changed


def corrected_content(landing: Path, landed: Landed, layout: Mapping, changed: dict[int, str]) -> bytes:
    """The whole file with the changed lines in place of those that were sent, in its own encoding."""
    lines = (changed.get(number, line) + "\n" for number, line in _numbered_lines(landing, landed, layout))
    return "".join(lines).encode(layout.encoding)


def layout_of(mappings: list[Mapping], name: str, vintage: str) -> Mapping | None:
    """The vintage of a mapping that a load was read with; None where it is gone."""
    versions = (version for mapping in mappings if mapping.name == name for version in mapping.versions)
    return next((version for version in versions if version.vintage == vintage), None)

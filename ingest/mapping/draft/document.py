"""The text of a drafted mapping. What stands in the file decides; every guess is marked with its
evidence, and what two readings fit is a question (`# DECIDE`) with nothing picked."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

from ingest.mapping.draft.dates import find_formats
from ingest.mapping.draft.grid import DraftColumn, Grid, lay_out, read_grid
from ingest.mapping.draft.known import COMMENT, PERSONAL_HEADER
from ingest.mapping.draft.parts import Draft, is_dated, quote, quote_list
from ingest.mapping.draft.records import draft_records
from ingest.mapping.draft.surveys import draft_survey, draft_without_header
from ingest.tables import RECORD_TABLES

DRAFTED_SOURCES = tuple(RECORD_TABLES)

DAY_IN_NAME = r"(?P<year>(?:19|20)\d{2})-?(?P<month>0[1-9]|1[0-2])(-?(?P<day>0[1-9]|[12]\d|3[01]))?(?:\D|$)"


def draft_mapping(path: Path, *, source: str) -> str:
    """The text of a mapping for `path`, of which `source` is the inbox folder. Raises FileRefused where the file is
    nothing that could be mapped."""
    grid = read_grid(path)
    layout = lay_out(grid)
    draft = Draft(layout, source, next(iter(RECORD_TABLES[source])), questions=list(layout.questions))
    if source != "survey":
        draft_records(draft)
    elif layout.header_rows:
        draft_survey(draft)
    else:
        draft_without_header(draft)
    return _write_document(path, grid, draft)


def _write_document(path: Path, grid: Grid, draft: Draft) -> str:
    layout, table = draft.layout, RECORD_TABLES[draft.source][draft.table]
    stem = re.sub(r"[^a-z0-9]+", "_", re.sub(r"\d+", "", path.stem.lower())).strip("_") or "export"
    glob = re.sub(r"[\d*]+([-_.]?\d+)*", "*", re.sub(r"[\[\]?]", "?", path.name))
    head = [f"name: {draft.source}_{stem}"[:60].rstrip("_"), f"source: {draft.source}"]
    if draft.table != next(iter(RECORD_TABLES[draft.source])):
        head.append(f"table: {draft.table}  # GUESS: its fields fit best")
    head += [f"files: [{quote(glob)}]  # GUESS: digits of the name vary", f"format: {grid.kind}"]
    if grid.kind == "csv":
        head += [f"encoding: {grid.encoding}  # GUESS: it decodes", f"delimiter: {quote(grid.delimiter)}"]
        if not grid.ends_with_newline:
            head.append("final_newline: optional  # the file's last line does not end")
    if layout.skip_rows:
        head.append(f"skip_rows: {layout.skip_rows}  # GUESS: title lines")
    if grid.kind in ("csv", "xlsx"):
        head.append(f"header_rows: {layout.header_rows}")
        if layout.names_from != "header":
            head.append(f"names_from: {layout.names_from}")
    if layout.has_trailing_delimiter:
        head.append("trailing_delimiter: true  # GUESS: each record ends with a delimiter")
    if layout.has_short_rows:
        draft.questions.append(
            "short_rows: some records have fewer fields than the header; padded, if last ones are left out"
        )
    if grid.records:
        head.append(f"records: {grid.records}")
    has_comma = any(re.fullmatch(r"-?\d+,\d+", value) for column in layout.columns for value in column.present)
    if grid.delimiter == ";" and has_comma:
        head.append('decimal_mark: ","  # GUESS: 12,5 occurs')
    head += _snapshot(path, draft, table.dated)
    dropped = [column.name for column in layout.columns if draft.is_free(column) and _is_personal(column)]
    left = [column.name for column in layout.columns if draft.is_free(column) and column.name not in dropped]
    has_columns = any(not line.lstrip().startswith("#") for line in draft.columns)
    lines = [f"# Drafted from {path.name}. Look at each GUESS, settle each DECIDE; then: coaching mapping check FILE"]
    lines += [f"# DECIDE {question}" for question in dict.fromkeys(draft.questions)]
    lines += [*head, "columns:" if has_columns else "columns: {}", *draft.columns]
    lines += ["set_aside:", *draft.set_aside] if draft.set_aside else []
    lines += draft.further
    if dropped:
        lines.append(f"dropped: {quote_list(dropped)}  # GUESS: names, addresses, comments: never read")
    lines += ["# Not read:", *(f"#   {name}" for name in left)] if left else []
    return "\n".join(" ".join(line.splitlines()).rstrip() for line in lines) + "\n"


def _snapshot(path: Path, draft: Draft, dated: str) -> list[str]:
    """Where the date comes from that the file speaks about; a question where nothing says it."""
    if found := re.search(DAY_IN_NAME, path.name):
        day = found[0].rstrip("._- ")
        return [f"snapshot: {{filename: '{DAY_IN_NAME}'}}  # GUESS: {day} stands in the name"]
    if draft.source not in ("hris", "survey"):
        return []
    few = next(
        (
            column
            for column in draft.layout.columns
            if draft.is_free(column) and is_dated(column) and len(column.values) > 3 * len(set(column.values))
        ),
        None,
    )
    if few is not None and draft.source == "hris":
        formats = find_formats(few.present, as_time=False).formats or ["?"]
        draft.questions.append(f"snapshot: {few.name} has few days over all records: several snapshots in one file?")
        return [f"# snapshot: {{column: {quote(few.name)}, formats: {quote_list(formats)}}}"]
    draft.questions.append(
        f"snapshot: no part of the name is the day that the file is about ({dated}); snapshot: {{fixed: YYYY-MM-DD}}, "
        "or rename the file"
    )
    return ["# snapshot: {fixed: ?}"]


def _is_personal(column: DraftColumn) -> bool:
    """Names, addresses and free text: what is never to be read."""
    is_text = len(column.present) > 3 and statistics.mean(map(len, column.present)) > 30
    return (
        any(PERSONAL_HEADER.match(key) for key in column.keys)
        or any(COMMENT.search(text) for text in column.texts)
        or column.is_address
        or (is_text and any(value.count(" ") > 3 for value in column.present))
    )

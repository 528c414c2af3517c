"""Drafting a mapping of HR, check-in and roster files: fields by header and by words."""

from __future__ import annotations

import re

from ingest.mapping.draft.answers import fold
from ingest.mapping.draft.grid import DraftColumn
from ingest.mapping.draft.known import FIRST, LAST, PERSON, SYNONYMS, known_words
from ingest.mapping.draft.parts import Draft, find_column, is_dated, is_id, quote, quote_list
from ingest.mapping.headers import normalise_name
from ingest.tables import RECORD_TABLES


def draft_records(draft: Draft) -> None:
    """Fields by the headers of the built-in mappings and the synonyms, in the table whose fields fit best."""
    tables = RECORD_TABLES[draft.source]
    person = _person_of(draft.layout.columns)
    found = {table: _fields_of(draft, table, person) for table in tables}

    def rank(table: str) -> tuple:
        needed = [name for name in tables[table].required if name != tables[table].dated]
        marks = [name for name in needed if name != "person_id"]
        has_mark = any(name in found[table] for name in marks) or not marks
        return (all(name in found[table] for name in needed) and has_mark, len(found[table]), table == draft.table)

    draft.table = max(tables, key=rank)
    fields = _as_jobs(draft, found[draft.table], person)
    record = tables[draft.table]
    for name in record.fields:
        if name in fields:
            _draft_field(draft, name, fields[name])
    _draft_name(draft, fields)
    given = {found[1] for line in draft.columns if (found := re.match(r"  (\w+):", line))}
    for name in record.required:
        if name not in given | {record.dated}:
            words = record.words.get(name)
            more = f"; one of {', '.join(words)}, as {name}: {{constant: {words[0]}}}" if words else ""
            draft.questions.append(f"{name}: a record needs it and no column is it for certain{more}")
    for group in record.one_of:
        if not given & set(group):
            draft.questions.append(f"{' or '.join(group)}: one is needed")


def _person_of(columns: list[DraftColumn]) -> DraftColumn | None:
    """The person's id: the column that is called so, else `id`, else `user id`. Beside a column of employee ids, or in
    a file of goals, reports or positions, `id` is the record's own."""
    is_other = any(key in ("position id", "report id") or "goal" in key for column in columns for key in column.keys)
    for pattern in (PERSON, r"id", r"user ?id|person id"):
        for column in columns:
            fits = any(
                re.fullmatch(pattern, key) and not re.match(r"manager|supervisor|coach|reviewer|reports", key)
                for key in column.keys
            )
            if fits and is_id(column) and not (pattern == "id" and is_other):
                return column
    return None


def _fields_of(draft: Draft, table: str, person: DraftColumn | None) -> dict[str, DraftColumn]:
    record = RECORD_TABLES[draft.source][table]
    headers = known_words(draft.source, table)[0]
    has_person = "person_id" in record.fields and person is not None
    fields: dict[str, DraftColumn] = {"person_id": person} if has_person else {}
    free = [column for column in draft.layout.columns if not (has_person and column is person)]

    def fits(name: str, column: DraftColumn) -> bool:
        return record.fields[name] not in ("date", "birth_year", "time") or is_dated(column) or not column.present

    for column in list(free):
        name = next((headers[key] for key in column.keys if key in headers and key != "id"), None)
        if name and name not in fields and name != "person_id" and fits(name, column):
            fields[name] = column
            free.remove(column)
    if table == next(iter(RECORD_TABLES[draft.source])):
        for name, pattern in SYNONYMS[draft.source].items():
            if name in fields or name not in record.fields:
                continue
            chosen = next(
                (
                    column
                    for column in free
                    if any(re.search(pattern, text, re.IGNORECASE) for text in (*column.keys, *column.texts))
                    and fits(name, column)
                ),
                None,
            )
            if chosen:
                fields[name] = chosen
                free.remove(chosen)
    return fields


def _as_jobs(draft: Draft, fields: dict[str, DraftColumn], person: DraftColumn | None) -> dict[str, DraftColumn]:
    """A table of jobs has an id of each record beside persons that repeat: it is drafted as positions."""
    if draft.source != "hris" or draft.table != "workers" or not person or person.is_unique:
        return fields
    own = next(
        (c for c in draft.layout.columns if c.is_unique and {*c.keys} & {"id", "position id", "job id", "row id"}), None
    )
    if own is None:
        return fields
    records = f"{len(person.present)} records of {len(set(person.present))} persons, {own.name} is each record's own"
    start = find_column(draft, [r"(start|effective|valid from|from|begin).*"], is_dated)
    if start is None:
        draft.questions.append(f"table: {records}: a table of jobs? Then table: positions, with valid_from_date")
        return fields
    draft.table = "positions"
    draft.questions.append(f"table: {records}: drafted as a table of jobs (positions), valid from {start.name}")
    end = find_column(draft, [r"(end|valid to|to|until).*"], is_dated)
    kept = {name: c for name, c in fields.items() if name in RECORD_TABLES["hris"]["positions"].fields}
    kept |= {"position_id": own, "valid_from_date": start}
    return kept | ({"valid_to_date": end} if end else {})


def _draft_field(draft: Draft, name: str, column: DraftColumn) -> None:
    record = RECORD_TABLES[draft.source][draft.table]
    kind = record.fields[name]
    if kind in ("date", "birth_year", "time"):
        if column.present:
            more = ", two_digit_years: past" if kind == "birth_year" else ""
            draft.add_dated(name, column, as_time=kind == "time", more=more)
        else:
            draft.questions.append(f"{name}: {column.name} is empty in every record, so its format is not known")
            draft.columns.append(f"  # {name}: {{from: {quote(column.name)}, formats: [?]}}")
    elif name in record.words:
        _draft_words(draft, name, column)
    elif name == "fte":
        _draft_fte(draft, column)
    else:
        nulls = sorted({value for value in column.present if re.fullmatch(r"NO_\w+|N/A|NULL|None|-", value)})
        draft.add(name, column, more=f", null_words: {quote_list(['', *nulls])}" if nulls else "")


def _draft_words(draft: Draft, name: str, column: DraftColumn) -> None:
    ours = RECORD_TABLES[draft.source][draft.table].words[name]
    known = known_words(draft.source, draft.table)[1].get(name, {})
    words = {word: known.get(fold(word), "?") for word in sorted({normalise_name(value) for value in column.present})}
    words = {word: one if one in ours else "?" for word, one in words.items()}
    mapped = ", ".join(f"{quote(word)}: {one}" for word, one in words.items())
    line = f"{name}: {{from: {quote(column.name)}, values: {{{mapped}}}}}"
    draft.taken.setdefault(column.name, name)
    if "?" in words.values():
        draft.questions.append(f"{name}: one of {', '.join(ours)} for each ?")
        draft.columns += [f"  # DECIDE {name}", f"  # {line}"]
    else:
        draft.columns.append(f"  {line}  # GUESS: by the words")


def _draft_fte(draft: Draft, column: DraftColumn) -> None:
    numbers = [float(v.replace(",", ".")) for v in column.present if re.fullmatch(r"\d+([.,]\d+)?", v)]
    if numbers and max(numbers) <= 2:
        draft.add("fte", column, why="numbers up to 2")
        return
    draft.taken[column.name] = "fte"
    draft.questions.append(
        f"fte: {column.name} is no share of 1: per cent (multiply_by: 0.01) or hours a week (multiply_by: 0.025)?"
    )
    draft.columns.append(f"  # DECIDE fte: {{from: {quote(column.name)}, multiply_by: ?}}")


def _draft_name(draft: Draft, fields: dict[str, DraftColumn]) -> None:
    record = RECORD_TABLES[draft.source][draft.table]
    if "name_key" in fields or "name_key" not in record.fields:
        return
    first, last = (
        next((c for c in draft.layout.columns if any(re.search(p, t, re.IGNORECASE) for t in c.texts)), None)
        for p in (FIRST, LAST)
    )
    if first and last:
        draft.taken |= {first.name: "name_key", last.name: "name_key"}
        draft.columns.append(f"  name_key: {{from: {quote_list([first.name, last.name])}}}  # GUESS: by the headers")

"""Drafting a survey's mapping: response, person, time, groups, rules and items."""

from __future__ import annotations

import re

from ingest.mapping.draft.answers import answers_of
from ingest.mapping.draft.grid import DraftColumn
from ingest.mapping.draft.items import draft_items, is_no_question
from ingest.mapping.draft.known import QUALTRICS_STATUS, SURVEY_SYNONYMS
from ingest.mapping.draft.parts import Draft, find_column, is_dated, is_filled, is_id, quote


def draft_survey(draft: Draft) -> None:
    """Fill the draft from a survey export with a header."""
    columns = draft.layout.columns
    long = _long_of(columns)
    response = find_column(
        draft, [*SURVEY_SYNONYMS["response_id"], "id"], is_id if long else lambda column: column.is_unique
    )
    if response:
        draft.taken[response.name] = "response_id"
    person = find_column(draft, SURVEY_SYNONYMS["person_id"], is_id)
    address = next((column for column in columns if column.is_address and not _is_of_manager(column)), None)
    recorded = find_column(draft, SURVEY_SYNONYMS["recorded_at"], is_dated)
    one = response or next((c for c in (person, address) if c and (long or _is_one_each(c))), None)
    empty = [
        c.name
        for c in columns
        if not c.present and any(re.fullmatch(p, k) for p in SURVEY_SYNONYMS["person_id"] for k in c.keys)
    ]
    if one:
        draft.add("response_id", one, why="no two records share it" if one is response else "one response per person")
    elif person or address:
        draft.questions.append("response_id: no column distinguishes responses (every id repeats)")
    if person:
        draft.add("person_id", person)
    if address:
        draft.add("email_key", address, why="addresses stand there")
    if not (person or address):
        noted = f" ({', '.join(empty)}: empty in every record)" if empty else ""
        draft.further.append(f"anonymous: true  # GUESS: no id and no address of a person{noted}")
    elif empty:
        draft.questions.append(f"person_id: {', '.join(empty)} is empty in every record; is it filled in other waves?")
    if recorded:
        draft.add_dated("recorded_at", recorded, as_time=True)
    for name in ("team", "department", "site"):
        if column := find_column(draft, SURVEY_SYNONYMS[name], is_filled):
            draft.add(name, column)
    _draft_rules(draft, recorded)
    if long:
        question, answer = long
        draft.taken |= {question.name: "long", answer.name: "long"}
        names = f"question: {quote(question.name)}, answer: {quote(answer.name)}"
        draft.further.append(f"long: {{{names}}}  # GUESS: a record per answer")
        asked = dict.fromkeys(question.present)
        pairs = list(zip(answer.values, question.values, strict=True))
        draft_items(draft, [DraftColumn(w, (w,), [a for a, b in pairs if b == w], i) for i, w in enumerate(asked)])
        return
    n_before = len(draft.further)
    draft_items(draft, [column for column in columns if draft.is_free(column)])
    _ask_about_items(draft, has_items=len(draft.further) > n_before)


def _is_of_manager(column: DraftColumn) -> bool:
    return bool(re.search("manager|supervisor|vorgesetz", " ".join(column.keys)))


def _is_one_each(column: DraftColumn) -> bool:
    return len(set(column.present)) == len(column.present) >= 0.5 * len(column.values)


def _draft_rules(draft: Draft, recorded: DraftColumn | None) -> None:
    """Responses that were not finished, previews and tests, and people who were asked and did not answer."""

    def rule(column: DraftColumn, test: str, reason: str, why: str) -> None:
        draft.taken[column.name] = "set_aside"
        draft.set_aside.append(f"  - {{column: {quote(column.name)}, {test}, reason: {quote(reason)}}}  # GUESS: {why}")

    for column in draft.layout.columns:
        keys, words = set(column.keys), {value.casefold() for value in column.present}
        if keys & {"finished", "beendet"} and words <= {"true", "false", "0", "1"}:
            rule(column, 'equals: ["False", "0"]', "response was not finished", "by the header")
        if keys & {"status", "response type", "antworttyp"} and set(column.present) <= QUALTRICS_STATUS:
            test = 'equals: [Survey Preview, Survey Test, "1", "2"]'
            rule(column, test, "a preview or a test, not a response", "a Qualtrics export")
    if recorded and 0 < len(recorded.present) < len(recorded.values):
        n_empty = len(recorded.values) - len(recorded.present)
        rule(recorded, "empty: true", "asked, but did not answer", f"{n_empty} records have no time of an answer")


def _long_of(columns: list[DraftColumn]) -> tuple[DraftColumn, DraftColumn] | None:
    """The columns of question and answer, where each record is one answer."""
    asks = r"question( text| id| name)?|item|frage|intitulé|pregunta"
    replies = r"answer( value| text)?|response|antwort|réponse|respuesta|score|rating|value"
    question = next(
        (
            column
            for column in columns
            if any(re.fullmatch(asks, key) for key in column.keys)
            and len(set(column.present)) * 3 <= len(column.present)
        ),
        None,
    )
    answer = next((c for c in columns if any(re.fullmatch(replies, key) for key in c.keys) and answers_of(c)), None)
    return (question, answer) if question and answer else None


def _ask_about_items(draft: Draft, *, has_items: bool) -> None:
    """Columns that look like questions and whose answers are on no known scale."""
    left = [
        column
        for column in draft.layout.columns
        if draft.is_free(column)
        and not is_no_question(column)
        and (len(column.label.split()) > 3 or re.match(r"(?i)q\d", column.name))
    ]
    if left:
        named = ", ".join(quote(column.label) for column in left[:8]) + (" …" if len(left) > 8 else "")
        draft.questions.append(f"items: {named}: questions? Their answers are on no known scale, or too few to decide")
    elif not has_items:
        draft.questions.append("items: no column of answers is recognised for certain")


def draft_without_header(draft: Draft) -> None:
    """Describe each column of a file without a header; nothing is picked."""
    draft.questions.append("columns: the file has no header row, so what each column is is not known; by place:")
    for column in draft.layout.columns:
        answers = answers_of(column)
        seems = (
            "e-mail addresses"
            if column.is_address
            else "dates or times"
            if is_dated(column)
            else f"answers ({answers.kind})"
            if answers
            else "no two equal: an id?"
            if column.is_unique
            else f"{len(set(column.present))} different values"
        )
        draft.columns.append(f'  # DECIDE "{column.name}": {seems}')
    draft_items(draft, [c for c in draft.layout.columns if not is_dated(c) and not c.is_unique])

"""A first mapping for a file that nobody has described. What stands in the file decides; every guess is marked with its
evidence, and what two readings fit is a question (`# DECIDE`) with nothing picked."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ingest.draft_answers import FAMILIES, Answers, answers_of, find_range, fold, runs_against
from ingest.draft_dates import NOTHING, DateFormats, find_formats
from ingest.draft_grid import DATE_LIKE, DraftColumn, Grid, Layout, lay_out, plain_words, read_grid
from ingest.spec import built_in_mappings, squeezed
from ingest.tables import RECORD_TABLES

# Field → words that its header is made of, in the languages of common exports; the first that fits wins.
SYNONYMS = {
    "hris": {
        "manager_email_key": r"(manager|supervisor|vorgesetzt|reports? to).*(e-?mail)",
        "manager_id": r"(manager|supervisor|reports? to|vorgesetzt).*(id|number|nummer|no\b|#|eid)|^manager$",
        "manager_name_key": r"^(?!.*(path|number|level|id\b)).*(manager|supervisor|report(s|ing)? to|vorgesetzt)",
        "left_date": r"terminat.*date|left|leav.*date|exit|austritt|last.?working|end date|dateoftermination|sortie",
        "hired_date": r"hire|join|start date|eintritt|einstellung|date d.?entr",
        "birth_year": r"birth ?(date|day)|date of birth|\bdob\b|geburts(datum|tag)|naissance",
        "email_key": r"e-?mail",
        "person_id": r"(employee|worker|associate|person|emp|user|personal|staff|pers).{0,4}(id|numm?er|nr|no\b|#)"
        r"|matricule|社員番号|従業員番号",
        "name_key": r"^((full|legal|employee|worker|display|payroll)[ _]?)?name$|^氏名$",
        "termination_type": r"terminat.*(type|category|reason)|kündigungsart",
        "worker_status": r"(^|employ\w*|worker|position|user).?status$",
        "fte": r"\bfte\b",
        "team": r"\bteam|squad|supervisory org",
        "department": r"depart|abteilung|cost cent|^service$",
        "site": r"site|location|office|standort|city",
        "job_level": r"level|grade",
    },
    "checkins": {
        "event_id": r"(report|goal|event|check-?in).*id|^id$",
        "person_id": r"employee.?id|user.?id",
        "email_key": r"e-?mail|^user$",
        "due_date": r"due",
        "status": r"status|state",
        "submitted_at": r"submit",
        "reviewed_at": r"reviewed.?(at|ts|on)",
    },
    "roster": {
        "unit": r"team|unit|group",
        "arm": r"\barm\b|condition|treatment",
        "cohort": r"wave|cohort",
        "kickoff_date": r"kick|start",
        "coach_id": r"coach.*id",
        "trained_date": r"trained|training",
    },
}
# The same of a survey: patterns that a whole header fits, the best first.
SURVEY = {
    "response_id": [
        r"_?record id|response id|respondent id|respondent|submission id|antwort id|id de réponse|v1",
    ],
    "person_id": [
        r"(employee|emp|worker|staff|associate|personnel|personal|mitarbeiter) ?(id|nr|no|num(m?er|ber)|#|eid)"
        r"|personalnummer|pers nr|matricule|n° employé",
        r"external (data )?ref(erence)?|externe datenreferenz|external id",
        r"custom( data)?( 1)?",
        r"user id",
    ],
    "recorded_at": [
        r"recorded.*|erfassungsdatum",
        r".*\b(completion|completed|submitted|submit|submission)\b.*|abgeschlossen.*|fertigstellung.*|heure de fin"
        r"|hora de finalización",
        r"end ?(date|time)|enddatum|ended.*",
        r"timestamp|zeitstempel|horodateur|marca temporal|date modified|date",
    ],
    "team": [r"team( id| name)?|gruppe|équipe"],
    "department": [r"department|abteilung|service|département"],
    "site": [r"site|standort|office"],
}
SOURCES = tuple(RECORD_TABLES)
FIRST, LAST = r"^(first|given).?name$|^vorname$|^prénom$", r"^(last|family|sur).?name$|^nachname$|^nom$"
# Words of the field's own vocabulary → what stands for it in common exports.
VOCABULARY = {
    "worker_status": {
        "active": "active|aktiv|actif|activo|a|employed|yes|current",
        "on_leave": "on leave|leave|leave of absence|l|abwesend|elternzeit|en congé|suspended",
        "left": "terminated|inactive|inaktiv|left|t|ausgetreten|inactif|sorti|former|resigned",
    },
    "termination_type": {
        "voluntary": "voluntary|v|resignation|quit|arbeitnehmerkündigung|eigenkündigung|démission",
        "involuntary": "involuntary|i|dismissal|fired|layoff|arbeitgeberkündigung|licenciement",
        "other": "death|retirement|rente|retraite|end of contract|other",
    },
    "status": {
        "met": "met|done|completed|complete|achieved|closed|erreicht",
        "missed": "missed|not achieved|not met|incomplete|overdue|verfehlt",
        "open": "open|in progress|on track|off track|at risk|not started",
        "held": "held|submitted|yes",
        "skipped": "skipped|cancelled|no",
    },
    "arm": {"pilot": "pilot|treatment|treated|coached", "control": "control|comparison"},
}
PERSON = (
    r"(\w+ )?(employee|emp|worker|associate|staff|personnel|personal|pers|mitarbeiter|owner employee) "
    r"?(id|nr|no|num(m?er|ber)|#)|employee #|personalnummer|matricule|社員番号|従業員番号"
)
# Columns of a survey that are about the response, not answers.
ABOUT = re.compile(
    r"(?i)^(progress|duration.*|finished|status|response type|response set|collector.*|ip ?address|.*latitude"
    r"|.*longitude|.*accuracy|distribution channel|user language|language|sprache|age|alter|tenure.*|year.*|.*gender"
    r"|zip.*|.*score|.*seconds.*|.*sekunden.*|start ?(date|time|zeit).*|.*sent date|v\d+|aktueller stand|beendet"
    r"|dauer.*|antworttyp|id|index)$"
)
COMMENT = re.compile(
    r"(?i)_comment|\bcomments?\W*$|kommentar|commentaire|_topics|- topics|open-ended|_sensitive|freitext|anmerkung"
    r"|remarque|_text\b|anything else"
)
PERSONAL = re.compile(
    r"(?i)^(.*\b(first|last|given|family|sur|full|recipient (first|last)) ?name|name|vorname|nachname|nom|prénom"
    r"|.*ip ?add?resse?|.*latitude|.*longitude|phone.*|telefon.*|address.*)$"
)
QUALTRICS_STATUS = {"IP Address", "Survey Preview", "Survey Test", "Spam", "Imported", *map(str, range(20))}
DAY_IN_NAME = r"(?P<year>(?:19|20)\d{2})-?(?P<month>0[1-9]|1[0-2])(-?(?P<day>0[1-9]|[12]\d|3[01]))?(?:\D|$)"


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _list(words) -> str:
    return f"[{', '.join(map(_quoted, words))}]"


@dataclass
class _Draft:
    """The parts of the text as they are found, the questions, and which columns have a role."""

    layout: Layout
    source: str
    table: str
    columns: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    further: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    taken: dict[str, str] = field(default_factory=dict)

    def is_free(self, column: DraftColumn) -> bool:
        return column.name not in self.taken

    def add(self, name: str, column: DraftColumn, *, why: str = "by the header", more: str = "") -> None:
        self.taken.setdefault(column.name, name)
        self.columns.append(f"  {name}: {{from: {_quoted(column.name)}{more}}}  # GUESS: {why}")

    def add_dated(self, name: str, column: DraftColumn, *, as_time: bool, more: str = "") -> None:
        """A date or time, with the formats that read all its values; without any it is a question."""
        self.taken.setdefault(column.name, name)
        found = find_formats(column.present, as_time=as_time)
        nulls = f", null_words: {_list(['', *found.null_words])}" if found.null_words else ""

        def line(formats: list[str]) -> str:
            return f"{name}: {{from: {_quoted(column.name)}, formats: {_list(formats)}{nulls}{more}}}"

        if not found.formats:
            self.questions.append(f"{name}: {found.question}")
            self.columns.append(f"  # DECIDE {name}: {found.question}")
            self.columns += [f"  # {line(option)}" for option in found.options or [["?"]]]
            return
        self.columns.append(f"  {line(found.formats)}  # GUESS: {found.evidence}")
        if as_time and not _tells_offset(found, column.present):
            self.questions.append(
                "time_zone: the times have no offset; UTC is taken unless you declare time_zone: (Europe/Berlin)"
            )


def _tells_offset(found: DateFormats, values: list[str]) -> bool:
    is_declared = any("%Z" in one or one.endswith(("Z", "UTC")) or one.startswith("unix") for one in found.formats)
    return is_declared or all(re.search(r"(Z|[+-]\d\d:?\d\d)$", value) for value in values)


def suggest(path: Path, *, source: str) -> str:
    """The text of a mapping for `path`, of which `source` is the inbox folder. Raises FileRefused where the file is
    nothing that could be mapped."""
    grid = read_grid(path)
    layout = lay_out(grid)
    draft = _Draft(layout, source, next(iter(RECORD_TABLES[source])), questions=list(layout.questions))
    if source != "survey":
        _draft_records(draft)
    elif layout.header_rows:
        _draft_survey(draft)
    else:
        _draft_without_header(draft)
    return _text(path, grid, draft)


# --- what the built-in mappings know --------------------------------------------------------------------------------


@cache
def _known(source: str, table: str) -> tuple[dict[str, str], dict[str, dict[str, str]], dict[str, tuple]]:
    """Header → field, field → their word → ours, and question → (item, scale, is reversed), of a source's table."""
    headers: dict[str, str] = {}
    words: dict[str, dict[str, str]] = {}
    items: dict[str, tuple] = {}
    for mapping in built_in_mappings():
        for version in (one for one in mapping.versions if one.source == source):
            for name, item in version.items.items():
                for header in item.headers:
                    items.setdefault(fold(header), (name, item.scale, item.reverse))
            if version.record.name != RECORD_TABLES[source][table].name:
                continue
            for name, column in version.all_columns:
                if len(column.headers) == 1 or column.any_of or column.first_of:
                    for header in column.headers:
                        headers.setdefault(plain_words(header), name)
                for theirs, ours in column.values.items():
                    words.setdefault(name, {}).setdefault(fold(theirs), ours)
    for name, spellings in VOCABULARY.items():
        for ours, theirs in spellings.items():
            for word in theirs.split("|"):
                words.setdefault(name, {}).setdefault(fold(word), ours)
    return headers, words, items


def _is_dated(column: DraftColumn) -> bool:
    def is_date(value: str) -> bool:
        return bool(
            DATE_LIKE.match(value) or NOTHING.match(value) or re.fullmatch(r"\d{10}|\d{13}|\d{5}(\.\d+)?", value)
        )

    return bool(column.present) and sum(map(is_date, column.present)) >= 0.8 * len(column.present)


def _is_id(column: DraftColumn) -> bool:
    are_numbers = all(re.fullmatch(r"\d{5,8}", value) for value in column.present)
    return bool(column.present) and not column.is_address and (are_numbers or not _is_dated(column))


def _is_filled(column: DraftColumn) -> bool:
    return bool(column.present)


def _find(draft: _Draft, patterns: list[str], fits: Callable[[DraftColumn], bool]) -> DraftColumn | None:
    """The first free column, by the order of the patterns, one of whose headers fits and whose values do."""
    return next(
        (
            column
            for pattern in patterns
            for column in draft.layout.columns
            if draft.is_free(column) and any(re.fullmatch(pattern, key) for key in column.keys) and fits(column)
        ),
        None,
    )


# --- surveys --------------------------------------------------------------------------------------------------------


def _draft_survey(draft: _Draft) -> None:
    columns = draft.layout.columns
    long = _long_of(columns)
    response = _find(draft, [*SURVEY["response_id"], "id"], _is_id if long else lambda column: column.is_unique)
    if response:
        draft.taken[response.name] = "response_id"
    person = _find(draft, SURVEY["person_id"], _is_id)
    address = next((column for column in columns if column.is_address and not _is_of_manager(column)), None)
    recorded = _find(draft, SURVEY["recorded_at"], _is_dated)
    one = response or next((c for c in (person, address) if c and (long or _is_one_each(c))), None)
    empty = [
        c.name
        for c in columns
        if not c.present and any(re.fullmatch(p, k) for p in SURVEY["person_id"] for k in c.keys)
    ]
    if one:
        draft.add("response_id", one, why="no two records share it" if one is response else "one response per person")
    elif person or address:
        draft.questions.append("response_id: no column tells responses apart (every id repeats)")
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
        if column := _find(draft, SURVEY[name], _is_filled):
            draft.add(name, column)
    _draft_rules(draft, recorded)
    if long:
        question, answer = long
        draft.taken |= {question.name: "long", answer.name: "long"}
        names = f"question: {_quoted(question.name)}, answer: {_quoted(answer.name)}"
        draft.further.append(f"long: {{{names}}}  # GUESS: a record per answer")
        asked = dict.fromkeys(question.present)
        pairs = list(zip(answer.values, question.values, strict=True))
        _draft_items(draft, [DraftColumn(w, (w,), [a for a, b in pairs if b == w], i) for i, w in enumerate(asked)])
        return
    n_before = len(draft.further)
    _draft_items(draft, [column for column in columns if draft.is_free(column)])
    _ask_about_items(draft, has_items=len(draft.further) > n_before)


def _is_of_manager(column: DraftColumn) -> bool:
    return bool(re.search("manager|supervisor|vorgesetz", " ".join(column.keys)))


def _is_one_each(column: DraftColumn) -> bool:
    return len(set(column.present)) == len(column.present) >= 0.5 * len(column.values)


def _draft_rules(draft: _Draft, recorded: DraftColumn | None) -> None:
    """Responses that were not finished, previews and tests, and people who were asked and did not answer."""

    def rule(column: DraftColumn, test: str, reason: str, why: str) -> None:
        draft.taken[column.name] = "set_aside"
        draft.set_aside.append(
            f"  - {{column: {_quoted(column.name)}, {test}, reason: {_quoted(reason)}}}  # GUESS: {why}"
        )

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


def _is_no_question(column: DraftColumn) -> bool:
    is_comment = bool(COMMENT.search(column.name)) or any(COMMENT.search(text) for text in column.texts)
    return is_comment or any(ABOUT.match(key) or PERSONAL.match(key) for key in column.keys)


def _ask_about_items(draft: _Draft, *, has_items: bool) -> None:
    """Columns that look like questions and whose answers are on no known scale."""
    left = [
        column
        for column in draft.layout.columns
        if draft.is_free(column)
        and not _is_no_question(column)
        and (len(column.label.split()) > 3 or re.match(r"(?i)q\d", column.name))
    ]
    if left:
        named = ", ".join(_quoted(column.label) for column in left[:8]) + (" …" if len(left) > 8 else "")
        draft.questions.append(f"items: {named}: questions? Their answers are on no known scale, or too few to tell")
    elif not has_items:
        draft.questions.append("items: no column of answers is recognised for certain")


Block = list[tuple[DraftColumn, Answers]]


def _batteries(columns: list[DraftColumn]) -> tuple[list[Block], list[Block]]:
    """Columns of answers that share a scale: those of known labels or of codes, and those of unknown labels."""
    found = [(column, answers) for column in columns if not _is_no_question(column) and (answers := answers_of(column))]
    known: list[Block] = []
    labels = [pair for pair in found if pair[1].kind == "labels"]
    while labels:  # the families that fit all columns of a battery together count
        block = [labels.pop(0)]
        families = set(block[0][1].families)
        for pair in labels[:]:
            if families & set(pair[1].families):
                families &= set(pair[1].families)
                block.append(pair)
                labels.remove(pair)
        known.append(block)
    by_kind: dict[tuple[str, bool], Block] = {}
    for column, answers in found:
        if answers.kind in ("codes", "labelled"):
            by_kind.setdefault((answers.kind, _is_to_ten(column, answers)), []).append((column, answers))
    unknown: list[Block] = []
    for column, answers in (pair for pair in found if pair[1].kind == "unknown"):
        words = set(map(fold, answers.words))
        home = next((b for b in unknown if len(words & {fold(w) for _, a in b for w in a.words}) >= 2), None)
        if home is None:
            unknown.append([(column, answers)])
        else:
            home.append((column, answers))
    return [*known, *by_kind.values()], unknown


def _is_to_ten(column: DraftColumn, answers: Answers) -> bool:
    highest = max(answers.codes)
    range_, _ = find_range(answers.codes, column.label)
    return highest > 7 or range_ == (0, 10)


def _draft_items(draft: _Draft, columns: list[DraftColumn]) -> None:
    batteries, unknown = _batteries(columns)
    scales, items = [], []
    for number, block in enumerate(batteries, start=1):
        block.sort(key=lambda pair: pair[0].place)
        scale, mine = _draft_battery(draft, f"answers_{number}", block, first=len(items) + 1)
        scales.append(scale)
        items += mine
    if any("scale: unnamed" in item for item in items):
        draft.questions.append(
            "scale: which scale each item belongs to (engagement, autonomy, …), and which are worded the other way "
            "(reverse: true)"
        )
    for block in unknown:
        label = block[0][0].label
        if len(block) < 2 and not label.rstrip().endswith(("?", ".")) and len(label.split()) < 4:
            continue
        words = sorted({word for _, answers in block for word in answers.words})
        named = ", ".join(_quoted(column.name) for column, _ in block[:3])
        draft.questions.append(
            f"answers of {named}: labels of no known scale ({', '.join(words[:7])}); give each a code"
        )
        for column, answers in block:
            draft.taken[column.name] = "decide"
            codes = ", ".join(f"{_quoted(word)}: ?" for word in sorted(answers.words))
            items.append(
                f"  # DECIDE item: {{from: {_quoted(column.name)}, scale: ?, range: [1, ?], values: {{{codes}}}}}"
            )
    for title, lines in (("answer_scales:", scales), ("items:", items)):
        if lines:
            is_live = any(not line.startswith("  #") for line in lines)
            draft.further += [title if is_live else f"# {title}", *lines]


def _draft_battery(draft: _Draft, name: str, block: Block, *, first: int) -> tuple[str, list[str]]:
    """The line of an answer scale and those of its items; commented out where the scale is a question."""
    none = sorted({word for _, answers in block for word in answers.no_answer})
    values: dict[str, int] = {}
    if block[0][1].kind == "labels":
        limits, why, values = _label_scale(block)
    else:
        codes = set().union(*(answers.codes for _, answers in block))
        limits, why = find_range(codes, block[0][0].label if _is_to_ten(*block[0]) else "")
    off = "" if limits else "# "
    if not limits:
        named = ", ".join(_quoted(column.name) for column, _ in block[:3]) + (" …" if len(block) > 3 else "")
        draft.questions.append(f"answers of {named}: {why}")
    body = f"range: {list(limits) if limits else '[?, ?]'}"
    if values:
        body += f", values: {{{', '.join(f'{_quoted(word)}: {code}' for word, code in values.items())}}}"
    if none:
        body += f", no_answer: {_list(none)}"
    scale = f"  {off}{name}: {{{body}}}  # {'GUESS' if limits else 'DECIDE'}: {why}"
    against = runs_against(block, values)
    items = []
    for number, (column, answers) in enumerate(block, start=first):
        draft.taken.setdefault(column.name, "item" if limits else "decide")
        items.append(f"  {off}{_item_line(column, answers, name, number, against)}")
    return scale, items


def _label_scale(block: Block) -> tuple[tuple[int, int] | None, str, dict[str, int]]:
    """Range, evidence and codes of labels; no range and a question where several families fit."""
    families = set(block[0][1].families).intersection(*(set(answers.families) for _, answers in block))
    spelt = {fold(word): word for _, answers in block for word in answers.words if word not in answers.no_answer}
    whole = [f for f in sorted(families) if all(set(step.split("|")) & set(spelt) for step in FAMILIES[f])]
    chosen = next(iter(families)) if len(families) == 1 else whole[0] if len(whole) == 1 else None
    if chosen is None:
        return None, f"the labels fit {', '.join(sorted(families))}; say which", {}
    values = {}
    for code, step in enumerate(FAMILIES[chosen], start=1):
        spellings = step.split("|")
        values |= {spelt[word]: code for word in spellings if word in spelt} or {spellings[0].capitalize(): code}
    evidence = "every step occurs" if chosen in whole else "no other known scale has these words"
    return (1, len(FAMILIES[chosen])), f"{len(block)} column(s); {evidence}", values


def _item_line(column: DraftColumn, answers: Answers, scale_name: str, number: int, against: dict[str, float]) -> str:
    known = _known("survey", "responses")[2]
    texts = sorted(column.texts, key=len, reverse=True)
    found = next((known[k] for text in texts for k in known if len(k) > 8 and fold(text).endswith(k)), None)
    name, scale, is_reversed = found or (f"item_{number}", "unnamed", False)
    parts = [f"from: {_quoted(column.name)}", f"scale: {scale}", f"answers: {scale_name}"]
    parts += ["reverse: true"] if is_reversed else []
    parts += ["extract: '^(\\d+)'"] if answers.kind == "labelled" else []
    note = "GUESS: this question is known" if found else "DECIDE scale"
    if not found and column.label != column.name:
        note += f": {column.label}"
    if not is_reversed and column.name in against:
        note += f"; DECIDE reverse: its answers run against the others (r = {against[column.name]:.2f})"
    return f"{name}: {{{', '.join(parts)}}}  # {note}"


def _draft_without_header(draft: _Draft) -> None:
    draft.questions.append("columns: the file has no header row, so what each column is is not known; by place:")
    for column in draft.layout.columns:
        answers = answers_of(column)
        seems = (
            "e-mail addresses"
            if column.is_address
            else "dates or times"
            if _is_dated(column)
            else f"answers ({answers.kind})"
            if answers
            else "no two equal: an id?"
            if column.is_unique
            else f"{len(set(column.present))} different values"
        )
        draft.columns.append(f'  # DECIDE "{column.name}": {seems}')
    _draft_items(draft, [c for c in draft.layout.columns if not _is_dated(c) and not c.is_unique])


# --- other sources --------------------------------------------------------------------------------------------------


def _draft_records(draft: _Draft) -> None:
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
            if fits and _is_id(column) and not (pattern == "id" and is_other):
                return column
    return None


def _fields_of(draft: _Draft, table: str, person: DraftColumn | None) -> dict[str, DraftColumn]:
    record = RECORD_TABLES[draft.source][table]
    headers = _known(draft.source, table)[0]
    has_person = "person_id" in record.fields and person is not None
    fields: dict[str, DraftColumn] = {"person_id": person} if has_person else {}
    free = [column for column in draft.layout.columns if not (has_person and column is person)]

    def fits(name: str, column: DraftColumn) -> bool:
        return record.fields[name] not in ("date", "birth_year", "time") or _is_dated(column) or not column.present

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


def _as_jobs(draft: _Draft, fields: dict[str, DraftColumn], person: DraftColumn | None) -> dict[str, DraftColumn]:
    """A table of jobs has an id of each record beside persons that repeat: it is drafted as positions."""
    if draft.source != "hris" or draft.table != "workers" or not person or person.is_unique:
        return fields
    own = next(
        (c for c in draft.layout.columns if c.is_unique and {*c.keys} & {"id", "position id", "job id", "row id"}), None
    )
    if own is None:
        return fields
    records = f"{len(person.present)} records of {len(set(person.present))} persons, {own.name} is each record's own"
    start = _find(draft, [r"(start|effective|valid from|from|begin).*"], _is_dated)
    if start is None:
        draft.questions.append(f"table: {records}: a table of jobs? Then table: positions, with valid_from_date")
        return fields
    draft.table = "positions"
    draft.questions.append(f"table: {records}: drafted as a table of jobs (positions), valid from {start.name}")
    end = _find(draft, [r"(end|valid to|to|until).*"], _is_dated)
    kept = {name: c for name, c in fields.items() if name in RECORD_TABLES["hris"]["positions"].fields}
    kept |= {"position_id": own, "valid_from_date": start}
    return kept | ({"valid_to_date": end} if end else {})


def _draft_field(draft: _Draft, name: str, column: DraftColumn) -> None:
    record = RECORD_TABLES[draft.source][draft.table]
    kind = record.fields[name]
    if kind in ("date", "birth_year", "time"):
        if column.present:
            more = ", two_digit_years: past" if kind == "birth_year" else ""
            draft.add_dated(name, column, as_time=kind == "time", more=more)
        else:
            draft.questions.append(f"{name}: {column.name} is empty in every record, so its format is not known")
            draft.columns.append(f"  # {name}: {{from: {_quoted(column.name)}, formats: [?]}}")
    elif name in record.words:
        _draft_words(draft, name, column)
    elif name == "fte":
        _draft_fte(draft, column)
    else:
        nulls = sorted({value for value in column.present if re.fullmatch(r"NO_\w+|N/A|NULL|None|-", value)})
        draft.add(name, column, more=f", null_words: {_list(['', *nulls])}" if nulls else "")


def _draft_words(draft: _Draft, name: str, column: DraftColumn) -> None:
    ours = RECORD_TABLES[draft.source][draft.table].words[name]
    known = _known(draft.source, draft.table)[1].get(name, {})
    words = {word: known.get(fold(word), "?") for word in sorted({squeezed(value) for value in column.present})}
    words = {word: one if one in ours else "?" for word, one in words.items()}
    mapped = ", ".join(f"{_quoted(word)}: {one}" for word, one in words.items())
    line = f"{name}: {{from: {_quoted(column.name)}, values: {{{mapped}}}}}"
    draft.taken.setdefault(column.name, name)
    if "?" in words.values():
        draft.questions.append(f"{name}: one of {', '.join(ours)} for each ?")
        draft.columns += [f"  # DECIDE {name}", f"  # {line}"]
    else:
        draft.columns.append(f"  {line}  # GUESS: by the words")


def _draft_fte(draft: _Draft, column: DraftColumn) -> None:
    numbers = [float(v.replace(",", ".")) for v in column.present if re.fullmatch(r"\d+([.,]\d+)?", v)]
    if numbers and max(numbers) <= 2:
        draft.add("fte", column, why="numbers up to 2")
        return
    draft.taken[column.name] = "fte"
    draft.questions.append(
        f"fte: {column.name} is no share of 1: per cent (times: 0.01) or hours a week (times: 0.025)?"
    )
    draft.columns.append(f"  # DECIDE fte: {{from: {_quoted(column.name)}, times: ?}}")


def _draft_name(draft: _Draft, fields: dict[str, DraftColumn]) -> None:
    record = RECORD_TABLES[draft.source][draft.table]
    if "name_key" in fields or "name_key" not in record.fields:
        return
    first, last = (
        next((c for c in draft.layout.columns if any(re.search(p, t, re.IGNORECASE) for t in c.texts)), None)
        for p in (FIRST, LAST)
    )
    if first and last:
        draft.taken |= {first.name: "name_key", last.name: "name_key"}
        draft.columns.append(f"  name_key: {{from: {_list([first.name, last.name])}}}  # GUESS: by the headers")


# --- the text -------------------------------------------------------------------------------------------------------


def _text(path: Path, grid: Grid, draft: _Draft) -> str:
    layout, table = draft.layout, RECORD_TABLES[draft.source][draft.table]
    stem = re.sub(r"[^a-z0-9]+", "_", re.sub(r"\d+", "", path.stem.lower())).strip("_") or "export"
    glob = re.sub(r"[\d*]+([-_.]?\d+)*", "*", re.sub(r"[\[\]?]", "?", path.name))
    head = [f"name: {draft.source}_{stem}"[:60].rstrip("_"), f"source: {draft.source}"]
    if draft.table != next(iter(RECORD_TABLES[draft.source])):
        head.append(f"table: {draft.table}  # GUESS: its fields fit best")
    head += [f"files: [{_quoted(glob)}]  # GUESS: digits of the name vary", f"format: {grid.kind}"]
    if grid.kind == "csv":
        head += [f"encoding: {grid.encoding}  # GUESS: it decodes", f"delimiter: {_quoted(grid.delimiter)}"]
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
    lines = [f"# Drafted from {path.name}. Look at each GUESS, settle each DECIDE; then: coaching sources check FILE"]
    lines += [f"# DECIDE {question}" for question in dict.fromkeys(draft.questions)]
    lines += [*head, "columns:" if has_columns else "columns: {}", *draft.columns]
    lines += ["set_aside:", *draft.set_aside] if draft.set_aside else []
    lines += draft.further
    if dropped:
        lines.append(f"dropped: {_list(dropped)}  # GUESS: names, addresses, comments: never read")
    lines += ["# Not read:", *(f"#   {name}" for name in left)] if left else []
    return "\n".join(" ".join(line.splitlines()).rstrip() for line in lines) + "\n"


def _snapshot(path: Path, draft: _Draft, dated: str) -> list[str]:
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
            if draft.is_free(column) and _is_dated(column) and len(column.values) > 3 * len(set(column.values))
        ),
        None,
    )
    if few is not None and draft.source == "hris":
        formats = find_formats(few.present, as_time=False).formats or ["?"]
        draft.questions.append(f"snapshot: {few.name} has few days over all records: several snapshots in one file?")
        return [f"# snapshot: {{column: {_quoted(few.name)}, formats: {_list(formats)}}}"]
    draft.questions.append(
        f"snapshot: no part of the name is the day that the file is about ({dated}); snapshot: {{fixed: YYYY-MM-DD}}, "
        "or rename the file"
    )
    return ["# snapshot: {fixed: ?}"]


def _is_personal(column: DraftColumn) -> bool:
    """Names, addresses and free text: what is never to be read."""
    is_text = len(column.present) > 3 and statistics.mean(map(len, column.present)) > 30
    return (
        any(PERSONAL.match(key) for key in column.keys)
        or any(COMMENT.search(text) for text in column.texts)
        or column.is_address
        or (is_text and any(value.count(" ") > 3 for value in column.present))
    )

"""A first mapping for a file that nobody has described: every guess is marked as one and shows its evidence.

A date order is never guessed: it is derived from values that only one order can read, or left for a person to decide.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.read import DECODER, ENDINGS, MAX_DOCUMENT, FileRefused, flattened
from ingest.spec import squeezed
from ingest.workbook import NotAWorkbook, inspect

SAMPLE_BYTES = 400_000
SAMPLE_RECORDS = 2_000
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
        r"|matricule|^id$|社員番号|従業員番号",
        "name_key": r"^((full|legal|employee|worker|display|payroll)[ _]?)?name$|^氏名$",
        "termination_type": r"terminat.*(type|category|reason)|kündigungsart",
        "worker_status": r"(^|employ\w*|worker|position|user).?status$",
        "fte": r"\bfte\b",
        "team": r"\bteam|squad|supervisory org",
        "department": r"depart|abteilung|cost cent|^service$",
        "site": r"site|location|office|standort|city",
        "job_level": r"level|grade",
    },
    "survey": {
        "response_id": r"respon.*id|^_?recordid|respondent",
        "person_id": r"external.*(ref|data)|employee.*id|user id",
        "email_key": r"e-?mail",
        "recorded_at": r"recorded|timestamp|submitted|completion|end ?date|date modified",
        "team": r"\bteam",
        "department": r"depart",
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
FIRST, LAST = r"^(first|given).?name$|^vorname$|^prénom$", r"^(last|family|sur).?name$|^nachname$|^nom$"
DATES = ("hired_date", "left_date", "birth_year", "due_date", "kickoff_date", "trained_date")
TIMES = ("recorded_at", "submitted_at", "reviewed_at")
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
KANA = re.compile("[\u3040-\u30ff]")


@dataclass(frozen=True)
class Sample:
    """The beginning of a file, split."""

    format: str
    encoding: str
    delimiter: str
    header_rows: int
    names_from: str
    records: str
    skip_rows: int
    names: list[str]
    columns: list[list[str]]


def suggest(path: Path, *, source: str) -> str:
    """The text of a mapping for `path`. Raises FileRefused where the file is nothing that could be mapped."""
    sample = _sample(path)
    fields, taken = {}, set()
    for name, pattern in SYNONYMS[source].items():
        for header, values in zip(sample.names, sample.columns, strict=True):
            if header not in taken and re.search(pattern, header, re.IGNORECASE):
                fields[name] = (header, values)
                taken.add(header)
                break
    lines = [*_head(path, sample, source), "columns:"]
    for name, (header, values) in fields.items():
        lines += _column(name, header, values)
    first, last = (next((h for h in sample.names if re.search(p, h, re.IGNORECASE)), "") for p in (FIRST, LAST))
    if source == "hris" and "name_key" not in fields and first and last:
        taken |= {first, last}
        lines += [f"  name_key: {{from: [{_quoted(first)}, {_quoted(last)}]}}  # GUESS: by the headers"]
    lines += ["# Not read (add what is needed under columns or attributes; name personal ones under dropped):"]
    lines += [f"#   {header}" for header in sample.names if header not in taken]
    # A word of the file with a line break in it must not become a line of the mapping.
    return "\n".join(" ".join(line.splitlines()).rstrip() for line in lines) + "\n"


def _quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


def _head(path: Path, sample: Sample, source: str) -> list[str]:
    name = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "export"
    stem = re.sub(r"\d+", "*", path.name)
    lines = [
        f"# Drafted from {_quoted(path.name)[1:-1]}. Look at each line marked GUESS; then: coaching sources check FILE",
        f"name: {source}_{name}"[:60],
        f"source: {source}",
        f"files: [{_quoted(stem)}]  # GUESS: digits of the name vary",
        f"format: {sample.format}",
    ]
    if sample.format == "csv":
        lines += [f"encoding: {sample.encoding}  # GUESS: it decodes", f"delimiter: {_quoted(sample.delimiter)}"]
        lines += [f"header_rows: {sample.header_rows}"]
        if sample.skip_rows:
            lines += [
                f"skip_rows: {sample.skip_rows}  # GUESS: the lines above are a title; a date there: snapshot: title"
            ]
        if sample.delimiter == ";" and any(re.fullmatch(r"-?\d+,\d+", v) for values in sample.columns for v in values):
            lines += ['decimal_mark: ","  # GUESS: 12,5 occurs']
    if sample.names_from != "header":
        lines += [f"names_from: {sample.names_from}"]
    if sample.records:
        lines += [f"records: {sample.records}"]
    if source in ("hris", "survey"):
        day = r"(?P<year>(?:19|20)\d{2})-?(?P<month>0[1-9]|1[0-2])(-?(?P<day>0[1-9]|[12]\d|3[01]))?(?:\D|$)"
        found = re.search(day, path.name)
        pattern = f"'{day}'"
        seen = (
            f"{found[0].rstrip('._- ')} stands in the name"
            if found
            else "no date stands in the name; rename the file or use fixed:"
        )
        lines += [f"snapshot: {{filename: {pattern}}}  # GUESS: {seen}"]
    return lines


def _column(name: str, header: str, values: list[str]) -> list[str]:
    present = [value for value in values if value]
    if name in DATES:
        formats, evidence = date_formats(present)
        if not formats:
            return [f"  # DECIDE {name}: {evidence}", f"  # {name}: {{from: {_quoted(header)}, formats: [?]}}"]
        written = ", ".join(map(_quoted, formats))
        past = ", two_digit_years: past" if name == "birth_year" else ""
        return [f"  {name}: {{from: {_quoted(header)}, formats: [{written}]{past}}}  # GUESS: {evidence}"]
    if name in TIMES:
        return [f"  {name}: {{from: {_quoted(header)}, formats: [iso]}}  # GUESS: check the format and time_zone"]
    if name in VOCABULARY:
        return _values(name, header, sorted(set(present))[:20])
    return [f"  {name}: {{from: {_quoted(header)}}}  # GUESS: by the header"]


def _values(name: str, header: str, words: list[str]) -> list[str]:
    """Each word of the file with one of ours; where one is not known, somebody has to decide."""
    known = {theirs: ours for ours, listed in VOCABULARY[name].items() for theirs in listed.split("|")}
    ours = {word: known.get(squeezed(word).casefold(), "?") for word in words}
    pairs = ", ".join(f"{_quoted(word)}: {found}" for word, found in ours.items())
    line = f"{name}: {{from: {_quoted(header)}, values: {{{pairs}}}}}"
    if "?" in ours.values():
        return [f"  # DECIDE {name}: put one of {', '.join(VOCABULARY[name])} for each ?", f"  # {line}"]
    return [f"  {line}  # GUESS: by the words"]


def date_formats(values: list[str]) -> tuple[list[str], str]:
    """Formats that read every value, and the evidence; no format where day and month could be either."""
    shapes = {re.sub(r"\d", "9", value) for value in values}
    if not values:
        return [], "no value to tell the format from"
    if all(re.fullmatch(r"\d{4}-\d\d-\d\d", value) for value in values):
        return ["%Y-%m-%d"], "ISO 8601"
    if all(re.fullmatch(r"\d{5}", value) for value in values):
        return ["excel"], "five digits, days of a spreadsheet"
    found = [re.fullmatch(r"(\d{1,2})([./-])(\d{1,2})\2(\d{2}|\d{4})", value) for value in values]
    if not all(found):
        return [], f"no format reads them all; they look like {', '.join(sorted(shapes)[:4])}"
    return _ordered(found)


def _ordered(found: list[re.Match]) -> tuple[list[str], str]:
    """Day or month first, by the values that only one order can read."""
    marks = {match[2] for match in found}
    years = sorted({"%Y" if len(match[4]) == 4 else "%y" for match in found}, reverse=True)
    day_first = next((match[0] for match in found if int(match[1]) > 12), None)
    month_first = next((match[0] for match in found if int(match[3]) > 12), None)
    if day_first and month_first:
        return [], "some values can only be d/m and others only m/d: two systems wrote this column"
    if not day_first and not month_first:
        return [], "every value can be read d/m and m/d; ask who exports it"
    order = "%d{0}%m{0}" if day_first else "%m{0}%d{0}"
    evidence = f"{day_first or month_first} occurs, so {'d/m' if day_first else 'm/d'}"
    return [order.format(mark) + year for mark in sorted(marks) for year in years], evidence


# --- the beginning of a file -------------------------------------------------------------------------------------


def _sample(path: Path) -> Sample:
    kind = ENDINGS.get(path.suffix.lower(), "csv")
    if kind == "xlsx":
        return _workbook(path)
    with path.open("rb") as file:
        raw = file.read(MAX_DOCUMENT if kind == "json" else SAMPLE_BYTES)
    if not raw:
        raise FileRefused("the file is empty (0 bytes); export it again")
    text, encoding = _decoded(raw)
    if kind in ("json", "jsonl"):
        return _objects(text, encoding, kind)
    return _delimited(text, encoding)


def _decoded(raw: bytes) -> tuple[str, str]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw[: len(raw) // 2 * 2].decode("utf-16", "replace"), "utf-16"
    for cut in range(4):  # the sample may end inside a character
        try:
            return raw[: len(raw) - cut].decode("utf-8-sig"), "utf-8"
        except UnicodeDecodeError:
            continue
    for cut in range(2):
        try:
            text = raw[: len(raw) - cut].decode("shift_jis")
            if KANA.search(text):
                return text, "shift_jis"
        except UnicodeDecodeError:
            continue
    return raw.decode("cp1252", "replace"), "cp1252"


def _delimited(text: str, encoding: str) -> Sample:
    head = text[:20_000]
    delimiter = max(",;\t|", key=lambda mark: _regularity(line.count(mark) for line in head.split("\n")[:50]))
    try:
        rows = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1] or text, newline=""), delimiter=delimiter))
    except csv.Error:
        raise FileRefused("broken quoting in the first lines; look at the file in a text editor") from None
    if not any(rows):
        raise FileRefused("no line that could be a header")
    width = _commonest(len(row) for row in rows if row)
    skipped = next((i for i, row in enumerate(rows[:20]) if len(row) == width and sum(map(bool, row)) > width / 2), 0)
    rows = [row for row in rows[skipped:] if row][:SAMPLE_RECORDS]
    imports = [i for i, row in enumerate(rows[:3]) if any(row) and all("ImportId" in cell for cell in row if cell)]
    if imports:
        names = [json.loads(cell).get("ImportId", "") if cell else "" for cell in rows[imports[0]]]
        return _by_columns("csv", encoding, delimiter, imports[0] + 1, "import_id", "", names, rows[imports[0] + 1 :])
    return replace(_by_columns("csv", encoding, delimiter, 1, "header", "", rows[0], rows[1:]), skip_rows=skipped)


def _regularity(counts: Iterable[int]) -> int:
    """How many marks stand in lines that have equally many of them: that is what separates fields."""
    return max((n * lines for n, lines in Counter(counts).items()), default=0)


def _commonest(numbers: Iterable[int]) -> int:
    [(number, _)] = Counter(numbers).most_common(1)
    return number


def _by_columns(kind, encoding, delimiter, header_rows, names_from, records, names, rows) -> Sample:
    columns = [[row[i].strip() if i < len(row) and row[i] else "" for row in rows] for i in range(len(names))]
    names = list(map(squeezed, names))
    return Sample(kind, encoding, delimiter, header_rows, names_from, records, 0, names, columns)


def _objects(text: str, encoding: str, kind: str) -> Sample:
    try:
        if kind == "jsonl":
            found = [DECODER.decode(line) for line in text.splitlines()[:-1][:SAMPLE_RECORDS] if line.strip()]
            where = ""
        else:
            found, where = _list_in(DECODER.decode(text.strip()))
        flat = [flattened(record) for record in found[:SAMPLE_RECORDS] if isinstance(record, dict)]
    except (ValueError, RecursionError):
        raise FileRefused("this is no JSON; export it again") from None
    names = list(dict.fromkeys(name for record in flat for name in record))
    rows = [[str(record.get(name) or "") for name in names] for record in flat]
    return _by_columns(kind, encoding, ",", 1, "header", where, names, rows)


def _list_in(document, path: str = "") -> tuple[list, str]:
    """The longest list of objects in a document, and where it is."""
    if isinstance(document, list):
        return document, path
    if not isinstance(document, dict):
        return [], path
    found = [_list_in(value, f"{path}.{key}".strip(".")) for key, value in document.items()]
    return max(found, key=lambda pair: ("fields" not in pair[1].split("."), len(pair[0])), default=([], path))


def _workbook(path: Path) -> Sample:
    import polars as pl

    try:
        inspect(path, None)
    except NotAWorkbook as error:
        raise FileRefused(str(error)) from None
    try:
        grid = pl.read_excel(
            path, engine="calamine", has_header=False, read_options={"header_row": None, "dtypes": "string"}
        )
    except Exception as error:  # calamine's errors have no common class
        raise FileRefused(f"the workbook cannot be read ({type(error).__name__}); export it again") from None
    rows = [[cell or "" for cell in row] for row in grid.head(SAMPLE_RECORDS).rows()]
    if not rows:
        raise FileRefused("the first sheet is empty")
    return _by_columns("xlsx", "utf-8", ",", 1, "header", "", rows[0], rows[1:])

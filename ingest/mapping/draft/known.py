"""What is known of common exports: headers, words and questions, from the built-in mappings and lists of synonyms."""

from __future__ import annotations

import re
from functools import cache

from ingest.mapping.draft.answers import fold
from ingest.mapping.draft.grid import plain_words
from ingest.mapping.registry import built_in_mappings
from ingest.tables import RECORD_TABLES

# Field → words that its header is made of, in the languages of common exports; the first that fits wins.
SYNONYMS = {
    "hris": {
        "manager_email_key": r"(manager|supervisor|vorgesetzt|reports? to).*(e-?mail)",
        "manager_id": r"(manager|supervisor|reports? to|vorgesetzt).*(id|number|nummer|no\b|#|eid)|^manager$",
        "manager_name_key": r"^(?!.*(path|number|level|id\b)).*(manager|supervisor|report(s|ing)? to|vorgesetzt)",
        "left_date": r"terminat.*date|left|leav.*date|exit|austritt|last.?working|end date|dateoftermination|sortie",
        "hired_date": r"hire|join|start date|entry date|date of entry|eintritt|einstellung|date d.?entr",
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
        "variant": r"\bvariant\b|coaching kind|kind of coaching",
        "nomination_rank": r"nominat|recommend.*rank|\brank\b",
    },
}

# The same of a survey: patterns that a whole header fits, the best first.
SURVEY_SYNONYMS = {
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
    r"|remarque|_write_document\b|anything else"
)

PERSONAL_HEADER = re.compile(
    r"(?i)^(.*\b(first|last|given|family|sur|full|recipient (first|last)) ?name|name|vorname|nachname|nom|prénom"
    r"|.*ip ?add?resse?|.*latitude|.*longitude|phone.*|telefon.*|address.*)$"
)

QUALTRICS_STATUS = {"IP Address", "Survey Preview", "Survey Test", "Spam", "Imported", *map(str, range(20))}


@cache
def known_words(source: str, table: str) -> tuple[dict[str, str], dict[str, dict[str, str]], dict[str, tuple]]:
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

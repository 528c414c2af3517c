"""The tables of the schema `raw`: which sources fill them and which fields a mapping can give.

This is the contract between mappings (which say where a field comes from) and dbt (which says what it means).
Field kinds: `person` / `name` / `email` become keyed hashes; `birth_year` keeps the year of a birth date only;
`date`, `time` (UTC), `number`, `flag`, `text`, and `id`: a text that identifies something else than a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

STORED_AS = {
    "person": pl.String,
    "name": pl.String,
    "email": pl.String,
    "text": pl.String,
    "id": pl.String,
    "date": pl.Date,
    "time": pl.Datetime("us"),
    "birth_year": pl.Int32,
    "number": pl.Float64,
    "flag": pl.Boolean,
}
IDENTIFYING = ("person", "id")
# Kinds whose source column names a person; it is masked wherever a record is shown.
PERSONAL = ("person", "name", "email", "birth_year")
SQL_TYPES = {
    pl.String: "varchar",
    pl.Date: "date",
    pl.Datetime("us"): "timestamp",
    pl.Int32: "integer",
    pl.Int64: "bigint",
    pl.Float64: "double",
    pl.Boolean: "boolean",
}
# Where a row came from; on every raw table.
ORIGIN = {"load_id": pl.String, "line": pl.Int64}


@dataclass(frozen=True)
class RawTable:
    """One table: its fields by kind, which of them every record must have, and the record's key within a file.

    `dated` is the field that a mapping's `snapshot` fills. Of each group in `one_of` a record needs one field;
    `required_where_mapped` may be missing from a source, but not from a record of a source that has it. The fields in
    `words` take no other words than those: a status that no model knows would count as nothing, silently. `ranges` are
    limits that hold whatever the mapping: a share of full time of 100 is a percentage, and no person is 100. A field
    in `required_where` must not be empty where another field holds a word.
    """

    name: str
    fields: dict[str, str]
    required: tuple[str, ...]
    key: tuple[str, ...]
    dated: str
    one_of: tuple[tuple[str, ...], ...] = ()
    required_where_mapped: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    required_where: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def subject(self) -> str | None:
        """The field that names whom a record is about."""
        return next((name for name, kind in self.fields.items() if kind == "person"), None)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column → polars type, origin first."""
        return ORIGIN | {name: STORED_AS[kind] for name, kind in self.fields.items()}


FTE = {"fte": (0.0, 2.0)}  # of full time; more than one job may be more than one

WORKERS = RawTable(
    name="raw_hris__workers",
    fields={
        "snapshot_date": "date",
        "person_id": "person",
        "job_id": "id",
        "is_primary": "flag",
        "name_key": "name",
        "email_key": "email",
        "birth_year": "birth_year",
        "hired_date": "date",
        "left_date": "date",
        "valid_from_date": "date",
        "valid_to_date": "date",
        "termination_type": "text",
        "is_regretted": "flag",
        "worker_status": "text",
        "employment_type": "text",
        "fte": "number",
        "job_level": "text",
        "department": "text",
        "site": "text",
        "team": "text",
        "manager_id": "person",
        "manager_name_key": "name",
        "manager_email_key": "email",
        "output_value": "number",
    },
    required=("snapshot_date", "person_id"),
    key=("person_id", "snapshot_date", "hired_date", "valid_from_date", "job_id"),
    dated="snapshot_date",
    # A directory without hire dates is dated by first sight; a hire date that is merely blank is a fault.
    required_where_mapped=("hired_date",),
    words={
        "worker_status": ("active", "on_leave", "left"),
        "termination_type": ("voluntary", "involuntary", "other"),
    },
    ranges=FTE,
)
POSITIONS = RawTable(
    name="raw_hris__positions",
    fields={
        "exported_date": "date",
        "person_id": "person",
        "position_id": "id",
        "valid_from_date": "date",
        "valid_to_date": "date",
        "is_primary": "flag",
        "fte": "number",
        "job_level": "text",
        "department": "text",
        "site": "text",
        "team": "text",
        "manager_id": "person",
    },
    required=("person_id", "valid_from_date"),
    key=("person_id", "position_id", "valid_from_date"),
    dated="exported_date",
    ranges=FTE,
)
MEMBERSHIPS = RawTable(
    name="raw_hris__memberships",
    fields={
        "exported_date": "date",
        "person_id": "person",
        "position_id": "id",
        "organisation_id": "id",
        "valid_from_date": "date",
        "valid_to_date": "date",
    },
    required=("person_id", "organisation_id", "valid_from_date"),
    key=("person_id", "position_id", "organisation_id", "valid_from_date"),
    dated="exported_date",
)
ORGANISATIONS = RawTable(
    name="raw_hris__organisations",
    fields={
        "exported_date": "date",
        "organisation_id": "id",
        "organisation_name": "text",
        "organisation_kind": "text",
        "parent_organisation_id": "id",
        "manager_id": "person",
        "site": "text",
    },
    required=("organisation_id",),
    key=("organisation_id",),
    dated="exported_date",
)
LEAVES = RawTable(
    name="raw_hris__leaves",
    fields={
        "exported_date": "date",
        "leave_id": "id",
        "person_id": "person",
        "started_date": "date",
        "ended_date": "date",
        "leave_type": "text",
    },
    required=("person_id", "started_date"),
    key=("person_id", "leave_id", "started_date"),
    dated="exported_date",
)
CROSSWALK = RawTable(
    name="raw_hris__crosswalk",
    fields={"exported_date": "date", "old_person_id": "person", "person_id": "person"},
    required=("old_person_id", "person_id"),
    key=("old_person_id",),
    dated="exported_date",
)
RESPONSES = RawTable(
    name="raw_survey__responses",
    fields={
        "response_id": "person",
        "person_id": "person",
        "email_key": "email",
        "launched_date": "date",
        "recorded_at": "time",
        "department": "text",
        "site": "text",
        "team": "text",
    },
    required=("response_id", "launched_date"),
    key=("response_id",),
    dated="launched_date",
)
ANSWERS = RawTable(
    name="raw_survey__answers",
    fields={
        "response_id": "person",
        "item": "text",
        "scale": "text",
        "answer": "number",
        "lowest": "number",
        "highest": "number",
        "is_reversed": "flag",
    },
    required=("response_id", "item", "scale", "answer"),
    key=("response_id", "item"),
    dated="",
)
SETTERS = ("person", "team", "manager")
CHECKINS = RawTable(
    name="raw_checkins__events",
    fields={
        "exported_date": "date",
        "event": "text",
        "event_id": "id",
        "person_id": "person",
        "email_key": "email",
        "due_date": "date",
        "status": "text",
        "set_by": "text",
        "submitted_at": "time",
        "reviewed_at": "time",
        "reviewed_by_id": "person",
        "reviewed_by_email_key": "email",
        "led_by_id": "person",
        "led_by_email_key": "email",
        "agenda_set_by": "text",
        "priority": "text",
        "progress": "number",
        "n_minutes": "number",
        "is_late": "flag",
    },
    required=("event", "event_id", "due_date", "status"),
    key=("event", "event_id"),
    dated="exported_date",
    one_of=(("person_id", "email_key"),),
    words={
        "event": ("checkin", "goal"),
        "status": ("held", "skipped", "met", "missed", "open"),
        "set_by": SETTERS,
        "agenda_set_by": SETTERS,
    },
)
ROSTER = RawTable(
    name="raw_roster__assignments",
    fields={
        "exported_date": "date",
        "unit": "text",
        "person_id": "person",
        "stratum": "text",
        "cohort": "text",
        "arm": "text",
        "kickoff_date": "date",
        "coach_id": "person",
        "trained_date": "date",
    },
    required=("arm",),
    key=("unit", "person_id"),
    dated="exported_date",
    one_of=(("unit", "person_id"),),
    words={"arm": ("pilot", "control")},
    required_where={"kickoff_date": ("arm", "pilot")},
)
TRAININGS = RawTable(
    name="raw_roster__trainings",
    fields={
        "exported_date": "date",
        "person_id": "person",
        "name_key": "name",
        "email_key": "email",
        "course": "text",
        "status": "text",
        "invited_date": "date",
        "enrolled_date": "date",
        "completed_date": "date",
        "withdrawn_date": "date",
        "trained_by_id": "person",
        "trained_by_email_key": "email",
        "score": "number",
        "n_minutes": "number",
    },
    required=("course", "status"),
    key=("person_id", "email_key", "name_key", "course", "enrolled_date"),
    dated="exported_date",
    one_of=(("person_id", "email_key", "name_key"),),
    words={"status": ("invited", "enrolled", "started", "completed", "failed", "withdrawn")},
)
READINESS = RawTable(
    name="raw_roster__readiness",
    fields={
        "assessed_date": "date",
        "person_id": "person",
        "email_key": "email",
        "readiness": "text",
    },
    required=("assessed_date", "readiness"),
    key=("person_id", "email_key", "assessed_date"),
    dated="assessed_date",
    one_of=(("person_id", "email_key"),),
    words={"readiness": ("resistant", "neutral", "driver")},
)


def _attributes(source: str) -> RawTable:
    """Further columns by name, one row each: groups, bands, numeric outputs. They join on load_id and line."""
    return RawTable(
        name=f"raw_{source}__attributes",
        fields={"attribute": "text", "word": "text", "number": "number"},
        required=("attribute",),
        key=("line", "attribute"),
        dated="",
    )


# Source → its tables by the word that a mapping's `table:` uses; the first is the default.
RECORD_TABLES = {
    "hris": {
        "workers": WORKERS,
        "positions": POSITIONS,
        "memberships": MEMBERSHIPS,
        "organisations": ORGANISATIONS,
        "leaves": LEAVES,
        "crosswalk": CROSSWALK,
    },
    "survey": {"responses": RESPONSES},
    "checkins": {"events": CHECKINS},
    "roster": {"assignments": ROSTER, "trainings": TRAININGS, "readiness": READINESS},
}
ATTRIBUTES = {source: _attributes(source) for source in RECORD_TABLES}
# Tables that follow from a source's records.
PARTS = {source: (ATTRIBUTES[source],) for source in RECORD_TABLES} | {"survey": (ANSWERS, ATTRIBUTES["survey"])}
TABLES_OF = {source: (*tables.values(), *PARTS[source]) for source, tables in RECORD_TABLES.items()}

LOAD_LOG = {
    "load_id": pl.String,  # sha256 over source, file name and content
    "content_sha256": pl.String,
    "source": pl.String,
    "table_name": pl.String,
    "mapping": pl.String,
    "vintage": pl.String,
    "mapping_hash": pl.String,
    "key_id": pl.String,
    "file_name": pl.String,
    "n_bytes": pl.Int64,
    "known_date": pl.Date,  # the day of the run that took the file in: what a look back may know
    "file_date": pl.Date,  # the day the file speaks about, where its name or the mapping says it
    "part": pl.String,  # of a delivery in several files (a country, a company)
    "version": pl.Int64,  # of two files about the same, the higher one tells
    "sequence": pl.Int64,  # order of arrival; tells only where dates and versions are equal
    "rows_are": pl.String,  # snapshots or history
    "delivery": pl.String,  # full or delta
    "blank": pl.String,  # keeps or erases
    "absence": pl.String,  # nothing or ended
    "status": pl.String,  # loaded or refused
    "reason": pl.String,
    "n_records": pl.Int64,
    "n_loaded": pl.Int64,
    "n_faulty": pl.Int64,  # quarantined: something is wrong with the record
    "n_set_aside": pl.Int64,  # quarantined: a declared rule says that it does not count
}
QUARANTINE = {
    "load_id": pl.String,
    "source": pl.String,
    "line": pl.Int64,
    "kind": pl.String,  # faulty or set_aside
    "rule": pl.String,
    "column_name": pl.String,
    "value_class": pl.String,  # what stood there, never the value itself: "10 characters like 99/99/9999"
    "expected": pl.String,
    "record": pl.String,  # JSON; personal columns are masked, the line itself stays in landing/
}
DATA_ISSUES = {
    "load_id": pl.String,
    "source": pl.String,
    "line": pl.Int64,
    "issue": pl.String,
    "about": pl.String,  # people or units
    "subject_id": pl.String,
    "resolution": pl.String,  # what is done about it, by stated rule
}
ID_SHAPES = {
    "load_id": pl.String,
    "source": pl.String,
    "shape": pl.String,  # of a person id before it was hashed: 9 for a digit, a for a letter
    "n_ids": pl.Int64,
    "n_leading_zero": pl.Int64,
}
PROFILES = {
    "load_id": pl.String,
    "source": pl.String,
    "table_name": pl.String,
    "column_name": pl.String,
    "n_rows": pl.Int64,
    "n_null": pl.Int64,
    "n_distinct": pl.Int64,
    "minimum": pl.Float64,
    "maximum": pl.Float64,
    "mean": pl.Float64,
}
# Cells of closed periods, kept outside of the warehouse (publish/closed.py writes them, dbt reads them).
_OF_UNIT = {"metric": pl.String, "unit_id": pl.String, "period_start": pl.Date}
_OF_PAIR = _OF_UNIT | {"base_period_start": pl.Date}
_AS_CLOSED = {"cohort": pl.String, "arm": pl.String}  # of the unit, when the period closed
CLOSED_TABLES = {
    "periods": {
        "metric": pl.String,
        "period": pl.String,
        "period_start": pl.Date,
        "first_observed_date": pl.Date,
        "last_observed_date": pl.Date,
        "closes_on": pl.Date,
        "batch": pl.Int64,
    },
    "cell_units": {
        "unit_id": pl.String,
        "cohort": pl.String,
        "arm": pl.String,
        "stratum": pl.String,
        "kickoff_date": pl.Date,
        "is_coach_trained": pl.Boolean,
    },
    "cell_means": _OF_UNIT
    | {
        "segment": pl.String,
        "n_eligible": pl.Int64,
        "n_observed": pl.Int64,
        "n_first_observed": pl.Int64,
        "value_sum": pl.Float64,
        "centred_sum_of_squares": pl.Float64,
    }
    | _AS_CLOSED,
    "cell_largest_values": _OF_UNIT | {"value_rank": pl.Int32, "value": pl.Float64} | _AS_CLOSED,
    "cell_differences": _OF_PAIR
    | {"n_people": pl.Int64, "change_sum": pl.Float64, "centred_sum_of_squares": pl.Float64},
    "cell_covariates": _OF_PAIR
    | {"covariate": pl.String, "times": pl.String, "n_people": pl.Int64, "product_sum": pl.Float64},
    "cell_turnovers": {
        "month": pl.Date,
        "unit_id": pl.String,
        "n_opening": pl.Int64,
        "n_hires": pl.Int64,
        "n_closing": pl.Int64,
        "n_leavers": pl.Int64,
        "n_voluntary": pl.Int64,
        "n_involuntary": pl.Int64,
        "n_other": pl.Int64,
        "n_unknown": pl.Int64,
        "n_regretted": pl.Int64,
        "n_person_days": pl.Int64,
        "closes_on": pl.Date,
        "batch": pl.Int64,
    }
    | _AS_CLOSED,
    "cell_dose_months": {
        "unit_id": pl.String,
        "month": pl.Date,
        "closes_on": pl.Date,
        "n_first_seen": pl.Int64,
        "n_first_held": pl.Int64,
        "n_person_months": pl.Int64,
        "n_held": pl.Int64,
        "n_minutes": pl.Float64,
    }
    | _AS_CLOSED,
    "cell_readiness": {
        "assessed_date": pl.Date,
        "cohort": pl.String,
        "arm": pl.String,
        "readiness_before": pl.String,
        "readiness": pl.String,
        "n_managers": pl.Int64,
        "closes_on": pl.Date,
    },
    "loads": {"load_id": pl.String, "batch": pl.Int64},
    # Why this run computed closed periods again, and what stayed all the same; empty where it did not.
    "restatement": {
        "reason": pl.String,
        "kind": pl.String,
        "metric": pl.String,
        "day": pl.Date,
        "population": pl.String,
    },
}

# What a mapping's author needs to know of each field; docs/mappings.md repeats it.
MEANING = {
    "snapshot_date": "the day that the row speaks about (give it by `snapshot`)",
    "person_id": "the employee's id; hashed",
    "name_key": "the person's name; hashed in its normal form, so that managers named elsewhere are found",
    "email_key": "the person's e-mail address; hashed likewise",
    "birth_year": "a birth date; only its year is kept",
    "hired_date": "first day of this stint; somebody who came back has another one",
    "left_date": "last day of this stint; empty while it goes on",
    "valid_from_date": "first day on which a history's row holds",
    "valid_to_date": "last day on which it holds; empty: still",
    "termination_type": "why the stint ended",
    "is_regretted": "whether the exit was regretted",
    "worker_status": "`left` without a left_date ends the stint before the first file that says so",
    "employment_type": "employee, contractor, …: your words",
    "fte": "full-time equivalents, 1 is full time",
    "job_level": "your words",
    "department": "your words",
    "site": "your words",
    "team": "your words; an assignment unit where the study assigns teams",
    "manager_id": "the manager's id; hashed (`namespace` where it is of another number space)",
    "manager_name_key": "the manager's name, `Last, First` or `First Last`; hashed",
    "manager_email_key": "the manager's e-mail address; hashed",
    "output_value": "a numeric output of the person in the month",
    "exported_date": "the day that the file speaks about (give it by `snapshot`)",
    "position_id": "the position",
    "is_primary": "whether this is the main one of several",
    "job_id": "the job (position, contract) that the row is about, where somebody may hold several at once",
    "organisation_id": "the organisation",
    "organisation_name": "its name",
    "organisation_kind": "`team`, `department` or `site` fill those; other words are kept",
    "parent_organisation_id": "the organisation above",
    "leave_id": "the leave's id",
    "started_date": "first day",
    "ended_date": "last day",
    "leave_type": "your words; better not read",
    "old_person_id": "the id of before; hashed",
    "response_id": "the response's id; hashed. It needs to be unique within one file's mapping, part and wave only",
    "launched_date": "the day on which the survey was launched (give it by `snapshot`)",
    "recorded_at": "when the response was recorded",
    "event": "what kind of record",
    "event_id": "its id; the same id in a later file corrects it",
    "due_date": "the day on which it was due",
    "status": "what became of it; check-ins are held or skipped, goals met, missed or still open",
    "set_by": "who set the goal",
    "submitted_at": "when it was sent",
    "reviewed_at": "when it was read",
    "reviewed_by_id": "who read it; hashed",
    "reviewed_by_email_key": "likewise, by address",
    "led_by_id": "who led the meeting; hashed",
    "led_by_email_key": "likewise, by address",
    "agenda_set_by": "who set its agenda",
    "priority": "the company priority that a goal names",
    "progress": "your number, mostly per cent",
    "n_minutes": "length in minutes (`duration` reads 1h 30m)",
    "is_late": "whether it was sent late",
    "unit": "the assignment unit: a team's, site's or department's name as the HR system writes it",
    "stratum": "the stratum in which the unit was drawn",
    "assessed_date": "the day of the assessment (give it by `snapshot`)",
    "readiness": "how ready the manager is to lead by coaching",
    "cohort": "the wave",
    "arm": "pilot or control",
    "kickoff_date": "first day of coaching",
    "coach_id": "the unit's coach; hashed",
    "trained_date": "when the coach's training was completed",
    "course": "which course",
    "invited_date": "when invited",
    "enrolled_date": "when enrolled",
    "completed_date": "when completed",
    "withdrawn_date": "when withdrawn",
    "trained_by_id": "who trained; hashed",
    "trained_by_email_key": "likewise, by address",
    "score": "your number",
}

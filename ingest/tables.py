"""The tables of the schema `raw`: which sources fill them and which fields a mapping can give.

This is the contract between mappings (which say where a field comes from) and dbt (which says what it means).
Field kinds: `person` / `name` / `email` become keyed hashes; `birth_year` keeps the year of a birth date only;
`date`, `time` (UTC), `number`, `flag`, `text`, and `id`: a text that identifies something else than a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from study.sections import MAX_RANK

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
        "variant": "text",
        "nomination_rank": "number",
    },
    required=("arm",),
    key=("unit", "person_id"),
    dated="exported_date",
    one_of=(("unit", "person_id"),),
    words={"arm": ("pilot", "control")},
    ranges={"nomination_rank": (1.0, float(MAX_RANK))},
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


# Further columns of an HR export by name, one row each: groups, bands, numeric outputs. They join on load_id and line.
ATTRIBUTES = RawTable(
    name="raw_hris__attributes",
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
        "crosswalk": CROSSWALK,
    },
    "survey": {"responses": RESPONSES},
    "checkins": {"events": CHECKINS},
    "roster": {"assignments": ROSTER, "trainings": TRAININGS, "readiness": READINESS},
}

# Tables that follow from a source's records.
PARTS = {"hris": (ATTRIBUTES,), "survey": (ANSWERS,), "checkins": (), "roster": ()}

TABLES_OF = {source: (*tables.values(), *PARTS[source]) for source, tables in RECORD_TABLES.items()}

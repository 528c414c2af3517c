"""The tables of the schema `raw`: which sources fill them and which fields a mapping can give.

This is the contract between mappings (which say where a field comes from) and dbt (which says what it means).
Field kinds: `person` / `name` / `email` become keyed hashes; `birth_year` keeps the year of a birth date only;
`date`, `time` (UTC), `number`, `flag`, `text`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

STORED_AS = {
    "person": pl.String,
    "name": pl.String,
    "email": pl.String,
    "text": pl.String,
    "date": pl.Date,
    "time": pl.Datetime("us"),
    "birth_year": pl.Int32,
    "number": pl.Float64,
    "flag": pl.Boolean,
}
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
    """One table: its fields by kind, which of them every record must have, and the record's key within a file."""

    name: str
    fields: dict[str, str]
    required: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column → polars type, origin first."""
        return ORIGIN | {name: STORED_AS[kind] for name, kind in self.fields.items()}


WORKERS = RawTable(
    name="raw_hris__workers",
    fields={
        "snapshot_date": "date",
        "person_id": "person",
        "name_key": "name",
        "email_key": "email",
        "birth_year": "birth_year",
        "hired_date": "date",
        "left_date": "date",
        "termination_type": "text",
        "worker_status": "text",
        "department": "text",
        "site": "text",
        "team": "text",
        "manager_id": "person",
        "manager_name_key": "name",
        "manager_email_key": "email",
        "output_value": "number",
    },
    required=("snapshot_date", "person_id", "hired_date"),
    key=("person_id", "snapshot_date", "hired_date"),
)
RESPONSES = RawTable(
    name="raw_survey__responses",
    fields={
        "response_id": "person",
        "person_id": "person",
        "email_key": "email",
        "launched_date": "date",
        "recorded_at": "time",
    },
    required=("response_id", "launched_date"),
    key=("response_id",),
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
)
CHECKINS = RawTable(
    name="raw_checkins__events",
    fields={
        "event": "text",
        "event_id": "text",
        "person_id": "person",
        "due_date": "date",
        "status": "text",
        "set_by": "text",
    },
    required=("event", "event_id", "person_id", "due_date", "status"),
    key=("event", "event_id"),
)
ROSTER = RawTable(
    name="raw_roster__assignments",
    fields={
        "unit": "text",
        "cohort": "text",
        "arm": "text",
        "kickoff_date": "date",
        "coach_id": "person",
        "trained_date": "date",
    },
    required=("unit", "arm"),
    key=("unit",),
)

# Source → the table that takes one row per record of its files (survey answers follow from the responses).
RECORD_TABLES = {"hris": WORKERS, "survey": RESPONSES, "checkins": CHECKINS, "roster": ROSTER}
TABLES_OF = {"hris": (WORKERS,), "survey": (RESPONSES, ANSWERS), "checkins": (CHECKINS,), "roster": (ROSTER,)}

LOAD_LOG = {
    "load_id": pl.String,  # sha256 over source, file name and content
    "content_sha256": pl.String,
    "source": pl.String,
    "mapping": pl.String,
    "mapping_hash": pl.String,
    "key_id": pl.String,
    "file_name": pl.String,
    "n_bytes": pl.Int64,
    "sequence": pl.Int64,  # order of arrival; the later of two files about the same snapshot wins
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
    "expected": pl.String,
    "record": pl.String,  # JSON; personal columns are masked, the line itself stays in landing/
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
}
STUDY_TABLES = {
    "raw_study__programmes": {
        "programme": pl.String,
        "assignment_unit": pl.String,
        "design": pl.String,
        "unlisted_units": pl.String,
        "joiners": pl.String,
        "retention_months": pl.Int32,
    },
    "raw_study__assignments": {
        "unit": pl.String,
        "cohort": pl.String,
        "arm": pl.String,
        "kickoff_date": pl.Date,
    },
    "raw_study__outcomes": {"metric": pl.String, "role": pl.String, "period": pl.String},
}

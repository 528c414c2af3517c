"""The tables about loads: the log, the quarantine, data issues, the shapes of ids, profiles of columns."""

from __future__ import annotations

import polars as pl

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
    "known_date": pl.Date,  # the day of the run that took the file in: what an as-of run may know
    "file_date": pl.Date,  # the day the file speaks about, where its name or the mapping says it
    "part": pl.String,  # of a delivery in several files (a country, a company)
    "version": pl.Int64,  # of two files about the same, the higher one counts
    "sequence": pl.Int64,  # order of arrival; counts only where dates and versions are equal
    "rows_are": pl.String,  # snapshots or history
    "delivery": pl.String,  # full or delta
    "on_blank": pl.String,  # keeps or erases
    "on_missing_person": pl.String,  # nothing or ended
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

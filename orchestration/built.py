"""What the tables of the warehouse were built for: the as-of date, and which files, mappings and study.

A partial run in the UI takes the as-of date from here, so that yesterday's tables are never published under today's
date; where files, mappings or study.yml changed since the models ran, it is refused.
"""

from __future__ import annotations

import hashlib
from datetime import date

import duckdb

LOADED = "select load_id, mapping_hash, status from raw.load_log order by load_id"


class NotBuilt(RuntimeError):
    """The models did not run for what is loaded now; the message says what to materialise."""


def fingerprint(connection: duckdb.DuckDBPyConnection, study_hash: str) -> str:
    """Changes when another file is loaded, one is read otherwise, or the study is another one."""
    return hashlib.sha256(repr((connection.execute(LOADED).fetchall(), study_hash)).encode()).hexdigest()


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Before the models run: until they are done the tables are of no date."""
    connection.execute("create schema if not exists run")
    connection.execute("create or replace table run.built (as_of date, fingerprint varchar)")


def write(connection: duckdb.DuckDBPyConnection, as_of: date, study_hash: str) -> None:
    """All models ran for this date and for what is loaded now."""
    forget(connection)
    connection.execute("insert into run.built values (?, ?)", [as_of, fingerprint(connection, study_hash)])


def read(connection: duckdb.DuckDBPyConnection, study_hash: str) -> date:
    """The as-of date of the tables. Raises NotBuilt."""
    try:
        found = connection.execute("select as_of, fingerprint from run.built").fetchall()
    except duckdb.CatalogException:
        found = []
    if not found:
        raise NotBuilt("the models did not run to their end: materialise everything (coaching run)")
    as_of, known = found[0]
    if known != fingerprint(connection, study_hash):
        raise NotBuilt(
            "files, mappings or study.yml changed since the models ran: materialise everything (coaching run), or all "
            "models and what follows them"
        )
    return as_of

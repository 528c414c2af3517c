"""The judged content: the tables that a release is made of, and the hash that a verdict names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import polars as pl

COMPARISONS = (
    *("outcomes", "trends", "balance", "characteristics", "responses", "items", "scales", "survival", "turnovers"),
    *("headcounts", "populations", "participant_flows", "cohorts", "crossings", "trainings", "cascade", "doses"),
    *("readiness", "coach_loads", "structures"),
)
SOURCES = {f"cmp_{name}": f"comparisons.cmp_{name}" for name in COMPARISONS} | {
    f"est_{name}": f"estimates.est_{name}" for name in ("estimates", "power", "decisions", "money", "diagnostics")
}
OUTCOMES = """
    select metric, label, family, unit, direction, source, role, anticipation, lowest, highest, period, measure,
        case when panel = 'pnl_surveys' then of_what end as scale
    from staging.stg_study__outcomes
"""


def read_content(connection) -> dict[str, pl.DataFrame]:
    """Name → table in a fixed order of rows, so that equal content has equal bytes."""
    content = {name: connection.sql(f"from {table}").pl() for name, table in SOURCES.items()}
    content["outcomes"] = connection.sql(OUTCOMES).pl()
    return {name: frame.sort(frame.columns, nulls_last=True) for name, frame in content.items()}


def content_hash(content: Mapping[str, pl.DataFrame]) -> str:
    """sha256 over names, columns, types and values of all tables."""
    digest = hashlib.sha256()
    for name in sorted(content):
        frame = content[name]
        digest.update(repr((name, [(column, str(kind)) for column, kind in frame.schema.items()])).encode())
        digest.update(frame.write_csv(float_precision=None).encode())
    return digest.hexdigest()

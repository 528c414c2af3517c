"""The judged content: the tables that a release is made of, and the hash that a verdict names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import polars as pl

SOURCES = {
    "cmp_outcomes": "comparisons.cmp_outcomes",
    "cmp_balance": "comparisons.cmp_balance",
    "cmp_headcounts": "comparisons.cmp_headcounts",
    "cmp_responses": "comparisons.cmp_responses",
    "cmp_populations": "comparisons.cmp_populations",
    "est_estimates": "estimates.est_estimates",
    "est_power": "estimates.est_power",
}
OUTCOMES = """
    select metrics.metric, metrics.label, metrics.unit, metrics.direction, metrics.source, outcomes.role
    from raw.raw_study__outcomes as outcomes
    inner join staging.metrics as metrics on outcomes.metric = metrics.metric
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

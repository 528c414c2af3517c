"""candidate: the published tables as they would be written, after suppression and rounding; the gate judges these."""

import re
from collections.abc import Iterator

import dagster as dg
import duckdb
import polars as pl

from ingest.warehouse import create_table, warehouse
from orchestration.assets.estimates import COACHES_KEY, ESTIMATES_KEY, FURTHER
from orchestration.assets.tables import facts
from orchestration.faults import redact_errors
from orchestration.resources import PipelineRun
from publish.catalogue import candidate_tables, published_tables, share_shown
from publish.restricted import COACHES_TABLE as PUBLISHED_COACHES
from publish.restricted import guard_coaches

SCHEMA = "candidate"
CANDIDATE_KEYS = {name: dg.AssetKey([SCHEMA, name]) for name in published_tables()}
PUBLISHED = dg.AssetKey(["restricted", PUBLISHED_COACHES])
# What the queries of the catalogue read, so that a new published table is one entry of publish/tables.yml; the overlap
# of cells is read by the suppression.
READ_BY_CANDIDATE = {
    found for table in published_tables().values() for found in re.findall(r"(?:cells|comparisons)\.\w+", table.query)
}
READ_BY_CANDIDATE |= {"cells.cell_overlaps"}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            key,
            deps=[
                *(dg.AssetKey(name.split(".")) for name in sorted(READ_BY_CANDIDATE)),
                ESTIMATES_KEY,
                *FURTHER.values(),
            ],
            description=published_tables()[name].description,
            group_name=SCHEMA,
            kinds={"python"},
        )
        for name, key in CANDIDATE_KEYS.items()
    ]
    + [
        dg.AssetSpec(
            PUBLISHED,
            deps=[COACHES_KEY],
            description="grain: one row per coach and primary outcome, as it would be published to few readers.",
            group_name="restricted",
            kinds={"python"},
        )
    ],
    name="candidate",
)
@redact_errors
def candidate(run: PipelineRun) -> Iterator[dg.MaterializeResult]:
    """Suppress and round, as publish/tables.yml declares, and keep the result beside the estimates."""
    study = run.study
    with warehouse(run.workspace.warehouse) as connection:
        run.take_date_of(connection)
        tables = candidate_tables(
            connection,
            minimum=study.min_group_size,
            alpha=study.alpha,
            withdrawn=study.sensitive_facts,
        )
        coaches = guard_coaches(connection.sql("from restricted.est_coaches").pl(), study.min_group_size)
        written = {CANDIDATE_KEYS[name]: frame for name, frame in tables.items()} | {PUBLISHED: coaches}
        for key, frame in written.items():
            create_table(connection, *key.path, frame)
        found = facts(connection, written)
    for key in written:
        yield dg.MaterializeResult(asset_key=key, metadata=found[key] | _shown(tables, key))


def _shown(tables: dict[str, pl.DataFrame], key: dg.AssetKey) -> dict:
    return {"share_of_rows_shown": share_shown(tables)} if key == CANDIDATE_KEYS["pub_estimates"] else {}


def read_candidate(connection: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    """Name → table as it would be published."""
    return {name: connection.sql(f"from {'.'.join(key.path)}").pl() for name, key in CANDIDATE_KEYS.items()}


def read_coaches(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """What would be published of single coaches."""
    return connection.sql(f"from {'.'.join(PUBLISHED.path)}").pl()

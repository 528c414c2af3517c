"""raw: one asset per table of each source, from a short factory, and the study's own tables."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from ingest import load
from ingest.closed_tables import CLOSED_TABLES
from ingest.pseudonyms import Pseudonyms
from ingest.tables import TABLES_OF
from ingest.warehouse import replace_table, warehouse
from orchestration.assets.landing import LOAD_LOG_KEY
from orchestration.assets.tables import descriptions, facts
from orchestration.closing import due
from orchestration.faults import redact_errors
from orchestration.pending import n_closed
from orchestration.resources import PipelineRun
from orchestration.restating import restated
from publish import closed
from study.tables import STUDY_TABLES

GROUP, CLOSED = "raw", "closed"


def _key(table: str) -> dg.AssetKey:
    return dg.AssetKey(["raw", table])


def _spec(schema: str, table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        dg.AssetKey([schema, table]),
        deps=[LOAD_LOG_KEY],
        group_name=schema,
        kinds={"duckdb"},
        description=descriptions()[schema, table],
    )


def source_asset(source: str) -> dg.AssetsDefinition:
    """The asset (or the two, for surveys) that loads every landed file of one source."""
    names = [table.name for table in TABLES_OF[source]] + (["data_issues"] if source == "hris" else [])
    specs = [_spec(GROUP, name) for name in names]

    @dg.multi_asset(specs=specs, name=f"load_{source}")
    @redact_errors
    def load_files(context: dg.AssetExecutionContext, run: PipelineRun) -> Iterator[dg.MaterializeResult]:
        workspace = run.workspace
        with warehouse(workspace.warehouse) as connection:
            results = load.load_source(
                connection,
                source,
                run.landed,
                workspace.landing,
                mappings=run.mappings,
                pseudonyms=Pseudonyms.from_environment(workspace.key_file),
                taken_back=run.taken_back,
            )
            of_tables = facts(connection, map(_key, names))
        for result in results:
            if result.status == "refused":
                context.log.error(f"{source}/{result.landed.file_name}: {result.reason}")
        for name in names:
            yield dg.MaterializeResult(asset_key=_key(name), metadata=of_tables[_key(name)] | _counts(results))

    return load_files


def _counts(results: list[load.Loaded]) -> dict:
    loaded = [result for result in results if result.status == "loaded"]
    return {
        "files_loaded_now": len(loaded),
        "files_known_already": sum(result.status == "unchanged" for result in results),
        "files_taken_back": sum(result.status == "taken back" for result in results),
        "files_refused": sum(result.status == "refused" for result in results),
        "records": sum(result.n_records for result in loaded),
        "rows": sum(result.n_loaded for result in loaded),
        "rejected": sum(result.n_faulty for result in loaded),
        "set_aside": sum(result.n_set_aside for result in loaded),
    }


sources = [source_asset(source) for source in TABLES_OF]


@dg.multi_asset(
    specs=[_spec(GROUP, name) for name in STUDY_TABLES],
    name="load_study",
)
@redact_errors
def study_tables(run: PipelineRun) -> Iterator[dg.MaterializeResult]:
    """The study as declared, for dbt."""
    with warehouse(run.workspace.warehouse) as connection:
        for name, frame in run.study.tables().items():
            replace_table(connection, name, frame)
        found = facts(connection, map(_key, STUDY_TABLES))
    for key, of_table in found.items():
        yield dg.MaterializeResult(asset_key=key, metadata=of_table)


@dg.multi_asset(
    specs=[_spec(CLOSED, name) for name in CLOSED_TABLES],
    name="load_closed",
)
@redact_errors
def closed_cells(context: dg.AssetExecutionContext, run: PipelineRun) -> Iterator[dg.MaterializeResult]:
    """The cells of periods that earlier releases closed, for dbt; a restatement computes them again."""
    known = closed.check_all_there(run.workspace.closed, n_closed(run.workspace))
    frames = closed.read(run.workspace.closed, CLOSED_TABLES)
    reason = "" if run.is_as_of_run or not known else due(run.study, known, run.day)
    reason = reason or ("it was asked for" if run.restate and known else "")
    if reason:
        context.log.info(f"closed periods are computed again: {reason}")
        done = restated(run, frames, context.log.warning)
        loads = pl.DataFrame({"load_id": [one.load_id for one in run.used]})
        frames |= {
            name: frame.with_columns(batch=pl.lit(len(known) + 1)).select(*CLOSED_TABLES[name])
            for name, frame in {**done.cells, "loads": loads}.items()
        }
        kept = done.kept if done.kept.height else pl.DataFrame({"kind": [None]})
        frames["restatement"] = kept.with_columns(reason=pl.lit(reason)).pipe(_as_declared)
        run.record("restated", reason=reason, n_cells_kept=done.kept.height)
    with warehouse(run.workspace.warehouse) as connection:
        for name, frame in frames.items():
            replace_table(connection, name, frame, schema_name=CLOSED)
        found = facts(connection, [dg.AssetKey([CLOSED, name]) for name in frames])
    for key, of_table in found.items():
        yield dg.MaterializeResult(asset_key=key, metadata=of_table)


def _as_declared(kept: pl.DataFrame) -> pl.DataFrame:
    """The columns of `closed.restatement`, nulls where one is missing."""
    schema = CLOSED_TABLES["restatement"]
    return pl.concat([pl.DataFrame(schema=schema), kept.cast({"kind": pl.String})], how="diagonal_relaxed").select(
        pl.col(name).cast(kind) for name, kind in schema.items()
    )

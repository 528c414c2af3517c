"""raw: one asset per table of each source, from a short factory, and the study's own tables."""

from collections.abc import Iterator

import dagster as dg

from ingest import load
from ingest.pseudonyms import Pseudonyms
from ingest.tables import RELEASED_TABLES, STUDY_TABLES, TABLES_OF
from orchestration.defs.files_in import LOAD_LOG
from orchestration.faults import told_safely
from orchestration.resources import Night
from publish import memory

GROUP = "raw"


def _key(table: str) -> dg.AssetKey:
    return dg.AssetKey(["raw", table])


def source_asset(source: str) -> dg.AssetsDefinition:
    """The asset (or the two, for surveys) that loads every landed file of one source."""
    names = [table.name for table in TABLES_OF[source]] + (["data_issues"] if source == "hris" else [])
    specs = [dg.AssetSpec(_key(name), deps=[LOAD_LOG], group_name=GROUP, kinds={"duckdb"}) for name in names]

    @dg.multi_asset(specs=specs, name=f"load_{source}")
    @told_safely
    def load_files(context: dg.AssetExecutionContext, night: Night) -> Iterator[dg.MaterializeResult]:
        workspace = night.workspace
        with load.warehouse(workspace.warehouse) as connection:
            results = load.load_source(
                connection,
                source,
                night.landed,
                workspace.landing,
                mappings=night.mappings,
                pseudonyms=Pseudonyms.from_environment(workspace.key_file),
                taken_back=night.taken_back,
            )
        for result in results:
            if result.status == "refused":
                context.log.error(f"{source}/{result.landed.file_name}: {result.reason}")
        for name in names:
            yield dg.MaterializeResult(asset_key=_key(name), metadata=_facts(results))

    return load_files


def _facts(results: list[load.Loaded]) -> dict:
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
    specs=[dg.AssetSpec(_key(name), deps=[LOAD_LOG], group_name=GROUP, kinds={"duckdb"}) for name in STUDY_TABLES],
    name="load_study",
)
@told_safely
def study_tables(night: Night) -> Iterator[dg.MaterializeResult]:
    """The study as declared, for dbt."""
    with load.warehouse(night.workspace.warehouse) as connection:
        for name, frame in night.study.tables().items():
            load.replace_table(connection, name, frame)
            yield dg.MaterializeResult(asset_key=_key(name), metadata={"rows": frame.height})


@dg.multi_asset(
    specs=[
        dg.AssetSpec(dg.AssetKey(["remembered", name]), deps=[LOAD_LOG], group_name="remembered", kinds={"duckdb"})
        for name in RELEASED_TABLES
    ],
    name="recall",
)
@told_safely
def released_tables(night: Night) -> Iterator[dg.MaterializeResult]:
    """What the releases so far told of people, for dbt: late facts about few of them wait."""
    with load.warehouse(night.workspace.warehouse) as connection:
        for name, schema in RELEASED_TABLES.items():
            frame = memory.recall(night.workspace.memory, name, schema)
            load.replace_table(connection, name, frame, room="remembered")
            yield dg.MaterializeResult(asset_key=dg.AssetKey(["remembered", name]), metadata={"rows": frame.height})

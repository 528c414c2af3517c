"""files in: the inbox is scanned and what is new is frozen."""

from functools import partial

import dagster as dg

from ingest import land
from ingest.erase.files import cleanse, redact_names, words_in_names
from ingest.erase.people import Erased
from ingest.pseudonyms import Pseudonyms
from ingest.warehouse import prepare, warehouse
from orchestration.assets.tables import SCHEMA, descriptions, facts
from orchestration.erasure import follow, is_word_of_erased, remove_copies
from orchestration.faults import redact_errors
from orchestration.resources import PipelineRun
from orchestration.workspace import RESTATING

LOAD_LOG_KEY = dg.AssetKey(["raw", "load_log"])


@dg.asset(key=LOAD_LOG_KEY, group_name="landing", kinds={"duckdb"}, description=descriptions()["raw", "load_log"])
@redact_errors
def load_log(context: dg.AssetExecutionContext, run: PipelineRun) -> dg.MaterializeResult:
    """Freeze new files of the inbox in landing/ and make the schema raw ready."""
    run.record("started", as_of=str(run.day))
    _keep_out(context, run)
    inbox = run.inbox
    # An as-of run must not date what arrives today as known on the day it looks from: it takes nothing in.
    new = [] if run.is_as_of_run else land.land(inbox, run.workspace.landing, known_date=run.day)
    with warehouse(run.workspace.warehouse) as connection:
        prepare(connection)
        columns = facts(connection, [LOAD_LOG_KEY])[LOAD_LOG_KEY][SCHEMA]  # its rows come with the loads
    for path, reason in inbox.waiting:
        context.log.warning(f"{path.name}: {reason}; left for the next run")
    return dg.MaterializeResult(
        metadata={
            SCHEMA: columns,
            "files_in_inbox": len(inbox.files),
            "new_files": len(new),
            "waiting_files": len(inbox.waiting),
            "new": dg.MetadataValue.md("\n".join(f"- {one.source}/{one.file_name}" for one in new[:200]) or "none"),
        }
    )


def _keep_out(context: dg.AssetExecutionContext, run: PipelineRun) -> None:
    """Who was erased stays erased: new exports and restored copies are cleansed before anything is read of them."""
    there = run.workspace
    erased = Erased.of(there.root, Pseudonyms.from_environment(there.key_file))
    if not erased.tombstones:
        return
    remove_copies(there, RESTATING)  # nobody else restates while this run holds the workspace
    done = cleanse(there.inbox, there.landing, run.mappings, erased)
    named = words_in_names(there.inbox, there.landing, partial(is_word_of_erased, erased, run.mappings))
    redact_names(there.inbox, there.landing, named)
    erased.keep(there.root)
    follow(there)
    if done or named:
        context.log.warning(
            f"{len(done)} file(s) held somebody who was erased, {len(named)} word(s) in file names named them: cleansed"
        )
        run.record("erased_again", files=[one.new for one in done])

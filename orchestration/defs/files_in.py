"""files in: the inbox is scanned and what is new is frozen."""

import dagster as dg

from ingest import land, load
from orchestration.resources import Night

LOAD_LOG = dg.AssetKey(["raw", "load_log"])


@dg.asset(key=LOAD_LOG, group_name="files_in", kinds={"duckdb"})
def load_log(context: dg.AssetExecutionContext, night: Night) -> dg.MaterializeResult:
    """Freeze new files of the inbox in landing/ and make the schema raw ready."""
    night.record("started", as_of=str(night.day))
    inbox = land.scan(night.workspace.inbox, seen=night.workspace.seen)
    # A look back must not date what arrives today as known on the day it looks from: it takes nothing in.
    new = [] if night.looks_back else land.land(inbox, night.workspace.landing, known_date=night.day)
    with load.warehouse(night.workspace.warehouse) as connection:
        load.prepare(connection)
    for path, reason in inbox.waiting:
        context.log.warning(f"{path.name}: {reason}; left for the next run")
    return dg.MaterializeResult(
        metadata={
            "files_in_inbox": len(inbox.files),
            "new_files": len(new),
            "waiting_files": len(inbox.waiting),
            "new": dg.MetadataValue.md("\n".join(f"- {one.source}/{one.file_name}" for one in new[:200]) or "none"),
        }
    )

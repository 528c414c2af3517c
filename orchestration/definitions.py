"""The graph: `dagster dev -m orchestration.definitions` shows it, `coaching run` runs it."""

import os

import dagster as dg

from orchestration import automation
from orchestration.defs import candidate, estimates, files_in, gate, raw, release, transform
from orchestration.progress import progress_logger
from orchestration.resources import Night
from orchestration.workspace import Workspace

os.umask(0o077)  # whoever started this process: what it writes is its owner's alone
workspace = Workspace.from_environment()
rooms = [files_in.load_log, *raw.sources, raw.study_tables, raw.closed_cells, transform.transform_assets(workspace)]
rooms += [estimates.estimates, candidate.candidate, gate.verdicts, release.release]
rooms += [gate.restricted_verdicts, release.restricted_release]

defs = dg.Definitions(
    assets=rooms,
    jobs=[automation.night_job],
    schedules=[automation.nightly_schedule(workspace)],
    sensors=[automation.inbox_sensor(workspace)],
    resources={"night": Night(), "dbt": transform.dbt_resource()},
    loggers={"progress": progress_logger},
    executor=dg.in_process_executor,
)

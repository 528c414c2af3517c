"""The graph: `dagster dev -m orchestration.definitions` shows it, `coaching run` runs it."""

import dagster as dg

from orchestration.automation import inbox_sensor, night_job, nightly_schedule
from orchestration.defs import estimates, files_in, gate, raw, release, transform
from orchestration.progress import progress_logger
from orchestration.resources import Night
from orchestration.workspace import Workspace

workspace = Workspace.from_environment()

defs = dg.Definitions(
    assets=[
        files_in.load_log,
        *raw.sources,
        raw.study_tables,
        transform.transform_assets(workspace),
        estimates.estimates,
        gate.verdicts,
        release.release,
    ],
    jobs=[night_job],
    schedules=[nightly_schedule(workspace)],
    sensors=[inbox_sensor(workspace)],
    resources={
        "night": Night(workspace_path=str(workspace.root)),
        "dbt": transform.dbt_resource(workspace),
    },
    loggers={"progress": progress_logger},
    executor=dg.in_process_executor,
)

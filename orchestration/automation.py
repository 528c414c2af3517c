"""The run by itself: a schedule at 02:00 in the study's time zone and a sensor on the inbox, both the same job.

Off by default; `COACHING_NIGHTLY=on` in the environment of the Dagster process switches both on.
"""

import os

import dagster as dg

from orchestration.alarm import report_broken_configuration
from orchestration.pending import find_pending_changes
from orchestration.workspace import Workspace
from study.model import Study, load_study
from study.strict_yaml import ConfigError

SWITCH = "COACHING_NIGHTLY"

# One process for the whole run: start-up is paid once, and one Run holds the lock.
pipeline_job = dg.define_asset_job(
    "pipeline",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Everything that `coaching run` does: load what is new, compare, estimate, judge, publish.",
)


def _is_on() -> bool:
    return os.environ.get(SWITCH, "").lower() in ("on", "1", "true", "yes")


def _run_config(as_of: str) -> dict:
    return {"resources": {"run": {"config": {"as_of": as_of}}}}


def study_if_whole(workspace: Workspace) -> Study | None:
    """The study, or None while there is none: the graph can be looked at, a run will say what is missing."""
    try:
        return load_study(workspace.study)
    except ConfigError:
        return None


def nightly_schedule(workspace: Workspace) -> dg.ScheduleDefinition:
    """02:00 in the study's time zone; the day it looks from is the one that has just begun."""
    study = study_if_whole(workspace)
    zone = study.time_zone if study else "UTC"

    @dg.schedule(
        name="nightly",
        job=pipeline_job,
        description="Every day at 02:00 in the study's time zone, as of the day that has begun.",
        cron_schedule="0 2 * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING if _is_on() else dg.DefaultScheduleStatus.STOPPED,
    )
    def nightly(context: dg.ScheduleEvaluationContext):
        day = context.scheduled_execution_time.date().isoformat()
        return dg.RunRequest(run_key=day, run_config=_run_config(day))

    return nightly


def inbox_sensor(workspace: Workspace) -> dg.SensorDefinition:
    """Runs the pipeline when files arrived that no release knows; the same files ask once."""

    @dg.sensor(
        name="inbox",
        job=pipeline_job,
        description="Starts a run when files lie in the inbox that no release knows.",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING if _is_on() else dg.DefaultSensorStatus.STOPPED,
    )
    def inbox(context: dg.SensorEvaluationContext):
        try:
            pending = find_pending_changes(workspace)
        except ConfigError as error:
            if context.cursor != str(error):  # once for each fault, not every minute
                report_broken_configuration(workspace, str(error))
                context.update_cursor(str(error))
            return dg.SkipReason(str(error))
        context.update_cursor("")  # the same fault, come back after it was corrected, is reported again
        if not pending:
            return dg.SkipReason("nothing new in the inbox")
        return dg.RunRequest(run_key=pending.fingerprint, run_config=_run_config(""))

    return inbox

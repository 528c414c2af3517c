"""The graph: `dagster dev -m orchestration.definitions` shows it, `coaching run` runs it. Importing it does nothing."""

import os
import re
from collections.abc import Sequence
from datetime import timedelta
from functools import cache

import dagster as dg

from orchestration import automation
from orchestration.assets import candidate, estimates, gate, landing, raw, release, transform
from orchestration.progress import progress_logger
from orchestration.resources import PipelineRun
from orchestration.workspace import Workspace
from study.model import Study

MAILBOX = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
DOCUMENTED = ("raw", "closed", "panels", "cells", "comparisons")


@cache
def graph(workspace: Workspace) -> dg.Definitions:
    """Everything that runs in a workspace. The first call in a workspace has dbt parse its project."""
    os.umask(0o077)  # whoever started this process: what it writes is its owner's alone
    assets = [landing.load_log, *raw.sources, raw.study_tables, raw.closed_cells]
    assets += [transform.transform_assets(workspace), estimates.estimates, candidate.candidate, gate.verdicts]
    assets += [release.release, gate.restricted_verdicts, release.restricted_release]
    study = automation.study_if_whole(workspace)
    return dg.Definitions(
        assets=[one.map_asset_specs(lambda spec: _as_shown(spec, study)) for one in assets],
        jobs=[automation.pipeline_job],
        schedules=[automation.nightly_schedule(workspace)],
        sensors=[automation.inbox_sensor(workspace)],
        resources={"run": PipelineRun(), "dbt": transform.dbt_resource()},
        loggers={"progress": progress_logger},
        executor=dg.in_process_executor,
    )


def _as_shown(spec: dg.AssetSpec, study: Study | None) -> dg.AssetSpec:
    """The asset with what the study says of all: whom to ask, and for the first and the last when it is overdue."""
    contact = study.contact.strip() if study else ""
    owners = [contact if MAILBOX.fullmatch(contact) else f"team:{contact}"] if contact else []
    has_window = study is not None and study.stale_after_days and spec.key in (landing.LOAD_LOG_KEY, release.RELEASE)
    window = dg.FreshnessPolicy.time_window(timedelta(days=study.stale_after_days)) if has_window else None
    page = {"page": f"docs/reference/warehouse.md#{spec.key.path[-1]}"} if spec.group_name in DOCUMENTED else {}
    return spec.replace_attributes(owners=owners, freshness_policy=window, metadata={**spec.metadata, **page})


def execute(
    workspace: Workspace,
    instance: dg.DagsterInstance,
    *,
    assets: Sequence[dg.AssetKey] | None = None,
    **settings: str | bool,
) -> dg.ExecuteInProcessResult:
    """Run the job of a workspace's graph in this process, whole or only these assets; `settings`: fields of `Run`."""
    return (
        graph(workspace)
        .resolve_job_def("pipeline")
        .execute_in_process(
            instance=instance,
            raise_on_error=False,
            asset_selection=assets,
            run_config={"resources": {"run": {"config": settings}}, "loggers": {"progress": {"config": {}}}},
        )
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The graph of the workspace that the environment names."""
    return graph(Workspace.from_environment())

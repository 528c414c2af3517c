"""The study against the catalogues of metrics and checks: what nobody can ask or accept is an error."""

from __future__ import annotations

import csv

from expectations.suites import acceptable
from ingest.strict_yaml import ConfigError
from ingest.study import Study, load_study
from orchestration.workspace import HOUSE, Workspace

CATALOGUE = HOUSE / "dbt_project" / "seeds" / "metrics.csv"


def metrics() -> list[str]:
    """Names of the metrics that can be asked for."""
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        return [row["metric"] for row in csv.DictReader(file)]


def checked_study(workspace: Workspace) -> Study:
    """The study, with outcomes that the catalogue knows. Raises ConfigError."""
    study = load_study(workspace.study)
    unknown = sorted({outcome.metric for outcome in study.outcomes} - set(metrics()))
    if unknown:
        raise ConfigError(
            f"{workspace.study}: outcomes: {', '.join(unknown)} is no metric; there are {', '.join(metrics())}"
        )
    may = acceptable()
    for item in study.accepted:
        if item.check not in may:
            raise ConfigError(
                f"{workspace.study}: accepted: nobody can accept {item.check}; what can be is {', '.join(sorted(may))}"
            )
    return study

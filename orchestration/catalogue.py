"""The study against the metric catalogue: a question that nobody can ask is an error, not a silent omission."""

from __future__ import annotations

import csv

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
    return study

"""The catalogue of metrics: a metric is a row of `metrics.csv` and a page under docs/reference/metrics/."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from study.strict_yaml import Strict

CATALOGUE = Path(__file__).with_name("metrics.csv")


class Metric(Strict):
    """One metric: what it measures, in which unit, and how code treats it."""

    metric: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str
    family: str
    unit: str
    written_as: Literal["share", "points", "index", "own", "plain"] = Field(
        "plain", description="share: per cent; points; index: 0 to 1; own: in the export's own unit; plain: in `unit`"
    )
    kind: Literal["mean", "time_to_event"] = Field(description="which estimators take it")
    panel: str = Field(description="the dbt model that has its values")
    source: Literal["hris", "survey", "checkins"] = Field(description="the source without which it is absent")
    measure: str = Field(description="the numerator, or for survey panels the kind of score")
    of_what: str = Field(description="the denominator, or for survey panels the scale")
    direction: Literal["up", "down", "none"] = Field(description="which way is better")
    lowest: float | None = Field(None, description="the lowest value that there can be")
    highest: float | None = Field(None, description="the highest value that there can be")
    closing_days: int | None = Field(None, description="days from a period's end until it closes; none: a survey wave")
    link: Literal["held", "noticed"] | None = Field(
        None, description="held: how much coaching happened; noticed: manager coaching behaviour, as the team sees it"
    )


@cache
def catalogue() -> dict[str, Metric]:
    """The metrics of `metrics.csv` by name, in its order. Raises ValueError for a row that is no metric or a repeat."""
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        rows = [Metric(**{key: value for key, value in row.items() if value}) for row in csv.DictReader(file)]
    found = {row.metric: row for row in rows}
    if len(found) < len(rows):
        raise ValueError(f"{CATALOGUE}: a metric stands twice")
    return found

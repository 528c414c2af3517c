"""`study.yml`: the programme and its questions, written before the results, and its tables in `raw`.

Floors live here in code; configuration can only raise them.
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import Field, model_validator

from ingest.strict_yaml import Strict, TimeZone, load_as
from ingest.tables import STUDY_TABLES

GROUP_FLOOR = 5  # the smallest minimum group size that configuration may ask for


class Assignment(Strict):
    """How units came to be pilot or control."""

    unit: Literal["team", "department", "site"] = "team"
    source: Literal["roster", "listed"] = "roster"
    design: Literal["randomised", "volunteered"] = Field(
        "volunteered", description="volunteered: not random, so every number rests on parallel trends"
    )
    unlisted_units: Literal["excluded", "control"] = "excluded"
    joiners: Literal["excluded", "included"] = Field(
        "excluded", description="people hired after the first kick-off: their team chose them afterwards"
    )


class Cohort(Strict):
    """Units that are treated from the same day on (with `source: listed`)."""

    cohort: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kickoff_date: date
    units: tuple[str, ...] = Field(min_length=1)


class Outcome(Strict):
    """One metric of the catalogue that this study asks about."""

    metric: str
    role: Literal["primary", "secondary", "guardrail"] = "secondary"
    period: Literal["month", "quarter"] = "quarter"


class Accepted(Strict):
    """A finding of the gate that a person has looked at and accepts; printed in the release."""

    check: Literal["group_vanished", "headcount_jump"]
    value: str
    reason: str = Field(min_length=10)


class Study(Strict):
    """The study as declared."""

    programme: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    time_zone: TimeZone = "UTC"
    assignment: Assignment = Assignment()
    cohorts: tuple[Cohort, ...] = ()
    control_units: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    retention_months: int = Field(6, ge=1, le=36)
    min_group_size: int = Field(10, ge=GROUP_FLOOR, description=f"floor {GROUP_FLOOR}, in code")
    alpha: float = Field(0.05, gt=0, le=0.1)
    accepted: tuple[Accepted, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.assignment.source == "listed") != bool(self.cohorts):
            raise ValueError("list cohorts with `assignment.source: listed`, and only then")
        units = [unit for cohort in self.cohorts for unit in cohort.units] + list(self.control_units)
        doubled = sorted({unit for unit in units if units.count(unit) > 1})
        if doubled:
            raise ValueError(f"{', '.join(doubled[:10])}: each unit belongs to one cohort or to the control")
        metrics = [outcome.metric for outcome in self.outcomes]
        if len(set(metrics)) != len(metrics):
            raise ValueError("a metric stands twice under outcomes")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The study's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def digest(self) -> str:
        """sha256 of what the study declares (not of its comments)."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def primary(self) -> tuple[str, ...]:
        """Metrics that the decision rests on."""
        return tuple(outcome.metric for outcome in self.outcomes if outcome.role == "primary")

    def tables(self) -> dict[str, pl.DataFrame]:
        """The study as tables of the schema `raw`, for dbt."""
        listed = [
            (unit, cohort.cohort, "pilot", cohort.kickoff_date) for cohort in self.cohorts for unit in cohort.units
        ] + [(unit, "control", "control", None) for unit in self.control_units]
        rows = {
            "raw_study__programmes": [
                (
                    self.programme,
                    self.assignment.unit,
                    self.assignment.design,
                    self.assignment.unlisted_units,
                    self.assignment.joiners,
                    self.retention_months,
                )
            ],
            "raw_study__assignments": listed,
            "raw_study__outcomes": [(o.metric, o.role, o.period) for o in self.outcomes],
        }
        return {name: pl.DataFrame(rows[name], schema=schema, orient="row") for name, schema in STUDY_TABLES.items()}


def load_study(path: Path) -> Study:
    """The study in `path`. Raises ConfigError naming file, key and fault."""
    return load_as(path, Study)

"""`study.yml`: the programme and its questions, written before the results, and its tables in `raw`.

Floors live here in code; configuration can only raise them.
"""

from __future__ import annotations

import hashlib
import warnings
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import Field, model_validator

from study.bands import PEOPLE, YEARS, bands
from study.catalogue import Metric, catalogue
from study.sections import (
    MAX_DEPTH,
    MAX_RANK,
    MAX_SEGMENTS,
    TURNOVER_FORMULAS,
    Assignment,
    CheckIns,
    Cohort,
    Dimension,
    Favour,
    Limit,
    Money,
    Outcome,
    Output,
    Readiness,
    Scale,
    Waiver,
)
from study.strict_yaml import RenamedKey, Strict, TimeZone, load_as
from study.tables import STUDY_TABLES

CLOSING_DAYS = 45  # from a period's end until its figures close; as in metrics.csv
GROUP_FLOOR = 5  # the smallest minimum group size that configuration may ask for

# What releases may differ in and still answer the same questions.
NOT_ASKED = {"waivers", "title", "contact", "stale_after_days", "restatements", "coaches", "keep_until"}


class Study(Strict):
    """The study as declared."""

    RENAMED = {"accepted": "waivers"}  # noqa: RUF012

    programme: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="its name, in lower case")
    title: str = Field(description="of the page")
    contact: str = Field("", description="whom readers of the page ask: a team or a mailbox")
    time_zone: TimeZone = Field("UTC", description="IANA name; nightly runs start at 02:00 there")
    assignment: Assignment = Assignment()
    cohorts: tuple[Cohort, ...] = ()
    control_units: tuple[str, ...] = Field((), description="the units to compare with (with `source: listed`)")
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    retention_months: int = Field(6, ge=1, le=36, description="who is still there after so many months")
    outputs: tuple[Output, ...] = ()
    scales: tuple[Scale, ...] = ()
    segments: tuple[Dimension, ...] = Field(
        (), max_length=MAX_SEGMENTS, description="dimensions by which effects are also shown; few, since groups shrink"
    )
    covariates: tuple[Literal["tenure_years", "age_years", "fte"], ...] = Field(
        (), description="facts at baseline for which primary outcomes and guardrails are adjusted beside the estimate"
    )
    tenure_bands: tuple[Limit, ...] = Field((1.0, 3.0, 6.0), min_length=1, description="rising limits, in years")
    coach_load_bands: tuple[Limit, ...] = Field(
        (10.0, 15.0), min_length=1, description="rising limits, in people per coach"
    )
    checkins: CheckIns = CheckIns()
    favour: Favour = Favour()
    readiness: Readiness = Readiness()
    turnover_formula: Literal[TURNOVER_FORMULAS] = Field(
        "monthly_means", description="the denominator of the published turnover"
    )
    top_layer: Literal[0, 1] = Field(1, description="the number of the highest layer")
    money: Money | None = None
    min_group_size: int = Field(10, ge=GROUP_FLOOR, description=f"floor {GROUP_FLOOR}, in code")
    sensitive_facts: tuple[Literal["membership", "leavers", "coaching"], ...] = Field(
        (),
        description="facts that are published because colleagues know them anyway, and that are not to be: who works "
        "where, who came and left, who coaches whom",
    )
    keep_until: date | None = Field(
        None,
        description="last day on which records of people are kept: after it no run uses them, and "
        "`coaching delete-records` is due",
    )
    coaches: bool = Field(
        True,
        description="whether the change of each coach's teams is computed, for the restricted release; off: it is not, "
        "and the restricted releases that there are go",
    )
    survey_open_days: int = Field(
        14,
        ge=0,
        le=90,
        description="days from a launch until its answers are complete: then the wave closes",
    )
    restatements: tuple[date, ...] = Field(
        (),
        description="days, rising, on which closed periods are computed again, so that what came late enters",
    )
    stale_after_days: int = Field(
        40, ge=0, le=400, description="days after which a newer release is due and the page says so; 0: never"
    )
    alpha: float = Field(0.05, gt=0, le=0.1, description="the study's level, two-sided")
    planned_until: date | None = Field(
        None,
        description="last day of the plan: the waves until then are its analyses, and alpha is spent over them; by "
        "default twelve months after the last kick-off",
    )
    waivers: tuple[Waiver, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _plan_of_days(cls, document: Any) -> Any:
        """The days that the last version asked for: every wave is an analysis now, the last day ends the plan."""
        old = {"interim_analyses", "looks"} & document.keys() if isinstance(document, dict) else set()
        for name in old:
            if "planned_until" in document:
                raise ValueError(f"{name} is not read beside planned_until; keep planned_until only")
            warnings.warn(
                f"the key {name} is gone: every wave is an analysis; write the last of its days as planned_until",
                RenamedKey,
                stacklevel=2,
            )
            days = document[name] if isinstance(document[name], list | tuple) else [document[name]]
            last = {"planned_until": days[-1]} if days else {}
            document = {key: value for key, value in document.items() if key != name} | last
        return document

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.assignment.source == "listed") != bool(self.cohorts):
            raise ValueError("list cohorts with `assignment.source: listed`, and only then")
        if self.control_units and not self.cohorts:
            raise ValueError("control_units: only with `assignment.source: listed`; else the roster names them")
        names = [cohort.cohort for cohort in self.cohorts]
        if "control" in names or len(set(names)) != len(names):
            raise ValueError("cohorts: each has a name of its own, and none is called control")
        if self.assignment.strata and self.assignment.design != "randomised":
            raise ValueError("assignment.strata: only a randomised design has strata in which the lot was drawn")
        units = [unit for cohort in self.cohorts for unit in cohort.units] + list(self.control_units)
        doubled = sorted({unit for unit in units if units.count(unit) > 1})
        if doubled:
            raise ValueError(f"{', '.join(doubled[:10])}: each unit belongs to one cohort or to the control")
        for name in ("tenure_bands", "coach_load_bands", "restatements"):
            if list(getattr(self, name)) != sorted(set(getattr(self, name))):
                raise ValueError(f"{name}: each must be higher than the one before")
        for name in ("segments", "covariates"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                raise ValueError(f"{name}: one stands twice")
        in_strata = [unit for members in self.assignment.strata.values() for unit in members]
        if len(set(in_strata)) != len(in_strata):
            raise ValueError("strata: a unit stands in two")
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
    def questions_digest(self) -> str:
        """sha256 of what is asked: two releases with equal ones are comparable, whatever was waived between them."""
        return hashlib.sha256(self.model_dump_json(exclude=NOT_ASKED).encode()).hexdigest()

    @property
    def primary(self) -> tuple[str, ...]:
        """Metrics that the decision rests on."""
        return tuple(outcome.metric for outcome in self.outcomes if outcome.role == "primary")

    @property
    def declared_metrics(self) -> list[Metric]:
        """Metrics that the study adds to the catalogue."""
        outputs = [
            Metric(
                metric=output.metric,
                label=output.label,
                family="productivity",
                unit=output.unit,
                kind="mean",
                panel="pnl_activity",
                source="hris",
                measure=f"output:{output.attribute}",
                of_what=f"{output.per}s",
                direction=output.direction,
                closing_days=CLOSING_DAYS,
            )
            for output in self.outputs
        ]
        scales = [
            Metric(
                metric=f"{scale.scale}_{measure}",
                label=f"{scale.label}{suffix}",
                family="engagement",
                unit=unit,
                written_as=written_as,
                kind="mean",
                panel="pnl_surveys",
                source="survey",
                measure=measure,
                of_what=scale.scale,
                direction=scale.direction,
                lowest=lowest,
                highest=highest,
                link=scale.link if measure == "score" else None,
            )
            for scale in self.scales
            for measure, suffix, unit, written_as, lowest, highest in (
                ("score", "", "points (0–100)", "points", 0.0, 100.0),
                ("favourable", ", favourable", "share of answers", "share", 0.0, 1.0),
                ("net_promoter", ", net score", "points (−100 to 100)", "points", -100.0, 100.0),
            )
        ]
        return outputs + scales

    @property
    def ordered_segments(self) -> dict[str, tuple[str, ...]]:
        """Of dimensions with an order: the names of their segments (`dimension: word`), lowest first."""
        loads = [band for _, band, _, _ in bands("coach_load", self.coach_load_bands, PEOPLE)]
        words = {
            "cascade_depth": map(str, range(1, MAX_DEPTH + 1)),
            "coach_load": loads,
            "nomination_rank": map(str, range(1, MAX_RANK + 1)),
        }
        return {dimension: tuple(f"{dimension}: {word}" for word in of) for dimension, of in words.items()}

    def tables(self) -> dict[str, pl.DataFrame]:
        """The study as tables of the schema `raw`, for dbt."""
        listed = [
            (unit, cohort.cohort, "pilot", cohort.kickoff_date) for cohort in self.cohorts for unit in cohort.units
        ] + [(unit, "control", "control", None) for unit in self.control_units]
        settings = {
            "programme": self.programme,
            "assignment_unit": self.assignment.unit,
            "assignment_source": self.assignment.source,
            "design": self.assignment.design,
            "unlisted_units": self.assignment.unlisted_units,
            "joiners": self.assignment.joiners,
            "retention_months": self.retention_months,
            "turnover_formula": self.turnover_formula,
            "top_layer": self.top_layer,
            "checkins_per_month": self.checkins.per_month,
            "review_days": self.checkins.review_days,
            "min_group_size": self.min_group_size,
            "survey_open_days": self.survey_open_days,
            **self.favour.model_dump(),
            **{f"readiness_{name}": value for name, value in self.readiness.model_dump().items()},
        }
        rows = {
            "raw_study__programmes": [settings],
            "raw_study__assignments": listed,
            "raw_study__strata": [
                (unit, stratum) for stratum, units in self.assignment.strata.items() for unit in units
            ],
            "raw_study__employment_types": [(name,) for name in self.assignment.employment_types],
            "raw_study__outcomes": [
                (o.metric, o.role, o.period, self.assignment.anticipation_months) for o in self.outcomes
            ],
            "raw_study__metrics": [one.model_dump() for one in (*catalogue().values(), *self.declared_metrics)],
            "raw_study__segments": [(dimension,) for dimension in self.segments],
            "raw_study__bands": bands("tenure", self.tenure_bands, YEARS)
            + bands("coach_load", self.coach_load_bands, PEOPLE),
            "raw_study__covariates": [(covariate,) for covariate in self.covariates],
        }
        return {name: pl.DataFrame(rows[name], schema=schema, orient="row") for name, schema in STUDY_TABLES.items()}


def load_study(path: Path) -> Study:
    """The study in `path`. Raises ConfigError naming file, key and fault."""
    return load_as(path, Study)

"""`study.yml`: the programme and its questions, written before the results, and its tables in `raw`.

Floors live here in code; configuration can only raise them.
"""

from __future__ import annotations

import hashlib
import warnings
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import Field, model_validator

from study.bands import PEOPLE, YEARS, bands
from study.catalogue import Metric, catalogue
from study.strict_yaml import RenamedKey, Strict, TimeZone, load_as
from study.tables import STUDY_TABLES

CLOSING_DAYS = 45  # from a period's end until its figures close; as in metrics.csv
GROUP_FLOOR = 5  # the smallest minimum group size that configuration may ask for


class Assignment(Strict):
    """How units came to be pilot or control."""

    unit: Literal["team", "department", "site", "manager", "person"] = Field("team", description="what was assigned")
    source: Literal["roster", "listed"] = Field(
        "roster", description="roster: the programme's list in inbox/roster; listed: `cohorts` and `control_units` here"
    )
    design: Literal["randomised", "volunteered"] = Field(
        "volunteered", description="volunteered: not random, so every number rests on parallel trends"
    )
    unlisted_units: Literal["excluded", "control"] = Field("excluded", description="units that no list names")
    joiners: Literal["excluded", "included"] = Field(
        "excluded", description="people hired after the first kick-off: their team chose them afterwards"
    )
    anticipation_months: int = Field(
        0, ge=0, le=12, description="months before kick-off in which its announcement may work already: no base period"
    )
    employment_types: tuple[str, ...] = Field((), description="who is in the study; empty: everybody")
    strata: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="stratum → units, where the lot was drawn in strata that no roster names"
    )


class Cohort(Strict):
    """Units that are treated from the same day on (with `source: listed`)."""

    cohort: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="its name, in lower case")
    kickoff_date: date = Field(description="first day of coaching")
    units: tuple[str, ...] = Field(min_length=1, description="as the HR export writes them")


class Outcome(Strict):
    """One metric of the catalogue that this study asks about."""

    RENAMED = {"worthwhile": "minimum_important_difference"}  # noqa: RUF012

    metric: str = Field(description="its name in study/metrics.csv, or under `outputs` or `scales`")
    role: Literal["primary", "secondary", "guardrail", "placebo"] = Field(
        "secondary",
        description="primary: carries the decision; guardrail: must not become worse; placebo: coaching cannot move it",
    )
    period: Literal["month", "quarter"] | None = Field(
        None,
        description="by default it follows the waves: month where one survey was launched in several months of a "
        "quarter, else quarter; what is no survey is asked by quarter",
    )
    minimum_important_difference: float | None = Field(
        None, gt=0, description="the smallest effect worth scaling up for, in the metric's unit and good direction"
    )
    margin: float | None = Field(
        None, ge=0, description="how much worse a guardrail may become, in the metric's unit; nothing if not given"
    )

    @model_validator(mode="after")
    def _belongs_to_its_role(self) -> Self:
        for name, role in (("minimum_important_difference", "primary"), ("margin", "guardrail")):
            if getattr(self, name) is not None and self.role != role:
                raise ValueError(f"{self.metric}: `{name}` belongs to a {role} outcome; its role is {self.role}")
        return self


NAME = r"^[a-z][a-z0-9_]*$"


class Output(Strict):
    """A numeric column of an HR export as a metric: its sum per full-time month."""

    metric: str = Field(pattern=NAME, description="the name that it gets")
    attribute: str = Field(pattern=NAME, description="an attribute of kind number in the HR mapping")
    label: str = Field(description="in words")
    unit: str = Field(description="of the metric, in words: deals per full-time month")
    direction: Literal["up", "down"] = Field("up", description="which way is good")
    per: Literal["fte_month", "person_month"] = Field("fte_month", description="what the sum is divided by")


class Scale(Strict):
    """A survey scale that the catalogue does not know: `<scale>_score` and `<scale>_favourable` become metrics, and
    `<scale>_net_promoter` where its items are answered on the range of the eNPS question."""

    scale: str = Field(pattern=NAME, description="as the items of the survey mapping name it")
    label: str = Field(description="in words")
    direction: Literal["up", "down"] = Field("up", description="which way is good")
    link: Literal["noticed"] | None = Field(
        None, description="noticed: how the team sees its manager coach; the score is a link of the chain then"
    )


class CheckIns(Strict):
    """What regular means."""

    per_month: float | None = Field(
        None, gt=0, le=31, description="check-ins expected per person and month; empty: those that the log has as due"
    )
    review_days: int = Field(7, ge=0, le=90, description="a review is on time within so many days of the check-in")


class Favour(Strict):
    """Which answers count as favourable, and who is a promoter: Reichheld (2003) on 0–10; other scales are declared."""

    favourable_from: float = Field(75.0, ge=50, le=100, description="on 0–100; 75 is 4 of 1–5")
    enps_lowest: float = Field(0.0, description="lowest answer to the eNPS question")
    enps_highest: float = Field(10.0, description="highest answer to it")
    enps_detractors_to: float = Field(6.0, description="who answers up to this is a detractor")
    enps_promoters_from: float = Field(9.0, description="who answers this or more is a promoter")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.enps_lowest <= self.enps_detractors_to < self.enps_promoters_from <= self.enps_highest:
            raise ValueError("eNPS: lowest ≤ detractors_to < promoters_from ≤ highest")
        return self


class Readiness(Strict):
    """Managers' readiness: from this scale of the survey where no roster has it in words."""

    scale: str = Field("readiness", pattern=NAME, description="the survey scale")
    resistant_below: float = Field(40.0, ge=0, le=100, description="on 0–100; below it `resistant`")
    driver_from: float = Field(70.0, ge=0, le=100, description="on 0–100; from it on `driver`, else `neutral`")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.resistant_below >= self.driver_from:
            raise ValueError("resistant_below must lie under driver_from")
        return self


Range = tuple[float, float]
MAX_TURNOVER_COST_SHARE = 3.0  # of a year's salary; the highest case in Boushey & Glynn (2012) is 2.13


class Money(Strict):
    """Assumptions, each a range: nobody knows one number. Amounts are in `currency`, per year where nothing is said.

    Turnover cost as a share of yearly salary: median 21 % over 27 case studies (Boushey & Glynn 2012), more for
    specialists and leaders.
    """

    currency: str = Field(pattern=r"^[A-Z]{3}$", description="three letters (ISO 4217)")
    salary: Range = Field(description="of a year")
    turnover_cost_share: Range = Field((0.16, 0.40), description="what a leaver costs, as a share of a year's salary")
    training_cost_per_coach: Range = Field(description="once")
    coach_hours_per_month: Range = Field(description="of a coach, beyond what a manager does anyway")
    coach_cost_per_hour: Range = Field(description="of a coach's hour")
    fixed_cost: Range = Field((0.0, 0.0), description="of the programme, once")

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        wrong = [name for name, value in self if isinstance(value, tuple) and not 0 <= value[0] <= value[1]]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: a range is [low, high], not below zero")
        if self.turnover_cost_share[1] > MAX_TURNOVER_COST_SHARE:
            raise ValueError(
                f"turnover_cost_share: a share of a year's salary (0.2), at most {MAX_TURNOVER_COST_SHARE}"
            )
        return self


Limit = Annotated[float, Field(gt=0)]
Dimension = Literal[
    *("department", "site", "job_level", "employment_type", "tenure"),
    *("cascade_depth", "coach_load", "readiness", "variant", "nomination_rank"),
]
MAX_DEPTH = 15  # of the cascade, as int_cascade follows it
MAX_RANK = 20  # of a nomination
MAX_SEGMENTS = 6  # dimensions: each further one makes smaller groups, and more differences between published tables
TURNOVER_FORMULAS = ("opening_headcount", "last_month", "start_and_end", "monthly_means", "person_years")


class Waiver(Strict):
    """A finding of the gate that somebody has looked at and signs for, as long as said; printed in the release."""

    check: str = Field(description="its word in `coaching gate explain`")
    value: str = Field(min_length=1, description="of the row that it found: one group, one snapshot, one metric")
    who: str = Field(min_length=2, description="who signs; a role will do")
    why: str = Field(min_length=10, description="why the finding is true, in words")
    until: date = Field(description="the last day that it counts on")


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

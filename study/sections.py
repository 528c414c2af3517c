"""The sections of `study.yml`: each a model of its own, with what its keys mean and how far they may go."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from study.strict_yaml import Strict


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

"""All estimates of a study from its cells: one row per metric, estimator, aggregation, cohort and event time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import partial
from typing import Protocol

import polars as pl
from threadpoolctl import threadpool_limits

from inference import persons
from inference.conclusions import PLANNED, Found, analysis_of_study, conclude, periods_before
from inference.diagnostic import Diagnostic
from inference.diagnostics import diagnostic_table, mean_diagnostics
from inference.judging import ALL, Line, Question
from inference.means import mean_lines
from inference.money import Case, money_table
from inference.results import Estimate, NotEstimable, Result
from inference.retention import hazard_line, retention_lines
from inference.retention_diagnostics import retention_diagnostics
from inference.unit_panels import Panels, Setting, by_segment
from study.interim import Analysis

ESTIMATES_SCHEMA = {
    "metric": pl.String,
    "estimator": pl.String,
    "aggregation": pl.String,
    "cohort": pl.String,
    "event_time": pl.Int32,
    "segment": pl.String,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value": pl.Float64,
    "p_value_adjusted": pl.Float64,
    "df": pl.Float64,
    "n_units_pilot": pl.Int64,
    "n_units_control": pl.Int64,
    "n_pilot": pl.Int64,
    "n_control": pl.Int64,
    "method": pl.String,
    "is_headline": pl.Boolean,
    "status": pl.String,
    "reason": pl.String,
}


# The tables of cells that hold several metrics; the others are about units.
OF_METRICS = ("means", "life", "differences", "covariates", "answers")


class CellSource(Protocol):
    """Where cells come from: a metric at a time, because those of all may not fit into memory."""

    def of_metric(self, metric: str) -> Cells:
        """What is there of one metric, and what is about all of them."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What the warehouse gives: tables of the layer `cells` under their names without `cell_`.

    `means` and `life` are needed; without the others what rests on them says so or is left out.
    """

    means: pl.DataFrame
    life: pl.DataFrame
    differences: pl.DataFrame = field(default_factory=pl.DataFrame)
    covariates: pl.DataFrame = field(default_factory=pl.DataFrame)
    turnovers: pl.DataFrame = field(default_factory=pl.DataFrame)
    doses: pl.DataFrame = field(default_factory=pl.DataFrame)
    answers: pl.DataFrame = field(default_factory=pl.DataFrame)
    units: pl.DataFrame = field(default_factory=pl.DataFrame)
    surroundings: pl.DataFrame = field(default_factory=pl.DataFrame)

    def of_metric(self, metric: str) -> Cells:
        """What is there of one metric, and what is about all of them."""
        tables = {name: getattr(self, name) for name in OF_METRICS}
        return replace(
            self,
            **{
                name: table if table.is_empty() else table.filter(pl.col("metric") == metric)
                for name, table in tables.items()
            },
        )

    @property
    def kickoffs(self) -> dict[str, date]:
        """Cohort → the first day of coaching in it."""
        if self.units.is_empty():
            return {}
        days = self.units.group_by("cohort").agg(pl.col("kickoff_date").cast(pl.Date).min()).drop_nulls()
        return dict(days.iter_rows())

    def facts_of_units(self, column: str) -> dict:
        """Unit → one column of `cell_units`."""
        return {} if self.units.is_empty() else dict(self.units.select("unit_id", column).iter_rows())

    def surroundings_of_units(self, column: str) -> dict:
        """Unit → one column of `cell_surroundings`, where there is one."""
        table = self.surroundings
        return {} if table.is_empty() else dict(table.select("unit_id", column).drop_nulls().iter_rows())


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the study declares: its questions and how they are to be judged. `unit` is what was assigned."""

    questions: list[Question]
    design: str = "volunteered"
    unit: str = "team"
    retention_months: int = 6
    alpha: float = 0.05  # the study's level: of every interval and diagnostic; a verdict needs that of the analysis
    planned_until: date | None = None  # the last day whose waves are of the plan
    ordered_segments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    variants: tuple[str, ...] = ()  # segments of what units got, where they got different things


@dataclass(frozen=True)
class Estimated:
    """The tables of the layer `estimates`, under their names without `est_`."""

    estimates: pl.DataFrame
    power: pl.DataFrame
    decisions: pl.DataFrame
    answer: pl.DataFrame
    money: pl.DataFrame
    diagnostics: pl.DataFrame


@threadpool_limits.wrap(limits=1, user_api="blas")
def estimate_study(asked: Asked, cells: CellSource, *, case: Case | None = None) -> Estimated:
    """Estimates of every question, what stands around them, and what follows for money and scaling.

    Every question gets a headline row; where it cannot be answered the row says why. Holm's adjustment runs over the
    headlines of the primary questions, Benjamini and Hochberg's over those of all others but placebos, the unanswered
    ones included. Of a segment there is the headline only: a hint, never adjusted and never a decision.
    """
    kept = {one.metric: cells.of_metric(one.metric) for one in asked.questions if one.role == "primary"}
    analysis = analysis_of_study(
        asked.questions,
        _together(each.means for each in kept.values()),
        _together(each.life for each in kept.values()),
        months=asked.retention_months,
        alpha=asked.alpha,
        until=asked.planned_until,
    )
    lines: list[Line] = []
    around: list[tuple[str, Diagnostic]] = []
    n_before: dict[str, int] = {}
    for question in asked.questions:
        mine = kept.pop(question.metric, None) or cells.of_metric(question.metric)
        panels = Panels(mine.means, question.period, question.anticipation)
        lines += _of_question(question, asked, mine, panels)
        lines += _at_end_of_plan(question, asked, mine, analysis)
        around += [(question.metric, each) for each in _around(question, asked, mine, panels)]
        n_before |= periods_before(mine.means)
    return _tables(asked, Found(lines=lines, diagnostics=around, n_before=n_before), analysis, case)


def _together(tables: Iterable[pl.DataFrame]) -> pl.DataFrame:
    found = [table for table in tables if not table.is_empty()]
    return pl.concat(found) if found else pl.DataFrame()


def _at_end_of_plan(question: Question, asked: Asked, cells: Cells, analysis: Analysis) -> Iterator[Line]:
    """The headline of a primary outcome from the waves of the plan, where there are later ones."""
    if question.role != "primary" or question.kind == "time_to_event" or not analysis.is_over:
        return

    def of_plan(table: pl.DataFrame) -> pl.DataFrame:
        return table if table.is_empty() else table.filter(pl.col("period_start") <= analysis.last_wave)

    until_then = replace(cells, means=of_plan(cells.means), differences=of_plan(cells.differences))
    panels = Panels(until_then.means, question.period, question.anticipation)
    headline = next(line for line in _of_question(question, asked, until_then, panels) if line.is_headline)
    yield replace(headline, aggregation=PLANNED, is_headline=False)


def _of_question(question: Question, asked: Asked, cells: Cells, panels: Panels) -> Iterator[Line]:
    """`cells` and `panels` are those of its metric. A segment in which nobody was observed has a row that says so."""
    if question.kind == "time_to_event":
        lives = by_segment(cells.life)
        table, of_segment = cells.life, partial(_lines_of_lives, question, asked, cells, lives)
    else:
        setting = _setting(question, asked, cells)
        table, of_segment = cells.means, partial(mean_lines, question, panels, setting)
    yield from of_segment(segment=ALL)
    for segment in [] if table.is_empty() else table["segment"].unique().sort():
        if segment != ALL:
            headline = next(line for line in of_segment(segment=segment) if line.is_headline)
            yield replace(headline, segment=segment, is_headline=False)


def _lines_of_lives(
    question: Question, asked: Asked, cells: Cells, lives: Mapping[str, pl.DataFrame], segment: str
) -> Iterator[Line]:
    table = lives.get(segment, cells.life.clear())
    is_whole = segment == ALL
    if asked.unit == "person" and not table.is_empty():
        yield from persons.retention_lines(
            question, table, _setting(question, asked, cells), months=asked.retention_months, kickoffs=cells.kickoffs
        )
        return
    yield from retention_lines(
        question,
        table,
        months=asked.retention_months,
        is_random=asked.design == "randomised",
        alpha=asked.alpha,
        is_whole=is_whole,
        kickoffs=cells.kickoffs,
    )
    if is_whole and not cells.turnovers.is_empty():
        yield hazard_line(question, cells.turnovers, cells.facts_of_units("kickoff_date"), asked.alpha)


def _setting(question: Question, asked: Asked, cells: Cells) -> Setting:
    return Setting(
        design=asked.design,
        unit=asked.unit,
        alpha=asked.alpha,
        stratum=cells.facts_of_units("stratum"),
        department=cells.surroundings_of_units("department"),
        coached_around=cells.surroundings_of_units("share_coached_around"),
        is_trained=cells.facts_of_units("is_coach_trained"),
        anticipation=question.anticipation,
        ordered_segments=asked.ordered_segments,
        variants=asked.variants,
        changes=cells.differences,
        products=cells.covariates,
        answers=cells.answers,
    )


def _around(question: Question, asked: Asked, cells: Cells, panels: Panels) -> Iterator[Diagnostic]:
    if question.kind == "time_to_event":
        if asked.unit == "person":  # as of means: counts per arm and stratum are no units to resample
            return iter(())
        return retention_diagnostics(
            question,
            cells.life,
            months=asked.retention_months,
            alpha=asked.alpha,
            is_random=asked.design == "randomised",
            kickoffs=cells.kickoffs,
        )
    return mean_diagnostics(question, cells.means, panels, _setting(question, asked, cells), cells.doses)


def _tables(asked: Asked, found: Found, analysis: Analysis, case: Case | None) -> Estimated:
    concluded = conclude(asked.questions, found, analysis, is_random=asked.design == "randomised", alpha=asked.alpha)
    rows = [
        {
            "metric": line.metric,
            "estimator": line.estimator,
            "aggregation": line.aggregation,
            "cohort": line.cohort,
            "event_time": line.event_time,
            "segment": line.segment,
            "p_value_adjusted": concluded.adjusted.get(line.metric) if line.is_headline else None,
            "is_headline": line.is_headline,
            **_result_columns(line.result),
        }
        for line in found.lines
    ]
    order = ["metric", "estimator", "aggregation", "cohort", "event_time", "segment"]
    headlines = found.headlines
    stayed = next((q.metric for q in asked.questions if q.kind == "time_to_event"), "retention")
    none = NotEstimable(reason="the study does not ask about retention")
    money = money_table(
        retention=headlines[stayed].result if stayed in headlines else none,
        metric=stayed,
        months=asked.retention_months,
        case=case,
    )
    return Estimated(
        pl.DataFrame(rows, schema=ESTIMATES_SCHEMA).sort(order, nulls_last=True),
        concluded.power,
        concluded.decisions,
        concluded.answer,
        money,
        diagnostic_table(found.diagnostics),
    )


def _result_columns(result: Result) -> dict:
    values = asdict(result)
    if isinstance(result, Estimate):
        note = values.pop("note")
        return {**values, "status": "estimated", "reason": note or None}
    return {**values, "status": "not_estimable"}

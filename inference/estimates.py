"""All estimates of a study from its cells: one row per metric, estimator, aggregation, cohort and event time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

import polars as pl
from threadpoolctl import threadpool_limits

from inference.decisions import Guardrail, Primary, Trend, decision_table
from inference.diagnostic import Diagnostic
from inference.diagnostics import diagnostic_table, mean_diagnostics, retention_diagnostics
from inference.jackknife import Uncertainty
from inference.judging import ALL, Line, Question
from inference.means import EARLIER_BASE, NEWEST, mean_lines
from inference.money import Case, money_table
from inference.multiplicity import benjamini_hochberg, holm
from inference.persons import retention_line
from inference.power import POWER
from inference.results import Estimate, NotEstimable, Result
from inference.retention import PLAIN, hazard_line, retention_lines
from inference.unit_panels import Setting

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
POWERS = {
    "metric": pl.String,
    "detectable_effect": pl.Float64,
    "power": pl.Float64,
    "alpha": pl.Float64,
}


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

    def facts_of_units(self, column: str) -> dict:
        """Unit → one column of `cell_units`."""
        return {} if self.units.is_empty() else dict(self.units.select("unit_id", column).iter_rows())


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the study declares: its questions and how they are to be judged. `unit` is what was assigned."""

    questions: list[Question]
    design: str = "volunteered"
    unit: str = "team"
    retention_months: int = 6
    alpha: float = 0.05  # of the headlines on this day: an interim analysis has a stricter one
    alpha_of_study: float = 0.05  # of everything that looks at whether a headline can be believed
    ordered_segments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimated:
    """The tables of the layer: `est_estimates`, `est_power`, `est_decisions`, `est_money` and `est_diagnostics`."""

    estimates: pl.DataFrame
    power: pl.DataFrame
    decisions: pl.DataFrame
    money: pl.DataFrame
    diagnostics: pl.DataFrame


@threadpool_limits.wrap(limits=1, user_api="blas")
def estimate_study(asked: Asked, cells: Cells, *, case: Case | None = None) -> Estimated:
    """Estimates of every question, what stands around them, and what follows for money and scaling.

    Every question gets a headline row; where it cannot be answered the row says why. Holm's adjustment runs over the
    headlines of the primary questions, Benjamini and Hochberg's over those of all others but placebos, the unanswered
    ones included. Of a segment there is the headline only: a hint, never adjusted and never a decision.
    """
    lines: list[Line] = []
    found: list[tuple[str, Diagnostic]] = []
    for question in asked.questions:
        lines += _of_question(question, asked, cells)
        found += [(question.metric, each) for each in _around(question, asked, cells)]
    return _tables(asked, lines, case, found)


def _of_question(question: Question, asked: Asked, cells: Cells) -> Iterator[Line]:
    table = (cells.life if question.kind == "time_to_event" else cells.means).filter(
        pl.col("metric") == question.metric
    )
    setting = _setting(question, asked, cells)
    yield from _lines(question, asked, cells, setting, table.filter(pl.col("segment") == ALL), is_whole=True)
    for segment in table["segment"].unique().sort():
        if segment != ALL:
            part = table.filter(pl.col("segment") == segment)
            mine = _lines(question, asked, cells, setting, part, is_whole=False)
            headline = next(line for line in mine if line.is_headline)
            yield replace(headline, segment=segment, is_headline=False)


def _lines(
    question: Question, asked: Asked, cells: Cells, setting: Setting, table: pl.DataFrame, *, is_whole: bool
) -> Iterator[Line]:
    if question.kind != "time_to_event":
        yield from mean_lines(question, table, setting, is_whole=is_whole)
        return
    if asked.unit == "person" and not table.is_empty():
        yield retention_line(question, table, setting, months=asked.retention_months)
        return
    yield from retention_lines(
        question,
        table,
        months=asked.retention_months,
        is_random=asked.design == "randomised",
        alpha=asked.alpha,
        is_whole=is_whole,
    )
    if is_whole and not cells.turnovers.is_empty():
        yield hazard_line(question.metric, cells.turnovers, cells.facts_of_units("kickoff_date"), asked.alpha)


def _setting(question: Question, asked: Asked, cells: Cells) -> Setting:
    def of_metric(frame: pl.DataFrame) -> pl.DataFrame:
        return frame if frame.is_empty() else frame.filter(pl.col("metric") == question.metric)

    return Setting(
        design=asked.design,
        unit=asked.unit,
        alpha=asked.alpha,
        alpha_of_study=asked.alpha_of_study,
        stratum=cells.facts_of_units("stratum"),
        is_trained=cells.facts_of_units("is_coach_trained"),
        anticipation=question.anticipation,
        ordered_segments=asked.ordered_segments,
        changes=of_metric(cells.differences),
        products=of_metric(cells.covariates),
        answers=of_metric(cells.answers),
    )


def _around(question: Question, asked: Asked, cells: Cells) -> Iterator[Diagnostic]:
    if question.kind == "time_to_event":
        if asked.unit == "person":  # as of means: counts per arm and stratum are no units to resample
            return iter(())
        life = cells.life.filter(pl.col("metric") == question.metric)
        return retention_diagnostics(life, months=asked.retention_months)
    means = cells.means.filter(pl.col("metric") == question.metric)
    return mean_diagnostics(question, means, _setting(question, asked, cells), cells.doses)


def _tables(asked: Asked, lines: list[Line], case: Case | None, found: list[tuple[str, Diagnostic]]) -> Estimated:
    headline = {line.metric: line for line in lines if line.is_headline}
    adjusted, level = _judged_together(asked, headline)
    rows = [
        {
            "metric": line.metric,
            "estimator": line.estimator,
            "aggregation": line.aggregation,
            "cohort": line.cohort,
            "event_time": line.event_time,
            "segment": line.segment,
            "p_value_adjusted": adjusted.get(line.metric) if line.is_headline else None,
            "is_headline": line.is_headline,
            **_result_columns(line.result),
        }
        for line in lines
    ]
    order = ["metric", "estimator", "aggregation", "cohort", "event_time", "segment"]
    kept = next((headline[q.metric].result for q in asked.questions if q.kind == "time_to_event"), None)
    money = money_table(
        retention=kept or NotEstimable(reason="the study does not ask about retention"),
        months=asked.retention_months,
        case=case,
    )
    return Estimated(
        pl.DataFrame(rows, schema=ESTIMATES_SCHEMA).sort(order, nulls_last=True),
        _power(headline, level),
        _decisions(asked, headline, adjusted, lines, found),
        money,
        diagnostic_table(found),
    )


def _judged_together(asked: Asked, headline: Mapping[str, Line]) -> tuple[dict[str, float | None], dict[str, float]]:
    """Metric → adjusted p-value, and the level at which a lone finding of its family is found whatever the others show:
    what Holm and Benjamini and Hochberg ask of the smallest p."""
    adjusted: dict[str, float | None] = {}
    level = dict.fromkeys(headline, asked.alpha)
    for adjust, roles in ((holm, ("primary",)), (benjamini_hochberg, ("secondary", "guardrail"))):
        family = [question.metric for question in asked.questions if question.role in roles]
        p_values = [getattr(headline[metric].result, "p_value", None) for metric in family]
        adjusted |= dict(zip(family, adjust(p_values), strict=True))
        level |= {metric: asked.alpha / len(family) for metric in family}
    return adjusted, level


def _power(headline: Mapping[str, Line], level: Mapping[str, float]) -> pl.DataFrame:
    """`est_power`; where no verdict is possible nothing would have been seen."""
    estimated = {metric: line.result for metric, line in headline.items() if isinstance(line.result, Estimate)}
    rows = [
        (
            metric,
            Uncertainty(result.std_error, result.df).detectable_effect(alpha=level[metric], power=POWER),
            POWER,
            level[metric],
        )
        for metric, result in estimated.items()
    ]
    return pl.DataFrame(rows, schema=POWERS, orient="row").sort("metric")


def _decisions(
    asked: Asked,
    headline: Mapping[str, Line],
    adjusted: Mapping[str, float | None],
    lines: list[Line],
    found: list[tuple[str, Diagnostic]],
) -> pl.DataFrame:
    return decision_table(
        primaries=[
            Primary(
                metric=question.metric,
                result=headline[question.metric].result,
                p_value_adjusted=adjusted[question.metric],
                direction=question.direction,
                minimum_important_difference=question.minimum_important_difference,
                **_read_by_decision(question.metric, headline[question.metric], lines, found, asked.alpha_of_study),
            )
            for question in asked.questions
            if question.role == "primary"
        ],
        guardrails=[
            Guardrail(
                metric=question.metric,
                result=headline[question.metric].result,
                direction=question.direction,
                margin=question.margin or 0.0,
            )
            for question in asked.questions
            if question.role == "guardrail"
        ],
        alpha=asked.alpha,
    )


def _read_by_decision(
    metric: str, headline: Line, lines: list[Line], found: list[tuple[str, Diagnostic]], alpha: float
) -> dict:
    """What the decision on a primary outcome reads beside its headline."""
    beside = {
        line.aggregation: line.result
        for line in lines
        if (line.metric, line.estimator, line.segment) == (metric, headline.estimator, ALL)
    }
    plain = next(
        (line.result for line in lines if (line.metric, line.estimator, line.segment) == (metric, PLAIN, ALL)), None
    )
    judged = {each.name: each for of, each in found if of == metric and each.p_value is not None}
    slope = judged.get("slope_by_wave")
    tests = [judged[name].p_value for name in ("pre_trend", "pre_trend_slope") if name in judged]
    return {
        "newest": beside.get(NEWEST),
        "earlier_base": beside.get(EARLIER_BASE),
        "plain": None if headline.estimator == PLAIN else plain,
        "slope_by_cohort": Trend(slope.value, slope.p_value) if slope else None,
        "moved_apart": bool(tests) and min(tests) < alpha / len(tests),  # Bonferroni, as the page says it
    }


def _result_columns(result: Result) -> dict:
    values = asdict(result)
    if isinstance(result, Estimate):
        note = values.pop("note")
        return {**values, "status": "estimated", "reason": note or None}
    return {**values, "status": "not_estimable"}

"""From the estimates to what may be said: the level of the day, adjusted p-values, what would have been seen, the
decision on each primary outcome with its certainty, and the one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from inference.answer import answer_table, conclude_each, decision_table
from inference.decisions import Guardrail, Primary, Trend
from inference.diagnostic import Diagnostic
from inference.jackknife import Uncertainty
from inference.judging import ALL, NEWEST, Line, Question
from inference.means import EARLIER_BASE, LAST_BASE
from inference.multiplicity import benjamini_hochberg, holm
from inference.power import POWER
from inference.results import Estimate, NotEstimable, Result
from inference.retention import PLAIN, followed, windows
from study.interim import Analysis, analysis_at, analysis_of

BEFORE_KICKOFF = ("pre_trend", "pre_trend_slope", "placebo_window")  # tests of parallel trends
PLACEBO = "placebo_outcome"  # the diagnostic
PLANNED = "planned"  # aggregation: the headline of the plan's last analysis, where later waves are there
POWERS = {
    "metric": pl.String,
    "detectable_effect": pl.Float64,
    "power": pl.Float64,
    "alpha": pl.Float64,
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found: all lines of the estimates, (metric, diagnostic), and the observed periods before kick-off of the
    cohort that has the fewest, by metric."""

    lines: list[Line]
    diagnostics: list[tuple[str, Diagnostic]]
    n_before: Mapping[str, int]

    @property
    def headlines(self) -> dict[str, Line]:
        """Metric → the line that answers it."""
        return {line.metric: line for line in self.lines if line.is_headline}

    def beside(self, metric: str, estimator: str) -> dict[str, Result]:
        """Aggregation → result of one estimator, of everybody."""
        return {
            line.aggregation: line.result
            for line in self.lines
            if (line.metric, line.estimator, line.segment) == (metric, estimator, ALL)
        }

    def around(self, metric: str) -> dict[str, Diagnostic]:
        """The diagnostics of one metric, by name."""
        return {each.name: each for of, each in self.diagnostics if of == metric}


@dataclass(frozen=True, kw_only=True)
class Conclusions:
    """Metric → adjusted p-value, and the tables `est_power`, `est_decisions` and `est_answer`."""

    adjusted: Mapping[str, float | None]
    power: pl.DataFrame
    decisions: pl.DataFrame
    answer: pl.DataFrame


def analysis_of_study(
    questions: list[Question], means: pl.DataFrame, life: pl.DataFrame, *, months: int, alpha: float, until: date | None
) -> Analysis:
    """Which analysis of the plan this is, from the cells of the primary outcomes: waves are their observed periods.
    Where all of those are times until people leave, each cohort followed to the end of its `months` is one."""
    names = [question.metric for question in questions if question.role == "primary"]
    mine = means if means.is_empty() else means.filter(pl.col("n_observed") > 0)
    lives = life if life.is_empty() else life.filter(pl.col("segment") == ALL)
    if mine.is_empty() and not lives.is_empty():
        found = windows(lives, lives["unit_id"].unique().sort(), months)
        n_followed = len(followed(found, takes_off=False))
        return analysis_at(n_followed, len(found), alpha=alpha, n_primary=len(names))
    if mine.is_empty():
        return analysis_of([], [], alpha=alpha, n_primary=len(names), until=until)
    starts = mine["cohort_period_start"].cast(pl.Date).drop_nulls().unique().to_list()
    waves = mine["period_start"].unique().to_list()
    return analysis_of(waves, starts, alpha=alpha, n_primary=len(names), until=until)


def periods_before(means: pl.DataFrame) -> dict[str, int]:
    """Metric → observed periods before kick-off of the cohort that has the fewest; cohorts that have none are in no
    estimate."""
    if means.is_empty() or "cohort_period_start" not in means.columns:
        return {}
    of_pilot = means.filter((pl.col("n_observed") > 0) & pl.col("cohort_period_start").is_not_null())
    before = pl.col("period_start") < pl.col("cohort_period_start").cast(pl.Date)
    if "cut_period_start" in means.columns:  # the kick-off lies inside it: it is in no comparison
        before &= pl.col("period_start").ne_missing(pl.col("cut_period_start"))
    counted = of_pilot.group_by("metric", "cohort_period_start").agg(
        pl.col("period_start").filter(before).n_unique().alias("n")
    )
    return dict(counted.group_by("metric").agg(pl.col("n").filter(pl.col("n") > 0).min().fill_null(0)).iter_rows())


def conclude(
    questions: list[Question], found: Found, analysis: Analysis, *, is_random: bool, alpha: float
) -> Conclusions:
    """What follows from the estimates. `alpha` is the study's level: verdicts need that of the `analysis`."""
    adjusted, level = _judged_together(questions, found, analysis, alpha)
    primaries = [
        _primary(question, found, adjusted[question.metric], is_random=is_random, alpha=alpha)
        for question in questions
        if question.role == "primary"
    ]
    guardrails = [
        Guardrail(
            metric=question.metric,
            label=question.label,
            result=found.headlines[question.metric].result,
            direction=question.direction,
            margin=question.margin or 0.0,
            evidence=_primary(question, found, adjusted[question.metric], is_random=is_random, alpha=alpha),
        )
        for question in questions
        if question.role == "guardrail"
    ]
    concluded = conclude_each(primaries, guardrails, analysis, alpha=alpha)
    return Conclusions(
        adjusted=adjusted,
        power=_power(found.headlines, level),
        decisions=decision_table(concluded, analysis, alpha=alpha),
        answer=answer_table(concluded, analysis),
    )


def _judged_together(
    questions: list[Question], found: Found, analysis: Analysis, alpha: float
) -> tuple[dict[str, float | None], dict[str, float]]:
    """Metric → adjusted p-value, and the level at which a lone finding of its family is found whatever the others show:
    what Holm and Benjamini and Hochberg ask of the smallest p."""
    headlines = found.headlines
    adjusted: dict[str, float | None] = {}
    level = dict.fromkeys(headlines, alpha)
    for adjust, roles, of_family in (
        (holm, ("primary",), analysis.alpha),
        (benjamini_hochberg, ("secondary", "guardrail"), alpha),
    ):
        family = [question.metric for question in questions if question.role in roles]
        p_values = [_p_value(headlines[metric], found) for metric in family]
        adjusted |= dict(zip(family, adjust(p_values), strict=True))
        level |= {metric: of_family / len(family) for metric in family}
    return adjusted, level


def _p_value(headline: Line, found: Found) -> float | None:
    """After the plan's end the larger of the p-values then and now: later waves can take a finding away and make none.
    What could not be estimated at the plan's end, or pointed the other way, is no finding after it."""
    if not isinstance(headline.result, Estimate):
        return None
    planned = [line.result for line in found.lines if (line.metric, line.aggregation) == (headline.metric, PLANNED)]
    if not planned:
        return headline.result.p_value
    then, now = planned[0], headline.result
    if isinstance(then, NotEstimable) or then.estimate * now.estimate < 0:
        return 1.0
    return max(then.p_value, now.p_value)


def _power(headlines: Mapping[str, Line], level: Mapping[str, float]) -> pl.DataFrame:
    """`est_power`; where no verdict is possible nothing would have been seen."""
    estimated = {metric: line.result for metric, line in headlines.items() if isinstance(line.result, Estimate)}
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


def _primary(question: Question, found: Found, adjusted: float | None, *, is_random: bool, alpha: float) -> Primary:
    """A primary outcome with what the decision reads beside its headline."""
    headline, around = found.headlines[question.metric], found.around(question.metric)
    beside = found.beside(question.metric, headline.estimator)
    plain = found.beside(question.metric, PLAIN).get("simple")
    slope = around.get("slope_by_wave")
    tests = [around[name].p_value for name in BEFORE_KICKOFF if name in around]
    tests = [p for p in tests if p is not None]
    placebos = [each for _, each in found.diagnostics if each.name == PLACEBO and each.p_value is not None]
    around |= {PLACEBO: min(placebos, key=lambda each: each.p_value)} if placebos else {}  # of another outcome
    moved_apart = bool(tests) and min(tests) < alpha / len(tests)  # Bonferroni, as the page says it
    return Primary(
        metric=question.metric,
        label=question.label,
        result=headline.result,
        p_value_adjusted=adjusted,
        direction=question.direction,
        minimum_important_difference=question.minimum_important_difference,
        newest=beside.get(NEWEST),
        last_base=beside.get(LAST_BASE),
        earlier_base=beside.get(EARLIER_BASE),
        plain=None if headline.estimator == PLAIN else plain,
        slope_by_cohort=Trend(slope.value, slope.p_value) if slope and slope.p_value is not None else None,
        moved_apart=moved_apart,
        is_random=is_random,
        is_survey=question.source == "survey",
        n_before=max(found.n_before.get(question.metric, 0) - question.anticipation, 0),
        diagnostics=around,
    )

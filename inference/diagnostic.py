"""One diagnostic: its question, its answer, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from inference.aggregations import Aggregate
from inference.judging import judge
from inference.mean_line import size_of_values
from inference.panel import Panel
from inference.results import NotEstimable, Result
from inference.unit_panels import Setting

DIAGNOSTICS_SCHEMA = {
    "metric": pl.String,
    "diagnostic": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value": pl.Float64,
    "df": pl.Float64,
    "n_pilot": pl.Int64,
    "n_control": pl.Int64,
    "says": pl.String,
    "status": pl.String,
    "reason": pl.String,
}

DRAWS = 999

SEED = 20_260_101  # of draws only; the same data give the same digits


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One answer: numbers as far as the question has them, the people behind it, and what follows by rule. The people
    behind selection bounds are those whose answers were trimmed."""

    name: str
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    df: float | None = None
    n_pilot: int | None = None
    n_control: int | None = None
    says: str | None = None
    reason: str | None = None
    is_alarm: bool = False  # of what is no test: whether it found trouble


def unknown_diagnostic(name: str, reason: str) -> Diagnostic:
    """A diagnostic without an answer, with the reason."""
    return Diagnostic(name=name, reason=reason)


def judge_aggregate(
    name: str, part: Aggregate, arms, panel: Panel, setting: Setting, words: tuple[str, str]
) -> Diagnostic:
    """An effect as a diagnostic: `words` are what it says where zero lies outside its interval, and where not."""
    scale = size_of_values(panel)
    result, _ = judge(part, arms, cohort=panel.cohort, method="", alpha=setting.alpha, scale=scale)
    return diagnostic_of(name, result, words, alpha=setting.alpha)


def diagnostic_of(name: str, result: Result, words: tuple[str, str], *, alpha: float) -> Diagnostic:
    """A result as a diagnostic: `words` are what it says where its p-value is below alpha, and where not."""
    if isinstance(result, NotEstimable):
        return unknown_diagnostic(name, result.reason)
    return Diagnostic(
        name=name,
        value=result.estimate,
        ci_low=result.ci_low,
        ci_high=result.ci_high,
        p_value=result.p_value,
        df=result.df,
        n_pilot=result.n_pilot,
        n_control=result.n_control,
        says=words[0] if result.p_value < alpha else words[1],
    )

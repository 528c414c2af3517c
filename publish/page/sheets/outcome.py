"""The primary outcomes side by side: other estimates, diagnostics, for whom."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from publish.page.sheets.sheet import ALL, NOTHING, Sheet, Tables, format_effect, words
from publish.page.wording import MINUS, Unit, is_estimated, why_not

OTHER_ANSWERS = {
    "att_not_yet_treated": "not-yet-treated control",
    "att_never_treated": "never-treated control only",
    "randomised_difference": "plain difference after kick-off",
    "randomised_ancova": "adjusted for the unit's own past",
    "att_response_weighted": "answers weighted to those asked",
    "att_outcome_regression": "adjusted for baseline covariates (regression; from the last period before kick-off)",
    "att_doubly_robust": "the same, doubly robust",
    "att_entropy_balanced": "control weighted to the pilot's covariates",
    "atu_entropy_balanced": "pilot weighted to those not coached yet (what they would gain)",
    "life_table_difference": "plain difference after kick-off",
    "life_table_difference_in_differences": "what differed before taken off",
    "hazard_difference_in_differences": "share that leaves in a month, all months (less is better)",
    "as_treated": "only units whose coach was trained (a selection)",
    "complier": "effect on those who took part (assignment as instrument)",
    "twfe": "two-way fixed effects (comparison only)",
}


@dataclass(frozen=True)
class Column:
    """A primary outcome as a column: its metric, label, unit and the estimator of its headline."""

    metric: str
    label: str
    unit: Unit
    headline: str


def other_answers(tables: Tables, columns: list[Column]) -> Sheet:
    """The headlines beside what other estimators of the same quantities say."""
    found = tables["pub_estimates"].filter((pl.col("aggregation") == "simple") & (pl.col("segment") == ALL))
    rows = {(row["metric"], row["estimator"]): row for row in found.iter_rows(named=True)}

    def cell(name: str, column: Column) -> str:
        mark = "headline: " if name == column.headline else ""
        return mark + format_effect(rows.get((column.metric, name)), column.unit)

    return Sheet(
        "What other estimators say of the same effect",
        ("estimator", *(column.label for column in columns)),
        [
            (title, *(cell(name, column) for column in columns))
            for name, title in OTHER_ANSWERS.items()
            if any((column.metric, name) in rows for column in columns)
        ],
        note="Estimators that should agree and do not are a reason to doubt; none of them replaces the headline.",
    )


DIAGNOSTIC_LABELS = {
    "pre_trend": "Before kick-off (joint test)",
    "pre_trend_detectable_drift": "Drift the test would have seen, per period",
    "pre_trend_slope": "Steady drift before kick-off, per period",
    "pre_trend_slope_bias": "What that drift adds to the effect if it goes on",
    "placebo_date": "An invented earlier kick-off",
    "placebo_outcome": "An outcome that coaching cannot move",
    "relative_magnitude": "If drift goes on as before: what share of it the effect survives, and the set",
    "smooth_trend_straight": "Allowing for a straight drift",
    "smooth_trend_bent": "Allowing for a drift that bends",
    "response_rate": "Who answers (change of the response rate)",
    "selection_bounds": "If those who answer in one arm only are the happiest or unhappiest",
    "selection_interval": "The same with sampling error",
    "spillover": "Control units near the programme less those far from it",
    "error_by_department": "Error by department, as a multiple of that by unit",
    "slope_by_wave": "Change of the effect from wave to wave",
    "slope_by_cascade_depth": "Change of the effect per step of the cascade",
    "slope_by_coach_load": "Change of the effect per band of coach load",
    "slope_by_nomination_rank": "Change of the effect per rank of the coach's nomination",
    "variants_differ": "Between the variants (of two: the first less the second)",
    "dose_response": "Per check-in a month, among the coached",
    "intraclass_correlation": "Alikeness within units (ICC)",
    "standard_deviation": "Standard deviation between people",
    "band_critical_value": "Whole-curve band, in standard errors",
    "wild_cluster_bootstrap": "Wild cluster bootstrap (two-way fixed effects)",
    "randomisation_inference": "The lot drawn again",
    "log_rank": "Log-rank, units as clusters",
    "placebo_window": "The window before kick-off less the one before it",
    "left_without_choice": "Who was laid off or whose contract ended: pilot less control",
    "left_together": "Largest share of an arm's leavers in one unit and month",
}


# Tests whose small p is a doubt; of the others a small p bears the headline out, or says nothing about it.
ALARMS = (
    *("pre_trend", "pre_trend_slope", "placebo_window", "placebo_date", "placebo_outcome", "response_rate"),
    *("spillover", "error_by_department"),
    *("slope_by_wave", "slope_by_cascade_depth", "slope_by_coach_load", "left_without_choice"),
)


def alarms(p_values: list[float], alpha: float) -> str:
    """How many tests speak, and how many would by chance alone."""
    if not p_values:
        return ""
    n_speaking = sum(p < alpha for p in p_values)
    if not n_speaking:
        return f"None of {len(p_values)} tests for trouble speaks (p below {alpha:g})."
    return (
        f"{n_speaking} of {len(p_values)} tests for trouble speak (p below {alpha:g}). By chance alone about "
        f"{alpha * len(p_values):.1f} would, so one by itself is a question and not an answer."
    )


def diagnostics(tables: Tables, columns: list[Column], alpha: float) -> Sheet:
    """Whether what the headlines rest on can be believed. `alpha` is the study's level."""
    rows = {(row["metric"], row["diagnostic"]): row for row in tables["pub_diagnostics"].iter_rows(named=True)}

    def cell(name: str, column: Column) -> str:
        row = rows.get((column.metric, name))
        if row is None or not is_estimated(row):
            return NOTHING if row is None else why_not(row)
        number = "" if row["value"] is None else _three_digits(row["value"])
        if row["ci_low"] is not None:
            number += f" ({_three_digits(row['ci_low'])} to {_three_digits(row['ci_high'])})"
        p = "" if row["p_value"] is None else f"p {_three_digits(row['p_value'])}"
        speaks = name in ALARMS and row["p_value"] is not None and row["p_value"] < alpha
        return "; ".join(filter(None, [row["says"] if speaks or not (number or p) else "", number, p]))

    mine = {column.metric for column in columns}
    asked = [
        row["p_value"]
        for (metric, name), row in rows.items()
        if metric in mine and name in ALARMS and row["p_value"] is not None
    ]
    return Sheet(
        "Can it be believed? What the headlines rest on, looked at",
        ("question", *(column.label for column in columns)),
        [
            (title, *(cell(name, column) for column in columns))
            for name, title in DIAGNOSTIC_LABELS.items()
            if any((column.metric, name) in rows for column in columns)
        ],
        note=alarms(asked, alpha),
    )


def _three_digits(value: float) -> str:
    return f"{value:.3g}".replace("-", MINUS)


def for_whom(tables: Tables, columns: list[Column]) -> Sheet:
    """The effects by cohort and in each declared segment."""
    estimates = tables["pub_estimates"]
    mine = {column.metric: column for column in columns}
    cohorts: dict[str, dict[str, dict]] = {}
    segments: dict[str, dict[str, dict]] = {}
    for row in estimates.filter(pl.col("metric").is_in(list(mine))).sort("cohort", "segment").iter_rows(named=True):
        if row["estimator"] != mine[row["metric"]].headline:
            continue
        if row["aggregation"] == "cohort":
            cohorts.setdefault(f"cohort: {words(row['cohort'])}", {})[row["metric"]] = row
        elif row["aggregation"] == "simple" and row["segment"] != ALL:
            segments.setdefault(words(row["segment"]), {})[row["metric"]] = row
    return Sheet(
        "For whom: by cohort, and by segment (hints, not findings)",
        ("who", *(column.label for column in columns)),
        [
            (who, *(format_effect(rows.get(column.metric), column.unit) for column in columns))
            for who, rows in (*sorted(cohorts.items()), *sorted(segments.items()))
        ],
        note="What only coached units have is compared with the whole control.",
    )

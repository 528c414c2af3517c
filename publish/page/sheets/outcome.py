"""One outcome: other estimates, levels, diagnostics, segments."""

from __future__ import annotations

import polars as pl

from publish.page.sheets.sheet import ALL, NOTHING, SUPPRESSED, Sheet, Tables
from publish.page.wording import MINUS, Unit, is_estimated, why_not

OTHER_ANSWERS = {
    "att_not_yet_treated": "not-yet-treated control",
    "att_never_treated": "never-treated control only",
    "randomised_difference": "plain difference after kick-off",
    "randomised_ancova": "adjusted for the unit's own past",
    "att_response_weighted": "answers weighted to those asked",
    "att_outcome_regression": "adjusted for baseline covariates (regression)",
    "att_doubly_robust": "the same, doubly robust",
    "att_entropy_balanced": "control weighted to the pilot's covariates",
    "atu_entropy_balanced": "pilot weighted to those not coached yet (what they would gain)",
    "life_table_difference": "plain difference after kick-off",
    "life_table_difference_in_differences": "what differed before taken off",
    "as_treated": "only units whose coach was trained (a selection)",
    "complier": "effect on those who took part (assignment as instrument)",
    "twfe": "two-way fixed effects (comparison only)",
}


def other_answers(tables: Tables, metric: str, headline: str, unit: Unit) -> Sheet:
    """The headline beside what other estimators of the same quantity say."""
    found = tables["pub_estimates"].filter(
        (pl.col("metric") == metric) & (pl.col("aggregation") == "simple") & (pl.col("segment") == ALL)
    )
    rows = {row["estimator"]: row for row in found.iter_rows(named=True)}

    def numbers(row: dict) -> tuple[str, str, str]:
        if not is_estimated(row):
            return NOTHING, NOTHING, why_not(row)
        low, high = (unit.number(row[end], signed=True) for end in ("ci_low", "ci_high"))
        return unit.number(row["estimate"], signed=True), f"{low} to {high}", ""

    order = [headline, *(name for name in OTHER_ANSWERS if name != headline)]
    return Sheet(
        "What other estimators say of the same effect",
        ("estimator", "estimate", "interval", ""),
        [
            (OTHER_ANSWERS[name] + (": the headline" if name == headline else ""), *numbers(rows[name]))
            for name in order
            if name in rows and name in OTHER_ANSWERS
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
    "relative_magnitude": "If drift goes on as large as before",
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
    "dose_response": "Per check-in a month, among the coached",
    "intraclass_correlation": "Alikeness within units (ICC)",
    "band_critical_value": "Whole-curve band, in standard errors",
    "wild_cluster_bootstrap": "Wild cluster bootstrap (two-way fixed effects)",
    "randomisation_inference": "The lot drawn again",
    "log_rank": "Log-rank, units as clusters",
    "placebo_window": "The window before kick-off less the one before it",
    "left_without_choice": "Who was laid off or whose contract ended: pilot less control",
    "left_together": "Largest share of an arm's leavers in one unit and month",
}


def levels(tables: Tables, metric: str, unit: Unit) -> Sheet:
    """One outcome's mean by period in both arms: what happened, not what the programme did."""
    mine = tables["pub_levels"].filter((pl.col("metric") == metric) & (pl.col("scope") == "arm"))
    numbers = {(day, arm): value for day, arm, value in mine.select("period_start", "arm", "mean").iter_rows()}

    def level(day, arm: str) -> str:
        value = numbers.get((day, arm))
        return SUPPRESSED if value is None else unit.brief(value)

    return Sheet(
        "Levels by period: what happened in both arms, not yet the effect",
        ("period", "pilot", "control"),
        [(str(day), level(day, "pilot"), level(day, "control")) for day in sorted({day for day, _ in numbers})],
    )


# Tests whose small p is a doubt; of the others a small p bears the headline out, or says nothing about it.
ALARMS = (
    *("pre_trend", "pre_trend_slope", "placebo_window", "placebo_date", "placebo_outcome", "response_rate"),
    *("spillover", "error_by_department"),
    *("slope_by_wave", "slope_by_cascade_depth", "slope_by_coach_load", "left_without_choice"),
)


def alarms(rows: dict[str, dict], alpha: float) -> str:
    """How many tests speak, and how many would by chance alone."""
    p_values = [rows[name]["p_value"] for name in ALARMS if name in rows and rows[name]["p_value"] is not None]
    if not p_values:
        return ""
    n_speaking = sum(p < alpha for p in p_values)
    if not n_speaking:
        return f"None of {len(p_values)} tests for trouble speaks (p below {alpha:g})."
    return (
        f"{n_speaking} of {len(p_values)} tests for trouble speak (p below {alpha:g}). By chance alone about "
        f"{alpha * len(p_values):.1f} would, so one by itself is a question and not an answer."
    )


def diagnostics(tables: Tables, metric: str, alpha: float) -> Sheet:
    """Whether what a headline rests on can be believed. `alpha` is the study's own level."""
    found = tables["pub_diagnostics"].filter(pl.col("metric") == metric)
    rows = {row["diagnostic"]: row for row in found.iter_rows(named=True)}

    def number(value: float | None) -> str:
        return NOTHING if value is None else f"{value:.3g}".replace("-", MINUS)

    def cells_of(row: dict) -> tuple[str, ...]:
        if not is_estimated(row):
            return (why_not(row), NOTHING, NOTHING, NOTHING)
        both = row["ci_low"] is not None
        span = f"{number(row['ci_low'])} to {number(row['ci_high'])}" if both else NOTHING
        return (row["says"], number(row["value"]), span, number(row["p_value"]))

    return Sheet(
        "Can it be believed? What the headline rests on, looked at",
        ("question", "answer", "value", "from … to", "p"),
        [(title, *cells_of(rows[name])) for name, title in DIAGNOSTIC_LABELS.items() if name in rows],
        note=alarms(rows, alpha),
        n_words=2,
    )


def segments(estimates: pl.DataFrame, metric: str, unit: Unit) -> Sheet:
    """One outcome's effect in each declared segment."""
    mine = estimates.filter(
        (pl.col("metric") == metric) & (pl.col("aggregation") == "simple") & (pl.col("segment") != ALL)
    ).sort("segment")

    def numbers(row: dict) -> tuple[str, ...]:
        if not is_estimated(row):
            return (why_not(row), NOTHING, NOTHING, NOTHING)
        low, high = (unit.number(row[end], signed=True) for end in ("ci_low", "ci_high"))
        return (
            "",
            unit.number(row["estimate"], signed=True),
            f"{low} to {high}",
            f"{row['n_units_pilot']} + {row['n_units_control']}",
        )

    return Sheet(
        "By segment: hints, not findings; what only coached units have is compared with the whole control",
        ("segment", "", "estimate", "interval", "units"),
        [(row["segment"].replace("_", " "), *numbers(row)) for row in mine.iter_rows(named=True)],
        n_words=2,
    )

"""The page's tables beside the headlines: what was done, to whom, who stayed, what it may be worth.

Each function takes the published tables and gives a `Sheet`: words and numbers ready to be shown. A suppressed number
is marked as such, a missing one as a dash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from publish.wording import MINUS, NARROW, Unit, is_estimated, why_not

ALL = "all"
SUPPRESSED, NOTHING = "not shown", "–"
Tables = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Sheet:
    """One table: caption, headings, rows of texts (`n_words` columns of words, then numbers), and a note."""

    caption: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""
    n_words: int = 1


def count(value: float | None) -> str:
    """A number of people or things."""
    return SUPPRESSED if value is None else f"{value:,.0f}".replace("-", MINUS)


def share(value: float | None) -> str:
    """A share as per cent."""
    return SUPPRESSED if value is None else f"{100 * value:.1f}{NARROW}%"


def words(value) -> str:
    """A word or a day, or a dash."""
    return NOTHING if value is None else str(value)


def figure(decimals: int) -> Callable[[float | None], str]:
    """A number with so many decimals."""
    return lambda value: SUPPRESSED if value is None else f"{value:,.{decimals}f}".replace("-", MINUS)


def written(frame: pl.DataFrame, **columns: Callable) -> list[tuple[str, ...]]:
    """The frame's rows as texts, each column by its own function."""
    return [tuple(write(row[name]) for name, write in columns.items()) for row in frame.iter_rows(named=True)]


def named(text: str, labels: dict[str, str]) -> str:
    """`text` with metrics under their labels."""
    for metric in sorted(labels, key=len, reverse=True):
        text = text.replace(metric, labels[metric])
    return text


# --- should it be scaled up? -------------------------------------------------------------------------------------


def decisions(tables: Tables, labels: dict[str, str]) -> Sheet:
    """Go, no go, not yet, with what is missing."""
    found = tables["pub_decisions"]
    return Sheet(
        "By rule: go needs an effect that is there and worthwhile, and guardrails that hold",
        ("outcome", "decision", "because", "still missing"),
        [
            (
                labels[row["metric"]],
                row["decision"] or SUPPRESSED,
                row["reason"] or NOTHING,
                named(row["missing"] or "nothing", labels),
            )
            for row in found.iter_rows(named=True)
        ],
        note=f"Guardrails: {named(found['guardrails'][0], labels)}." if found.height else "",
        n_words=4,
    )


MONEY_WORDS = {
    "programme_cost": "Programme cost",
    "leavers_avoided": "Leavers avoided",
    "turnover_cost_avoided": "Turnover cost avoided",
    "net": "Net",
    "break_even_effect": "Effect on retention that would pay for it",
    "coaches_needed": "Needed for everybody",
    "programme_cost_for_all": "Programme cost for everybody",
}


def money(tables: Tables) -> Sheet:
    """Ranges from assumptions and the interval of the effect."""

    found = {row["item"]: row for row in tables["pub_money"].iter_rows(named=True)}

    def amount(row: dict, end: str) -> str:
        if row[end] is None:
            return NOTHING
        value = row[end] * (100 if row["unit"] == "share retained" else 1)
        return figure(0 if abs(value) >= 100 else 1)(value)

    units = {"share retained": "percentage points"}
    return Sheet(
        "Money: every assumption is a range, carried through the interval of the effect",
        ("item", "basis", "low", "middle", "high"),
        [
            (
                f"{title}, {units.get(found[item]['unit'], found[item]['unit'])}",
                (found[item]["basis"] if found[item]["status"] == "estimated" else found[item]["reason"]) or NOTHING,
                *(amount(found[item], end) for end in ("low", "central", "high")),
            )
            for item, title in MONEY_WORDS.items()
            if item in found
        ],
        note="Assumptions are the study's own (money, in study.yml); nothing but turnover is counted as a gain.",
        n_words=2,
    )


# --- what was done -----------------------------------------------------------------------------------------------


def cohorts(tables: Tables) -> Sheet:
    """What was assigned, how its coaches were trained, and how much coaching happened."""
    return Sheet(
        "Arms and cohorts as assigned, and the coaching that happened since kick-off (control: since the first one)",
        (
            *("group", "arm", "kick-off", "units", "people", "later moved"),
            *("coaches", "trained", "trained in time", "check-ins per person and month", "minutes"),
        ),
        written(
            tables["pub_cohorts"].sort("scope", "kickoff_date", "group_name", nulls_last=True),
            group_name=words,
            arm=words,
            kickoff_date=words,
            n_units=count,
            n_people=count,
            n_movers=count,
            n_coaches=count,
            n_coaches_trained=count,
            n_coaches_trained_in_time=count,
            checkins_per_person_month=figure(2),
            minutes_per_person_month=figure(0),
        ),
        n_words=3,
    )


def cascade(tables: Tables) -> Sheet:
    """Depth, breadth, reach, time to reach."""
    return Sheet(
        "The cascade: who was trained by whom (depth 1 was trained from outside)",
        ("depth", "trained", "trained others", "trained by each", "people reached", "median days to reach"),
        written(
            tables["pub_cascade"].sort("depth"),
            depth=words,
            n_trained=count,
            n_trainers=count,
            breadth=lambda value: NOTHING if value is None else figure(1)(value),
            n_people_reached=count,
            median_days_to_reach=figure(0),
        ),
    )


def readiness(tables: Tables) -> Sheet:
    """Managers' states by assessment."""
    found = tables["pub_readiness"]
    states = ("resistant", "neutral", "driver")
    numbers = {(day, arm, state): n for day, arm, state, n, _ in found.iter_rows()}
    return Sheet(
        "Managers’ readiness by assessment",
        ("assessed", "arm", *states),
        [
            (str(day), arm, *(count(numbers[day, arm, state]) for state in states))
            for day, arm in found.select("assessed_date", "arm").unique().sort("assessed_date", "arm").iter_rows()
        ],
        n_words=2,
    )


# --- for whom, by what -------------------------------------------------------------------------------------------


OTHER_ANSWERS = {
    "att_not_yet_treated": "not-yet-treated control",
    "att_never_treated": "never-treated control only",
    "randomised_difference": "plain difference after kick-off",
    "randomised_ancova": "adjusted for the unit's own past",
    "att_response_weighted": "answers weighted to those asked",
    "att_outcome_regression": "adjusted for baseline covariates (regression)",
    "att_doubly_robust": "the same, doubly robust",
    "att_entropy_balanced": "control weighted to the pilot's covariates",
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


DIAGNOSTICS = {
    "pre_trend": "Before kick-off (joint test)",
    "pre_trend_detectable_drift": "Drift the test would have seen, per period",
    "placebo_date": "An invented earlier kick-off",
    "placebo_outcome": "An outcome that coaching cannot move",
    "relative_magnitude": "If drift goes on as large as before",
    "smooth_trend_straight": "Allowing for a straight drift",
    "smooth_trend_bent": "Allowing for a drift that bends",
    "response_rate": "Who answers (change of the response rate)",
    "selection_bounds": "If those who answer in one arm only are the happiest or unhappiest",
    "slope_by_wave": "Change of the effect from wave to wave",
    "slope_by_cascade_depth": "Change of the effect per step of the cascade",
    "slope_by_coach_load": "Change of the effect per band of coach load",
    "dose_response": "Per check-in a month, among the coached",
    "intraclass_correlation": "Alikeness within units (ICC)",
    "band_critical_value": "Whole-curve band, in standard errors",
    "wild_cluster_bootstrap": "Wild cluster bootstrap (two-way fixed effects)",
    "randomisation_inference": "The lot drawn again",
    "log_rank": "Log-rank, units as clusters",
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


def diagnostics(tables: Tables, metric: str) -> Sheet:
    """Whether what a headline rests on can be believed."""
    found = tables["pub_diagnostics"].filter(pl.col("metric") == metric)
    rows = {row["diagnostic"]: row for row in found.iter_rows(named=True)}

    def number(value: float | None) -> str:
        return NOTHING if value is None else f"{value:.3g}".replace("-", MINUS)

    def told(row: dict) -> tuple[str, ...]:
        if not is_estimated(row):
            return (why_not(row), NOTHING, NOTHING, NOTHING)
        both = row["ci_low"] is not None
        span = f"{number(row['ci_low'])} to {number(row['ci_high'])}" if both else NOTHING
        return (row["says"], number(row["value"]), span, number(row["p_value"]))

    return Sheet(
        "Can it be believed? What the headline rests on, looked at",
        ("question", "answer", "value", "from … to", "p"),
        [(title, *told(rows[name])) for name, title in DIAGNOSTICS.items() if name in rows],
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


# --- who was compared, who stayed --------------------------------------------------------------------------------


def responses(tables: Tables) -> Sheet:
    """Response rates by arm and period."""
    return Sheet(
        "Survey response: at least so many of those employed on the day of the launch answered",
        ("period", "arm", "employed", "answered, at least"),
        written(
            tables["pub_responses"],
            period_start=words,
            arm=words,
            n_eligible=count,
            response_rate_at_least=lambda value: SUPPRESSED if value is None else f"{100 * value:.0f}{NARROW}%",
        ),
        note="In steps of five per cent, and never so high that those who did not answer would be few.",
        n_words=2,
    )


def baseline(tables: Tables, labels: dict[str, str]) -> Sheet:
    """How the arms' people and outcomes differed before anybody was coached."""
    return Sheet(
        "Before anybody was coached (a standardised difference above 0.1 is commonly called an imbalance)",
        ("what", "pilot", "control", "standardised difference"),
        written(
            tables["pub_baseline"].sort("kind", "name", descending=[True, False]),
            name=lambda value: labels.get(value, value.replace("_", " ")),
            mean_pilot=figure(2),
            mean_control=figure(2),
            standardised_difference=figure(2),
        ),
    )


def retention(tables: Tables) -> Sheet:
    """Kaplan–Meier at the window's end, by arm."""
    return Sheet(
        "Who was still there at the end of the window",
        ("arm", "window", "months", "people", "retained"),
        written(
            tables["pub_retention"].sort("phase", "arm", descending=True),
            arm=words,
            phase=lambda value: f"{value} kick-off",
            n_months=count,
            n_people=count,
            share_retained=share,
        ),
        n_words=2,
    )


def causes(tables: Tables) -> Sheet:
    """Why people left, in whole years."""
    found = tables["pub_causes"]
    names = ("voluntary", "involuntary", "other", "regretted")
    numbers = {(year, arm, cause): value for year, arm, _, cause, value, _ in found.iter_rows()}
    return Sheet(
        "Of those who left in a year",
        ("year", "arm", *names),
        [
            (str(year.year), arm, *(share(numbers[year, arm, cause]) for cause in names))
            for year, arm in found.select("year_start", "arm").unique().sort("year_start", "arm").iter_rows()
        ],
        note="Regretted exits are a part of the others.",
        n_words=2,
    )


FORMULAS = {
    "opening_headcount": "÷ opening head-count",
    "last_month": "last month × 12",
    "start_and_end": "÷ mean of start and end",
    "monthly_means": "÷ mean of monthly means",
    "person_years": "÷ person-years",
}


def turnover(tables: Tables) -> Sheet:
    """The head-count bridge and the turnover rate of each whole year."""
    found = tables["pub_turnover"]
    formula = found["formula"].unique().to_list()
    return Sheet(
        "Head-count of whole years" + (f", and turnover (leavers {FORMULAS[formula[0]]})" if formula else ""),
        ("year", "arm", "opening", "+ hires", "− leavers", "± moved", "= closing", "turnover"),
        written(
            found,
            year_start=lambda value: str(value.year),
            arm=words,
            n_opening=count,
            n_hires=count,
            n_leavers=count,
            n_moved_net=count,
            n_closing=count,
            turnover=share,
        ),
        note="Units as they stood in each month. Other formulas, quarters and months are in the warehouse.",
        n_words=2,
    )

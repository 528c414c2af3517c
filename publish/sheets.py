"""The page's tables beside the headlines: what was done, to whom, who stayed, what it may be worth.

Each function takes guarded tables and gives a `Sheet`: words and numbers ready to be shown. A hidden number is said as
such, a missing one as a dash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from publish.disclosure import ALL, Guarded
from publish.wording import MINUS, NARROW, Unit

HIDDEN, NOTHING = "hidden", "–"
Tables = dict[str, Guarded]


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
    return HIDDEN if value is None else f"{value:,.0f}".replace("-", MINUS)


def share(value: float | None) -> str:
    """A share as per cent."""
    return HIDDEN if value is None else f"{100 * value:.1f}{NARROW}%"


def words(value) -> str:
    """A word or a day, or a dash."""
    return NOTHING if value is None else str(value)


def figure(decimals: int) -> Callable[[float | None], str]:
    """A number with so many decimals."""
    return lambda value: HIDDEN if value is None else f"{value:,.{decimals}f}".replace("-", MINUS)


def written(frame: pl.DataFrame, **columns: Callable) -> list[tuple[str, ...]]:
    """The frame's rows as texts, each column by its own function."""
    return [tuple(write(row[name]) for name, write in columns.items()) for row in frame.iter_rows(named=True)]


def with_the_rest(rows: list[tuple[str, ...]], *, n_words: int, n_numbers: int) -> list[tuple[str, ...]]:
    """Rows of what occurred, and one for all else: of what is not listed there was nothing, or too little to tell."""
    return [*rows, ("all else", *[""] * (n_words - 1), "none, or too few to tell", *[""] * (n_numbers - 1))]


def named(text: str, labels: dict[str, str]) -> str:
    """`text` with metrics under their labels."""
    for metric in sorted(labels, key=len, reverse=True):
        text = text.replace(metric, labels[metric])
    return text


# --- should it be scaled up? -------------------------------------------------------------------------------------


def decisions(tables: Tables, labels: dict[str, str]) -> Sheet:
    """Go, no go, not yet, with what is missing."""
    found = tables["pub_decisions"].table
    return Sheet(
        "By rule: go needs an effect that is there and worthwhile, and guardrails that hold",
        ("outcome", "decision", "because", "still missing"),
        [
            (
                labels[row["metric"]],
                row["decision"] or HIDDEN,
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

    found = {row["item"]: row for row in tables["pub_money"].table.iter_rows(named=True)}

    def amount(row: dict, end: str) -> str:
        if row[end] is None:
            return HIDDEN if row["status"] == "estimated" else NOTHING
        value = row[end] * (100 if row["unit"] == "share retained" else 1)
        return figure(0 if abs(value) >= 100 else 1)(value)

    units = {"share retained": "percentage points"}
    return Sheet(
        "Money: every assumption is a range, carried through the interval of the effect",
        ("item", "basis", "low", "middle", "high"),
        [
            (
                f"{title}, {units.get(found[item]['unit'], found[item]['unit'])}",
                (found[item]["basis"] if found[item]["status"] == "estimated" else found[item]["reason"]) or HIDDEN,
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
    """What was assigned, and what became of it."""
    return Sheet(
        "Cohorts, as first exposed",
        (
            *("cohort", "arm", "stratum", "kick-off", "units", "people", "later moved"),
            *("units re-assigned", "coaches", "trained", "trained in time", "withdrew"),
        ),
        written(
            tables["pub_cohorts"].table.sort("kickoff_date", "cohort", "stratum", nulls_last=True),
            cohort=words,
            arm=words,
            stratum=words,
            kickoff_date=words,
            n_units=count,
            n_people=count,
            n_movers=count,
            n_units_reassigned=count,
            n_coaches=count,
            n_coaches_trained=count,
            n_coaches_trained_in_time=count,
            n_coaches_withdrawn=count,
        ),
        n_words=4,
    )


def crossings(tables: Tables) -> Sheet:
    """Who changed sides."""
    return Sheet(
        "Contamination: seen later in units of the other arm or another cohort, or leading them; analysed as assigned",
        ("who", "from", "to", "number", "first month"),
        with_the_rest(
            written(
                tables["pub_crossings"].table,
                who=words,
                from_arm=words,
                to_arm=words,
                n_people=count,
                first_month=words,
            ),
            n_words=3,
            n_numbers=2,
        ),
        n_words=3,
    )


def trainings(tables: Tables) -> Sheet:
    """Training records by cohort and status."""
    return Sheet(
        "Training of the coaches",
        ("course", "cohort", "status", "people", "first completion", "last completion"),
        with_the_rest(
            written(
                tables["pub_trainings"].table.sort("course", "cohort", "status"),
                course=words,
                cohort=words,
                status=words,
                n_people=count,
                first_completed_date=words,
                last_completed_date=words,
            ),
            n_words=3,
            n_numbers=3,
        ),
        n_words=3,
    )


def cascade(tables: Tables) -> Sheet:
    """Depth, breadth, reach, time to reach."""
    return Sheet(
        "The cascade: who was trained by whom (depth 1 was trained from outside)",
        ("depth", "trained", "trained others", "trained by each", "people reached", "median days to reach"),
        written(
            tables["pub_cascade"].table.sort("depth"),
            depth=words,
            n_trained=count,
            n_trainers=count,
            breadth=figure(1),
            n_people_reached=count,
            median_days_to_reach=figure(0),
        ),
    )


def doses(tables: Tables) -> Sheet:
    """How much coaching really happened."""
    return Sheet(
        "Dose since kick-off (control: since the first one), check-ins held per person and month",
        ("cohort", "units", "people", "held", "minutes", "low unit", "median unit", "high unit"),
        written(
            tables["pub_doses"].table.sort("cohort"),
            cohort=words,
            n_units=count,
            n_people=count,
            held_per_person_month=figure(2),
            minutes_per_person_month=figure(0),
            low_unit=figure(2),
            median_unit=figure(2),
            high_unit=figure(2),
        ),
        note="Low and high are the 10th and 90th percentile of units.",
    )


def readiness(tables: Tables) -> Sheet:
    """Managers' states by assessment."""
    found = tables["pub_readiness"].table.filter(pl.col("readiness_before") == ALL)
    states = ("resistant", "neutral", "driver")
    keys = ("assessed_date", "arm", "readiness")
    numbers = {tuple(row[key] for key in keys): row["n_managers"] for row in found.iter_rows(named=True)}
    return Sheet(
        "Managers’ readiness by assessment; movements between the states are in pub_readiness",
        ("assessed", "arm", *states),
        with_the_rest(
            [
                (str(day), arm, *(count(numbers.get((day, arm, state))) for state in states))
                for day, arm in sorted({(day, arm) for day, arm, _ in numbers})
            ],
            n_words=2,
            n_numbers=3,
        ),
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
    found = tables["pub_estimates"].table.filter(
        (pl.col("metric") == metric) & (pl.col("aggregation") == "simple") & (pl.col("segment") == ALL)
    )
    rows = {row["estimator"]: row for row in found.iter_rows(named=True)}

    def numbers(row: dict) -> tuple[str, str, str]:
        if row["status"] != "estimated":
            return NOTHING, NOTHING, row["reason"] or row["status"]
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


def diagnostics(tables: Tables, metric: str) -> Sheet:
    """Whether what a headline rests on can be believed."""
    found = tables["pub_diagnostics"].table.filter(pl.col("metric") == metric)
    rows = {row["diagnostic"]: row for row in found.iter_rows(named=True)}

    def number(value: float | None) -> str:
        return NOTHING if value is None else f"{value:.3g}".replace("-", MINUS)

    def told(row: dict) -> tuple[str, ...]:
        if row["status"] != "estimated":
            return (row["reason"] or HIDDEN, NOTHING, NOTHING, NOTHING)
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
        if row["status"] != "estimated":
            return (row["reason"] or row["status"], NOTHING, NOTHING, NOTHING)
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


def characteristics(tables: Tables) -> Sheet:
    """How the arms' people differed when the programme found them."""
    return Sheet(
        "People of the arms when the programme found them (of segments the share)",
        ("characteristic", "pilot", "control", "standardised difference"),
        written(
            tables["pub_characteristics"].table.sort("characteristic"),
            characteristic=lambda value: str(value).replace("_", " "),
            mean_pilot=figure(2),
            mean_control=figure(2),
            standardised_difference=figure(2),
        ),
    )


def flows(tables: Tables, metric: str) -> Sheet:
    """One outcome's participant flow, by period."""
    mine = tables["pub_participant_flows"].table.filter(pl.col("metric") == metric)
    told = mine.group_by("period_start", "status", "reason").agg(
        pl.when(pl.col("n_observations").is_not_null().all()).then(pl.col("n_observations").sum()).alias("n")
    )
    steps = sorted({(status, reason) for _, status, reason, _ in told.iter_rows()}, reverse=True)
    numbers = {(period, status, reason): n for period, status, reason, n in told.iter_rows()}
    return Sheet(
        "Participant flow: everybody who was there, as observed, missing or left out",
        ("period", *(f"{status}: {reason}" if reason else status for status, reason in steps)),
        [
            (
                str(period),
                *(count(numbers[key]) if (key := (period, *step)) in numbers else NOTHING for step in steps),
            )
            for period in sorted({period for period, *_ in numbers})
        ],
    )


def scales(tables: Tables) -> Sheet:
    """Cronbach's alpha of the last wave."""
    found = tables["pub_scales"].table
    last = found.filter((pl.col("launched_date") == pl.col("launched_date").max()) & (pl.col("arm") == ALL))
    return Sheet(
        f"Survey scales in the last wave ({last['launched_date'][0]})" if last.height else "Survey scales",
        ("scale", "items", "answered every item", "Cronbach’s alpha"),
        [
            (
                row["scale"].replace("_", " "),
                count(row["n_items"]),
                count(row["n_people"]),
                "one item" if row["n_items"] == 1 else figure(2)(row["cronbach_alpha"]),
            )
            for row in last.sort("scale").iter_rows(named=True)
        ],
        note="An alpha below 0.7: the items do not measure one thing well (Nunnally 1978). Single items: pub_items.",
    )


# --- who stayed --------------------------------------------------------------------------------------------------


def survival(tables: Tables) -> Sheet:
    """Kaplan–Meier and Aalen–Johansen at the window's end."""
    found = tables["pub_survival"].table
    last = found.filter(
        pl.col("month_number") == pl.col("month_number").max().over("comparison_cohort", "comparison_arm", "phase")
    ).sort("comparison_cohort", "phase", "comparison_arm", descending=[False, True, True])
    return Sheet(
        "Retention by cohort’s window (before, after kick-off) and arm: retained, and left by cause",
        ("cohort", "window", "arm", "months", "people", "retained", "voluntary", "involuntary", "other", "regretted"),
        written(
            last,
            comparison_cohort=words,
            phase=words,
            comparison_arm=words,
            month_number=count,
            n_entered=count,
            share_retained=share,
            share_left_voluntary=share,
            share_left_involuntary=share,
            share_left_other=share,
            share_left_regretted=share,
        ),
        note="Regretted exits are a part of the others. A figure about fewer people than may be shown is hidden.",
        n_words=3,
    )


FORMULAS = {
    "opening_headcount": "÷ opening head-count",
    "last_month": "last month × 12",
    "start_and_end": "÷ mean of start and end",
    "monthly_means": "÷ mean of monthly means",
    "person_years": "÷ person-years",
}


def turnovers(tables: Tables) -> Sheet:
    """The rival formulas side by side."""
    found = tables["pub_turnovers"].table
    chosen = found.filter(pl.col("is_chosen"))["formula"].unique().to_list()
    rates = {
        (row["span_start"], row["population"], row["formula"]): row["turnover"] for row in found.iter_rows(named=True)
    }
    return Sheet(
        "Turnover a year, the same leavers under every formula in use"
        + (f"; this study uses “{FORMULAS[chosen[0]]}”" if chosen else ""),
        ("year", "units as they stood", *FORMULAS.values()),
        [
            (str(year.year), population, *(share(rates[year, population, formula]) for formula in FORMULAS))
            for year, population in sorted({(year, population) for year, population, _ in rates})
        ],
        n_words=2,
    )


def bridge(tables: Tables) -> Sheet:
    """The head-count bridge of the last month."""
    found = tables["pub_headcount"].table
    return Sheet(
        f"Head-count bridge of the last month ({found['month'].max()}), by cohort of the unit"
        if found.height
        else "Head-count bridge",
        ("cohort", "opening", "+ hires", "− leavers", "± transfers and corrections", "= closing"),
        written(
            found.filter(pl.col("month") == pl.col("month").max()).sort("cohort"),
            cohort=words,
            n_opening=count,
            n_hires=count,
            n_leavers=count,
            n_other=count,
            n_closing=count,
        ),
        note="Every month sums to zero; by unit and reason it is in the warehouse (cell_headcounts).",
    )


# --- structure ---------------------------------------------------------------------------------------------------


def structures(tables: Tables) -> Sheet:
    """Layers and spans, first and last month."""
    found = tables["pub_structures"].table.sort("month")
    ends = found.filter(pl.col("month").is_in([found["month"].min(), found["month"].max()]))
    top = found["top_layer"].max()
    return Sheet(
        f"The whole organisation’s hierarchy, first and last month (the top is layer {top})",
        (
            "month",
            "layers",
            "people",
            "people managers",
            "direct reports each",
            "managers ÷ staff",
            "no chain to a top",
        ),
        written(
            ends,
            month=words,
            n_layers=count,
            n_people=count,
            n_managers=count,
            mean_span=figure(1),
            managers_per_person=share,
            n_without_layer=count,
        ),
    )


def coach_loads(tables: Tables) -> Sheet:
    """Load of coaches and how many everybody would need."""
    return Sheet(
        "Coaches: people each looks after (10th percentile, median, 90th), and coaches needed for everybody",
        ("coaches", "people coached", "low", "median", "high", "needed at high load", "at the median", "at low load"),
        written(
            tables["pub_coach_loads"].table,
            n_coaches=count,
            n_people_coached=count,
            low_load=figure(1),
            median_load=figure(1),
            high_load=figure(1),
            n_coaches_needed_low=count,
            n_coaches_needed=count,
            n_coaches_needed_high=count,
        ),
        n_words=0,
    )

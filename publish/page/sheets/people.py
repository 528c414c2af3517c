"""Who was compared and who stayed: responses, baseline, retention, causes, turnover."""

from __future__ import annotations

from publish.page.sheets.sheet import (
    SUPPRESSED,
    Sheet,
    Tables,
    format_count,
    format_figure,
    format_period,
    format_rows,
    format_share,
    format_words,
    words,
)
from publish.page.wording import NARROW


def responses(tables: Tables) -> Sheet:
    """Response rates by arm and period."""
    return Sheet(
        "Survey response: at least so many of those employed on the day of the launch answered",
        ("period", "arm", "employed", "answered, at least"),
        format_rows(
            tables["pub_responses"],
            period_start=format_period(tables["pub_responses"]["period_start"].to_list()),
            arm=format_words,
            n_eligible=format_count,
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
        format_rows(
            tables["pub_baseline"].sort("kind", "name", descending=[True, False]),
            name=lambda value: labels.get(value, words(value)),
            mean_pilot=format_figure(2),
            mean_control=format_figure(2),
            standardised_difference=format_figure(2),
        ),
    )


def retention(tables: Tables) -> Sheet:
    """Kaplan–Meier at the window's end, by arm."""
    return Sheet(
        "Who was still there at the end of the window",
        ("arm", "window", "months", "people", "retained"),
        format_rows(
            tables["pub_retention"].sort("phase", "arm", descending=True),
            arm=format_words,
            phase=lambda value: f"{value} kick-off",
            n_months=format_count,
            n_people=format_count,
            share_retained=format_share,
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
            (str(year.year), arm, *(format_share(numbers[year, arm, cause]) for cause in names))
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
        format_rows(
            found,
            year_start=lambda value: str(value.year),
            arm=format_words,
            n_opening=format_count,
            n_hires=format_count,
            n_leavers=format_count,
            n_moved_net=format_count,
            n_closing=format_count,
            turnover=format_share,
        ),
        note="Units as they stood in each month. Other formulas, quarters and months are in the warehouse.",
        n_words=2,
    )

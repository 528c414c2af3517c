"""What was done: cohorts, cascade, readiness."""

from __future__ import annotations

from publish.page.sheets.sheet import (
    NOTHING,
    Sheet,
    Tables,
    format_count,
    format_day,
    format_figure,
    format_rows,
    format_words,
    words,
)


def cohorts(tables: Tables) -> Sheet:
    """What was assigned, how its coaches were trained, and how much coaching happened."""
    return Sheet(
        "Arms and cohorts as assigned, and the coaching that happened since kick-off (control: since the first one)",
        (
            *("group", "arm", "kick-off", "units", "people", "later moved"),
            *("coaches", "trained", "trained in time", "check-ins per person and month", "minutes"),
        ),
        format_rows(
            tables["pub_cohorts"].sort("scope", "kickoff_date", "group_name", nulls_last=True),
            group_name=words,
            arm=format_words,
            kickoff_date=format_day,
            n_units=format_count,
            n_people=format_count,
            n_movers=format_count,
            n_coaches=format_count,
            n_coaches_trained=format_count,
            n_coaches_trained_in_time=format_count,
            checkins_per_person_month=format_figure(2),
            minutes_per_person_month=format_figure(0),
        ),
        n_words=3,
    )


def cascade(tables: Tables) -> Sheet:
    """Depth, breadth, reach, time to reach."""
    return Sheet(
        "The cascade: who was trained by whom (depth 1 was trained from outside)",
        ("depth", "trained", "trained others", "trained by each", "people reached", "median days to reach"),
        format_rows(
            tables["pub_cascade"].sort("depth"),
            depth=format_words,
            n_trained=format_count,
            n_trainers=format_count,
            breadth=lambda value: NOTHING if value is None else format_figure(1)(value),
            n_people_reached=format_count,
            median_days_to_reach=format_figure(0),
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
            (format_day(day), arm, *(format_count(numbers[day, arm, state]) for state in states))
            for day, arm in found.select("assessed_date", "arm").unique().sort("assessed_date", "arm").iter_rows()
        ],
        n_words=2,
    )

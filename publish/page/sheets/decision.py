"""Should it be scaled up? Decision and money."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from publish.page.sheets.sheet import (
    NOTHING,
    SUPPRESSED,
    Sheet,
    Tables,
    format_chance,
    format_figure,
    format_wave,
)
from publish.page.wording import is_estimated


@dataclass(frozen=True)
class Answered:
    """The one answer in words: `kind` (better, null or worse), the word, why, how sure and why not surer, and which
    analysis it is."""

    kind: str
    word: str
    reason: str
    certainty: str
    certainty_reason: str
    analysis: str


ANSWER_WORDS = {"scale": ("better", "Scale it up"), "not yet": ("null", "Not yet"), "stop": ("worse", "Stop")}


def answer(tables: Tables) -> Answered | None:
    """None where the study has no primary outcome."""
    [row] = tables["pub_answer"].to_dicts() or [None]
    if row is None:
        return None
    analysis = f"This is analysis {row['analysis']} of {row['planned_analyses']} of the plan"
    if row["next_wave"] is not None:
        analysis += f"; the next is expected with the wave of {format_wave(tables, row['next_wave'])}"
    elif row["answer"] == "not yet":
        analysis += ", the last one: waiting changes nothing, further waves or cohorts may"
    if row["answer"] is None:
        return Answered("suppressed", "Not shown, to protect people", "", "", "", f"{analysis}.")
    kind, word = ANSWER_WORDS[row["answer"]]
    return Answered(
        kind,
        word,
        f"{row['reason']}.",
        f"Certainty {row['certainty']} of {HIGHEST} ({CERTAINTY_WORDS[row['certainty']]})",
        row["certainty_reason"] or "",
        f"{analysis}.",
    )


def decisions(tables: Tables, labels: dict[str, str]) -> Sheet:
    """Go, no go, not yet, with what is missing."""
    found = tables["pub_decisions"]
    guardrails = found["guardrails"].drop_nulls().unique().to_list()  # each decision reads them all
    return Sheet(
        "By rule: go needs an effect that is there, large enough in the newest cohorts too, and guardrails that hold",
        ("outcome", "decision", "because", "it takes", "certainty", "chance at the next analysis"),
        [
            (
                labels[row["metric"]],
                row["decision"] or SUPPRESSED,
                row["reason"] or NOTHING,
                "; ".join(filter(None, [row["needs"], row["missing"]])) or NOTHING,
                SUPPRESSED if row["certainty"] is None else str(row["certainty"]),
                NOTHING if row["chance_of_verdict"] is None else format_chance(row["chance_of_verdict"]),
            )
            for row in found.iter_rows(named=True)
        ],
        note=f"Guardrails: {guardrails[0]}." if guardrails else "",
        n_words=4,
    )


CERTAINTY_WORDS = ("none", "very low", "low", "moderate", "high", "very high")
HIGHEST = len(CERTAINTY_WORDS) - 1
SHARES = ("break_even_effect",)  # items that are a share, written per cent
LOAD = "manager_checkin_hours"  # the metric that measures what coach_hours_per_month assumes
MONEY_WORDS = {
    "coach_hours": "Time of a coach",
    "programme_cost": "Programme cost",
    "leavers_avoided": "Leavers avoided",
    "turnover_cost_avoided": "Turnover cost avoided",
    "net": "Net",
    "break_even_effect": "Effect on retention that would pay for it",
    "coaches_needed": "Needed for everybody",
    "programme_cost_for_all": "Programme cost for everybody",
    "net_for_all": "Net for everybody",
}


def money(tables: Tables) -> Sheet:
    """Ranges from assumptions and the interval of the effect."""

    found = {row["item"]: row for row in tables["pub_money"].iter_rows(named=True)}

    def amount(row: dict, end: str) -> str:
        if row["suppressed"] is not None:
            return SUPPRESSED
        if row[end] is None:
            return NOTHING
        value = row[end] * (100 if row["item"] in SHARES else 1)
        return format_figure(0 if abs(value) >= 100 else 1)(value)

    sheet = Sheet(
        "Money: every assumption is a range, carried through the interval of the effect",
        ("item", "basis", "low", "middle", "high"),
        [
            (
                f"{title}, {'percentage points' if item in SHARES else found[item]['unit']}",
                (found[item]["basis"] if found[item]["status"] == "estimated" else found[item]["reason"]) or NOTHING,
                *(amount(found[item], end) for end in ("low", "central", "high")),
            )
            for item, title in MONEY_WORDS.items()
            if item in found
        ],
        note="Assumptions are the study's own (money, in study.yml); nothing but turnover is counted as a gain.",
        n_words=2,
    )
    measured = _measured_load(tables)
    return replace(sheet, rows=[*sheet.rows[:1], measured, *sheet.rows[1:]]) if sheet.rows and measured else sheet


def _measured_load(tables: Tables) -> tuple[str, ...] | None:
    """The hours of check-ins that a coaching manager leads more, from the log: beside what is assumed."""
    found = tables["pub_estimates"].filter((pl.col("metric") == LOAD) & pl.col("is_headline"))
    row = next(iter(found.to_dicts()), None)
    if row is None or not is_estimated(row):
        return None
    ends = (format_figure(1)(row[end]) for end in ("ci_low", "estimate", "ci_high"))
    return ("of it measured: check-ins led, hours a month", "effect on the hours in the check-in log", *ends)

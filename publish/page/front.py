"""The first screen, and the first printed side: the answer, what changed, what it is worth, what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl
from markupsafe import Markup

from inference.verdicts import Verdict
from publish.page import charts
from publish.page.sheets.decision import Answered, answer
from publish.page.sheets.sheet import Tables, format_chance, format_wave, words
from publish.page.wording import MINUS, NARROW, Unit, is_estimated, unit_of, without_luck

MOST_DOUBTS = 3
SHARE = unit_of("share")
UNSEEN = {
    "volunteered": "No data can show what the coached units would have done without the programme, nor whether it "
    "reached all control units too.",
    "randomised": "No data can show whether the programme reached all control units too.",
}


@dataclass(frozen=True)
class Pictured:
    """What a card shows of one outcome: levels of both arms, and the effect beside what is worth having."""

    levels: Markup | None
    effect: Markup | None
    worth: str  # the smallest effect worth having, in words; empty where none was declared
    scaling: str  # what follows for scaling


@dataclass(frozen=True)
class Front:
    """All of it but the cards' words."""

    answer: Answered | None
    pictured: dict[str, Pictured]
    delivered: str
    money: list[str]
    doubts: list[str]
    changes: list[str]
    guardrails: str


def front(tables: Tables, rows: dict[str, dict], units: dict[str, Unit], labels: dict[str, str], design: str) -> Front:
    """`rows` are headline rows by metric, `units` how their numbers are written; of primary outcomes."""
    decisions = {row["metric"]: row for row in tables["pub_decisions"].to_dicts()}
    return Front(
        answer=answer(tables),
        pictured={
            metric: _pictured(tables, metric, rows[metric], units[metric], decisions.get(metric), labels[metric])
            for metric in units
        },
        delivered=_delivered(tables),
        money=_money(tables),
        doubts=_doubts(decisions, labels, design),
        changes=_changes(tables, decisions, labels, units),
        guardrails=next((row["guardrails"] for row in decisions.values() if row["guardrails"]), ""),  # all read all
    )


def _pictured(tables: Tables, metric: str, row: dict, unit: Unit, decision: dict | None, label: str) -> Pictured:
    smallest = decision["minimum_important_difference"] if decision else None
    direction = tables["pub_outcomes"].filter(pl.col("metric") == metric)["direction"].item()
    signed = None if smallest is None else smallest * (-1 if direction == "down" else 1)
    levels = _levels(tables, metric)
    is_found = decision is not None and decision["verdict"] is not None and Verdict(decision["verdict"]).is_effect
    return Pictured(
        levels=Markup(charts.levels(levels, kickoffs=_kickoffs(tables), unit=unit, label=label))
        if levels is not None
        else None,
        effect=Markup(charts.effect(row, smallest=signed, is_found=is_found, unit=unit, label=label))
        if is_estimated(row)
        else None,
        worth=f"worth having from {unit.brief(signed, signed=True)}" if signed is not None else "",
        scaling=_scaling(tables, metric, row, unit, decision),
    )


SCALING = {"go": "yes", "no go": "no", "not yet": "not yet"}


def _scaling(tables: Tables, metric: str, row: dict, unit: Unit, decision: dict | None) -> str:
    """What the decision on one outcome is, and the numbers behind it that the card has not said."""
    if decision is None or decision["decision"] is None:
        return ""
    said = [f"For scaling: {SCALING[decision['decision']]}"]
    if decision["decision"] == "no go":
        said.append(decision["reason"])
    newest = _newest_cohort(tables, metric, row["estimator"])
    if newest is not None:
        low, high = (unit.number(newest[end], signed=True) for end in ("ci_low", "ci_high"))
        value = unit.number(newest["estimate"], signed=True)
        said.append(f"newest cohort ({words(newest['cohort'])}) {value} ({low} to {high})")
    if (corrected := without_luck(decision, row, unit)) is not None:
        said.append(f"probably overstated: plan with {unit.brief(corrected, signed=True)}")
    return "; ".join(said)


def _newest_cohort(tables: Tables, metric: str, estimator: str) -> dict | None:
    """The published effect of the cohort that began last, where there are several."""
    cohorts = tables["pub_cohorts"].filter((pl.col("scope") == "cohort") & pl.col("kickoff_date").is_not_null())
    if cohorts.height < 2:
        return None
    newest = cohorts.sort("kickoff_date", "group_name")["group_name"].last()
    found = tables["pub_estimates"].filter(
        (pl.col("metric") == metric)
        & (pl.col("estimator") == estimator)
        & (pl.col("aggregation") == "cohort")
        & (pl.col("cohort") == newest)
        & pl.col("estimate").is_not_null()
    )
    return found.row(0, named=True) if found.height else None


HARDLY_MORE = 1.1  # times the check-ins of the control


def _delivered(tables: Tables) -> str:
    """Whether the programme was put into practice, in one or two sentences."""
    arms = {row["group_name"]: row for row in tables["pub_cohorts"].filter(pl.col("scope") == "arm").to_dicts()}
    pilot, control = arms.get("pilot"), arms.get("control")
    said = []
    if pilot and pilot["n_coaches"] and pilot["n_coaches_trained"] is not None:
        said.append(f"{pilot['n_coaches_trained']} of {pilot['n_coaches']} coaches were trained.")
    held = [arm["checkins_per_person_month"] if arm else None for arm in (pilot, control)]
    if None not in held:
        said.append(f"Check-ins per person and month: {held[0]:.2f} in the pilot, {held[1]:.2f} in the control.")
        if held[0] < HARDLY_MORE * held[1]:
            said.append("That is hardly more: the programme may not have been put into practice.")
    return " ".join(said)


def _levels(tables: Tables, metric: str) -> pl.DataFrame | None:
    """Mean by arm and when: by period, or of the windows before and after kick-off; None where nothing may be shown."""
    found = tables["pub_levels"].filter((pl.col("metric") == metric) & (pl.col("scope") == "arm"))
    if found.height:
        shown = found.select(pl.col("period_start").alias("when"), "arm", "mean").drop_nulls()
    else:
        kept = tables["pub_outcomes"].filter((pl.col("metric") == metric) & (pl.col("measure") == "still_employed"))
        if kept.is_empty():
            return None
        shown = (
            tables["pub_retention"]
            .select(
                when=pl.col("phase").replace({"before": "before kick-off", "after": "after"}),
                arm="arm",
                mean="share_retained",
            )
            .sort("when", descending=True)
            .drop_nulls()
        )
    return shown if shown.height else None


def _kickoffs(tables: Tables) -> list[date]:
    return tables["pub_cohorts"]["kickoff_date"].drop_nulls().unique().sort().to_list()


def _money(tables: Tables) -> list[str]:
    """Two sentences at most; none where the study declares no assumptions."""
    found = {row["item"]: row for row in tables["pub_money"].to_dicts()}
    net, needed, cost = (found.get(item) for item in ("net", "break_even_effect", "programme_cost"))
    if net is None:
        return []
    months = f"in the {tables['pub_retention']['n_months'].first()} months after kick-off"
    if tables["pub_retention"].is_empty():
        months = "in the window after kick-off"
    spent = f"It cost {_range(cost)} {months}"
    if net["status"] != "estimated":
        return [f"{spent}; what it saved cannot be said: {net['reason']}."]
    if net["suppressed"] is not None:
        return [f"{spent}; what it saved is not shown, to protect people."]
    text = f"{spent}. Counting saved turnover only, the net is {_range(net, signed=True)}"
    if needed["status"] == "estimated":
        text += (
            f"; it pays for itself from an effect on retention of {SHARE.with_word(needed['central'], signed=True)} on"
        )
        kept = tables["pub_estimates"].filter(
            pl.col("is_headline") & (pl.col("metric") == net["of_metric"]) & pl.col("estimate").is_not_null()
        )
        if kept.height:
            text += f", and the estimate is {SHARE.with_word(kept['estimate'].item(), signed=True)}"
    of_all, net_of_all = found["programme_cost_for_all"], found["net_for_all"]
    everybody = f"For everybody in the study it would cost {_range(of_all)}"
    if net_of_all["status"] == "estimated":
        everybody += f", with a net of {_range(net_of_all, signed=True)}"
    return [f"{text}.", f"{everybody}."]


def _range(row: dict, *, signed: bool = False) -> str:
    """The middle and both ends of an amount."""
    middle, low, high = (_amount(row[end], signed=signed) for end in ("central", "low", "high"))
    return f"about {middle} {row['unit']} ({low} to {high})"


def _amount(value: float, *, signed: bool = False) -> str:
    sign = MINUS if value < 0 else "+" if signed else ""
    size = abs(value)
    if size >= 1e6:
        return f"{sign}{size / 1e6:.1f}{NARROW}million"
    return f"{sign}{size:,.0f}" if size < 1e4 else f"{sign}{size / 1e3:,.0f},000"


def _doubts(decisions: dict[str, dict], labels: dict[str, str], design: str) -> list[str]:
    """What keeps certainty down, outcome by outcome, the least certain first; and what no data can show."""
    rated = [row for row in decisions.values() if row["certainty_reason"] is not None]
    reasons: dict[str, list[str]] = {}
    for row in sorted(rated, key=lambda row: row["certainty"]):
        reasons.setdefault(row["certainty_reason"], []).append(labels[row["metric"]])
    found = [f"{', '.join(of)}: {reason}." for reason, of in reasons.items()]
    return [*found[: MOST_DOUBTS - 1], UNSEEN[design]]


def _changes(tables: Tables, decisions: dict[str, dict], labels: dict[str, str], units: dict[str, Unit]) -> list[str]:
    """What would change the answer, and when."""
    [row] = tables["pub_answer"].to_dicts() or [None]
    if row is None:
        return []
    found = []
    if row["next_wave"] is not None:
        chances = [
            f"{labels[metric]} {format_chance(each['chance_of_verdict'])} "
            f"(then ± {units[metric].brief(each['expected_reach'])})"
            for metric, each in decisions.items()
            if each["chance_of_verdict"] is not None
        ]
        chance = f" Chance that it finds an effect of the size seen now: {', '.join(chances)}." if chances else ""
        found.append(f"The next analysis, with the wave of {format_wave(tables, row['next_wave'])}.{chance}")
    found += [
        f"{labels[metric]}: {each['needs']}."
        for metric, each in decisions.items()
        if each["decision"] == "not yet" and each["needs"] is not None
    ]
    return found[: MOST_DOUBTS + 1] or ["Nothing in the plan of this study: its analyses are done."]

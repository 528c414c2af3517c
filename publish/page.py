"""The one page that leadership reads: nothing is loaded, and one line of script tells when it is old."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from publish import charts, sheets
from publish.disclosure import ALL, Guarded
from publish.protect import NOT_NAMED
from publish.sheets import Sheet
from publish.wording import ASSUMPTIONS, Before, Finding, Unit, before_kickoff, finding, unit_of

FAMILIES = {
    "engagement": "Engagement",
    "productivity": "Productivity",
    "alignment": "Alignment",
    "retention": "Retention",
    "autonomy": "Autonomy, creativity, innovation",
    "coaching": "Regular check-ins",
    "leadership": "Leadership shared by many",
    "structure": "Layers and spans",
}
# A release never changes, so the page itself must notice that none came after it.
SCRIPT = 'var s=document.getElementById("stale");if(Date.now()>Date.parse(s.dataset.due))s.hidden=false;'
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Outcome:
    """One outcome, ready to be shown."""

    metric: str
    label: str
    family: str
    unit: Unit
    role: str
    finding: Finding
    row: dict
    estimate: str
    interval: str
    naive: float | None
    before: float | None  # how far the arms were apart before kick-off
    chart: Markup | None
    has_band: bool
    events: list[dict]
    cohorts: list[dict]
    before_kickoff: Before | None
    sheets: list[Sheet]


def headline_rows(estimates: pl.DataFrame) -> dict[str, dict]:
    """Metric → the row that answers its question."""
    return {row["metric"]: row for row in estimates.filter("is_headline").iter_rows(named=True)}


def outcomes(content: dict[str, pl.DataFrame], guarded: dict[str, Guarded], *, design: str, alpha: float, draw: bool):
    """All outcomes of the study, primary ones first, with words and (if `draw`) pictures."""
    estimates = guarded["pub_estimates"].table
    comparisons = guarded["pub_comparisons"].table
    heads = headline_rows(estimates)

    def diagnosed(name: str, column: str) -> dict[str, float | None]:
        found = guarded["pub_diagnostics"].table.filter(pl.col("diagnostic") == name)
        return dict(found.select("metric", column).iter_rows())

    beside = {
        "detectable": dict(content["est_power"].select("metric", "detectable_effect").iter_rows()),
        "reach": diagnosed("band_critical_value", "value"),
        "pre_trend": diagnosed("pre_trend", "p_value"),
        "drift": diagnosed("pre_trend_detectable_drift", "value"),
    }
    order = {"primary": 0, "guardrail": 1, "secondary": 2, "placebo": 3}
    asked = sorted(content["outcomes"].iter_rows(named=True), key=lambda o: (order[o["role"]], o["label"]))
    return [
        _outcome(
            asked_one | {name: of.get(asked_one["metric"]) for name, of in beside.items()},
            heads[asked_one["metric"]],
            estimates,
            comparisons,
            design=design,
            alpha=alpha,
            draw=draw,
        )
        for asked_one in asked
    ]


def _interval(unit: Unit, row: dict) -> str:
    return f"{unit.number(row['ci_low'], signed=True)} to {unit.number(row['ci_high'], signed=True)}"


def _outcome(asked, row, estimates, comparisons, *, design, alpha, draw) -> Outcome:
    unit = unit_of(asked["unit"], error=row["std_error"])
    mine = estimates.filter((pl.col("metric") == asked["metric"]) & (pl.col("estimator") == row["estimator"]))
    estimated = mine.filter(pl.col("status") == "estimated")
    events = estimated.filter(pl.col("aggregation") == "event_time").sort("event_time")
    apart_in = {
        window: comparisons.filter(
            (pl.col("metric") == asked["metric"]) & (pl.col("time_window") == window) & (pl.col("segment") == ALL)
        )["difference"]
        for window in ("before", "after")
    }
    before, naive = (found.item() if len(found) == 1 else None for found in apart_in.values())
    shown = row["status"] == "estimated"
    cohorts = mine.filter(pl.col("aggregation") == "cohort").sort("cohort")
    estimated_cohorts = cohorts.filter(pl.col("status") == "estimated")
    early = events.filter(pl.col("event_time") < -asked["anticipation"])
    outside = early.filter((pl.col("ci_low") > 0) | (pl.col("ci_high") < 0))
    picture = None
    if draw and events.height:
        picture = charts.event_study(events, label=asked["label"], unit=unit, reach=asked["reach"])
    elif draw and estimated_cohorts.height:  # one window per cohort: there are no periods to show
        picture = charts.by_cohort(estimated_cohorts, label=asked["label"], unit=unit)

    def written(each: dict) -> dict:
        if each["status"] != "estimated":
            return each
        return {
            **each,
            "estimate": unit.number(each["estimate"], signed=True),
            "interval": _interval(unit, each),
        }

    return Outcome(
        metric=asked["metric"],
        label=asked["label"],
        family=asked["family"],
        unit=unit,
        role=asked["role"],
        finding=finding(
            row,
            label=asked["label"],
            unit=unit,
            direction=asked["direction"],
            alpha=alpha,
            detectable=asked["detectable"],
            design=design,
        ),
        row=row,
        estimate=unit.brief(row["estimate"], signed=True) if shown else "–",
        interval=_interval(unit, row) if shown else "–",
        naive=naive,
        before=before,
        chart=Markup(picture) if picture else None,
        has_band=bool(events.height) and asked["reach"] is not None,
        events=[written(each) for each in events.iter_rows(named=True)],
        cohorts=[written(each) for each in cohorts.iter_rows(named=True)],
        before_kickoff=before_kickoff(
            p_value=asked["pre_trend"],
            drift=asked["drift"],
            outside=outside["event_time"].to_list(),
            n_periods=early.height,
            unit=unit,
            alpha=alpha,
        ),
        sheets=[sheets.segments(estimates, asked["metric"], unit)],
    )


def render(
    content, guarded: dict[str, Guarded], *, title: str, manifest: dict, study: dict, suppressed: pl.DataFrame
) -> str:
    """The page as HTML text. `study` needs design, alpha and min_group_size; `manifest` what the footer cites;
    `suppressed` is the table pub_suppressed."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = outcomes(content, guarded, design=study["design"], alpha=study["alpha"], draw=True)
    populations = guarded["pub_populations"].table.sort(
        "cohort", "is_eligible", "population", descending=[False, True, False]
    )
    responses = (
        guarded["pub_responses"].table.filter(pl.col("metric") == pl.col("metric").min()).sort("period_start", "cohort")
    )
    labels = dict(content["outcomes"].select("metric", "label").iter_rows())
    primary = [outcome for outcome in shown if outcome.role == "primary"]
    for outcome in primary:
        outcome.sheets[:0] = [
            sheets.other_answers(guarded, outcome.metric, outcome.row["estimator"], outcome.unit),
            sheets.diagnostics(guarded, outcome.metric),
        ]
        outcome.sheets.append(sheets.flows(guarded, outcome.metric))
    others = [outcome for outcome in shown if outcome.role != "primary"]
    return environment.get_template("page.html.j2").render(
        title=title,
        script=Markup(SCRIPT),
        script_hash=Markup(base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()),
        manifest=manifest,
        study=study,
        primary=primary,
        families=[(title, [o for o in others if o.family == name]) for name, title in FAMILIES.items()],
        decided=[sheets.decisions(guarded, labels), sheets.money(guarded)],
        done=[
            make(guarded)
            for make in (
                *(sheets.cohorts, sheets.trainings, sheets.cascade, sheets.doses),
                *(sheets.readiness, sheets.crossings),
            )
        ],
        compared=[sheets.characteristics(guarded)],
        asked=[sheets.scales(guarded)],
        stayed=[make(guarded) for make in (sheets.survival, sheets.turnovers, sheets.bridge)],
        built=[make(guarded) for make in (sheets.structures, sheets.coach_loads)],
        assumption=ASSUMPTIONS[study["design"]],
        populations=list(populations.iter_rows(named=True)),
        balance=[
            {**row, "label": _label(content, row["metric"])}
            for row in guarded["pub_balance"].table.sort("metric").iter_rows(named=True)
        ],
        responses=_by_period(responses),
        hidden=[
            (name, n, guarded[name].table.height)
            for name, n in suppressed.filter(pl.col("row") != NOT_NAMED)
            .group_by("table")
            .len()
            .sort("table")
            .iter_rows()
        ],
    )


def _label(content: dict[str, pl.DataFrame], metric: str) -> str:
    return content["outcomes"].filter(pl.col("metric") == metric)["label"].item()


def _by_period(responses: pl.DataFrame) -> dict:
    """Cohorts as columns, periods as rows."""
    cohorts = responses["cohort"].unique().sort().to_list()
    rows = []
    for period in responses["period_start"].unique().sort():
        rates = dict(responses.filter(pl.col("period_start") == period).select("cohort", "response_rate").iter_rows())
        rows.append((period, [rates.get(cohort) for cohort in cohorts]))
    return {"cohorts": cohorts, "rows": rows}

"""The one page that leadership reads: nothing is loaded, and one line of script shows when it is old."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from publish.catalogue import published_tables
from publish.page import charts
from publish.page.front import front
from publish.page.glossary import GLOSSARY
from publish.page.sheets import programme
from publish.page.sheets.chain import chain
from publish.page.sheets.decision import answer, decisions, money
from publish.page.sheets.others import others_found
from publish.page.sheets.outcome import Column, diagnostics, for_whom, other_answers
from publish.page.sheets.people import baseline, causes, responses, retention, turnover
from publish.page.sheets.programme import cascade, readiness
from publish.page.sheets.sheet import format_stamp
from publish.page.since import changes, said
from publish.page.wording import (
    ASSUMPTIONS,
    FILES,
    Before,
    Finding,
    Unit,
    before_kickoff,
    confidence,
    finding,
    is_estimated,
    unit_of,
)

FAMILY_LABELS = {
    "engagement": "Engagement",
    "productivity": "Productivity",
    "alignment": "Alignment",
    "retention": "Retention",
    "autonomy": "Autonomy, creativity, innovation",
    "coaching": "Regular check-ins",
    "leadership": "Leadership shared by many",
    "structure": "Layers and spans",
    "managers": "The managers themselves",
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
    is_shown: bool
    estimate: str
    interval: str
    naive: float | None
    before: float | None  # how far the arms were apart before kick-off
    chart: Markup | None  # by period since kick-off; of one window for each cohort by month in it
    of_cohorts: Markup | None  # of one window for each cohort
    has_periods: bool
    has_band: bool
    n_cohorts: int
    before_kickoff: Before | None


def headline_rows(estimates: pl.DataFrame) -> dict[str, dict]:
    """Metric → the row that answers its question."""
    return {row["metric"]: row for row in estimates.filter("is_headline").iter_rows(named=True)}


def outcomes(tables: dict[str, pl.DataFrame], study: dict, *, draw: bool) -> list[Outcome]:
    """All outcomes of the study, primary ones first, with words and (if `draw`, of primary ones) pictures, from the
    published tables. `study` has its design and level (`alpha`)."""
    estimates = tables["pub_estimates"]
    heads = headline_rows(estimates)

    def diagnosed(name: str, column: str) -> dict[str, float | None]:
        found = tables["pub_diagnostics"].filter(pl.col("diagnostic") == name)
        return dict(found.select("metric", column).iter_rows())

    beside = {
        "reach": diagnosed("band_critical_value", "value"),
        "pre_trend": diagnosed("pre_trend", "p_value"),
        "pre_trend_slope": diagnosed("pre_trend_slope", "p_value"),
        "drift": diagnosed("pre_trend_detectable_drift", "value"),
    }
    [analysis] = tables["pub_answer"].to_dicts() or [{}]
    begun = tables["pub_cohorts"].filter(pl.col("scope") == "cohort").sort("kickoff_date", "group_name")
    judged = {row["metric"]: analysis | row for row in tables["pub_decisions"].to_dicts()}
    order = {"primary": 0, "guardrail": 1, "secondary": 2, "placebo": 3}
    asked = sorted(tables["pub_outcomes"].iter_rows(named=True), key=lambda o: (order[o["role"]], o["label"]))
    return [
        _outcome(
            asked_one
            | {name: of.get(asked_one["metric"]) for name, of in beside.items()}
            | {"judged": judged.get(asked_one["metric"]), "begun": begun["group_name"].to_list()},
            heads[asked_one["metric"]],
            estimates,
            study,
            draw=draw and asked_one["role"] == "primary",
        )
        for asked_one in asked
    ]


ESTIMATED = (pl.col("status") == "estimated") & pl.col("suppressed").is_null()


def _interval(unit: Unit, row: dict) -> str:
    return f"{unit.number(row['ci_low'], signed=True)} to {unit.number(row['ci_high'], signed=True)}"


def _outcome(asked, row, estimates, study, *, draw) -> Outcome:
    unit = unit_of(asked["written_as"], asked["unit"], error=row["std_error"])
    mine = estimates.filter((pl.col("metric") == asked["metric"]) & (pl.col("estimator") == row["estimator"]))
    events = mine.filter(ESTIMATED & (pl.col("aggregation") == "event_time")).sort("event_time")
    before, naive = asked["difference_before"], asked["difference_after"]
    shown = is_estimated(row)
    cohorts = mine.filter(pl.col("aggregation") == "cohort").sort("cohort")
    in_order = pl.col("cohort").replace_strict(asked["begun"], range(len(asked["begun"])), default=None)
    estimated_cohorts = cohorts.filter(ESTIMATED).sort(in_order, nulls_last=True)
    early = events.filter(pl.col("event_time") < -asked["anticipation"])
    outside = early.filter((pl.col("ci_low") > 0) | (pl.col("ci_high") < 0))
    has_periods = asked["period"] is not None and bool(events.height)
    picture = of_cohorts = None
    if draw and has_periods:
        picture = charts.event_study(events, label=asked["label"], unit=unit, reach=asked["reach"])
    elif draw and events.height:
        picture = charts.by_month(events, label=asked["label"], unit=unit)
    if draw and not has_periods and estimated_cohorts.height > bool(picture):  # one cohort alone is the picture above
        of_cohorts = charts.by_cohort(estimated_cohorts, label=asked["label"], unit=unit)

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
            alpha=study["alpha"],
            judged=asked["judged"],
            detectable=asked["detectable_effect"],
            design=study["design"],
        ),
        row=row,
        is_shown=shown,
        estimate=unit.brief(row["estimate"], signed=True) if shown else "–",
        interval=_interval(unit, row) if shown else "–",
        naive=naive,
        before=before,
        chart=Markup(picture) if picture else None,
        of_cohorts=Markup(of_cohorts) if of_cohorts else None,
        has_periods=has_periods,
        has_band=has_periods and asked["reach"] is not None,
        n_cohorts=cohorts.height,
        before_kickoff=before_kickoff(
            p_value=asked["pre_trend"],
            p_value_of_slope=asked["pre_trend_slope"],
            drift=asked["drift"],
            outside=outside["event_time"].to_list(),
            n_periods=early.height,
            unit=unit,
            alpha=study["alpha"],
        ),
    )


def render(
    tables: dict[str, pl.DataFrame], *, title: str, manifest: dict, study: dict, earlier: dict | None = None
) -> str:
    """The page as HTML text, from the published tables. `study` needs design, alpha, min_group_size and contact;
    `manifest` what the footer cites and what the page says (`said_on_page`); `earlier` is the manifest of the release
    that readers saw before."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["day"] = format_stamp
    shown = outcomes(tables, study, draw=True)
    labels = dict(tables["pub_outcomes"].select("metric", "label").iter_rows())
    primary = [outcome for outcome in shown if outcome.role == "primary"]
    columns = [Column(one.metric, one.label, one.unit, one.row["estimator"]) for one in primary]
    others = [outcome for outcome in shown if outcome.role != "primary"]
    return environment.get_template("page.html.j2").render(
        title=title,
        script=Markup(SCRIPT),
        script_hash=Markup(base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()),
        manifest=manifest,
        study=study,
        confidence=confidence(study["alpha"]),
        front=front(
            tables,
            {outcome.metric: outcome.row for outcome in primary},
            {outcome.metric: outcome.unit for outcome in primary},
            labels,
            study["design"],
        ),
        earlier=earlier,
        since=changes(earlier["said"], manifest["said"]) if earlier and "said" in earlier else None,
        primary=primary,
        families=[(title, [o for o in others if o.family == name]) for name, title in FAMILY_LABELS.items()],
        believed=[diagnostics(tables, columns, study["alpha"]), other_answers(tables, columns)] if primary else [],
        for_whom=for_whom(tables, columns),
        decided=[decisions(tables, labels), money(tables)],
        files=data_files(tables),
        glossary=list(GLOSSARY.items()),
        others_found=others_found(tables, columns),
        chain=chain(tables, {one.metric: one.row for one in shown}, level(tables, study["alpha"])),
        done=[make(tables) for make in (programme.cohorts, cascade, readiness)],
        stayed=[make(tables) for make in (retention, causes, turnover)],
        compared=[baseline(tables, labels), responses(tables)],
        assumption=ASSUMPTIONS[study["design"]],
        suppressed=suppressed_rows(tables),
    )


def level(tables: dict[str, pl.DataFrame], alpha: float) -> float:
    """The level of this analysis of the plan; the study's where there is none."""
    found = tables["pub_answer"]["alpha"].drop_nulls()
    return found.item() if found.len() else alpha


def said_on_page(tables: dict[str, pl.DataFrame], study: dict) -> dict:
    """What the page says, for its manifest and for the page of the next release."""
    answered = answer(tables)
    return said(outcomes(tables, study, draw=False), answered.word if answered else None)


def data_files(tables: dict[str, pl.DataFrame]) -> list[tuple[str, str]]:
    """(file beside the page, what it holds): those with everything, then one for every published table."""
    whole = [(name, words) for name, words in FILES.items() if Path(name).suffix and name != "index.html"]
    return whole + [(f"csv/{name}.csv", published_tables()[name].description) for name in tables]


def suppressed_rows(tables: dict[str, pl.DataFrame]) -> list[tuple[str, int, int]]:
    """(what the table is about, rows with a suppressed figure, rows), of tables that have any."""
    counted = (
        (table.description, tables[name].filter(table.is_suppressed).height, tables[name].height)
        for name, table in published_tables().items()
    )
    return [row for row in counted if row[1]]

"""Charts as SVG, rendered offline: Altair describes, vl-convert draws. They are readable without JavaScript."""

from __future__ import annotations

import json
import re

import polars as pl

from publish.page.wording import Unit

WIDTH, HEIGHT = 520, 230
INK, EFFECT, BEFORE = "#1f2933", "#0b6e4f", "#7b8794"


def event_study(rows: pl.DataFrame, *, label: str, unit: Unit, reach: float | None = None) -> str:
    """Effects by period since kick-off with intervals, as an SVG element; needs event_time, estimate, ci_low/high.

    `reach`: how many standard errors the band over the whole curve goes to both sides; drawn as thin lines.
    """
    marked = rows.sort("event_time").with_columns(
        *(
            (pl.col("estimate") + sign * reach * pl.col("std_error")).alias(name)
            for sign, name in ((-1, "band_low"), (1, "band_high"))
            if reach is not None
        ),
        pl.when(pl.col("event_time") < 0).then(pl.lit("before")).otherwise(pl.lit("since")).alias("phase"),
    )
    return _intervals(
        marked,
        x="event_time",
        title="periods since kick-off (0 is the first coached one)",
        unit=unit,
        description=f"{label}: effect by period since kick-off, with intervals; a dashed line marks no effect",
    )


def by_cohort(rows: pl.DataFrame, *, label: str, unit: Unit) -> str:
    """Effects by cohort with intervals, as an SVG element; needs cohort, estimate, ci_low and ci_high."""
    return _intervals(
        rows.with_columns(pl.lit("since").alias("phase")),
        x="cohort",
        title="cohort",
        unit=unit,
        description=f"{label}: effect by cohort, with intervals; a dashed line marks no effect",
    )


def _intervals(rows: pl.DataFrame, *, x: str, title: str, unit: Unit, description: str) -> str:
    import altair as alt

    numbers = [name for name in ("estimate", "ci_low", "ci_high", "band_low", "band_high") if name in rows.columns]
    scaled = rows.select(x, "phase", *((pl.col(name) * unit.factor).alias(name) for name in numbers))
    # By name: Altair copies a chart's data each time that it adds to the chart.
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=alt.X(f"{x}:O", title=title, sort=None, axis=alt.Axis(labelAngle=0)),
        color=alt.Color("phase:N", scale=alt.Scale(domain=["before", "since"], range=[BEFORE, EFFECT]), legend=None),
    )
    unit_word = f" ({unit.word})" if unit.word else ""
    bars = base.mark_rule(strokeWidth=2.5).encode(y=alt.Y("ci_low:Q", title=f"difference{unit_word}"), y2="ci_high:Q")
    points = base.mark_point(filled=True, size=80, opacity=1).encode(y="estimate:Q")
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=INK, strokeDash=[4, 3]).encode(y="zero:Q")
    layers = [zero, bars, points]
    if "band_low" in numbers:
        layers.insert(0, base.mark_rule(strokeWidth=1).encode(y="band_low:Q", y2="band_high:Q"))
    chart = (
        alt.layer(*layers)
        .properties(width=WIDTH, height=HEIGHT)
        .configure_view(stroke=None)
        .configure_axis(labelColor=INK, titleColor=INK, gridColor="#e4e7eb", labelFontSize=14, titleFontSize=13)
    )
    return _svg(chart, description, rows=scaled.to_dicts())


def power_curves(points: list[dict], *, marked: float | None = None) -> str:
    """Chance to find an effect by its size, one line per number of units, as an SVG file's text.

    `points` have effect, power, units and analysis (words); `marked` draws an upright line at an effect.
    """
    import altair as alt

    lines = (
        alt.Chart(alt.Data(values=points))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("effect:Q", title="true effect"),
            y=alt.Y("power:Q", title="chance to find it", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("units:N", title=None, sort=None, scale=alt.Scale(range=["#9aa5b1", EFFECT, "#1f4e79"])),
        )
    )
    rules = [{"power": 0.8}]
    chart = lines + alt.Chart(alt.Data(values=rules)).mark_rule(color=INK, strokeDash=[4, 3]).encode(y="power:Q")
    if marked is not None:
        chart += alt.Chart(alt.Data(values=[{"effect": abs(marked)}])).mark_rule(color=INK).encode(x="effect:Q")
    drawn = chart.properties(width=WIDTH, height=HEIGHT, title=f"Power, {points[0]['analysis']}").configure_view(
        stroke=None
    )
    return _svg(drawn, "Chance to find an effect by its size, for half, this and twice this many units")


def _svg(chart, description: str, **datasets: list[dict]) -> str:
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(json.dumps(chart.to_dict() | {"datasets": datasets}))
    svg = drawn[drawn.index("<svg") :]
    safe = description.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    # Scales with the page; the description is what a screen reader says.
    svg = re.sub(r'<svg class="marks" width="(\d+)" height="(\d+)"', r'<svg class="marks" data-w="\1" data-h="\2"', svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{safe}" ', 1)

"""Charts as SVG, rendered offline: Altair describes, vl-convert draws. They are readable without JavaScript."""

from __future__ import annotations

import json
import re
from datetime import date

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


def by_month(rows: pl.DataFrame, *, label: str, unit: Unit) -> str:
    """Effects on a share that is still there, by months since kick-off, with intervals, as an SVG element; needs
    event_time, estimate, ci_low and ci_high."""
    return _intervals(
        rows.sort("event_time").with_columns(pl.lit("since").alias("phase")),
        x="event_time",
        title="months since kick-off",
        unit=unit,
        description=f"{label}: effect by months since kick-off, with intervals; a dashed line marks no effect",
    )


def by_cohort(rows: pl.DataFrame, *, label: str, unit: Unit) -> str:
    """Effects by cohort with intervals, as an SVG element; needs cohort, estimate, ci_low and ci_high."""
    return _intervals(
        rows.with_columns(pl.col("cohort").str.replace_all("_", " "), pl.lit("since").alias("phase")),
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


SMALL_WIDTH, SMALL_HEIGHT = 250, 110


def levels(rows: pl.DataFrame, *, kickoffs: list[date], unit: Unit, label: str) -> str:
    """Means of both arms over time (columns when, arm, mean), kick-offs marked, as a small SVG element. `when` is a
    day, or the name of a window."""
    import altair as alt

    days_scale = alt.Scale(type="utc")  # days are days wherever the page is made
    is_day = rows.schema["when"] == pl.Date
    scaled = rows.with_columns(pl.col("when").cast(pl.String), mean=pl.col("mean") * unit.factor)
    x = (
        alt.X("when:T", title=None, scale=days_scale, axis=alt.Axis(format="%Y", tickCount="year"))
        if is_day
        else alt.X("when:O", title=None, sort=None, axis=alt.Axis(labelAngle=0))
    )
    lines = (
        alt.Chart(alt.NamedData("rows"))
        .mark_line(strokeWidth=2.5, point=True)
        .encode(
            x=x,
            y=alt.Y("mean:Q", title=None, scale=_wide_enough(scaled["mean"], unit), axis=alt.Axis(tickCount=4)),
            color=alt.Color("arm:N", scale=alt.Scale(domain=["pilot", "control"], range=[EFFECT, BEFORE]), legend=None),
        )
    )
    layers = [lines]
    if is_day and kickoffs:
        days = alt.Data(values=[{"when": str(day)} for day in kickoffs])
        layers.insert(
            0, alt.Chart(days).mark_rule(color=INK, strokeDash=[3, 3]).encode(x=alt.X("when:T", scale=days_scale))
        )
    description = f"{label}: level of pilot (green) and control (grey) over time; dashed lines mark kick-offs"
    return _svg(_small(alt.layer(*layers), SMALL_HEIGHT), description, rows=scaled.to_dicts())


LEAST_SPAN = 5.0  # of an axis, in points or percentage points: a tenth of one is no slope


def _wide_enough(means: pl.Series, unit: Unit):
    import altair as alt

    span = means.max() - means.min()
    if not unit.short or span >= LEAST_SPAN:
        return alt.Scale(zero=False)
    middle = (means.max() + means.min()) / 2
    return alt.Scale(domain=[middle - LEAST_SPAN / 2, middle + LEAST_SPAN / 2], nice=False)


def effect(row: dict, *, smallest: float | None, is_found: bool, unit: Unit, label: str) -> str:
    """One effect with its interval, zero and the smallest effect worth having marked, as a small SVG element; green
    where an effect was found."""
    import altair as alt

    marks = [{"at": 0.0, "name": "no effect"}]
    if smallest is not None:
        marks.append({"at": smallest * unit.factor, "name": "worth having"})
    one = [{name: row[name] * unit.factor for name in ("estimate", "ci_low", "ci_high")}]
    color = EFFECT if is_found else BEFORE
    base = alt.Chart(alt.NamedData("rows"))
    axis = alt.Axis(tickCount=4, labelOverlap=True, grid=False)
    rules = alt.Chart(alt.Data(values=marks)).encode(x=alt.X("at:Q", title=None, axis=axis))
    # A label of a mark in the right half stands to its left, or it would be cut.
    drawn = [mark["at"] for mark in marks] + list(one[0].values())
    middle = (min(drawn) + max(drawn)) / 2
    texts = [
        alt.Chart(alt.Data(values=[mark]))
        .mark_text(
            align="right" if mark["at"] > middle else "left",
            dx=-3 if mark["at"] > middle else 3,
            dy=dy,
            fontSize=11,
            color=INK,
        )
        .encode(x="at:Q", text="name:N", y=alt.value(0))
        for mark, dy in zip(marks, (-14, -2), strict=False)
    ]
    chart = alt.layer(
        rules.mark_rule(color=INK, strokeDash=[3, 3]),
        *texts,
        base.mark_rule(color=color, strokeWidth=4).encode(x="ci_low:Q", x2="ci_high:Q", y=alt.value(20)),
        base.mark_point(color=color, filled=True, size=110, opacity=1).encode(x="estimate:Q", y=alt.value(20)),
    )
    worth = "" if smallest is None else f"; worth having from {unit.with_word(smallest, signed=True)}"
    described = f"{label}: effect {unit.with_word(row['estimate'], signed=True)} with its interval{worth}"
    return _svg(_small(chart, SMALL_HEIGHT // 3), described, rows=one)


def _small(chart, height: int):
    return (
        chart.properties(width=SMALL_WIDTH, height=height)
        .configure_view(stroke=None)
        .configure_axis(labelColor=INK, gridColor="#e4e7eb", labelFontSize=12)
    )


def forest(rows: list[dict]) -> bytes:
    """Several effects on one scale, as the bytes of a PNG: `rows` have name, estimate, ci_low and ci_high, all in one
    unit; dashed lines mark 0 and 1."""
    import altair as alt
    import vl_convert

    base = alt.Chart(alt.NamedData("rows")).encode(y=alt.Y("name:N", title=None, sort=None))
    marks = alt.Chart(alt.Data(values=[{"at": 0}, {"at": 1}])).mark_rule(color=INK, strokeDash=[3, 3]).encode(x="at:Q")
    title = "effect ÷ minimum important difference, in the good direction"
    chart = (
        alt.layer(
            marks,
            base.mark_rule(color=EFFECT, strokeWidth=3).encode(x=alt.X("ci_low:Q", title=title), x2="ci_high:Q"),
            base.mark_point(color=EFFECT, filled=True, size=80, opacity=1).encode(x="estimate:Q"),
        )
        .properties(width=WIDTH, height=alt.Step(28))
        .configure_view(stroke=None)
        .configure_axis(labelColor=INK, titleColor=INK, gridColor="#e4e7eb", labelLimit=300)
    )
    return vl_convert.vegalite_to_png(
        json.dumps(chart.to_dict(validate=False) | {"datasets": {"rows": rows}}), scale=1.5
    )


LINES = ["#9aa5b1", EFFECT, "#1f4e79", "#b5651d"]  # of power curves, at most four


def power_curves(points: list[dict], description: str, *, marked: float | None = None) -> str:
    """Chance to find an effect by its size, one line per design, as an SVG file's text.

    `points` have effect, power, units (the name of the line) and analysis (words); `marked` draws an upright line at an
    effect; `description` is what a screen reader says.
    """
    import altair as alt

    lines = (
        alt.Chart(alt.Data(values=points))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("effect:Q", title="true effect"),
            y=alt.Y("power:Q", title="chance to find it", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("units:N", title=None, sort=None, scale=alt.Scale(range=LINES)),
        )
    )
    rules = [{"power": 0.8}]
    chart = lines + alt.Chart(alt.Data(values=rules)).mark_rule(color=INK, strokeDash=[4, 3]).encode(y="power:Q")
    if marked is not None:
        chart += alt.Chart(alt.Data(values=[{"effect": abs(marked)}])).mark_rule(color=INK).encode(x="effect:Q")
    drawn = chart.properties(width=WIDTH, height=HEIGHT, title=f"Power, {points[0]['analysis']}").configure_view(
        stroke=None
    )
    return _svg(drawn, description)


def _svg(chart, description: str, **datasets: list[dict]) -> str:
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(json.dumps(chart.to_dict(validate=False) | {"datasets": datasets}))
    svg = drawn[drawn.index("<svg") :]
    safe = description.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    # Scales with the page; the description is what a screen reader says.
    svg = re.sub(r'<svg class="marks" width="(\d+)" height="(\d+)"', r'<svg class="marks" data-w="\1" data-h="\2"', svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{safe}" ', 1)

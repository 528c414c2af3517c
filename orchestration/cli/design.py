"""`coaching design`: what a pilot of this size could see, before anybody is trained."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.table import Table

from orchestration.cli.terminal import WRONG, check_folder, fail, out

WORDS = {
    "difference": "after only",
    "difference_in_differences": "difference in differences",
    "ancova": "adjusted for the past",
}

DESCRIPTION = "Chance to find an effect by its size, for half, this and twice this many units"


# What is known of an organisation with a past: options of these that nobody gives are guessed.
GUESSED = ("people", "icc", "sd", "lasting_unit", "lasting_person", "uneven")


def design(  # noqa: PLR0913, PLR0917 – a command line has as many options as questions
    context: typer.Context,
    teams: Annotated[int, typer.Option(min=4, help="Units to be assigned, both arms together.")],
    people: Annotated[float, typer.Option(help="Answers expected per unit and wave.")] = 10,
    share: Annotated[float, typer.Option(help="Share of the units that is coached.")] = 0.5,
    icc: Annotated[float, typer.Option(help="How alike people of one unit are (0–1).")] = 0.10,
    sd: Annotated[float, typer.Option(help="Standard deviation between people, in the outcome's unit.")] = 1.0,
    effect: Annotated[float | None, typer.Option(help="An effect worth finding, in the outcome's unit.")] = None,
    before: Annotated[int, typer.Option(help="Waves before kick-off; of a difference in differences four count.")] = 2,
    after: Annotated[int, typer.Option(help="Waves after kick-off.")] = 4,
    lasting_unit: Annotated[float, typer.Option(help="Correlation of a unit's mean from wave to wave.")] = 0.8,
    lasting_person: Annotated[float, typer.Option(help="The same of a person; 0 for anonymous surveys.")] = 0.6,
    uneven: Annotated[float, typer.Option(help="Coefficient of variation of the units' sizes.")] = 0.4,
    alpha: Annotated[float, typer.Option(help="Two-sided level.")] = 0.05,
    picture: Annotated[Path | None, typer.Option(help="Where the power curves are drawn (SVG).")] = Path("design.svg"),
) -> None:
    """What a pilot could see: smallest effects, how many teams, how long. Ask it **before** the pilot.

    `coaching design --teams 40 --people 12 --sd 20 --effect 4`
    """
    from inference.power import Analysis, Plan

    try:
        plan = Plan(
            units=teams,
            people_per_unit=people,
            share_pilot=share,
            icc=icc,
            lasting_unit=lasting_unit,
            lasting_person=lasting_person,
            size_variation=uneven,
            waves_before=before,
            waves_after=after,
            alpha=alpha,
        )
    except ValueError as problem:
        raise fail(str(problem), WRONG) from None
    if not (sd > 0 and math.isfinite(sd)):
        raise fail("--sd must be positive and finite", WRONG)
    if effect is not None and not (math.isfinite(effect) and effect):
        raise fail("--effect must be finite and not 0", WRONG)
    if picture is not None:
        check_folder(picture, "--picture")
    analyses = [name for name in get_args(Analysis) if before or name == "difference"]
    pilot, control = plan.arms
    out.print(
        f"{pilot} coached and {control} other units of about {people:g} answers, {before} wave(s) before kick-off and "
        f"{after} after it; ICC {icc:g}, standard deviation {sd:g}.",
        highlight=False,
    )
    if (limit := _limit(plan, teams, before + after)) is not None:
        out.print(limit, style="yellow")
    out.print(_table_of(plan, analyses, sd, effect))
    if picture is not None:
        from publish.page.charts import power_curves

        picture.write_text(power_curves(_curves(plan, analyses, sd), DESCRIPTION, marked=effect), encoding="utf-8")
        out.print(f"Power curves: {picture}", highlight=False, soft_wrap=True)
    _show_guessed(context)
    out.print(
        "The first needs a random lot or arms that are alike, the second parallel trends, the third a random lot. An "
        "effect below its number is not excluded by a null.",
        style="dim",
    )


def _show_guessed(context: typer.Context) -> None:
    guessed = [name for name in GUESSED if context.get_parameter_source(name).name == "DEFAULT"]
    if guessed:
        words = ", ".join(f"--{name.replace('_', '-')} {context.params[name]:g}" for name in guessed)
        out.print(
            f"Guessed, not known of your organisation: {words}. From past waves coaching assign reads them.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )


def _limit(plan, teams: int, waves: int) -> str | None:
    """What so few units cannot give, in a sentence."""
    from inference.jackknife import MIN_UNITS
    from publish.catalogue import enough_units

    if min(plan.arms) < MIN_UNITS:
        return f"Fewer than {MIN_UNITS} units in an arm: no verdict will be given, whatever is found."
    if teams < (enough := enough_units(waves)):
        return (
            f"Fewer than {enough} units over {waves} waves: the headline and its curve are published; other "
            "estimators and segments would disclose single units and are withheld."
        )
    return None


def _table_of(plan, analyses: list[str], sd: float, effect: float | None) -> Table:
    """Per analysis the smallest effect that it finds, and what finding `effect` needs."""
    from inference.power import POWER

    table = Table(
        title=f"With a chance of {POWER:.0%} it finds …", title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column("analysis")
    table.add_column("effects from", justify="right")
    if effect is not None:
        table.add_column(f"chance to find {effect:g}", justify="right")
        table.add_column("units needed", justify="right")
        table.add_column("waves needed", justify="right")
    for name in analyses:
        cells = [WORDS[name], f"{plan.detectable(name) * sd:.3g}"]
        if effect is not None:
            wanted = abs(effect) / sd
            units, waves = plan.units_needed(wanted, name), plan.waves_needed(wanted, name)
            cells += [
                f"{plan.power(wanted, name):.0%}",
                "more than 2,000" if units is None else f"{units:,}",
                "never enough" if waves is None else str(waves),
            ]
        table.add_row(*cells)
    return table


def _curves(plan, analyses: list[str], sd: float) -> list[dict]:
    """Power by effect for this many units, half and twice as many, with the best analysis at hand."""
    best = analyses[-1]
    top = 2.2 * replace(plan, units=max(plan.units // 2, 4)).detectable(best)
    return [
        {
            "effect": step / 40 * top * sd,
            "power": replace(plan, units=units).power(step / 40 * top, best),
            "units": f"{units} units",
            "analysis": WORDS[best],
        }
        for units in sorted({max(plan.units // 2, 4), plan.units, 2 * plan.units})
        for step in range(41)
    ]

"""What a drawn pilot would see, judged by the organisation's own past: a table, and power curves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from rich.table import Table

import durable
from orchestration.cli.terminal import out

if TYPE_CHECKING:
    from orchestration.cli.assign import Asked, Lot

POWER = 0.8
CURVES = 4  # at most, of lengths of a pilot
DESCRIPTION = "Chance to find an effect by its size, by how long the pilot lasts"


def show_foretold(asked: Asked, lot: Lot, organisation, study, picture: Path | None) -> None:
    """Of each primary outcome and length of the pilot the effect that is found, and the chance to find what is worth
    having; the curves of the first one are drawn."""
    lengths = {metric: _lengths(metric, asked, lot, organisation) for metric in study.primary}
    lengths = {metric: found for metric, found in lengths.items() if found}
    if not lengths:
        return
    table = Table(title="\nWhat it would see", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("outcome", no_wrap=True)
    for heading in ("before", "after", f"found in {POWER:.0%}", "minimum important", "found in"):
        table.add_column(heading, justify="right")
    for metric, found in lengths.items():
        worth = _worth(study, metric)
        for one in found:
            level = _level(one.after, study)
            chance = "" if worth is None else f"{one.found.power(worth, alpha=level):.0%}"
            smallest = one.found.detectable(alpha=level, power=POWER)
            cells = [f"{smallest:.3g}" if np.isfinite(smallest) else "never", "" if worth is None else f"{worth:g}"]
            table.add_row(metric, str(one.before), str(one.after), *cells, chance)
    out.print(table)
    out.print(
        "Before and after: months or quarters, as the outcome is asked. The lot was drawn anew over the past as if the "
        "kick-off had been then. Found: at the last analysis of a pilot of that length, at the level that is left of "
        f"{study.alpha:g} for one of {len(study.primary)} primary outcome(s) and an analysis in each period. Longer "
        "pilots than the past can hold: coaching design.",
        style="dim",
        highlight=False,
    )
    if picture is not None:
        from publish.page.charts import power_curves

        metric, found = next(iter(lengths.items()))
        drawing = power_curves(_curves(metric, found, organisation, study), DESCRIPTION, marked=_worth(study, metric))
        durable.replace_text(picture, drawing, mode=0o644)
        out.print(f"Power curves of {metric}: {picture}", highlight=False, soft_wrap=True)


def _worth(study, metric: str) -> float | None:
    return next(one.minimum_important_difference for one in study.outcomes if one.metric == metric)


def _level(after: int, study) -> float:
    """The level of one primary outcome at the last of so many analyses: alpha spent over them, Holm's first step."""
    from study.interim import analysis_at

    n_primary = len(study.primary)
    return analysis_at(after, after, alpha=study.alpha, n_primary=n_primary).alpha / n_primary


def _lengths(metric: str, asked: Asked, lot: Lot, organisation) -> list:
    """What lots over the past found, for pilots of each length; says why where there is nothing to say."""
    from inference.lot import strata as strata_of
    from inference.past import by_length
    from inference.unit_panels import panel_from_cells

    cells = organisation.cells_of(lot.units, metric)
    if organisation.first_kickoff is not None:  # what came after is no past without a programme
        cells = cells.filter(pl.col("period_start") < organisation.first_kickoff)
    if cells.is_empty():
        out.print(
            f"{metric}: units have no averages of it from before a kick-off (retention never has); what a pilot would "
            "see is not known.",
            highlight=False,
            soft_wrap=True,
        )
        return []
    indexed = panel_from_cells(cells, organisation.period_of(metric))
    panel = _of_all_units(indexed, lot.units)
    n_seen = len(indexed.units)
    if n_seen < lot.units.height:
        out.print(f"{metric}: {n_seen} of {lot.units.height} units have answers.", style="yellow", highlight=False)
    labels = None if asked.strata is None else lot.units[asked.strata].fill_null("").to_list()

    def stratum_of(past: np.ndarray) -> np.ndarray:
        if metric not in asked.pairs:
            return lot.number
        return strata_of(past.size, len(asked.kickoffs), asked.per_cohort, labels=labels, past=past)

    try:
        found = by_length(
            panel,
            stratum_of,
            most=indexed.calendar.year,
            starts=_starts(asked.kickoffs, indexed.calendar.months),
            per_cohort=asked.per_cohort,
            rng=np.random.default_rng(0),
        )
    except ValueError as problem:
        out.print(f"{metric}: what a pilot would see is not known: {problem}.", highlight=False, soft_wrap=True)
        return []
    _show_alike(metric, indexed)
    return found


def _of_all_units(indexed, units: pl.DataFrame):
    """The panel with a row for each unit that was drawn from, those without answers too."""
    from inference.panel import NEVER, Panel

    place = {unit: row for row, unit in enumerate(units["unit"])}
    rows = [place[unit] for unit in indexed.units]
    n, total = np.zeros((2, units.height, indexed.panel.n_periods))
    n[rows], total[rows] = indexed.panel.n, indexed.panel.total
    people = np.zeros(units.height)
    people[rows] = indexed.panel.people
    return Panel(n, total, np.full(units.height, NEVER), people)


def _starts(kickoffs: Sequence[date], months: int) -> list[int]:
    """How many periods after the first cohort each begins: in the first period that lies wholly after its kick-off."""
    whole = [day.year * 12 + day.month - 1 + (day.day > 1) for day in kickoffs]
    periods = [-(-month // months) for month in whole]
    return [period - periods[0] for period in periods]


def _curves(metric: str, lengths: list, organisation, study) -> list[dict]:
    """Points of at most CURVES lengths, up to twice what the longest finds."""
    longest = lengths[-1]
    top = 2 * longest.found.detectable(alpha=_level(longest.after, study), power=POWER)
    top = top if np.isfinite(top) else 10 * float(np.nanmedian(longest.found.std_error))
    period = organisation.period_of(metric)
    drawn = sorted({round(place) for place in np.linspace(0, len(lengths) - 1, CURVES)})
    return [
        {
            "effect": effect,
            "power": one.found.power(effect, alpha=_level(one.after, study)),
            "units": f"{one.after} {period}{'s' if one.after > 1 else ''}",
            "analysis": metric,
        }
        for one in (lengths[place] for place in drawn)
        for effect in np.linspace(0, top, 41).tolist()
    ]


def _show_alike(metric: str, indexed) -> None:
    """What `coaching design` has to guess without a past."""
    from inference.power import intraclass_correlation

    panel = indexed.panel
    last = np.flatnonzero(panel.observed)[-1]
    alike = intraclass_correlation(panel.n[:, last], panel.total[:, last], indexed.centred_squares[:, last])
    sizes = panel.n[:, last][panel.n[:, last] > 0]
    if alike is not None:
        out.print(
            f"{metric}, newest period: --icc {alike.icc:.2f} --sd {alike.sd:.3g} --people {sizes.mean():.1f} --uneven "
            f"{sizes.std() / sizes.mean():.2f}",
            highlight=False,
            soft_wrap=True,
        )

"""`coaching pool`: the effect over several pilots or countries, from their releases alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from orchestration.cli.terminal import WRONG, fail, out

if TYPE_CHECKING:
    from publish.meta_analysis import PooledOutcome


def pool(
    releases: Annotated[list[Path], typer.Argument(help="Release folders of different pilots: W/releases/current …")],
) -> None:
    """Combine released headlines of several pilots: the mean effect, how far pilots differ, what the next may find."""
    from publish.meta_analysis import CannotPool, pool_releases

    try:
        found = pool_releases(releases)
    except CannotPool as problem:
        raise fail(str(problem), WRONG) from None
    for number, folder in enumerate(releases, 1):
        out.print(f"{number}: {folder}", markup=False, highlight=False, soft_wrap=True)
    for outcome in found:
        out.print(_table(outcome))
        for number, why in outcome.left_out:
            out.print(f"  {number} {why}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if not found:
        out.print("None of these releases has a primary outcome.", style="yellow")
    if any("volunteered" in outcome.pilots["design"] for outcome in found):
        out.print(
            "Units of a volunteered pilot were not drawn: pooling makes what they share more precise, a bias too.",
            style="dim",
        )


def _table(outcome: PooledOutcome) -> Table:
    from inference.meta_analysis import FEW_TO_PREDICT
    from publish.page.wording import unit_of

    unit = unit_of(outcome.written_as, outcome.unit, error=outcome.pilots["std_error"].min())
    title = escape(f"{outcome.label} ({unit.word or outcome.unit})")
    table = Table(title=title, title_justify="left", box=None)
    for heading, justify in (("", "left"), ("effect", "right"), ("95 % interval", "right")):
        table.add_column(heading, justify=justify)

    def row(name: str, effect: float | None, low: float, high: float) -> None:
        ends = f"{unit.number(low, signed=True)} to {unit.number(high, signed=True)}"
        table.add_row(name, "" if effect is None else unit.number(effect, signed=True), ends)

    for one in outcome.pilots.iter_rows(named=True):
        row(f"{one['release']} ({one['design']})", one["estimate"], one["ci_low"], one["ci_high"])
    if outcome.pooled is None:
        table.add_row("fewer than two are comparable", "", "")
        return table
    pooled = outcome.pooled
    row(f"all {pooled.n}", pooled.estimate, pooled.ci_low, pooled.ci_high)
    if pooled.predicted:
        row("the next pilot's", None, *pooled.predicted)
    else:
        table.add_row(f"the next pilot's: from {FEW_TO_PREDICT} pilots on", "", "")
    table.add_row("true effects differ by (standard deviation)", unit.number(pooled.tau), "")
    return table

"""`coaching assign`: draw the pilot by lot, seal the list before kick-off, and say what it would see."""

from __future__ import annotations

import csv
import hashlib
import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
import typer
from rich.table import Table

import durable
from orchestration.cli.terminal import BROKEN, BUSY, HERE, WRONG, WorkspaceOption, fail, opened, out, parse_day
from study.strict_yaml import ConfigError

HEADINGS = ("Team ID", "Stratum", "Wave", "Arm", "Kick-off", "Coach Employee ID", "Training completed")  # roster_table
POWER = 0.8
DESCRIPTION = "Chance to find an effect by its size, by how long the pilot lasts"
BY_NAME = ("team", "department", "site")


def wave_of(kickoff: date) -> str:
    """The name of the cohort that is coached from a day on: that of no other lot."""
    return f"wave_{kickoff:%Y_%m_%d}"


@dataclass(frozen=True)
class Lot:
    """What was drawn: of each unit its stratum (words) and cohort (0: the hold-out)."""

    units: pl.DataFrame
    stratum: np.ndarray
    cohort: np.ndarray
    kickoffs: list[date]

    @property
    def rows(self) -> list[tuple]:
        """Of the roster file, in the order of the units' names."""
        found = []
        for unit, stratum, cohort in zip(self.units["unit"], self.stratum, self.cohort, strict=True):
            if cohort:
                day = self.kickoffs[cohort - 1]
                arm = (wave_of(day), "Pilot", day.isoformat())
            else:
                arm = ("control", "Control", "")
            found.append((unit, stratum, *arm, "", ""))
        return found


def assign(  # noqa: PLR0913, PLR0917 – a command line has as many options as questions
    kickoff: Annotated[str, typer.Option(help="First day of coaching of the first cohort: 2026-03-01.")],
    per_cohort: Annotated[int, typer.Option(min=1, help="Units in each cohort.")],
    cohorts: Annotated[int, typer.Option(min=1, help="Cohorts that start one after the other; the rest waits.")] = 1,
    months_between: Annotated[int, typer.Option(min=1, help="Months from one cohort's kick-off to the next.")] = 3,
    strata: Annotated[
        Literal["site", "department"] | None, typer.Option(help="Draw within these, each with its share.")
    ] = None,
    pairs: Annotated[
        list[str] | None, typer.Option(help="Draw within blocks of units alike in the past of this outcome.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="A unit that is left out, with the reason: T012=merges in May.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed draws the same lot (default: a new one).")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day to look from (default: today).")] = None,
    picture: Annotated[Path | None, typer.Option(help="Where the power curves are drawn (SVG).")] = Path("assign.svg"),
    workspace: WorkspaceOption = HERE,
) -> None:
    """Draw who is coached when, by lot, from the organisation as it is. The list is sealed before kick-off.

    `coaching assign --cohorts 3 --per-cohort 12 --kickoff 2026-03-01 --pairs engagement_score -w my-org`
    """
    from inference import lot as lots
    from ingest.pseudonyms import KeyMissing, Pseudonyms
    from orchestration import machine
    from orchestration.lock import WorkspaceBusy
    from orchestration.planning import read_organisation
    from orchestration.restating import CannotRestate
    from study.model import load_study

    there = opened(workspace)
    day, start = parse_day(as_of) or date.today(), parse_day(kickoff, "--kickoff")
    if start <= day:
        raise fail(f"--kickoff {start}: a lot is drawn before the kick-off, and {day} is not before it", WRONG)
    if picture is not None and not picture.absolute().parent.is_dir():
        raise fail(f"--picture {picture}: there is no folder {picture.absolute().parent}", WRONG)
    try:
        study = load_study(there.study)
        _check_study(study)
        machine.check()
        Pseudonyms.from_environment(there.key_file)
        lots.check_cohorts(cohorts, per_cohort)
        excluded = dict(_reasons(exclude or []))
        organisation = read_organisation(there, str(day))
        units = _eligible(organisation.units, excluded)
        lots.check(units.height, cohorts, per_cohort)
        labels = _labels(units, strata, pairs)
        number = lots.strata(
            units.height, cohorts, per_cohort, labels=labels, past=_past(organisation, units, pairs or [])
        )
        is_kept = units["stratum"].null_count() < units.height
        stratum = np.array(labels) if is_kept else np.array([f"stratum {one + 1:02d}" for one in number])
        chosen = secrets.randbits(32) if seed is None else seed
        cohort = lots.draw(number, cohorts, per_cohort, np.random.default_rng(chosen))
    except (ConfigError, KeyMissing, ValueError) as problem:
        raise fail(str(problem), WRONG) from None
    except WorkspaceBusy as busy:
        raise fail(str(busy), BUSY) from None
    except CannotRestate as problem:
        raise fail(str(problem), BROKEN) from None
    lot = Lot(units, stratum, cohort, [_months_later(start, k * months_between) for k in range(cohorts)])
    file = _seal(
        there,
        lot,
        seed=chosen,
        as_of=str(day),
        drawn_within={"strata": strata, "pairs": pairs or [], "months_between": months_between},
        excluded=excluded,
    )
    _show(lot, organisation, study, months_between, picture=picture, pairs=pairs or [], strata=strata)
    out.print(
        f"\nDrawn with seed {chosen}, written to {file} and sealed in the ledger. The next run reads it.",
        highlight=False,
        soft_wrap=True,
    )
    if study.assignment.design != "randomised":
        out.print("Write `design: randomised` under `assignment` in study.yml: the lot decides now.", style="yellow")


def _check_study(study) -> None:
    if study.assignment.unit not in BY_NAME:
        raise ConfigError(
            f"units of the kind {study.assignment.unit} are people, whose ids nobody can read any more once they are "
            f"loaded: a lot is drawn of {', '.join(BY_NAME)}"
        )
    if study.assignment.source != "roster":
        raise ConfigError("study.yml lists the units itself; a lot is written as a roster: set `source: roster`")


def _reasons(words: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        unit, _, reason = word.partition("=")
        if not (unit.strip() and reason.strip()):
            raise ConfigError(f"--exclude {word}: give the unit and the reason, as T012=merges in May")
        yield unit.strip(), reason.strip()


def _eligible(units: pl.DataFrame, excluded: dict[str, str]) -> pl.DataFrame:
    """The units that can be drawn; the others are printed with the reason."""
    from inference.lot import why_not

    if unknown := sorted(set(excluded) - set(units["unit"])):
        raise ConfigError(f"--exclude {', '.join(unknown)}: no unit of this name has anybody in it")
    units = units.with_columns(reason=pl.Series(why_not(units, excluded), dtype=pl.String))
    left_out = units.filter(pl.col("reason") != "")
    if left_out.height:
        out.print(f"{left_out.height} of {units.height} units cannot be drawn:", highlight=False)
        for unit, reason in left_out.select("unit", "reason").iter_rows():
            out.print(f"  {unit}: {reason}", highlight=False, markup=False, soft_wrap=True)
    return units.filter(pl.col("reason") == "")


def _labels(units: pl.DataFrame, strata: str | None, pairs: list[str] | None) -> list[str] | None:
    """The declared strata: those of an earlier lot where there was one, beside whose hold-out all are compared."""
    if units["stratum"].null_count() < units.height:
        if strata or pairs:
            raise ConfigError(
                "these units are in the strata of an earlier lot and are drawn within them; leave out --strata and "
                "--pairs"
            )
        return units["stratum"].fill_null("new").to_list()
    return None if strata is None else units[strata].fill_null("").to_list()


def _past(organisation, units: pl.DataFrame, metrics: list[str]) -> np.ndarray | None:
    """What the units' past was (units × metrics): the mean over the last year."""
    from inference.unit_panels import panel_from_cells

    found = []
    for metric in metrics:
        cells = _cells_of(organisation, units, metric)
        if cells.is_empty():
            raise ConfigError(f"--pairs {metric}: no unit has a past of it")
        indexed = panel_from_cells(cells, _period_of(organisation, metric))
        last = slice(-indexed.calendar.year, None)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = indexed.panel.total[:, last].sum(axis=1) / indexed.panel.n[:, last].sum(axis=1)
        by_unit = dict(zip(indexed.units, means, strict=True))
        found.append([by_unit.get(unit, np.nan) for unit in units["unit"]])
    return np.array(found).T if found else None


def _cells_of(organisation, units: pl.DataFrame, metric: str) -> pl.DataFrame:
    return organisation.cells.filter(
        (pl.col("metric") == metric) & (pl.col("n_observed") > 0) & pl.col("unit_id").is_in(units["unit"].implode())
    )


def _period_of(organisation, metric: str) -> str:
    return organisation.outcomes.filter(pl.col("metric") == metric)["period"].item()


def _months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last of a shorter month."""
    return pl.Series([day]).dt.offset_by(f"{months}mo").item()


def _seal(there, lot: Lot, **facts) -> Path:
    """Write the roster, then the ledger: a list that the ledger does not know was not drawn."""
    from publish import ledger

    lines = [HEADINGS, *lot.rows]
    digest = hashlib.sha256(repr(lines).encode()).hexdigest()
    file = there.inbox / "roster" / f"drawn_{facts['as_of']}_{digest[:8]}.csv"
    if file.exists():
        raise fail(f"{file} is there already: this very lot was drawn before", WRONG)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    durable.replace_text(file, text.getvalue())
    ledger.append(
        there.ledger,
        "drawn",
        file=file.name,
        file_sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        kickoffs=lot.kickoffs,
        lot={row[0]: row[4] for row in lot.rows},
        **facts,
    )
    return file


def _show(lot: Lot, organisation, study, months_between: int, *, picture, pairs: list[str], strata: str | None) -> None:
    """Who was drawn, how alike the arms are, and what the pilot would see."""
    out.print(_table_of_arms(lot, organisation, study))
    out.print(
        "Size and past: the difference from the hold-out, in standard deviations between units.",
        style="dim",
        highlight=False,
    )
    if organisation.stayed is not None:
        out.print(f"Of the people of a year ago {organisation.stayed:.0%} are still there.", highlight=False)
    table = Table(
        title="\nWhat it would see, judged by your own past", title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column("outcome", no_wrap=True)
    for heading in ("before", "after", f"found in {POWER:.0%}", "minimum important", "found in"):
        table.add_column(heading, justify="right")
    points = []
    for metric in study.primary:
        points += _power_of(metric, lot, organisation, study, months_between, table, pairs=pairs, strata=strata)
    out.print(table)
    out.print(
        "Before and after: periods of the outcome (months or quarters). The lot was drawn anew over the past as if the "
        "kick-off had been then; longer pilots than the past can hold: coaching design.",
        style="dim",
        highlight=False,
    )
    if picture is not None and points:
        from publish.page.charts import power_curves

        first = [point for point in points if point["analysis"] == points[0]["analysis"]]
        picture.write_text(power_curves(first, DESCRIPTION), encoding="utf-8")
        out.print(f"Power curves of {points[0]['analysis']}: {picture}", highlight=False, soft_wrap=True)


def _table_of_arms(lot: Lot, organisation, study) -> Table:
    from inference.lot import differences

    shown = [metric for metric in study.primary if _cells_of(organisation, lot.units, metric).height]
    people = lot.units["n_people"].to_numpy()
    apart = differences(
        lot.cohort, np.column_stack([people, *(_past(organisation, lot.units, [metric])[:, 0] for metric in shown)])
    )
    table = Table(title="\nDrawn", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("cohort", no_wrap=True)
    table.add_column("kick-off", no_wrap=True)
    for heading in ("units", "people", "size", *shown):
        table.add_column(heading, justify="right")
    for cohort, day in enumerate(["", *map(str, lot.kickoffs)]):
        mine = lot.cohort == cohort
        cells = [f"{value:+.2f}" for value in apart[cohort - 1]] if cohort else []
        table.add_row(
            wave_of(lot.kickoffs[cohort - 1]) if cohort else "hold-out",
            day,
            str(mine.sum()),
            f"{people[mine].sum():,}",
            *cells,
        )
    return table


def _power_of(
    metric: str,
    lot: Lot,
    organisation,
    study,
    months_between: int,
    table: Table,
    *,
    pairs: list[str],
    strata: str | None,
) -> list[dict]:
    """A row of `table` per length of the pilot; the points of its curves."""
    from inference.lot import strata as strata_of
    from inference.past import by_length
    from inference.unit_panels import panel_from_cells

    cells = _cells_of(organisation, lot.units, metric)
    if cells.is_empty():
        out.print(f"{metric}: no unit has a past of it; what a pilot would see of it is not known.", highlight=False)
        return []
    indexed = panel_from_cells(cells, _period_of(organisation, metric))
    with_past = lot.units["unit"].is_in(indexed.units).to_numpy()
    per_cohort = int((lot.cohort == 1).sum())
    labels = None if strata is None else lot.units[strata].fill_null("").filter(with_past).to_list()

    def stratum_of(past: np.ndarray) -> np.ndarray:
        if metric not in pairs:
            return np.unique(lot.stratum[with_past], return_inverse=True)[1]
        return strata_of(past.size, len(lot.kickoffs), per_cohort, labels=labels, past=past)

    try:
        lengths = by_length(
            indexed.panel,
            stratum_of,
            most=indexed.calendar.year,
            starts=[-(-k * months_between // indexed.calendar.months) for k in range(len(lot.kickoffs))],
            per_cohort=per_cohort,
            rng=np.random.default_rng(0),
        )
    except ValueError as problem:
        out.print(f"{metric}: what a pilot would see of it is not known: {problem}.", highlight=False, soft_wrap=True)
        return []
    _show_alike(metric, indexed)
    worth = next(one.minimum_important_difference for one in study.outcomes if one.metric == metric)
    points = []
    for before, after, found in lengths:
        smallest = found.detectable(alpha=study.alpha, power=POWER)
        chance = "" if worth is None else f"{found.power(worth, alpha=study.alpha):.0%}"
        table.add_row(metric, str(before), str(after), f"{smallest:.3g}", "" if worth is None else f"{worth:g}", chance)
        points += [
            {
                "effect": effect,
                "power": found.power(effect, alpha=study.alpha),
                "units": f"{after} {'periods' if after > 1 else 'period'} after",
                "analysis": metric,
            }
            for effect in np.linspace(0, 2 * smallest, 41).tolist()
        ]
    return points


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

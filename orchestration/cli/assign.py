"""`coaching assign`: draw the pilot by lot, seal the list before kick-off, and say what it would see."""

from __future__ import annotations

import csv
import hashlib
import io
import secrets
from collections.abc import Iterator, Sequence
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
BY_NAME = ("team", "department", "site")


def wave_of(kickoff: date) -> str:
    """The name of the cohort that is coached from a day on."""
    return f"wave_{kickoff:%Y_%m_%d}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The pilot that is asked for: a kick-off per cohort, units in each, and within what they are drawn."""

    kickoffs: tuple[date, ...]
    per_cohort: int
    strata: str | None
    pairs: tuple[str, ...]


@dataclass(frozen=True)
class Lot:
    """What was drawn: of each unit its stratum (words) and cohort (0: the hold-out)."""

    units: pl.DataFrame
    stratum: np.ndarray
    number: np.ndarray  # of the stratum, from 0
    cohort: np.ndarray
    kickoffs: tuple[date, ...]

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
        list[str] | None,
        typer.Option(help="A unit that is left out, with the reason and no names of people: T012=merges."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed draws the same lot (default: a new one).")
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="The day to look from (default: today).")] = None,
    picture: Annotated[Path | None, typer.Option(help="Where the power curves are drawn (SVG).")] = Path("assign.svg"),
    workspace: WorkspaceOption = HERE,
) -> None:
    """Draw who is coached when, by lot, from the organisation as it is. The list is sealed before kick-off.

    `coaching assign --cohorts 3 --per-cohort 12 --kickoff 2026-03-01 --pairs engagement_score -w my-org`
    """
    from ingest.pseudonyms import KeyMissing
    from orchestration.lock import WorkspaceBusy
    from orchestration.restating import CannotRestate
    from study.model import load_study

    there = opened(workspace)
    day, start = parse_day(as_of) or date.today(), parse_day(kickoff, "--kickoff")
    if start <= day:
        raise fail(f"--kickoff {start}: a lot is drawn before the kick-off, and {day} is not before it", WRONG)
    if picture is not None and (picture.is_dir() or not picture.absolute().parent.is_dir()):
        raise fail(f"--picture {picture}: there is no folder {picture.absolute().parent}, or it is one itself", WRONG)
    chosen = secrets.randbits(32) if seed is None else seed
    asked = Asked(
        kickoffs=tuple(_months_later(start, k * months_between) for k in range(cohorts)),
        per_cohort=per_cohort,
        strata=strata,
        pairs=tuple(pairs or ()),
    )
    try:
        study = load_study(there.study)
        _check_study(study)
        organisation, file = _assign(there, study, asked, str(day), exclude or [], chosen, picture)
    except (ConfigError, KeyMissing, ValueError) as problem:
        raise fail(str(problem), WRONG) from None
    except WorkspaceBusy as busy:
        raise fail(str(busy), BUSY) from None
    except (CannotRestate, OSError) as problem:
        raise fail(str(problem), BROKEN) from None
    out.print(
        f"\nDrawn with seed {chosen}, sealed in the ledger and written to {file}. The next run reads it.",
        highlight=False,
        soft_wrap=True,
    )
    _show_warnings(start, study, organisation)


def _assign(there, study, asked: Asked, day: str, exclude: list[str], seed: int, picture: Path | None) -> tuple:
    """The organisation that was drawn from, and the roster that was written; the workspace is held all the time."""
    from inference.lot import check_cohorts
    from ingest.pseudonyms import Pseudonyms
    from orchestration import machine
    from orchestration.lock import hold
    from orchestration.planning import read_organisation

    machine.check()
    Pseudonyms.from_environment(there.key_file)
    check_cohorts(len(asked.kickoffs), asked.per_cohort)
    with hold(there.lock, run_id="assign"):
        organisation = read_organisation(there, day)
        excluded = dict(_reasons(exclude, organisation.units["unit"].to_list()))
        units = _eligible(organisation.units, excluded)
        lot = _draw(asked, organisation, units, np.random.default_rng(seed))
        _show(asked, lot, organisation, study, picture)
        # Last of all: whatever goes wrong before leaves nothing behind.
        return organisation, _seal(there, lot, asked, seed=seed, as_of=day, excluded=excluded)


def _show_warnings(start: date, study, organisation) -> None:
    if start <= date.today():
        out.print(f"The kick-off was on {start}: the ledger shows that this was drawn afterwards.", style="yellow")
    if study.assignment.design != "randomised":
        out.print("Write `design: randomised` under `assignment` in study.yml: the lot decides now.", style="yellow")
    chosen_by_hand = organisation.units.filter(pl.col("cohort").is_not_null() & pl.col("stratum").is_null()).height
    if chosen_by_hand:
        out.print(
            f"{chosen_by_hand} unit(s) are in cohorts that no lot gave them. With `design: randomised` they count as "
            "drawn, and they were not: give the lot a study of its own, without them.",
            style="yellow",
            soft_wrap=True,
        )


def _draw(asked: Asked, organisation, units: pl.DataFrame, rng: np.random.Generator) -> Lot:
    from inference import lot as lots

    cohorts = len(asked.kickoffs)
    lots.check(units.height, cohorts, asked.per_cohort)
    labels = _labels(units, asked)
    number = lots.strata(
        units.height, cohorts, asked.per_cohort, labels=labels, past=_past(organisation, units, asked.pairs)
    )
    is_later = units["stratum"].null_count() < units.height
    stratum = labels if is_later else [f"stratum {one + 1:02d} of {asked.kickoffs[0]}" for one in number]
    return Lot(units, np.array(stratum), number, lots.draw(number, cohorts, asked.per_cohort, rng), asked.kickoffs)


def _check_study(study) -> None:
    if study.assignment.unit not in BY_NAME:
        raise ConfigError(
            f"units of the kind {study.assignment.unit} are people, whose ids nobody can read any more once they are "
            f"loaded: a lot is drawn of {', '.join(BY_NAME)}"
        )
    if study.assignment.source != "roster":
        raise ConfigError("study.yml lists the units itself; a lot is written as a roster: set `source: roster`")


def _reasons(words: list[str], names: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        # A name may have the sign itself.
        unit = max((name for name in names if word.startswith(f"{name}=")), key=len, default=None)
        if unit is None and "=" in word:
            raise ConfigError(f"--exclude {word}: no unit of the name {word.partition('=')[0]} has anybody in it")
        if unit is None or not word[len(unit) + 1 :].strip():
            raise ConfigError(f"--exclude {word}: give the unit and the reason, as T012=merges in May")
        yield unit, word[len(unit) + 1 :].strip()


def _eligible(units: pl.DataFrame, excluded: dict[str, str]) -> pl.DataFrame:
    """The units that can be drawn; the others are printed with the reason."""
    from inference.lot import why_not

    held = units.filter(pl.col("stratum").is_not_null() & pl.col("unit").is_in(list(excluded)))
    if held.height:
        raise ConfigError(
            f"--exclude {', '.join(held['unit'])}: is in the hold-out of an earlier lot, and is compared with who "
            "is drawn next"
        )
    units = units.with_columns(reason=pl.Series(why_not(units, excluded), dtype=pl.String))
    left_out = units.filter(pl.col("reason") != "")
    if left_out.height:
        out.print(f"{left_out.height} of {units.height} units cannot be drawn:", highlight=False)
        for unit, reason in left_out.select("unit", "reason").iter_rows():
            out.print(f"  {unit}: {reason}", highlight=False, markup=False, soft_wrap=True)
    return units.filter(pl.col("reason") == "")


def _labels(units: pl.DataFrame, asked: Asked) -> list[str] | None:
    """The declared strata: those of an earlier lot where there was one, beside whose hold-out all are compared."""
    if units["stratum"].null_count() < units.height:
        if asked.strata or asked.pairs:
            raise ConfigError(
                "these units are in the strata of an earlier lot and are drawn within them; leave out --strata and "
                "--pairs"
            )
        return units["stratum"].fill_null(f"new before {asked.kickoffs[0]}").to_list()
    return None if asked.strata is None else units[asked.strata].fill_null("").to_list()


def _past(organisation, units: pl.DataFrame, metrics: Sequence[str]) -> np.ndarray | None:
    """What the units' past was (units × metrics): the mean over the last year."""
    from inference.unit_panels import panel_from_cells

    found = []
    for metric in metrics:
        cells = organisation.cells_of(units, metric)
        if cells.is_empty():
            raise ConfigError(
                f"--pairs {metric}: no unit has a past of it; what study.yml asks and can be averaged by unit: "
                + ", ".join(sorted(organisation.cells["metric"].unique()))
            )
        indexed = panel_from_cells(cells, organisation.period_of(metric))
        last = slice(-indexed.calendar.year, None)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = indexed.panel.total[:, last].sum(axis=1) / indexed.panel.n[:, last].sum(axis=1)
        by_unit = dict(zip(indexed.units, means, strict=True))
        found.append([by_unit.get(unit, np.nan) for unit in units["unit"]])
    return np.array(found).T if found else None


def _months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last of a shorter month."""
    return pl.Series([day]).dt.offset_by(f"{months}mo").item()


def _seal(there, lot: Lot, asked: Asked, **facts) -> Path:
    """Write the ledger, then the roster: a list that the ledger does not know was not drawn."""
    from publish import ledger

    number = 1 + sum(event["event"] == "drawn" for event in ledger.read(there.ledger))
    # Lists that arrive together are read in the order of their names.
    file = there.inbox / "roster" / f"drawn_{facts['as_of']}_{number:03d}.csv"
    if file.exists():
        raise ConfigError(f"{file} is there already, and the ledger does not know it")
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([HEADINGS, *lot.rows])
    ledger.append(
        there.ledger,
        "drawn",
        file=file.name,
        file_sha256=hashlib.sha256(written.getvalue().encode()).hexdigest(),
        kickoffs=[str(day) for day in asked.kickoffs],
        drawn_within={"strata": asked.strata, "pairs": list(asked.pairs)},
        lot={row[0]: (row[4], row[1]) for row in lot.rows},
        **facts,
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    durable.replace_text(file, written.getvalue())
    return file


def _show(asked: Asked, lot: Lot, organisation, study, picture: Path | None) -> None:
    """Who was drawn, how alike the arms are, and what the pilot would see."""
    from orchestration.cli.foretold import show_foretold

    out.print(_table_of_arms(lot, organisation, study))
    out.print(
        "Size and past: the difference from the hold-out, in standard deviations between units.",
        style="dim",
        highlight=False,
    )
    if organisation.stayed is not None:
        out.print(f"Of the people of a year ago {organisation.stayed:.0%} are still there.", highlight=False)
    show_foretold(asked, lot, organisation, study, picture)


def _table_of_arms(lot: Lot, organisation, study) -> Table:
    from inference.lot import differences

    shown = [metric for metric in study.primary if organisation.cells_of(lot.units, metric).height]
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

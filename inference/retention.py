"""The lines of an outcome that is a time: who stayed, how long, why others left, and how fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from inference import aggregations, att, life_tables
from inference.jackknife import MIN_UNITS
from inference.judging import (
    JACKKNIFE,
    NEWEST,
    Arms,
    Line,
    Question,
    arms_of,
    in_order,
    judge,
)
from inference.life_tables import LifeTable, Statistic
from inference.panel import NEVER, Panel
from inference.results import NotEstimable

WITHOUT_CHOICE = ("involuntary", "other")
BY_CHOICE = "not_left_by_choice"  # the measure in which only those who chose to leave have left
CAUSES = ("voluntary", "involuntary", "other", "regretted")  # of which regretted is a part of voluntary
PLAIN = "life_table_difference"  # of the shares that stayed, after kick-off only
Windows = list[tuple[LifeTable, LifeTable | None]]


@dataclass(frozen=True)
class Measure:
    """A statistic of a life table, under the name of its estimator and in the words of its method."""

    prefix: str
    words: str
    of: Statistic


def measures(cells: pl.DataFrame) -> list[Measure]:
    """The share that stayed first, then months stayed and the share that left by cause, as far as cells hold causes."""

    def left_for(cause: str) -> Statistic:
        return lambda table, member: table.left_for(cause, member)

    counted = {cause: cells[f"n_{cause}"].sum() for cause in CAUSES if f"n_{cause}" in cells.columns}
    n_left = cells["n_events"].sum()
    # One cause of all is the share that stayed, the other way round.
    causes = [cause for cause, n in counted.items() if 0 < n < n_left]
    return [
        Measure("life_table", "Kaplan–Meier", LifeTable.survival),
        Measure("months_stayed", "restricted mean months stayed,", LifeTable.months_stayed),
        *(Measure(f"left_{cause}", f"Aalen–Johansen share left ({cause}),", left_for(cause)) for cause in causes),
    ]


def life_table_from_cells(cells: pl.DataFrame, units: pl.Series, months: int) -> LifeTable:
    """One cohort's window from `cell_life_tables`, on the given order of units, cut at `months`."""
    placed = cells.filter(pl.col("month_number") <= months).with_columns(
        row=pl.col("unit_id").replace_strict(units, np.arange(units.len()), return_dtype=pl.Int64)
    )
    where = placed["row"].to_numpy(), placed["month_number"].to_numpy() - 1

    def counts(column: str) -> np.ndarray:
        filled = np.zeros((units.len(), months))
        filled[where] = placed[column].to_numpy()
        return filled

    arms = {
        arm: units.is_in(placed.filter(pl.col("comparison_arm") == arm)["unit_id"].unique().implode()).to_numpy()
        for arm in ("pilot", "control")
    }
    return LifeTable(
        counts("n_at_risk"),
        counts("n_events"),
        arms["pilot"],
        arms["control"],
        {cause: counts(f"n_{cause}") for cause in CAUSES if f"n_{cause}" in cells.columns},
    )


def retention_lines(
    question: Question,
    cells: pl.DataFrame,
    *,
    months: int,
    is_random: bool,
    alpha: float,
    is_whole: bool = True,
    kickoffs: Mapping[str, date] | None = None,
) -> Iterator[Line]:
    """Lines of one metric. Of a segment (`is_whole` false) there is the headline only.

    Where assignment was random the plain difference is the headline; else what differed before is taken off. `kickoffs`
    (cohort → day) say which cohorts are the newest.
    """
    units = cells["unit_id"].unique().sort()
    tables = windows(cells, units, months)
    labels = _cohort_labels(cells, units)
    for measure in measures(cells) if is_whole else measures(cells)[:1]:
        for takes_off in (False, True):
            is_headline = measure.prefix == "life_table" and takes_off != is_random
            if not is_whole and not is_headline:
                continue
            line = Line(
                metric=question.metric,
                estimator=f"{measure.prefix}_difference{'_in_differences' * takes_off}",
                result=NotEstimable(reason=f"no records from the source {question.source}"),
                is_headline=is_headline,
            )
            usable = followed(tables, takes_off=takes_off)
            if cells.is_empty() or not usable:
                both = " and before" * takes_off
                reason = f"no cohort is covered by snapshots for {months} months after{both} kick-off"
                yield line if cells.is_empty() else replace(line, result=NotEstimable(reason=reason))
                continue
            left_out = sorted(set(tables) - set(usable))
            yield _life_line(line, measure, list(usable.values()), labels, left_out=left_out, alpha=alpha)
            if is_whole and measure.prefix == "life_table":
                for name, tables_of in usable.items():
                    part = replace(line, aggregation="cohort", cohort=name, is_headline=False)
                    yield _life_line(part, measure, [tables_of], labels, left_out=[], alpha=alpha)
                if is_headline:
                    yield from _by_month(line, measure, list(usable.values()), labels, alpha)
                if newest := newest_windows(usable, kickoffs or {}):
                    part = replace(line, aggregation=NEWEST, is_headline=False)
                    yield _life_line(part, measure, newest, labels, left_out=[], alpha=alpha)


def _by_month(line: Line, measure: Measure, cohorts: Windows, labels: np.ndarray, alpha: float) -> Iterator[Line]:
    """The headline's effect after each month since kick-off: of the same people, so that it can be followed. Where it
    stops growing, the programme keeps nobody further."""
    for months in range(1, cohorts[0][0].months + 1):
        until_then = [(after.until(months), before.until(months) if before else None) for after, before in cohorts]
        part = replace(line, aggregation="event_time", event_time=months, is_headline=False)
        yield _life_line(part, measure, until_then, labels, left_out=[], alpha=alpha)


def newest_windows(usable: Mapping[str, tuple], kickoffs: Mapping[str, date]) -> Windows:
    """Of the newest cohorts that have MIN_UNITS units together, as of means; empty where all have fewer, or began on
    one day."""
    begun = in_order(usable, kickoffs)
    newest: Windows = []
    for names in reversed(begun):
        newest += [usable[name] for name in names]
        if np.any([after.pilot for after, _ in newest], axis=0).sum() >= MIN_UNITS:
            return newest if len(begun) > 1 else []
    return []


def windows(cells: pl.DataFrame, units: pl.Series, months: int) -> dict[str, dict[str, LifeTable]]:
    """Cohort → phase → life table, for the windows that were followed to their end in both arms."""
    found: dict[str, dict[str, LifeTable]] = {}
    for (cohort, phase), part in sorted(cells.group_by("comparison_cohort", "phase"), key=lambda item: item[0]):
        table = life_table_from_cells(part, units, months)
        whole = found.setdefault(cohort, {})
        if table.is_whole:
            whole[phase] = table
    return found


def followed(tables: Mapping[str, dict[str, LifeTable]], *, takes_off: bool) -> dict[str, tuple]:
    """Cohort → (window after, window before if it is taken off), where those were followed to their end."""
    return {
        name: (found["after"], found.get("before") if takes_off else None)
        for name, found in tables.items()
        if "after" in found and ("before" in found or not takes_off)
    }


def _cohort_labels(cells: pl.DataFrame, units: pl.Series) -> np.ndarray:
    of_unit = dict(cells.select("unit_id", "cohort").unique().iter_rows())
    return np.array([of_unit[unit] for unit in units])


def arms_of_windows(cohorts: Windows) -> Arms:
    """Units and people of the windows. A control person is watched beside every cohort and counted once."""
    tables = [table for pair in cohorts for table in pair if table is not None]
    beside = [
        np.max([np.where(t.control, t.at_risk[:, 0], 0) for t in part], axis=0).sum() for part in _phases(cohorts)
    ]
    return Arms(
        pilot=np.any([table.pilot for table in tables], axis=0),
        control=np.any([table.control for table in tables], axis=0),
        n_pilot=sum(min(t.entered(t.pilot) for t in pair if t is not None) for pair in cohorts),
        n_control=int(min(beside)),
    )


def _phases(cohorts: Windows) -> list[list[LifeTable]]:
    """The windows after kick-off, and those before it where they are taken off."""
    return [part for part in ([pair[phase] for pair in cohorts if pair[phase] is not None] for phase in (0, 1)) if part]


def _life_line(
    line: Line, measure: Measure, cohorts: Windows, labels: np.ndarray, *, left_out: list[str], alpha: float
) -> Line:
    kind = "difference" if cohorts[0][1] is None else "difference in differences"
    result, _ = judge(
        life_tables.pooled_effect(cohorts, measure.of),
        arms_of_windows(cohorts),
        cohort=labels,
        method=f"{measure.words} {kind} at {cohorts[0][0].months} months; {JACKKNIFE}",
        alpha=alpha,
        note=f"without {', '.join(left_out)}: not covered from the first to the last day" if left_out else "",
    )
    return replace(line, result=result)


# --- hazards: leavers of a month among those employed on its first day -----------------------------------------------


def hazard_panel(turnovers: pl.DataFrame, kickoffs: Mapping[str, date | None], leavers: str = "n_leavers") -> Panel:
    """Units × months from `cell_turnovers`: n employed on the first day, those of them who left (at most) in the month,
    counted in the column `leavers`.

    A unit's first treated month is the one of its kick-off (`kickoffs`, by unit).
    """
    months = turnovers["month"].unique().sort()
    units = turnovers["unit_id"].unique().sort()
    placed = turnovers.with_columns(
        row=pl.col("unit_id").replace_strict(units, np.arange(units.len()), return_dtype=pl.Int64),
        column=pl.col("month").replace_strict(months, np.arange(months.len()), return_dtype=pl.Int64),
    )
    n, left = np.zeros((2, units.len(), months.len()))
    where = placed["row"].to_numpy(), placed["column"].to_numpy()
    n[where], left[where] = placed["n_opening"].to_numpy(), placed[leavers].to_numpy()
    begins = [kickoffs.get(unit) for unit in units]
    first = [NEVER if day is None else int((months < day.replace(day=1)).sum()) + 1 for day in begins]
    return Panel(n, np.minimum(left, n), np.array(first), n.max(axis=1))


def hazard_line(question: Question, turnovers: pl.DataFrame, kickoffs: Mapping[str, date | None], alpha: float) -> Line:
    """Difference in differences of the monthly share that leaves: cohorts may start at different times."""
    line = Line(
        metric=question.metric,
        estimator="hazard_difference_in_differences",
        result=NotEstimable(reason="no months of employment to count leavers in"),
    )
    assigned = turnovers if turnovers.is_empty() else turnovers.filter(pl.col("unit_id").is_in(list(kickoffs)))
    if assigned.is_empty():
        return line
    leavers = "n_voluntary" if question.measure == BY_CHOICE else "n_leavers"
    panel = hazard_panel(assigned, kickoffs, leavers)
    effects = att.group_time_effects(panel, span=12)
    usable = (effects.t >= effects.g) & np.isfinite(effects.value)
    if not usable.any():
        return replace(line, result=NotEstimable(reason="no cohort has a month before and one after its kick-off"))
    result, _ = judge(
        aggregations.simple(effects),
        arms_of(effects, usable),
        cohort=panel.cohort,
        method="monthly share that leaves, ATT(g,t) from the year before kick-off, "
        f"units as they stand in the month; {JACKKNIFE}",
        alpha=alpha,
    )
    return replace(line, result=result)

"""Cells of one metric as arrays: units × periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from inference import answers, att
from inference.att import GroupTime
from inference.judging import (
    ALL,
)
from inference.panel import NEVER, Panel


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the study says about all its outcomes. `alpha` is its level, `stratum` labels units where the lot was drawn
    in strata, `is_trained` says whose coach took part, `department` where a unit stands and `coached_around` what share
    of the people around it is coached, `anticipation` how many periods before kick-off may be moved already; `changes`,
    `products` and `answers` are `cell_differences`, `cell_covariates` and `cell_answers` of one metric (empty: nothing
    to adjust by, or to bound with). `ordered_segments` names, lowest first, the segments of a dimension along which an
    effect may fall; `variants` names those of what units got, where they got different things.
    """

    design: str
    unit: str
    alpha: float
    stratum: Mapping[str, str] = field(default_factory=dict)
    is_trained: Mapping[str, bool] = field(default_factory=dict)
    department: Mapping[str, str] = field(default_factory=dict)
    coached_around: Mapping[str, float] = field(default_factory=dict)
    anticipation: int = 0
    ordered_segments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    changes: pl.DataFrame = field(default_factory=pl.DataFrame)
    products: pl.DataFrame = field(default_factory=pl.DataFrame)
    answers: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def is_random(self) -> bool:
        """Whether a lot was drawn."""
        return self.design == "randomised"


@dataclass(frozen=True)
class Indexed:
    """A panel with the names behind its numbers (of cohorts by first treated period, of units, of periods), the period
    that each cohort's kick-off cuts, and what else its cells hold (units × periods): people asked, and squares around
    the cell's own mean."""

    panel: Panel
    cohort_names: dict[int, str]
    units: list[str]
    calendar: Calendar
    cut_periods: dict[str, date]
    eligible: np.ndarray
    centred_squares: np.ndarray


def panel_from_cells(cells: pl.DataFrame, period: str = "") -> Indexed:
    """Units × calendar periods from `cell_means`.

    Periods run from the first to the last observed one without a gap (from an earlier kick-off's, if that lies before);
    what was not observed is a column of zeros. The period that a unit's own kick-off cuts (`cut_period_start`) mixes
    before and after: its cell is left out. A pilot unit whose kick-off lies after the last period is not yet treated.
    """
    calendar = calendar_of(cells, period)
    row = cells["unit_id"].rank("dense").to_numpy().astype(int) - 1  # sorted by name
    units = cells[np.unique(row, return_index=True)[1]]
    column = calendar.index(cells["period_start"]) - 1
    is_cut = np.zeros(cells.height, bool)
    cut_periods: dict[str, date] = {}
    if "cut_period_start" in cells.columns and cells["cut_period_start"].null_count() < cells.height:
        is_cut = (cells["period_start"] == cells["cut_period_start"]).fill_null(False).to_numpy()
        cut = cells.filter(is_cut).select("cohort", "period_start").unique().sort("cohort")
        cut_periods = dict(cut.iter_rows())
    n, total, eligible, squares = np.zeros((4, units.height, len(calendar.periods)))
    for array, name in (
        (n, "n_observed"),
        (total, "value_sum"),
        (eligible, "n_eligible"),
        (squares, "centred_sum_of_squares"),
    ):
        array[row, column] = np.where(is_cut, 0, cells[name].to_numpy())
    first_treated = calendar.first_treated(units)
    names: dict[int, set[str]] = {}
    for g, name in zip(first_treated, units["cohort"], strict=True):
        names.setdefault(int(g), set()).add(name)
    return Indexed(
        Panel(n, total, first_treated, units["n_people"].to_numpy().astype(float)),
        {g: " + ".join(sorted(found)) for g, found in names.items()},
        units["unit_id"].to_list(),
        calendar,
        cut_periods,
        eligible,
        squares,
    )


def by_segment(cells: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Segment → its rows."""
    parts = {} if cells.is_empty() else cells.partition_by("segment", as_dict=True, maintain_order=True)
    return {segment: part for (segment,), part in parts.items()}


class Panels:
    """What was observed of one metric, by segment: each panel and its effects are made once, whoever asks for them.

    `cells` is `cell_means` of the metric, `period` its question's, `anticipation` its periods before kick-off that may
    be moved already.
    """

    def __init__(self, cells: pl.DataFrame, period: str = "", anticipation: int = 0):
        self.period, self.anticipation = period, anticipation
        self.observed = by_segment(cells if cells.is_empty() else cells.filter(pl.col("n_observed") > 0))
        self._panels: dict[str, Indexed] = {}
        self._effects: dict[str, GroupTime] = {}

    def of(self, segment: str) -> Indexed:
        """The panel of a segment with anybody observed."""
        if segment not in self._panels:
            self._panels[segment] = panel_from_cells(self.observed[segment], self.period)
        return self._panels[segment]

    def effects(self, segment: str) -> GroupTime:
        """ATT(g,t) of the segment, counted from the year before kick-off, with not-yet-treated controls."""
        if segment not in self._effects:
            indexed = self.of(segment)
            self._effects[segment] = att.group_time_effects(
                indexed.panel, anticipation=self.anticipation, span=indexed.calendar.year
            )
        return self._effects[segment]


def _months(days: pl.Series) -> np.ndarray:
    """Months since January 1970; of no day a large negative number."""
    return days.cast(pl.Date).to_numpy().astype("datetime64[M]").astype(np.int64)


def _day(month: int) -> date:
    return date(1970 + month // 12, month % 12 + 1, 1)


@dataclass(frozen=True)
class Calendar:
    """Periods without a gap, `months` long each; their index counts from 1."""

    periods: list[date]
    months: int

    @property
    def year(self) -> int:
        """How many periods a year has."""
        return 12 // self.months

    def name(self, start: date) -> str:
        """A period as people write it: Q2 2024, May 2024."""
        return f"Q{(start.month + 2) // 3} {start.year}" if self.months == 3 else f"{start:%B %Y}"

    def index(self, starts: pl.Series) -> np.ndarray:
        """The index of the period that begins on each date."""
        first = self.periods[0]
        return (_months(starts) - (first.year - 1970) * 12 - first.month + 1) // self.months + 1

    def first_treated(self, rows: pl.DataFrame) -> np.ndarray:
        """The first treated period of each row's `arm` and `cohort_period_start`; NEVER for the control, one after the
        last period for a pilot whose first treated period was not observed yet."""
        late = len(self.periods) + 1
        starts = rows["cohort_period_start"]
        begun = np.where(starts.is_null().to_numpy(), late, np.minimum(self.index(starts), late))
        return np.where((rows["arm"] == "pilot").to_numpy(), begun, NEVER)


def calendar_of(cells: pl.DataFrame, period: str = "") -> Calendar:
    """The calendar of cells: `period` is month or quarter; not given, quarters where every period begins one."""
    observed = np.unique(_months(cells["period_start"]))
    kickoffs = np.unique(_months(cells["cohort_period_start"].drop_nulls()))
    starts = np.concatenate([observed, kickoffs])
    is_quarterly = period == "quarter" or (not period and bool((starts % 3 == 0).all()))
    step = 3 if is_quarterly else 1
    return Calendar([_day(int(month)) for month in range(starts.min(), observed[-1] + 1, step)], step)


def histograms_of(indexed: Indexed, found: pl.DataFrame) -> answers.Histograms:
    """`cell_answers` of one metric on the panel's cohorts and periods."""
    calendar = indexed.calendar
    values, cohorts = found["value"].unique().sort(), np.unique(indexed.panel.cohort)
    known = found.filter(pl.col("period_start").is_in(calendar.periods))
    known = known.with_columns(
        cohort_number=pl.Series(calendar.first_treated(known), dtype=pl.Int64),
        period=pl.Series(calendar.index(known["period_start"]), dtype=pl.Int64),
    )
    known = known.filter(pl.col("cohort_number").is_in(cohorts))
    counts = np.zeros((cohorts.size, len(calendar.periods), values.len()))
    row = np.searchsorted(cohorts, known["cohort_number"].to_numpy())
    place = np.searchsorted(values.to_numpy(), known["value"].to_numpy())
    np.add.at(counts, (row, known["period"].to_numpy() - 1, place), known["n_people"].to_numpy())
    return answers.Histograms(values.to_numpy(), cohorts, counts)


def strata_of(indexed: Indexed, setting: Setting) -> np.ndarray | None:
    """The units' strata, in the panel's order; None where there is one."""
    labels = np.array([setting.stratum.get(unit, ALL) for unit in indexed.units])
    return labels if np.unique(labels).size > 1 else None

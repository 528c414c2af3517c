"""Small studies of who stays, with a known truth, one kind of trouble each: what the retention of a pilot is tried on.

Units of people over three windows: an earlier one, one before kick-off and one after. Each window is entered by a full
unit, as `cell_life_tables` has it; a month's chance to leave differs from unit to unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

MONTHS = 6
PHASES = ("earlier", "before", "after")
MONTHLY = 0.02  # chance to leave by choice
SPREAD = 0.4  # of units' chances, as the standard deviation of their logarithm
COLUMNS = {
    "metric": pl.String,
    "unit_id": pl.String,
    "cohort": pl.String,
    "comparison_cohort": pl.String,
    "comparison_arm": pl.String,
    "phase": pl.String,
    "segment": pl.String,
    "month_number": pl.Int64,
    "n_at_risk": pl.Int64,
    "n_events": pl.Int64,
    "n_voluntary": pl.Int64,
    "n_involuntary": pl.Int64,
    "n_other": pl.Int64,
}


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """One kind of study. `effect` is what the programme does to the monthly chance to leave by choice (added)."""

    units: int = 30  # half of them pilot
    people: int = 15  # per unit
    effect: float = 0.0
    calm: float = 0.0  # share of the pilot chosen for the fewest leavers in the window before kick-off
    contracts: float = 0.02  # share of people whose contract ends in a window
    contracts_of_pilot: float = 0.0  # further ones, in the window after kick-off
    layoff: float = 0.0  # share of people whom one control unit lays off in one month after kick-off
    shared: float = 0.0  # spread of a shock that half an arm (a department) shares in each window, in logarithms


LEAVING = {
    "nothing": Leaving(),
    "0.8 points a month fewer leave": Leaving(effect=-0.008),
    "nothing, calm units volunteer": Leaving(calm=1.0),
    "nothing, a tenth chosen so": Leaving(calm=0.1),
    "nothing, contracts of a tenth of the pilot end": Leaving(contracts_of_pilot=0.1),
    "nothing, a layoff in a control unit": Leaving(layoff=0.6),
    "nothing, departments share shocks": Leaving(shared=0.5),
}


# Effects of two cohorts, the one that begins first first.
IN_COHORTS = {
    "1.6 points a month fewer leave, in both of two cohorts": (-0.016, -0.016),
    "1.6 points a month fewer leave, in the first cohort only": (-0.016, 0.0),
}
KICKOFFS = {"wave_b": date(2026, 1, 1), "wave_a": date(2026, 7, 1)}  # the newest is the first by name


def draw_cohorts(effects: tuple[float, float], rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`cell_life_tables` and `cell_units` of a study of two cohorts of 30 units of 30 people, each with a control of as
    many."""
    life, units = [], []
    for (cohort, day), effect in zip(KICKOFFS.items(), effects, strict=True):
        part = draw_leavers(Leaving(units=60, people=30, effect=effect), rng)
        unit, is_pilot = pl.col("unit_id") + f"_{cohort}", pl.col("cohort") == "pilot"
        name = pl.when(is_pilot).then(pl.lit(cohort)).otherwise("cohort").alias("cohort")
        life.append(part.with_columns(unit, name, comparison_cohort=pl.lit(cohort)))
        units.append(part.select(unit, name, kickoff_date=pl.when(is_pilot).then(pl.lit(day))).unique())
    facts = pl.concat(units).with_columns(stratum=pl.lit("all"), is_coach_trained=pl.lit(True))
    return pl.concat(life), facts


def draw_leavers(study: Leaving, rng: np.random.Generator) -> pl.DataFrame:
    """`cell_life_tables` of one study: metrics `retention` (all exits) and `retention_voluntary`."""
    n = study.units
    pilot = np.arange(n) < n // 2
    chance = MONTHLY * np.exp(rng.normal(0, SPREAD, n))
    department = np.arange(n) // max(n // 4, 1)
    left = {}  # phase → causes × units × months
    for phase in PHASES:
        shock = np.exp(rng.normal(0, study.shared, department.max() + 1))[department] if study.shared else 1.0
        monthly = np.clip(chance * shock, 0, 1)
        left[phase] = _month_by_month(study, monthly, rng, ends=np.full(n, study.contracts))
    if study.calm:
        before = left["before"][0].sum(axis=1) + rng.random(n)  # ties by chance
        calm = np.argsort(before)[: round(study.calm * n // 2)]
        others = rng.permutation(np.setdiff1d(np.arange(n), calm))[: n // 2 - calm.size]
        pilot = np.isin(np.arange(n), np.concatenate([calm, others]))
    after = np.clip(chance + study.effect * pilot, 0, 1)
    if study.shared:
        after = np.clip(after * np.exp(rng.normal(0, study.shared, department.max() + 1))[department], 0, 1)
    ends = study.contracts + study.contracts_of_pilot * pilot
    closed = rng.choice(np.flatnonzero(~pilot)) if study.layoff else None
    left["after"] = _month_by_month(study, after, rng, ends=ends, closed=closed)
    rows = [
        row
        for phase in PHASES
        for unit in range(n)
        for row in _rows(unit, bool(pilot[unit]), phase, left[phase][:, unit], study.people)
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _month_by_month(
    study: Leaving, monthly: np.ndarray, rng: np.random.Generator, *, ends: np.ndarray, closed: int | None = None
) -> np.ndarray:
    """Causes (by choice, laid off, contract ended) × units × months."""
    there = np.full(monthly.size, study.people)
    left = np.zeros((3, monthly.size, MONTHS), int)
    ending = rng.binomial(study.people, ends)
    for month in range(MONTHS):
        left[0, :, month] = rng.binomial(there, monthly)
        there = there - left[0, :, month]
        if closed is not None and month == MONTHS // 2:
            left[1, closed, month] = min(round(study.layoff * study.people), there[closed])
        if month == MONTHS // 2:
            left[2, :, month] = np.minimum(ending, there - left[1, :, month])
        there = there - left[1:, :, month].sum(axis=0)
    return left


def _rows(unit: int, is_pilot: bool, phase: str, left: np.ndarray, people: int) -> list[tuple]:
    arm = "pilot" if is_pilot else "control"
    place = (f"u{unit:03}", arm, "pilot", arm, phase, "all")
    rows, there = [], people
    for month in range(MONTHS):
        by_choice, laid_off, ended = (int(x) for x in left[:, month])
        if there:
            rows.append(
                ("retention", *place, month + 1, there, by_choice + laid_off + ended, by_choice, laid_off, ended)
            )
            rows.append(("retention_voluntary", *place, month + 1, there, by_choice, by_choice, 0, 0))
        there -= by_choice + laid_off + ended
    return rows

"""Published figures as equations on people's values, so that the audit can say what they tell together.

A mean of known people is their sum over their number; an unadjusted ATT(g,t) is a sum of such means with weights that
everybody can work out. Estimates that no linear equation describes (adjusted ones, errors, p-values) are not in here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

import polars as pl

from publish.disclosure import ALL, KEYS

Cell = tuple[str, date]  # cohort and period
Weights = dict[Cell, Fraction]


@dataclass(frozen=True)
class Equation:
    """Σ weight × value over the observations of a segment in some cells = `total`."""

    metric: str
    segment: str
    weights: Weights
    total: float


@dataclass(frozen=True)
class Figure:
    """One row of a published table, what it tells, and how dear it is to lose: smaller ranks are shown first."""

    table: str
    key: tuple
    equations: tuple[Equation, ...]
    rank: tuple


@dataclass(frozen=True)
class Counts:
    """Of one metric and segment: observations and sums by cell; by cohort its arm, people, first treated period and the
    period that its kick-off cuts, if any. `period` is month or quarter; not given, quarters where all begin one."""

    n: Mapping[Cell, int]
    total: Mapping[Cell, float]
    arms: Mapping[str, str]
    people: Mapping[str, int]
    starts: Mapping[str, date | None]
    anticipation: int = 0
    period: str = ""
    cuts: Mapping[str, date | None] = field(default_factory=dict)

    @property
    def periods(self) -> list[date]:
        """Calendar periods without a gap, from the first observed one (or an earlier first treated one) to the last."""
        observed = {period for _, period in self.n}
        starts = sorted(observed | {start for start in self.starts.values() if start})
        is_quarterly = self.period == "quarter" or (not self.period and all(day.month % 3 == 1 for day in starts))
        if not observed:
            return []
        return pl.date_range(starts[0], max(observed), "3mo" if is_quarterly else "1mo", eager=True).to_list()

    def in_effects(self, cells: Iterable[Cell]) -> Weights:
        """`mean` of those cells that estimates use: without the period of a cohort that its kick-off cuts."""
        return self.mean(cell for cell in cells if self.cuts.get(cell[0]) != cell[1])

    def mean(self, cells: Iterable[Cell]) -> Weights:
        """The pooled mean of cells, as weights; none where nobody was observed."""
        seen = [cell for cell in cells if self.n.get(cell)]
        n = sum(self.n[cell] for cell in seen)
        return {cell: Fraction(1, n) for cell in seen}

    def value(self, weights: Weights) -> float:
        """What a weighted sum is."""
        return math.fsum(float(weight) * self.total[cell] for cell, weight in weights.items())

    def n_people(self, weights: Weights) -> int:
        """Observations behind a figure."""
        return sum(self.n[cell] for cell in weights)


def added(terms: Iterable[tuple[Fraction, Weights]]) -> Weights:
    """Σ factor × weights."""
    found: Weights = {}
    for factor, weights in terms:
        for cell, weight in weights.items():
            found[cell] = found.get(cell, Fraction(0)) + factor * weight
    return {cell: weight for cell, weight in found.items() if weight}


@dataclass(frozen=True)
class Pair:
    """One ATT(g,t): the cohort's first treated period, event time, its people, and its weights."""

    g: int
    t: int
    people: int
    weights: Weights


def group_time_weights(counts: Counts, *, never_only: bool) -> list[Pair]:
    """Every ATT(g,t) of Callaway & Sant'Anna (2021) with a varying base, as weights on observations."""
    periods = counts.periods
    first = {
        cohort: 0
        if counts.arms[cohort] == "control"
        else sum(period < start for period in periods) + 1
        if start
        else -1
        for cohort, start in counts.starts.items()
    }
    late = len(periods) + 1
    first = {cohort: late if index == -1 else index for cohort, index in first.items()}

    def in_period(cohorts: list[str], t: int) -> Weights:
        return counts.in_effects((cohort, periods[t - 1]) for cohort in cohorts)

    found = []
    for g in sorted({index for index in first.values() if 1 < index < late}):
        treated = [cohort for cohort, index in first.items() if index == g]
        people = sum(counts.people.get(cohort, 0) for cohort in treated)
        seen = [t for t in range(1, late) if in_period(treated, t)]
        last_before = max((t for t in seen if t <= g - 1 - counts.anticipation), default=0)
        for t in range(1, late):
            base = max((s for s in seen if s < t), default=0) if t <= last_before else last_before
            if base < 1 or base == t:
                continue
            known = max(t, base) + counts.anticipation
            control = [c for c, i in first.items() if i == 0 or (not never_only and i > known and i != g)]
            means = [in_period(members, when) for members in (treated, control) for when in (t, base)]
            if all(means):
                signs = (Fraction(1), Fraction(-1), Fraction(-1), Fraction(1))
                found.append(Pair(g, t, people, added(zip(signs, means, strict=True))))
    return found


def pooled(pairs: list[Pair], chosen: Callable[[Pair], bool]) -> Weights:
    """Average of the chosen pairs by people; nothing where there are none."""
    taken = [pair for pair in pairs if chosen(pair)]
    everybody = sum(pair.people for pair in taken)
    return added((Fraction(pair.people, everybody), pair.weights) for pair in taken) if everybody else {}


def averaged(parts: list[Weights]) -> Weights:
    """Plain mean."""
    return added((Fraction(1, len(parts)), part) for part in parts)


def aggregate(pairs: list[Pair], row: Mapping, names: Mapping[int, str], n_periods: int) -> Weights:
    """The weights of a row of `pub_estimates`; nothing where the aggregation is not known here."""
    after = [pair for pair in pairs if pair.t >= pair.g]
    gs, ts = sorted({pair.g for pair in after}), sorted({pair.t for pair in after})
    reached = sorted({pair.t - pair.g for pair in after})

    def mean_of_events(pairs: list[Pair], events: list[int]) -> Weights:
        return averaged([pooled(pairs, lambda pair, e=e: pair.t - pair.g == e) for e in events])

    found: Weights = {}
    match row["aggregation"]:
        case "simple":
            found = pooled(after, lambda _: True)
        case "cohort":
            found = pooled(after, lambda pair: names[pair.g] == row["cohort"])
        case "event_time":
            found = pooled(pairs, lambda pair: pair.t - pair.g == row["event_time"])
        case "calendar":
            found = averaged([pooled(after, lambda pair, t=t: pair.t == t) for t in ts])
        case "dynamic":
            found = mean_of_events(after, reached)
        case "dynamic_balanced":
            last = n_periods - max(gs)
            whole = [pair for pair in after if pair.g + last <= n_periods and pair.t - pair.g <= last]
            reached_by = {e: sum(pair.t - pair.g == e for pair in whole) for e in {p.t - p.g for p in whole}}
            n_cohorts = len({pair.g for pair in whole})
            found = mean_of_events(whole, sorted(e for e, n in reached_by.items() if n == n_cohorts))
        case "group":
            people = {pair.g: pair.people for pair in after}
            of_cohorts = [(people[g], pooled(after, lambda pair, g=g: pair.g == g)) for g in gs]
            found = added((Fraction(n, sum(people.values())), part) for n, part in of_cohorts)
    return found


def window(counts: Counts, arm: str, name: str, first: date) -> list[Cell]:
    """The cells of a window: before any unit was coached, or after (a control unit's begins with the first cohort)."""
    begins = {
        cohort: counts.starts[cohort] if counts.arms[cohort] == "pilot" else first
        for cohort in counts.starts
        if counts.arms[cohort] == arm
    }
    if name == "before":
        mixed = min([first, *(cut for cut in counts.cuts.values() if cut)])
        return [cell for cell in counts.n if cell[0] in begins and cell[1] < mixed]
    # A later cohort's periods between the first kick-off and its own are in neither window.
    return [cell for cell in counts.n if begins.get(cell[0]) is not None and cell[1] >= begins[cell[0]]]


LINEAR = {"att_not_yet_treated": False, "att_never_treated": True}  # estimator → only never-treated control


def figures_of_means(tables: Mapping[str, pl.DataFrame], of: Callable[[str, str], Counts]) -> Iterator[Figure]:
    """Figures that the tables show of outcomes that are means. `of` gives the counts of a metric and segment."""
    for row in tables["pub_trends"].filter(pl.col("mean").is_not_null()).iter_rows(named=True):
        counts = of(row["metric"], ALL)
        weights = counts.mean([(row["cohort"], row["period_start"])])
        yield _figure("pub_trends", row, counts, [(weights, row["mean"])], place=1)
    shown = tables["pub_comparisons"].filter(pl.col("n_pilot").is_not_null())
    for row in shown.iter_rows(named=True):
        counts = of(row["metric"], row["segment"])
        starts = [day for day in of(row["metric"], ALL).starts.values() if day]
        if not counts.n or not starts:
            continue
        parts = [
            (counts.mean(window(counts, arm, row["time_window"], min(starts))), row[f"mean_{arm}"])
            for arm in ("pilot", "control")
        ]
        place = 0 if row["segment"] == ALL else 3
        yield _figure("pub_comparisons", row, counts, parts, place=place)
    for row in tables["pub_balance"].filter(pl.col("n_pilot").is_not_null()).iter_rows(named=True):
        counts = of(row["metric"], ALL)
        parts = []
        for arm in ("pilot", "control"):
            cells = [(cohort, row["baseline_period_start"]) for cohort, its in counts.arms.items() if its == arm]
            parts.append((counts.mean(cells), row[f"mean_{arm}"]))
        yield _figure("pub_balance", row, counts, parts, place=1)
    estimated = tables["pub_estimates"].filter(
        (pl.col("status") == "estimated") & pl.col("estimator").is_in(list(LINEAR))
    )
    known: dict[tuple, list[Pair]] = {}
    for row in estimated.iter_rows(named=True):
        counts = of(row["metric"], row["segment"])
        place = (row["metric"], row["segment"], row["estimator"])
        if place not in known:
            known[place] = group_time_weights(counts, never_only=LINEAR[row["estimator"]])
        names: dict[int, set[str]] = {}
        for cohort, start in counts.starts.items():
            if start:
                names.setdefault(sum(period < start for period in counts.periods) + 1, set()).add(cohort)
        weights = aggregate(
            known[place], row, {g: " + ".join(sorted(found)) for g, found in names.items()}, len(counts.periods)
        )
        rank = 0 if row["is_headline"] else 2 if row["segment"] == ALL else 4
        yield _figure("pub_estimates", row, counts, [(weights, row["estimate"])], place=rank)


class NotThisEquation(AssertionError):
    """The equation does not give the published number: the audit would be about something else. A fault of ours."""


def _figure(table: str, row: Mapping, counts: Counts, parts, *, place: int) -> Figure:
    key = tuple(row[name] for name in KEYS[table])
    equations = []
    for weights, value in parts:
        told = counts.value(weights)
        size = abs(value) + sum(abs(float(weight) * counts.total[cell]) for cell, weight in weights.items())
        if not weights or abs(told - value) > 1e-8 * size + 1e-12:
            raise NotThisEquation(f"{table} {key}: its equation gives {told}, the table {value}")
        equations.append(Equation(row["metric"], row.get("segment", ALL), weights, told))
    people = min(counts.n_people(equation.weights) for equation in equations)
    return Figure(table, key, tuple(equations), (place, -people, tuple(map(str, key))))

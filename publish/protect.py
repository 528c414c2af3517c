"""Which figures of a release may be shown beside everything that was ever shown.

`figures` says what each tells, `audit` what they tell together, `memory` of whom. A figure that would tell of fewer
people than the minimum, or leave somebody's value hardly open, is refused; one that was told before keeps its last
number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

import numpy as np
import polars as pl

from publish.audit import PRIME, Known, is_dominated, nearly_unanimous, widths, within_range
from publish.disclosure import ALL, KEYS, WIDTH, Guarded, guard_tables
from publish.figures import Counts, Equation, Figure, figures_of_means
from publish.items import GROUP, figures_of_items, without_refused
from publish.memory import TOLD_EQUATIONS, Behind, Memory
from publish.named import small_groups

P_PERCENT = 10  # of values without an end: the second largest does not know the largest so well (p % rule)
EXACT = pl.col("value").cast(pl.Decimal(38, 9))  # floats sum to other last digits in another order of rows


@dataclass(frozen=True)
class People:
    """Of whom the figures are: `observations` as in memory after this release, `segments` by member (member_kind,
    member_id, segment), facts of `cohorts` (metric, segment, cohort, arm, cohort_period_start, n_people), the release's
    `number`, the ids of the releases before it (`told_by`) and what they told (`past`, memory.TOLD_EQUATIONS)."""

    observations: pl.DataFrame
    segments: pl.DataFrame
    cohorts: pl.DataFrame
    number: int
    past: pl.DataFrame
    told_by: tuple[str, ...] = ()


def people_behind(behind: Behind, after: Memory) -> People:
    """Of whom tonight's figures are; `after` is what memory will be with them."""
    return People(
        # What was told by month is another thing than what is told by quarter.
        observations=after.observations.join(
            behind.told.select("metric", "period").unique(), on=["metric", "period"], how="semi"
        ),
        segments=_ever(behind, after),
        cohorts=behind.cohorts,
        number=len(after.releases) + 1,
        past=after.constraints,
        told_by=after.releases,
    )


def _ever(behind: Behind, after: Memory) -> pl.DataFrame:
    """The segments that anybody was ever counted in, also of dimensions that the study asks about no more."""
    remembered = after.segments.filter(pl.col("word").is_not_null()).select(
        "member_kind", "member_id", segment=pl.col("dimension") + ": " + pl.col("word")
    )
    return pl.concat([behind.segments.select(remembered.columns), remembered]).unique().sort(remembered.columns)


@dataclass(frozen=True)
class Audited:
    """What was decided: refused keys by table, all that must stay hidden (`withheld`: those, and what was hidden when
    the audit looked, since nobody has audited it), items that are `apart` from the people counted, and the equations
    that this release is the first to tell."""

    refused: dict[str, set[tuple]]
    withheld: dict[str, set[tuple]]
    apart: set[tuple]
    constraints: pl.DataFrame
    n_figures: int
    n_narrow: int
    people_covered: float


def atoms_of(people: People) -> pl.DataFrame:
    """Answers that no figure tells apart: by metric and period, with where and when they were counted (`places`:
    cohort, segments, from and to which release).

    An answer that is told again in another cohort or unit is the same answer: one unknown, counted in several places.
    """
    seen = people.observations.filter(pl.col("value").is_not_null())
    of_people, of_units = (
        people.segments.filter(pl.col("member_kind") == kind).select("member_id", "segment")
        for kind in ("person", "unit")
    )
    signature = pl.concat(
        [
            seen.select("subject_id", "unit_id").unique().join(side, left_on=name, right_on="member_id")
            for side, name in ((of_people, "subject_id"), (of_units, "unit_id"))
        ]
    )
    signature = signature.group_by("subject_id", "unit_id").agg(pl.col("segment").unique().sort().alias("segments"))
    place = pl.struct("cohort", "arm", "segments", "released_in", "replaced_in")
    return (
        seen.join(signature, on=["subject_id", "unit_id"], how="left")
        .with_columns(pl.col("segments").fill_null([]))
        .sort("released_in", "replaced_in", "cohort", "arm", nulls_last=True)
        .group_by("metric", "period_start", "subject_id", "value", maintain_order=True)
        .agg(place.alias("places"))
        .group_by("metric", "period_start", "places")
        .agg(
            pl.len().alias("n"),
            EXACT.sum().alias("total"),
            pl.col("subject_id").sort().alias("people"),
            pl.col("value").sort_by("subject_id").alias("values"),
        )
        .sort("metric", "period_start", pl.col("people").list.first())
    )


def _current(atoms: pl.DataFrame) -> pl.DataFrame:
    """Cells of tonight: metric, cohort, period, segments, n and total."""
    places = atoms.select("metric", "period_start", "n", "total", "places").explode("places").unnest("places")
    return places.filter(pl.col("replaced_in").is_null())


def audited(
    tables: Mapping[str, pl.DataFrame],
    outcomes: pl.DataFrame,
    people: People,
    minimum: int,
    items: pl.DataFrame | None = None,
) -> Audited:
    """Decide about every figure of means in the guarded `tables`, beside those that were told before. `items`: rows of
    `cmp_items` of which something is to be shown."""
    atoms = atoms_of(people)
    current = _current(atoms)
    facts = {row["metric"]: row for row in outcomes.iter_rows(named=True)}
    # What was told by quarter is another thing than what is told by month, also where it began on the same day.
    periods = dict(people.observations.select("metric", "period").unique().iter_rows())
    means = set(people.cohorts["metric"])
    shown = {name: tables[name].filter(pl.col("metric").is_in(list(means))) for name in KEYS}
    counts: dict[tuple[str, str], Counts] = {}

    def of(metric: str, segment: str) -> Counts:
        if (metric, segment) not in counts:
            counts[metric, segment] = _counts(metric, segment, current, people.cohorts, facts[metric])
        return counts[metric, segment]

    by_metric: dict[str, list[Figure]] = {}
    of_items, apart = figures_of_items(items, outcomes, of) if items is not None else ([], set())
    for figure in (*figures_of_means(shown, of), *of_items):
        by_metric.setdefault(figure.equations[0].metric, []).append(figure)
    refused: dict[str, set[tuple]] = {}
    kept: list[Figure] = []
    news: list[Figure] = []
    n_narrow = 0
    units = people.observations.group_by("metric", "unit_id", maintain_order=True).agg(
        pl.col("subject_id").unique().sort().alias("people")
    )
    for metric, figures in sorted(by_metric.items()):
        allowed, narrow, told_first = _of_metric(
            sorted(figures, key=lambda figure: figure.rank),
            atoms.filter(pl.col("metric") == metric),
            people.past.filter((pl.col("metric") == metric) & (pl.col("period") == periods[metric])),
            units.filter(pl.col("metric") == metric).select("unit_id", "people"),
            facts[metric],
            people.number,
            minimum,
        )
        n_narrow += narrow
        kept += allowed
        news += told_first
        for figure in figures:
            if figure not in allowed:
                refused.setdefault(figure.table, set()).add(figure.key)
    n_figures = sum(map(len, by_metric.values()))
    withheld = {name: refused.get(name, set()) | _hidden_in(name, tables[name]) for name in KEYS}
    told_first = constraints_of(news, people.number, periods)
    return Audited(refused, withheld, apart, told_first, n_figures, n_narrow, _covered(kept, counts))


def _counts(metric: str, segment: str, current: pl.DataFrame, cohorts: pl.DataFrame, facts: Mapping) -> Counts:
    mine = current.filter(pl.col("metric") == metric)
    if segment != ALL:
        mine = mine.filter(pl.col("segments").list.contains(segment))
    cells = mine.group_by("cohort", "period_start").agg(pl.col("n").sum(), pl.col("total").sum().cast(pl.Float64))
    told = cohorts.filter((pl.col("metric") == metric) & (pl.col("segment") == segment))
    return Counts(
        n={(c, p): n for c, p, n in cells.select("cohort", "period_start", "n").iter_rows()},
        total={(c, p): total for c, p, total in cells.select("cohort", "period_start", "total").iter_rows()},
        arms=dict(told.select("cohort", "arm").iter_rows()),
        people=dict(told.select("cohort", "n_people").iter_rows()),
        starts=dict(told.select("cohort", "cohort_period_start").iter_rows()),
        anticipation=facts["anticipation"],
        period=facts["period"],
        cuts=dict(told.select("cohort", "cut_period_start").iter_rows()),
    )


SHOWN = {
    "pub_trends": pl.col("mean").is_not_null(),
    "pub_comparisons": pl.col("n_pilot").is_not_null(),
    "pub_estimates": pl.col("status") != "suppressed",
    "pub_balance": pl.col("n_pilot").is_not_null(),
}


def _hidden_in(name: str, table: pl.DataFrame) -> set[tuple]:
    return set(table.filter(~SHOWN[name]).select(KEYS[name]).iter_rows())


def _covered(shown: list[Figure], counts: Mapping[tuple[str, str], Counts]) -> float:
    """Share of all observations that some shown mean of a cohort and period counts."""
    whole = {metric: found for (metric, segment), found in counts.items() if segment == ALL}
    told = {(f.equations[0].metric, cell) for f in shown if f.table == "pub_trends" for cell in f.equations[0].weights}
    n = sum(sum(found.n.values()) for found in whole.values())
    return sum(whole[metric].n[cell] for metric, cell in told) / n if n else 0.0


def _tags(place: Mapping) -> Iterator[tuple[str, str]]:
    yield from (("cohort", place["cohort"]), ("arm", place["arm"]))
    yield from (("segment", segment) for segment in place["segments"])


class _Cell:
    """The atoms counted in a cohort and period: where, from and to which release, and the places of each segment."""

    def __init__(self, found: list[tuple[int, list[str], int, float]]) -> None:
        self._atoms, self._since, self._until = (np.array([each[k] for each in found]) for k in (0, 2, 3))
        self._of: dict[str, list[int]] = {}
        for place, (_, segments, _, _) in enumerate(found):
            for segment in segments:
                self._of.setdefault(segment, []).append(place)

    def atoms(self, segment: str, release: int) -> np.ndarray:
        """Those that a release counted in a segment."""
        here = np.flatnonzero((self._since <= release) & (release < self._until))
        if segment != ALL:
            here = np.intersect1d(here, self._of.get(segment, []), assume_unique=True).astype(int)
        return self._atoms[here]


class _Columns:
    """The atoms of one metric as columns."""

    def __init__(self, atoms: pl.DataFrame) -> None:
        self.sizes = atoms["n"].to_numpy()
        cells: dict[tuple, list[tuple[int, list[str], int, float]]] = {}
        for index, (period, places) in enumerate(atoms.select("period_start", "places").iter_rows()):
            for place in places:
                until = float("inf") if place["replaced_in"] is None else place["replaced_in"]
                found = (index, place["segments"], place["released_in"], until)
                cells.setdefault((place["cohort"], period), []).append(found)
        self.cells = {cell: _Cell(found) for cell, found in cells.items()}
        self.names = {name: index for index, name in enumerate(sorted(set(atoms["people"].explode().to_list())))}
        self.periods = atoms["period_start"].to_list()
        self.people = [np.array([self.names[name] for name in found]) for found in atoms["people"].to_list()]
        self.tags = [{tag for place in places for tag in _tags(place)} for places in atoms["places"].to_list()]
        # Every answer: of which atom, whose, and what.
        self._atom = np.repeat(np.arange(self.sizes.size), self.sizes)
        self._person = np.concatenate([np.zeros(0, int), *self.people])
        self._value = atoms["values"].explode().to_numpy()
        self._usual: dict[float, float] = {}

    def small_groups(self, units: pl.DataFrame, minimum: int) -> list[np.ndarray]:
        """Named groups of fewer people than the minimum, as atoms; `units`: unit_id and who was in it (`people`)."""
        members = {
            unit: {self.names[name] for name in people if name in self.names} for unit, people in units.iter_rows()
        }
        whose = [set(found.tolist()) for found in self.people]
        return small_groups(whose, self.periods, self.tags, members, minimum)

    def row(self, equation: Equation, release: int, *, exact: bool) -> np.ndarray:
        """Weights per person of each atom: as remainders (`exact`) or as numbers."""
        row = np.zeros(self.sizes.size, np.int64 if exact else float)
        for cell, weight in equation.weights.items():
            number = weight.numerator * pow(weight.denominator, -1, PRIME) % PRIME if exact else float(weight)
            if cell in self.cells:
                row[self.cells[cell].atoms(equation.segment, release)] = number
        return row

    def contributions(self, weights: np.ndarray, origin: float) -> np.ndarray:
        """What each person brings into a figure with these weights beyond `origin`, all answers together."""
        return np.bincount(self._person, weights=weights[self._atom] * (self._value - origin))

    def usual(self, quantile: float) -> float:
        """So many of all answers lie below this value."""
        if quantile not in self._usual:
            self._usual[quantile] = float(np.quantile(self._value, quantile))
        return self._usual[quantile]

    def all_are(self, weights: np.ndarray, value: float) -> bool:
        """Whether every answer in a figure with these weights is this one."""
        return bool((self._value[weights[self._atom] != 0] == value).all())


def _of_metric(
    figures: list[Figure],
    atoms: pl.DataFrame,
    past: pl.DataFrame,
    units: pl.DataFrame,
    facts: Mapping,
    number: int,
    minimum: int,
) -> tuple[list[Figure], int, list[Figure]]:
    """The figures that may be shown, how many are too narrow, and what of them no release has told yet."""
    columns = _Columns(atoms)
    before: dict[bytes, tuple[Equation, int]] = {}  # night after night tells the same, once is enough
    for told in past.iter_rows(named=True):
        equation = equation_of(told)
        row = columns.row(equation, told["release"], exact=True)
        before.setdefault(row.tobytes(), (equation, told["release"]))
    has_ends = facts["lowest"] is not None and facts["highest"] is not None and facts["highest"] > facts["lowest"]
    candidates = figures if has_ends else [f for f in figures if _is_spread(f, columns, facts, number)]

    def beside_the_past(never: list[np.ndarray]) -> tuple[list[Figure], Known]:
        known = Known(columns.sizes, minimum, columns.people)
        for row in before:
            known.add(np.frombuffer(row, np.int64))
        never = [atoms for atoms in never if not known.tells_of(atoms)]  # what is told cannot be called back
        kept = [
            figure
            for figure in candidates
            if all(known.allows(columns.row(equation, number, exact=True), never) for equation in figure.equations)
        ]
        return kept, known

    allowed, known = beside_the_past([])
    if told_of := [group for group in columns.small_groups(units, minimum) if known.tells_of(group)]:
        allowed, _ = beside_the_past(told_of)
    n_narrow = len(figures) - len(candidates)
    if has_ends:  # else values are pinned down by equations only
        allowed, n_narrow = _wide_enough(allowed, list(before.values()), columns, facts, number)

    def is_news(equation: Equation) -> bool:
        # The same answers with the same weights, whoever they are: told once, it need not be kept every night.
        return columns.row(equation, number, exact=True).tobytes() not in before

    told_first = [replace(figure, equations=tuple(filter(is_news, figure.equations))) for figure in allowed]
    return allowed, n_narrow, told_first


def _is_spread(figure: Figure, columns: _Columns, facts: Mapping, number: int) -> bool:
    """Whether no person dominates a figure of values without an end, nor all of them lie at the one end there is, or
    nearly so (for an end that is not there the value that one in a hundred passes)."""
    low, high = facts["lowest"], facts["highest"]
    origin = 0.0 if low is None and high is None else low if low is not None else high
    usual = [end if end is not None else columns.usual(share) for end, share in ((low, 0.01), (high, 0.99))]
    for equation in figure.equations:
        weights = columns.row(equation, number, exact=False)
        if is_dominated(columns.contributions(weights, origin), percent=P_PERCENT):
            return False
        width = nearly_unanimous(equation.total, weights, columns.sizes, low=usual[0], high=usual[1])
        if usual[1] > usual[0] and 0 <= width < WIDTH * (usual[1] - usual[0]):
            return False
        if any(end is not None and columns.all_are(weights, end) for end in (facts["lowest"], facts["highest"])):
            return False
    return True


def _wide_enough(allowed, before, columns: _Columns, facts: Mapping, number: int) -> tuple[list[Figure], int]:
    """Without the figures that leave somebody's value hardly open; of several that do so together the smallest goes."""
    low, high = facts["lowest"], facts["highest"]
    wanted = WIDTH * (high - low)

    def row(equation: Equation, release: int) -> np.ndarray:
        return columns.row(equation, release, exact=False)

    def leaves_open(figure: Figure) -> bool:
        return all(
            nearly_unanimous(e.total, row(e, number), columns.sizes, low=low, high=high) >= wanted
            for e in figure.equations
        )

    def system(told: list[tuple[Equation, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = np.array([row(*each) for each in told])
        return rows, np.array([equation.total for equation, _ in told]), columns.sizes

    def narrow_with(told: list[tuple[Equation, int]]) -> np.ndarray:
        return widths(*system(told), low=low, high=high, wanted=wanted).least < wanted

    n_figures = len(allowed)
    allowed = [figure for figure in allowed if leaves_open(figure)]
    before = [(equation, release) for equation, release in before if row(equation, release).any()]
    if before:  # those that do not fit are of a time when the range was declared otherwise
        fits = within_range(*system(before), low=low, high=high)
        before = [told for told, is_fit in zip(before, fits, strict=True) if is_fit]
    # What earlier releases tell by themselves cannot be called back, and is no reason to hide tonight's.
    told_already = narrow_with(before) if before else np.zeros(columns.sizes.size, bool)
    while allowed:
        told = before + [(equation, number) for figure in allowed for equation in figure.equations]
        narrow = np.flatnonzero(narrow_with(told) & ~told_already)
        touching = [
            np.any([row(equation, number)[narrow] != 0 for equation in figure.equations], axis=0) for figure in allowed
        ]
        # Of each narrow atom the figure that is least dear; those that only earlier releases tell of cannot be helped.
        guilty = {
            max(np.flatnonzero(mine), key=lambda k: allowed[k].rank) for mine in np.array(touching).T if mine.any()
        }
        if not guilty:
            break
        allowed = [figure for index, figure in enumerate(allowed) if index not in guilty]
    return allowed, n_figures - len(allowed)


def constraints_of(figures: list[Figure], number: int, periods: Mapping[str, str]) -> pl.DataFrame:
    """Equations to keep with the release: no person is in them."""
    rows = [
        {
            "release": number,
            "table": figure.table,
            "key": json.dumps(figure.key, default=str),
            "metric": equation.metric,
            "period": periods[equation.metric],
            "segment": equation.segment,
            "weights": json.dumps([[c, str(p), str(w)] for (c, p), w in sorted(equation.weights.items())]),
            "total": equation.total,
        }
        for figure in figures
        for equation in figure.equations
    ]
    return pl.DataFrame(rows, schema=TOLD_EQUATIONS)


def equation_of(row: Mapping) -> Equation:
    """An equation as it was kept."""
    weights = {(c, date.fromisoformat(p)): Fraction(w) for c, p, w in json.loads(row["weights"])}
    return Equation(row["metric"], row["segment"], weights, row["total"])


def protected(
    content: Mapping[str, pl.DataFrame], minimum: int, people: People, last: Mapping[str, pl.DataFrame], day: date
) -> tuple[dict[str, Guarded], Audited]:
    """The tables fit to be seen beside everything that was seen before, and what the audit found.

    `last` are the tables of the release before: a figure that is refused now keeps the number it had there, with the
    day (`told_on`) on which it was told.
    """
    first = guard_tables(dict(content), minimum)
    asked = first["pub_items"].table.filter(pl.col("n_respondents").is_not_null())
    items = content["cmp_items"].join(asked, on=GROUP, how="semi", maintain_order="left")
    found = audited({name: first[name].table for name in KEYS}, content["outcomes"], people, minimum, items)
    guarded = guard_tables(dict(content), minimum, found.withheld)
    guarded["pub_items"] = without_refused(
        guarded["pub_items"], found.apart, found.refused.get("pub_items", set()), last.get("pub_items"), minimum
    )
    for name, keys in KEYS.items():
        part = guarded[name]
        told = part.table.with_columns(pl.lit(day).alias("told_on"))
        before = last[name].filter(~_has_few(last[name], minimum)) if name in last else None
        kept = _carried(told, before, keys, found.refused.get(name, set()))
        guarded[name] = Guarded(kept.sort(kept.columns, nulls_last=True), part.n_hidden)
    for name, keys in ROWS.items():
        part = guarded[name]
        kept = _without_few(settled(part.table, last.get(name), keys, minimum), keys, minimum)
        if name in LISTED:
            kept = kept.filter(pl.col(LISTED[name]).is_not_null())
        guarded[name] = Guarded(kept, part.n_hidden)
    return guarded, found


# What names a row of the tables that are not audited: their rows change only by enough people (`_settled`).
ROWS = {
    "pub_survival": ("comparison_cohort", "comparison_arm", "phase", "month_number"),
    "pub_turnovers": ("span", "span_start", "scope", "population", "formula"),
    "pub_headcount": ("month", "cohort"),
    "pub_populations": ("cohort", "population", "is_eligible"),
    "pub_participant_flows": ("metric", "cohort", "period_start", "status", "reason"),
    "pub_cohorts": ("cohort",),
    "pub_crossings": ("who", "from_arm", "to_arm"),
    "pub_trainings": ("course", "cohort", "status"),
    "pub_cascade": ("depth",),
    "pub_doses": ("cohort",),
    "pub_readiness": ("assessed_date", "arm", "readiness_before", "readiness"),
    "pub_coach_loads": (),
    "pub_structures": ("month",),
    "pub_items": ("launched_date", "scale", "item", "arm"),
    "pub_scales": ("launched_date", "scale", "arm"),
    "pub_characteristics": ("characteristic",),
}
# Tables with a row for what occurred: a row without a number would tell that it did, and no row that it did not.
LISTED = {"pub_crossings": "n_people", "pub_trainings": "n_people", "pub_readiness": "n_managers"}
UNITS_OF = ("n_units", "n_items", "n_layers")  # numbers of other things than people
NOT_GROUPS = (*UNITS_OF, "n_values", "n_other", "n_coaches_needed")  # nor are these the size of a group


NAMED = (
    KEYS
    | ROWS
    | {
        "pub_diagnostics": ("metric", "diagnostic"),
        "pub_decisions": ("metric",),
        "pub_money": ("item",),
        "pub_responses": ("metric", "cohort", "period_start"),
    }
)
SUPPRESSED = {"table": pl.String, "row": pl.String, "figures": pl.String, "reason": pl.String}
NOT_NAMED = "every row that is not listed"
NOT_LISTED = "nobody, or fewer than {minimum} people, or it would tell of fewer with what is or was shown"
# One reason for all: which of them it was would itself tell something.
HIDDEN = (
    "about fewer than {minimum} people, or it would tell of fewer (or nearly tell a value) with what is or was shown"
)


def suppressed(guarded: Mapping[str, Guarded], minimum: int) -> pl.DataFrame:
    """Every figure that is hidden, with the reason: nothing is dropped silently."""
    rows = [(name, NOT_NAMED, count, NOT_LISTED.format(minimum=minimum)) for name, count in LISTED.items()]
    for name, keys in NAMED.items():
        table = guarded[name].table
        figures = [
            column
            for column, kind in table.schema.items()
            if kind.is_numeric()
            and column not in keys
            and (column.startswith(("n_", "mean", "share", "estimate", "value", "low")) or column.endswith("_share"))
        ]
        for row in table.iter_rows(named=True):
            if row.get("status") in ("estimated", "not_estimable"):
                continue  # shown, or there is no number; "suppressed" says itself that it is hidden
            hidden = [column for column in figures if row[column] is None]
            if hidden:
                key = tuple(row[column] for column in keys)
                named = ", ".join(
                    f"{column} {value}" for column, value in zip(keys, key, strict=True) if value is not None
                )
                rows.append((name, named, ", ".join(hidden), HIDDEN.format(minimum=minimum)))
    return pl.DataFrame(rows, schema=SUPPRESSED, orient="row").sort("table", "row")


def _has_few(table: pl.DataFrame, minimum: int) -> pl.Expr:
    """Rows told earlier, of groups that a minimum raised since would not have let pass."""
    sizes = [column for column in table.columns if column.startswith("n_") and not column.startswith(NOT_GROUPS)]
    small = [pl.lit(False), *(pl.col(column).is_between(0, minimum - 1) for column in sizes)]
    return pl.any_horizontal(small).fill_null(False)


def _without_few(table: pl.DataFrame, keys: tuple[str, ...], minimum: int) -> pl.DataFrame:
    """`table` with the numbers of such rows hidden: told anew they could be subtracted from what was told."""
    figures = [name for name, kind in table.schema.items() if kind.is_numeric() and name not in keys]
    few = _has_few(table, minimum)
    return table.with_columns(pl.when(~few).then(pl.col(name)).alias(name) for name in figures)


def settled(table: pl.DataFrame, last: pl.DataFrame | None, keys: tuple[str, ...], minimum: int) -> pl.DataFrame:
    """`table` with the rows of `last` where too few people make the difference.

    A row is told anew if every count of people that changed did so by the minimum, and some did. A number that changes
    while no count does rests on somebody's correction, and waits.
    """
    if last is None or set(table.columns) != set(last.columns):  # no release before, or one of another version
        return table
    counts = [name for name in table.columns if name.startswith("n_") and not name.startswith(UNITS_OF)]
    figures = [name for name in table.columns if name not in keys and name != "programme"]
    one = pl.lit(0).alias("_one")
    both = (
        table.with_row_index("_row")
        .with_columns(one)
        .join(last.with_columns(one), on=["_one", *keys], how="inner", nulls_equal=True, suffix="_last")
    )

    def differs(name: str) -> pl.Expr:
        return pl.col(name).ne_missing(pl.col(f"{name}_last"))

    known = [pl.col(f"{name}_last").is_not_null() for name in counts]
    moved = [differs(name) & known_before for name, known_before in zip(counts, known, strict=True)]
    few = [
        change & (pl.col(name).is_null() | ((pl.col(name) - pl.col(f"{name}_last")).abs() < minimum)).fill_null(True)
        for name, change in zip(counts, moved, strict=True)
    ]
    was_shown = pl.any_horizontal(known) if known else pl.lit(True)
    waits = both.filter(
        was_shown
        & pl.any_horizontal(differs(name) for name in figures)
        & (pl.any_horizontal(few) | ~pl.any_horizontal(moved) if counts else pl.lit(True))
    )
    if waits.is_empty():
        return table
    old = waits.select("_row", *(pl.col(f"{n}_last").alias(n) if n in figures else pl.col(n) for n in table.columns))
    stays = table.with_row_index("_row").filter(~pl.col("_row").is_in(old["_row"].implode()))
    return pl.concat([stays, old.select(stays.columns)]).sort("_row").drop("_row")


def _carried(
    table: pl.DataFrame, last: pl.DataFrame | None, keys: tuple[str, ...], refused: set[tuple]
) -> pl.DataFrame:
    """`table` with the rows that were refused as they were told last, where they were."""
    if last is None or set(table.columns) != set(last.columns):  # no release before, or one of another version
        return table
    counts = [name for name in ("n_observed", "n_pilot") if name in table.columns]
    wanted = pl.Series([row in refused for row in last.select(keys).iter_rows()], dtype=pl.Boolean)
    old = last.filter(wanted & last[counts[0]].is_not_null()).select(table.columns)
    stays = table.join(old, on=list(keys), how="anti", nulls_equal=True)
    return pl.concat([stays, old])

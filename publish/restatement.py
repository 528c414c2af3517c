"""Restating closed periods: what came late enters, and no published figure changes by a few people.

Late facts wait (`publish.closed`) until a restatement computes every closed period again. A published figure in which
1 … K − 1 people's contributions would change keeps what was published: the difference would be theirs. Nothing about
people is kept for that: who was behind a cell when it closed is computed again from the files of that day, and believed
only where it gives the closed cells exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from publish.closed import CLOSED_UNITS, NEWLY, Frames

# Closed together: means of a metric, period and cohort; leavers of a month and arm; coaching of a month and cohort;
# readiness of a day and arm.
CELL_KEY = ("kind", "metric", "day", "population")
# Published together: of leavers a year, of coaching the whole time.
FIGURE = ("kind", "metric", "span", "population")
# What each person adds to a group, in numbers. `unit_id` says which group; of readiness the arm is given as it was.
PEOPLE_QUERIES = """
    select 'means' as kind, people.metric, people.period_start as day, unit_id, null as population,
        subject_kind || ' ' || subject_id as person, unnest(['n', 'value']) as measure,
        unnest([1.0, value::double]) as amount, subject_kind = 'seat' as is_seat
    from panels.pnl_values as people
    inner join panels.pnl_calendar as calendar
        on people.metric = calendar.metric and people.period_start = calendar.period_start
    where is_closed and value is not null
    union all
    select 'leavers', '', month, unit_id, null, person_id,
        unnest([cause, 'regretted']), unnest([1.0, coalesce(is_regretted, false)::int::double]), false
    from panels.pnl_employment where cause is not null and month in (select month from cells.cell_turnovers)
    union all
    select 'doses', '', month, unit_id, null, person_id,
        unnest(['months', 'held', 'minutes']), unnest([1.0, n_held::double, n_minutes::double]), false
    from intermediate.int_doses where month in (select month from cells.cell_dose_months)
    union all
    select 'readiness', '', assessed_date, null, arm, person_id, readiness, 1.0, false
    from intermediate.int_readiness where assessed_date in (select assessed_date from cells.cell_readiness)
"""
KIND_OF = {  # of a closed table: the kind of its groups, and the column with its day
    "cell_means": ("means", "period_start"),
    "cell_largest_values": ("means", "period_start"),
    "cell_turnovers": ("leavers", "month"),
    "cell_dose_months": ("doses", "month"),
    "cell_readiness": ("readiness", "assessed_date"),
}
PAIRS = ("cell_differences", "cell_covariates")
OF_ARMS = ("leavers", "readiness")  # published by arm; the rest by cohort too
OUTSIDE = "not in the study"


@dataclass(frozen=True)
class State:
    """What one set of files gives: every closed cell by table, and who contributes (columns of PEOPLE)."""

    cells: Frames
    people: pl.DataFrame


@dataclass(frozen=True)
class Restated:
    """All closed cells after a restatement, and the groups (columns CELLS) that keep what was published."""

    cells: Frames
    kept: pl.DataFrame


def read_state(connection) -> State:
    """The state of a warehouse in which nothing was kept from earlier releases."""
    cells = {name: connection.sql(sql).pl() for name, sql in NEWLY.items()}
    return State(cells, connection.sql(PEOPLE_QUERIES).pl())


def restate(closed: Frames, fresh: State, former: Iterable[State], *, minimum: int) -> Restated:
    """All closed cells, as `fresh` has them or as published (`closed`).

    `former`: states of the files of earlier releases, newest first; only as many are asked for as are needed. A figure
    keeps what was published where 1 … `minimum` − 1 people's contributions changed, where the cells that it is made of
    come from no state exactly, and where responses are anonymous and any changed (nobody knows whose). What a study
    does not measure any more stays as published.
    """
    closed = {name: frame.drop("batch", strict=False) for name, frame in closed.items()}
    published = _signatures(closed)
    cells = published.select(CELL_KEY).unique()
    now, waiting = _grouped(fresh), cells
    people = [now.clear()]
    for state in former if waiting.height else ():
        wrong = _differing_cells(published, _signatures(state.cells))
        found = waiting.join(wrong, on=CELL_KEY, how="anti", nulls_equal=True)
        people.append(_grouped(state).join(found, on=CELL_KEY, how="semi", nulls_equal=True))
        waiting = waiting.join(found, on=CELL_KEY, how="anti", nulls_equal=True)
        if waiting.is_empty():
            break
    days = cells.select("kind", "metric", "day").unique()  # what closes now is no difference to anything published
    now = now.join(days, on=["kind", "metric", "day"], how="semi", nulls_equal=True)
    changed = _changed_people(pl.concat(people), now)
    few = changed.filter(pl.col("n").is_between(1, minimum - 1) | pl.col("is_seat")).select(FIGURE)
    gone = cells.join(fresh.cells["periods"].select("metric").unique(), on="metric", how="anti")
    stays = pl.concat([waiting, gone.filter(pl.col("kind") == "means")]).with_columns(span=_span()).select(FIGURE)
    known = pl.concat([cells, now.select(CELL_KEY)]).unique().with_columns(span=_span())
    kept = known.join(pl.concat([few, stays]).unique(), on=FIGURE, how="semi", nulls_equal=True).select(CELL_KEY)
    kept = _with_linked(kept, closed, fresh.cells).sort(CELL_KEY)
    return Restated(_assembled(closed, fresh.cells, kept), kept)


def _with_linked(kept: pl.DataFrame, closed: Frames, fresh: Frames) -> pl.DataFrame:
    """Also the groups between which a unit moved: it would count in both, or in none."""
    place = ["kind", "metric", "day", "unit_id"]
    links = []
    for table in KIND_OF:
        if "unit_id" in fresh[table].columns:
            then, now = (
                _with_group(one[table], table).select(*place, "population").unique() for one in (closed, fresh)
            )
            both = then.join(now.rename({"population": "other"}), on=place, nulls_equal=True)
            moved = both.filter(pl.col("population") != pl.col("other")).drop("unit_id")
            links += [moved, moved.select(*place[:3], population="other", other="population")]
    linked = pl.concat(links).unique()
    while True:
        others = kept.join(linked, on=CELL_KEY, nulls_equal=True).select(*CELL_KEY[:3], population="other")
        more = pl.concat([kept, others]).unique()
        if more.height == kept.height:
            return kept
        kept = more


def _span() -> pl.Expr:
    return (
        pl.when(pl.col("kind") == "leavers")
        .then(pl.col("day").dt.truncate("1y"))
        .when(pl.col("kind") != "doses")
        .then(pl.col("day"))
    )


def _with_group(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """The rows of a closed table with the columns CELLS; a unit counts where it was when they closed."""
    kind, day = KIND_OF[table]
    return frame.with_columns(
        kind=pl.lit(kind),
        metric=pl.col("metric") if "metric" in frame.columns else pl.lit(""),
        day=pl.col(day),
        population=pl.col("arm" if kind in OF_ARMS else "cohort"),
    )


def _signatures(cells: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per closed cell: its group, what it is (`item`), and its numbers in words (`content`)."""
    parts = []
    for table in KIND_OF:
        frame = cells[table]
        numbers = [name for name, kind in frame.schema.items() if kind.is_numeric() and name != "value_rank"]
        keys = sorted(set(frame.columns) - set(numbers))
        parts.append(
            _with_group(frame, table).select(
                *CELL_KEY,
                item=_words([pl.lit(table), *(pl.col(key) for key in keys)]),
                content=_words([pl.col(name) for name in sorted(numbers)]),
            )
        )
    return pl.concat(parts)


def _words(columns: list[pl.Expr]) -> pl.Expr:
    return pl.concat_str([column.cast(pl.String) for column in columns], separator="|", ignore_nulls=True)


def _differing_cells(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Groups in which a cell is missing or has other numbers."""
    keys = [*CELL_KEY, "item", "content"]
    apart = [one.join(other, on=keys, how="anti", nulls_equal=True)]
    apart.append(other.join(one, on=keys, how="anti", nulls_equal=True))
    return pl.concat([frame.select(CELL_KEY) for frame in apart]).unique()


def _grouped(state: State) -> pl.DataFrame:
    """Contributions with the columns CELLS and `span`."""
    labels = state.cells[CLOSED_UNITS].select("unit_id", "cohort", "arm")
    by_label = pl.when(pl.col("kind").is_in(OF_ARMS)).then("arm").otherwise("cohort").fill_null(OUTSIDE)
    joined = state.people.join(labels, on="unit_id", how="left")
    return joined.with_columns(population=pl.coalesce("population", by_label), span=_span()).select(
        *CELL_KEY, "span", "person", "measure", "amount", "is_seat"
    )


def _changed_people(then: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """By figure: how many people add another amount than they did (`n`), and whether seats are among them.

    Only what a figure is made of counts: who moves within a cohort, or whose exit moves within a year, changes nothing.
    """
    keys = [*FIGURE, "person", "measure"]
    sums = pl.concat([then.with_columns(sign=pl.lit(-1.0)), now.with_columns(sign=pl.lit(1.0))])
    difference = sums.group_by(keys).agg((pl.col("amount") * pl.col("sign")).sum().round(9), pl.col("is_seat").any())
    apart = difference.filter(pl.col("amount") != 0)
    return apart.group_by(FIGURE).agg(n=pl.col("person").n_unique(), is_seat=pl.col("is_seat").any())


def _assembled(closed: Frames, fresh: Frames, keeps: pl.DataFrame) -> Frames:
    """Published rows of the groups that keep them, fresh rows of all others."""
    found = {}
    for table in KIND_OF:
        columns = fresh[table].columns
        parts = [
            _with_group(frame, table).join(keeps, on=CELL_KEY, how=how, nulls_equal=True).select(columns)
            for frame, how in ((closed[table], "semi"), (fresh[table], "anti"))
        ]
        found[table] = pl.concat(parts)
    means = keeps.filter(pl.col("kind") == "means").select("metric", period_start="day").unique()
    periods = ["metric", "period_start"]
    # Days of a period, and pairs of periods, are one for all cohorts: as published where one of them keeps its cells.
    columns = fresh["periods"].columns
    found["periods"] = pl.concat(
        [
            closed["periods"].join(means, on=periods, how="semi").select(columns),
            fresh["periods"].join(means, on=periods, how="anti"),
        ]
    )
    bases = means.rename({"period_start": "base_period_start"})
    for table in PAIRS:
        columns = fresh[table].columns
        parts = []
        for frame, keep in ((closed[table].select(columns), True), (fresh[table], False)):
            is_kept = pl.col("_later").fill_null(False) | pl.col("_base").fill_null(False)
            marked = frame.join(means.with_columns(_later=pl.lit(True)), on=periods, how="left").join(
                bases.with_columns(_base=pl.lit(True)), on=["metric", "base_period_start"], how="left"
            )
            parts.append(marked.filter(is_kept if keep else ~is_kept).select(columns))
        found[table] = pl.concat(parts)
    # A unit that is assigned no more stays as long as a kept cell is its own.
    named = pl.concat([frame.select("unit_id") for frame in found.values() if "unit_id" in frame.columns]).unique()
    columns = fresh[CLOSED_UNITS].columns
    left = (
        closed[CLOSED_UNITS].join(fresh[CLOSED_UNITS], on="unit_id", how="anti").join(named, on="unit_id", how="semi")
    )
    return found | {CLOSED_UNITS: pl.concat([fresh[CLOSED_UNITS], left.select(columns)])}

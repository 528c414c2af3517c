"""Restating closed periods: what came late enters, and no cell changes by a few people.

Late facts wait (`publish.closed`) until a restatement computes every closed period again. A published cell in which
1 … K − 1 people's values would change keeps what was published: the difference would be theirs. Nothing about people
is kept for that: who was behind a cell when it closed is computed again from the files of that day, and believed only
where it gives the published numbers exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from publish.closed import NEWLY, UNITS, Frames

# A group of cells that is published together: means of a metric, period and cohort; causes of leaving of a year and
# arm; coaching of a cohort; readiness of a day and arm.
GROUP = ("kind", "metric", "day", "population")
# Who contributes what. `unit_id` says which group; of readiness the arm is told as it was.
PEOPLE = """
    select 'means' as kind, people.metric, people.period_start as day, unit_id, null as population,
        subject_kind || ' ' || subject_id as person, value::varchar as content, subject_kind = 'seat' as is_seat
    from panels.pnl_values as people
    inner join panels.pnl_calendar as calendar
        on people.metric = calendar.metric and people.period_start = calendar.period_start
    where is_closed and value is not null
    union all
    select 'leavers', '', date_trunc('year', month)::date, unit_id, null, person_id,
        string_agg(strftime(month, '%m') || cause || is_regretted, ' ' order by month, cause), false
    from panels.pnl_employment where cause is not null and month in (select month from cells.cell_turnovers)
    group by all
    union all
    select 'doses', '', null, unit_id, null, person_id, string_agg(
        strftime(month, '%Y-%m ') || n_held || ' ' || n_minutes, ',' order by month
    ), false
    from intermediate.int_doses where month in (select month from cells.cell_dose_months) group by all
    union all
    select 'readiness', '', assessed_date, null, arm, person_id, coalesce(readiness_before, '') || ' ' || readiness,
        false
    from intermediate.int_readiness where assessed_date in (select assessed_date from cells.cell_readiness)
"""
KIND_OF = {  # of a closed table: the kind of its groups, and the column with its day
    "cell_means": ("means", "period_start"),
    "cell_largest_values": ("means", "period_start"),
    "cell_turnovers": ("leavers", "month"),
    "cell_dose_months": ("doses", None),
    "cell_readiness": ("readiness", "assessed_date"),
}
PAIRS = ("cell_differences", "cell_covariates")


@dataclass(frozen=True)
class State:
    """What one set of files gives: every closed cell by table, and who contributes (columns of PEOPLE)."""

    cells: Frames
    people: pl.DataFrame


@dataclass(frozen=True)
class Restated:
    """All closed cells after a restatement, and the groups (columns GROUP) that keep what was published."""

    cells: Frames
    kept: pl.DataFrame


def read_state(connection) -> State:
    """The state of a warehouse in which nothing was kept from earlier releases."""
    cells = {name: connection.sql(sql).pl() for name, sql in NEWLY.items()}
    return State(cells, connection.sql(PEOPLE).pl())


def restate(closed: Frames, fresh: State, former: Iterable[State], *, minimum: int) -> Restated:
    """All closed cells, as `fresh` has them or as published (`closed`).

    `former`: states of the files of earlier releases, newest first; only as many are asked for as are needed. A group
    keeps what was published where 1 … `minimum` − 1 people changed since the state that gives it exactly, where no
    state gives it, and where responses are anonymous and any changed (nobody knows whose).
    """
    closed = {name: frame.drop("batch", strict=False) for name, frame in closed.items()}
    cohorts = pl.concat([closed[UNITS], fresh.cells[UNITS]], how="diagonal").unique("unit_id", keep="last")
    labels = cohorts.select("unit_id", "cohort", "arm")
    published = _signatures(closed, labels)
    waiting = published.select(GROUP).unique()
    kept = [waiting.clear()]
    for state in former if waiting.height else ():
        wrong = _differing(published, _signatures(state.cells, labels)).select(GROUP)
        found = waiting.join(wrong, on=GROUP, how="anti", nulls_equal=True)
        changed = _differing(_grouped(state.people, labels), _grouped(fresh.people, labels))
        few = changed.filter(pl.col("n").is_between(1, minimum - 1) | pl.col("is_seat")).select(GROUP)
        kept.append(found.join(few, on=GROUP, how="semi", nulls_equal=True))
        waiting = waiting.join(found, on=GROUP, how="anti", nulls_equal=True)
        if waiting.is_empty():
            break
    keeps = pl.concat([*kept, waiting]).unique().sort(GROUP)
    return Restated(_assembled(closed, fresh.cells, labels, keeps), keeps)


def _with_group(frame: pl.DataFrame, table: str, labels: pl.DataFrame) -> pl.DataFrame:
    """The rows of a closed table with the columns GROUP."""
    kind, day = KIND_OF[table]
    if kind == "readiness":
        population = pl.col("arm")
    else:
        frame = frame.join(labels, on="unit_id", how="left")
        population = pl.col("arm" if kind == "leavers" else "cohort").fill_null("not in the study")
    days = pl.lit(None, dtype=pl.Date) if day is None else pl.col(day)
    return frame.with_columns(
        kind=pl.lit(kind),
        metric=pl.col("metric") if "metric" in frame.columns else pl.lit(""),
        day=days.dt.truncate("1y") if kind == "leavers" else days,
        population=population,
    )


def _signatures(cells: Mapping[str, pl.DataFrame], labels: pl.DataFrame) -> pl.DataFrame:
    """One row per closed cell: its group, what it is (`item`), and its numbers in words (`content`)."""
    parts = []
    for table in KIND_OF:
        frame = cells[table]
        numbers = [name for name, kind in frame.schema.items() if kind.is_numeric() and name != "value_rank"]
        keys = [name for name in frame.columns if name not in numbers]
        parts.append(
            _with_group(frame, table, labels).select(
                *GROUP,
                item=_words([pl.lit(table), *(pl.col(key) for key in keys)]),
                content=_words([pl.col(name) for name in numbers]),
                is_seat=pl.lit(False),
            )
        )
    return pl.concat(parts)


def _words(columns: list[pl.Expr]) -> pl.Expr:
    return pl.concat_str([column.cast(pl.String) for column in columns], separator="|", ignore_nulls=True)


def _grouped(people: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Contributions by group; `item` is the person."""
    joined = people.join(labels, on="unit_id", how="left")
    by_label = pl.when(pl.col("kind") == "leavers").then("arm").otherwise("cohort").fill_null("not in the study")
    return joined.select(
        "kind",
        "metric",
        "day",
        population=pl.coalesce("population", by_label),
        item="person",
        content=_words([pl.col("unit_id"), pl.col("content")]),
        is_seat="is_seat",
    )


def _differing(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Groups in which items differ: how many (`n`), and whether seats of anonymous waves are among them."""
    keys = [*GROUP, "item", "content", "is_seat"]
    first, second = one.select(keys), other.select(keys)
    apart = pl.concat(
        [
            first.join(second, on=keys, how="anti", nulls_equal=True),
            second.join(first, on=keys, how="anti", nulls_equal=True),
        ]
    )
    return apart.group_by(GROUP).agg(n=pl.col("item").n_unique(), is_seat=pl.col("is_seat").any())


def _assembled(closed: Frames, fresh: Frames, labels: pl.DataFrame, keeps: pl.DataFrame) -> Frames:
    """Published rows of the groups that keep them, fresh rows of all others."""
    found = {UNITS: fresh[UNITS]}
    for table in KIND_OF:
        old, new = (_with_group(frame, table, labels) for frame in (closed[table], fresh[table]))
        parts = [
            frame.join(keeps, on=GROUP, how=how, nulls_equal=True).select(fresh[table].columns)
            for frame, how in ((old, "semi"), (new, "anti"))
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
    return found

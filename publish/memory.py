"""What releases told of people, kept so that a later release does not give a few of them away.

Two releases that differ by one person's answer tell that answer. So a period stays as it was first released until what
changed is about enough people (`pnl_corrections`), and a member of the study stays in the segment in which it was
counted. For that the warehouse must know which observations the last release was made of: pseudonymised rows in the
workspace's folder `memory/`, outside of the warehouse, which can be deleted. They never leave the workspace.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import polars as pl

import durable

OBSERVATIONS, SEGMENTS, RELEASES = "released_observations", "released_segments", "releases.json"
KEY = ("metric", "period", "subject_id", "period_start")
TOLD = ("subject_kind", "unit_id", "cohort", "arm", "kickoff_date", "last_observed_date", "value")
MEMBER = ("member_kind", "member_id", "dimension")


class MemoryLost(RuntimeError):
    """There are releases, but not what they told of people: a new one could be subtracted from them."""


@dataclass(frozen=True)
class Behind:
    """Who is behind the figures: observations, and segments counted in (null: in none)."""

    told: pl.DataFrame
    counted: pl.DataFrame


BEHIND = {
    "told": """
        select periods.*, outcomes.period
        from panels.pnl_periods as periods
        inner join staging.stg_study__outcomes as outcomes on periods.metric = outcomes.metric
    """,
    "counted": """
        with members as (
            select distinct 'person' as member_kind, subject_id as member_id from panels.pnl_periods
            where subject_kind = 'person'
            union all
            select distinct 'unit' as member_kind, unit_id as member_id from panels.pnl_periods
        )
        select members.member_kind, members.member_id, dimensions.dimension, segments.word
        from members
        cross join raw.raw_study__segments as dimensions
        left join intermediate.int_segments as segments
            on members.member_kind = segments.member_kind and members.member_id = segments.member_id
                and dimensions.dimension = segments.dimension
    """,
}


def read_behind(connection) -> Behind:
    """Who is behind the figures in the warehouse."""
    return Behind(**{name: connection.sql(sql).pl() for name, sql in BEHIND.items()})


def recall(folder: Path, name: str, schema: dict) -> pl.DataFrame:
    """One of the tables as last written; empty before the first release."""
    path = folder / f"{name}.parquet"
    return pl.read_parquet(path).select(*schema).cast(schema) if path.exists() else pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class Memory:
    """What is kept: `observations` and `segments` (`ingest.tables.RELEASED_TABLES`), and the ids of the `releases` that
    told them, in order (number 1 is the first)."""

    observations: pl.DataFrame
    segments: pl.DataFrame
    releases: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, folder: Path, schemas: dict[str, dict], published: Iterable[str]) -> Memory:
        """As last written in `folder`. `published` are ids that readers may have had.

        Raises MemoryLost where one of them is not known. Known ones need not lie there any more: they were told.
        """
        path = folder / RELEASES
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        lost = sorted(set(published) - set(known))
        if lost:
            raise MemoryLost(
                f"{folder} does not know what release {', '.join(lost[:5])} told of people; nothing is published, "
                "since a new release could be subtracted from it. Restore the folder from a backup, or begin a new "
                "workspace"
            )
        return cls(
            recall(folder, OBSERVATIONS, schemas[OBSERVATIONS]),
            recall(folder, SEGMENTS, schemas[SEGMENTS]),
            tuple(known),
        )

    def forgotten(self) -> Memory:
        """As before the first release."""
        return Memory(self.observations.clear(), self.segments.clear())

    def with_first(self, n: int) -> Memory:
        """As it was when it knew the first `n` releases. Of two releases of one day the second's new segments are
        taken for the first's: only the day is kept of them."""
        if n == 0:
            return self.forgotten()
        is_over = pl.col("replaced_in") <= n
        observations = self.observations.filter(pl.col("released_in") <= n).with_columns(
            pl.when(is_over).then(name).alias(name) for name in ("replaced_date", "replaced_in")
        )
        day = date.fromisoformat(self.releases[n - 1][:10])  # an id begins with its day
        return Memory(
            observations.sort(*KEY, "released_in", "replaced_in", nulls_last=True),
            self.segments.filter(pl.col("released_date") <= day),
            self.releases[:n],
        )

    def after(self, behind: Behind, day: date) -> Memory:
        """With a further release on `day`, whose id is not known yet."""
        number = len(self.releases) + 1
        counted = behind.counted.join(self.segments, on=list(MEMBER), how="anti")
        return replace(
            self,
            observations=_with(self.observations, behind.told.select(*KEY, *TOLD), day, number),
            segments=pl.concat(
                [self.segments, counted.with_columns(pl.lit(day).alias("released_date"))], how="diagonal"
            ).sort(*MEMBER, "word"),
        )

    def keep(self, folder: Path, identity: str | None = None) -> None:
        """Write all of it, and the id of a further release last: a crash between leaves a run to repeat."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, frame in ((OBSERVATIONS, self.observations), (SEGMENTS, self.segments)):
            durable.replace(folder / f"{name}.parquet", frame.write_parquet)
        further = [identity] if identity and identity not in self.releases else []
        text = json.dumps([*self.releases, *further], indent=1) + "\n"
        durable.replace_text(folder / RELEASES, text)


def _with(known: pl.DataFrame, told: pl.DataFrame, day: date, number: int) -> pl.DataFrame:
    """`known` after release `number` of `told` (columns KEY and TOLD) on `day`: new rows begin, changed ones end.

    A period that this release does not tell (a metric that is asked no more) stays as it was.
    """
    current, past = known.filter(pl.col("replaced_in").is_null()), known.filter(pl.col("replaced_in").is_not_null())
    whole, period = [*KEY, *TOLD], ["metric", "period", "period_start"]
    here = current.join(told.select(period).unique(), on=period, how="semi")
    kept = here.join(told, on=whole, how="semi", nulls_equal=True)
    begins = {"released_date": pl.lit(day), "released_in": pl.lit(number, dtype=pl.Int32)}
    ends = {"replaced_date": pl.lit(day), "replaced_in": pl.lit(number, dtype=pl.Int32)}
    return pl.concat(
        [
            past,
            current.join(told.select(period).unique(), on=period, how="anti"),
            kept,
            here.join(told, on=whole, how="anti", nulls_equal=True).with_columns(**ends),
            told.join(kept, on=whole, how="anti", nulls_equal=True).with_columns(**begins),
        ],
        how="diagonal",
    ).sort(*KEY, "released_in", "replaced_in", nulls_last=True)

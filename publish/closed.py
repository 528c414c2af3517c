"""Cells of closed periods: what was published of a period stays as it was, so that no two releases can be subtracted.

When a release is published, the cells of every period that closed since the one before are appended to the folder
`closed/`: a batch of Parquet files with sums and counts of assignment units, no person in them. Every run loads them
into the schema `closed`, and the models compute open periods only. A restatement writes one batch with everything.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

import durable

FACTS = "batch.json"
CLOSED_UNITS = "cell_units"  # the only table of which a later batch replaces rows
Frames = dict[str, pl.DataFrame]

# What a release closes: rows that are in figures of it and not kept from an earlier one.
NEWLY = {
    "periods": """
        select metric, period, period_start, first_observed_date, last_observed_date, closes_on
        from panels.pnl_calendar where is_closed and not is_kept
    """,
    CLOSED_UNITS: """
        select unit_id, cohort, arm, stratum, kickoff_date, is_coach_trained from cells.cell_units
    """,
    "cell_means": """
        select cells.metric, unit_id, cells.period_start, segment, n_eligible, n_observed, n_first_observed, value_sum,
            centred_sum_of_squares, closed_cohort as cohort, closed_arm as arm
        from cells.cell_means as cells
        inner join panels.pnl_calendar as calendar
            on cells.metric = calendar.metric and cells.period_start = calendar.period_start and not calendar.is_kept
        where not is_segment_of_units
    """,
    "cell_largest_values": """
        select cells.metric, unit_id, cells.period_start, value_rank, value, cohort, arm
        from cells.cell_largest_values as cells
        inner join panels.pnl_calendar as calendar
            on cells.metric = calendar.metric and cells.period_start = calendar.period_start and not calendar.is_kept
    """,
    "cell_differences": """
        select cells.metric, unit_id, cells.period_start, cells.base_period_start, n_people, change_sum,
            centred_sum_of_squares
        from cells.cell_differences as cells
        inner join panels.pnl_pairs as pairs
            on cells.metric = pairs.metric and cells.period_start = pairs.period_start
            and cells.base_period_start = pairs.base_period_start and not pairs.is_kept
    """,
    "cell_covariates": """
        select cells.metric, unit_id, cells.period_start, cells.base_period_start, covariate, times, n_people,
            product_sum
        from cells.cell_covariates as cells
        inner join panels.pnl_pairs as pairs
            on cells.metric = pairs.metric and cells.period_start = pairs.period_start
            and cells.base_period_start = pairs.base_period_start and not pairs.is_kept
    """,
    "cell_turnovers": """
        select * from cells.cell_turnovers
        where month not in (select month from closed.cell_turnovers)
    """,
    "cell_dose_months": """
        select * from cells.cell_dose_months
        where month not in (select month from closed.cell_dose_months)
    """,
    "cell_readiness": """
        select * from cells.cell_readiness where assessed_date not in (select assessed_date from closed.cell_readiness)
    """,
}
LOADS_TABLE = "select load_id from staging.stg_loads where load_id not in (select load_id from closed.loads)"


class ClosedLost(RuntimeError):
    """Releases closed periods whose cells are not there any more: a new release could be subtracted from them."""


@dataclass(frozen=True)
class Batch:
    """What one release closed. `definitions`: of what is measured, a digest by name (`study.validation`).
    `restates`: it holds every closed cell, and those before it count no more."""

    number: int
    release: str
    as_of: str
    definitions: dict[str, str]
    restates: bool = False


def batches(folder: Path) -> list[Batch]:
    """Whole batches, oldest first. Raises ClosedLost where one between them is missing."""
    found = [Batch(**json.loads(path.read_text(encoding="utf-8"))) for path in _in_batches(folder, FACTS)]
    missing = sorted(set(range(1, len(found) + 1)) - {one.number for one in found})
    if missing:
        raise ClosedLost(f"{folder} lacks batch {missing[0]} of closed periods; {RESTORE}")
    return found


RESTORE = (
    "nothing is published, since a new release could be subtracted from those before. Restore the folder from a "
    "backup, or begin a new workspace"
)


def check_all_there(folder: Path, n_closed: int) -> list[Batch]:
    """The batches, at least as many as releases wrote. Raises ClosedLost."""
    found = batches(folder)
    if len(found) < n_closed:
        raise ClosedLost(
            f"{folder} has {len(found)} batch(es) of closed periods, and releases wrote {n_closed}; {RESTORE}"
        )
    return found


def _place(folder: Path, number: int) -> Path:
    return folder / f"{number:04d}"


def _in_batches(folder: Path, pattern: str) -> list[Path]:
    """Files of batches. The folder that a killed run was still writing is hidden, which `glob` does not mind."""
    return sorted(path for path in folder.glob(f"*/{pattern}") if not path.parent.name.startswith("."))


def _tidy(folder: Path) -> None:
    """Take away what a killed run left half done; whoever writes here holds the workspace."""
    for left in folder.glob(".*.tmp"):
        durable.remove(left)


def read(folder: Path, schemas: Mapping[str, dict]) -> Frames:
    """All closed cells, by table (`schemas`: the columns of each); empty before the first release."""
    known = batches(folder)
    since = max((one.number for one in known if one.restates), default=1)
    frames = {name: [pl.DataFrame(schema=schema)] for name, schema in schemas.items()}
    for batch in known[since - 1 :]:
        for name, schema in schemas.items():
            path = _place(folder, batch.number) / f"{name}.parquet"
            if path.exists():
                frame = pl.read_parquet(path).with_columns(batch=pl.lit(batch.number))
                frames[name].append(frame.select(*schema).cast(schema))
    found = {name: pl.concat(parts) for name, parts in frames.items()}
    # A unit stands in every batch, as it was last; a file that a release knew is known since the first that did.
    return found | {
        CLOSED_UNITS: found[CLOSED_UNITS].unique("unit_id", keep="last", maintain_order=True),
        "loads": found["loads"].unique("load_id", keep="first", maintain_order=True),
    }


def newly_closed(connection) -> Frames:
    """What a release of the warehouse's tables closes, by table; empty where that is nothing."""
    found = {name: connection.sql(sql).pl() for name, sql in NEWLY.items()}
    if not any(frame.height for name, frame in found.items() if name != CLOSED_UNITS):
        return {}
    return found | {"loads": connection.sql(LOADS_TABLE).pl()}


def all_closed(connection) -> Frames:
    """What a release that restates holds: every closed cell in the warehouse, kept or new."""
    found = {"loads": connection.sql("select load_id from staging.stg_loads").pl()}
    for name, sql in NEWLY.items():
        new = connection.sql(sql).pl()
        kept = connection.sql(f"select {', '.join(new.columns)} from closed.{name}").pl()
        found[name] = pl.concat([kept, new])
    return found


def keep(
    folder: Path, frames: Frames, *, release: str, as_of: str, definitions: dict[str, str], restates: bool = False
) -> None:
    """Append a batch, if anything closed and this release has not written it. The folder appears at once, whole."""
    _tidy(folder)
    known = batches(folder)
    if not frames or (known and known[-1].release == release):
        return
    batch = Batch(len(known) + 1, release, as_of, definitions, restates)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = _place(folder, batch.number)
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.mkdir(mode=0o700)
    for name, frame in frames.items():
        if frame.height:
            durable.replace(temporary / f"{name}.parquet", frame.sort(frame.columns).write_parquet)
    durable.replace_text(temporary / FACTS, json.dumps(asdict(batch), indent=1) + "\n")
    durable.rename(temporary, target)


def copy_first(folder: Path, target: Path, n: int) -> None:
    """The first `n` batches in another workspace."""
    for batch in check_all_there(folder, n)[:n]:
        shutil.copytree(_place(folder, batch.number), _place(target, batch.number))


def rename(folder: Path, column: str, names: Mapping[str, str]) -> None:
    """Give values of a column (`unit_id`, `load_id`) other names, in all batches: what an erasure leaves of them."""
    _tidy(folder)
    for path in _in_batches(folder, "*.parquet"):
        frame = pl.read_parquet(path)
        if column in frame.columns and frame[column].is_in(list(names)).any():
            durable.replace(path, frame.with_columns(pl.col(column).replace(dict(names))).write_parquet)


def units(folder: Path) -> set[str]:
    """Every unit of which something closed."""
    paths = [path for path in _in_batches(folder, "*.parquet") if "unit_id" in pl.read_parquet_schema(path)]
    return {unit for path in paths for unit in pl.read_parquet(path, columns=["unit_id"])["unit_id"].unique()}

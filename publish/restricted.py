"""The restricted release: what is known of single coaches, apart from what everybody may read.

A folder of its own beside `releases/`, closed to every other account (0700, files 0400), under the id of the release
whose run made it. Coaches are pseudonyms in it: `coaching coach-report --id …` finds one person's rows, and the ledger
says that somebody looked. A coach of a team smaller than the minimum group has no numbers.

Another one is made only when a period is added: within the same periods a few late answers would be the difference of
two. Whoever reads it beside the releases may subtract. Readers of this folder are few and named
(docs/how-to/deploy.md).
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

import durable
from publish.catalogue import check_floor
from publish.files import seal, write_manifest, write_table
from publish.release import CURRENT, check_verdict

COACHES_TABLE = "pub_coaches"
NUMBERS = ("change", "pooled", "ci_low", "ci_high", "funnel_low", "funnel_high", "shrinkage", "n_people", "n_units")
SAYS = (
    "Coach and team together, partially pooled: not a league table, and never a basis for pay. An interval that holds "
    "the mean of all coaches says that this coach cannot be distinguished from the others."
)


def guard_coaches(coaches: pl.DataFrame, minimum: int) -> pl.DataFrame:
    """`est_coaches` without the numbers that rest on fewer people than the minimum, in the order of its rows."""
    few = pl.col("n_people").fill_null(0) < check_floor(minimum)
    return coaches.with_columns(
        *(pl.when(~few).then(pl.col(name)).alias(name) for name in NUMBERS),
        status=pl.when(few).then(pl.lit("suppressed")).otherwise("status"),
        reason=pl.when(few).then(pl.lit(f"fewer than {minimum} people")).otherwise("reason"),
    ).sort("metric", "coach_person_id")


def publish_coaches(
    table: pl.DataFrame, *, identity: str, as_of: str, through: dict[str, str], verdict: dict, folder: Path
) -> Path:
    """Write the restricted release of the run that made release `identity`, and make it the current one.

    `table` is the guarded one, `through` the last period of each metric in it, `verdict` the gate's on this table.
    Raises NotAllowed unless it passed.
    """
    check_verdict(verdict, {COACHES_TABLE: table})
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / identity
    if not (target / "manifest.json").exists():
        _write(table, verdict, target, {"as_of": as_of, "through": through})
    durable.point(folder / CURRENT, identity)
    return target


def _write(table: pl.DataFrame, verdict: dict, target: Path, facts: dict) -> None:
    temporary = target.with_name(f".{target.name}.tmp")
    for left in (temporary, target):  # by a run that was killed
        if left.exists():
            durable.remove(left)
    temporary.mkdir(mode=0o700)
    written = write_table(table, COACHES_TABLE, parquet=temporary, csv=temporary)
    manifest = {
        "release": target.name,
        **facts,
        "says": SAYS,
        "verdict": verdict,
        "tables": {COACHES_TABLE: written},
    }
    write_manifest(manifest, temporary)
    seal(temporary, file_mode=0o400, folder_mode=0o700)
    durable.rename(temporary, target)


def told_through(folder: Path) -> dict[str, str] | None:
    """The last period of each metric that the current restricted release has; None where there is none."""
    manifest = folder / CURRENT / "manifest.json"
    return json.loads(manifest.read_text(encoding="utf-8"))["through"] if manifest.exists() else None


def current_coaches(folder: Path) -> tuple[str, pl.DataFrame] | None:
    """The id and table of the current restricted release, if there is one."""
    link = folder / CURRENT
    if not (link / "manifest.json").exists():
        return None
    return link.resolve().name, pl.read_parquet(link / f"{COACHES_TABLE}.parquet")

"""Released headlines of several pilots as one effect: which of them ask the same, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from scipy import stats

from inference.meta_analysis import Pooled, pool
from publish.page.wording import is_estimated
from publish.release import manifest_of, released_tables

# What two pilots must have in common for one number to mean the same in both.
DEFINITION = ("unit", "written_as", "direction", "measure", "scale", "period", "months")
WINDOWS = ("still_employed", "not_left_by_choice")  # measures with one window for each cohort, and no period
OWN = "own"  # written in the export's own unit, which no release names
COHORT = ("group_name", "kickoff_date", "n_units", "n_people")
LEVEL = 0.95  # of all intervals, whatever level each release was read at


class CannotPool(ValueError):
    """These folders cannot be pooled; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class PooledOutcome:
    """An outcome that was primary in one of the releases. `pilots` has a row for each release that shows it: release
    (a number, in the order given), design, estimate, ci_low, ci_high. `pooled` is None where `left_out` leaves fewer
    than two; `left_out` has (release, why)."""

    metric: str
    label: str
    unit: str
    written_as: str
    pilots: pl.DataFrame
    left_out: tuple[tuple[int, str], ...]
    pooled: Pooled | None


def pool_releases(folders: Sequence[Path]) -> list[PooledOutcome]:
    """Every outcome that is primary in one of these release folders, pooled over those that ask the same.

    Raises CannotPool for fewer than two, a folder that holds no release, and two releases about the same people.
    """
    if len(folders) < 2:
        raise CannotPool("name two releases at least: one pilot is no pool")
    released = [_read(folder) for folder in folders]
    _check_people(folders, released)
    headlines = [_headlines(one) for one in released]
    primary = pl.concat(one.filter(pl.col("role") == "primary") for one in headlines)["metric"]
    return [_pooled(metric, headlines) for metric in primary.unique(maintain_order=True)]


@dataclass(frozen=True)
class _Released:
    """A release as pooling reads it: once."""

    manifest: dict
    tables: dict[str, pl.DataFrame]


def _read(folder: Path) -> _Released:
    if not (folder / "manifest.json").is_file():
        raise CannotPool(f"{folder} is no release: name the folder with manifest.json, or releases/current")
    return _Released(manifest_of(folder), released_tables(folder))


def _check_people(folders: Sequence[Path], released: Sequence[_Released]) -> None:
    seen: dict[object, Path] = {}
    for folder, one in zip(folders, released, strict=True):
        marks = (one.manifest["content_hash"], *_cohorts(one.tables))
        for mark in marks:
            if mark in seen:
                raise CannotPool(
                    f"{seen[mark]} and {folder} have a cohort of the same people, and each would count twice: name one "
                    "release of each pilot"
                )
        seen |= dict.fromkeys(marks, folder)


def _cohorts(tables: dict[str, pl.DataFrame]) -> list[tuple]:
    """Cohorts by name, day, units and people: what two releases of one pilot have in common, and two pilots hardly."""
    found = tables["pub_cohorts"].filter(pl.col("scope") == "cohort").select(COHORT)
    return found.drop_nulls("n_people").rows()


def _headlines(released: _Released) -> pl.DataFrame:
    """One row per outcome: its definition, and the headline (empty where it is not shown)."""
    tables = released.tables
    months = tables["pub_retention"]["n_months"].max()
    is_window = pl.col("measure").is_in(WINDOWS)
    return (
        tables["pub_outcomes"]
        .select("metric", "label", "role", "unit", "written_as", "direction", "measure", "scale", "period")
        .join(
            tables["pub_estimates"]
            .filter("is_headline")
            .select("metric", "estimate", "std_error", "df", "status", "reason", "suppressed"),
            on="metric",
            how="left",
        )
        .with_columns(
            design=pl.lit(released.manifest["design"]),
            period=pl.when(~is_window).then(pl.col("period")),
            months=pl.when(is_window).then(pl.lit(months, dtype=pl.Int64)),
        )
    )


def _pooled(metric: str, headlines: Sequence[pl.DataFrame]) -> PooledOutcome:
    asked = [(number, _row_of(metric, one)) for number, one in enumerate(headlines, 1)]
    declared = [row for _, row in asked if row and row["role"] == "primary"]
    # What is asked is said by a release that has an answer, whichever stands first.
    first = next((row for row in declared if is_estimated(row)), declared[0])
    kept, left_out = [], []
    for number, row in asked:
        if why := _why_not(row, first):
            left_out.append((number, why))
        else:
            kept.append(_pilot(number, row))
    return PooledOutcome(
        metric=metric,
        label=first["label"],
        unit=first["unit"],
        written_as=first["written_as"],
        pilots=pl.DataFrame(kept, schema=PILOTS),
        left_out=tuple(left_out),
        pooled=pool([row["estimate"] for row in kept], [row["std_error"] for row in kept]) if len(kept) > 1 else None,
    )


PILOTS = {
    "release": pl.Int64,
    "design": pl.String,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
}


def _pilot(number: int, row: dict) -> dict:
    reach = float(stats.t.ppf((1 + LEVEL) / 2, row["df"])) * row["std_error"]
    ends = {"ci_low": row["estimate"] - reach, "ci_high": row["estimate"] + reach}
    return {"release": number} | {name: row[name] for name in ("design", "estimate", "std_error")} | ends


def _row_of(metric: str, headlines: pl.DataFrame) -> dict | None:
    return next(iter(headlines.filter(pl.col("metric") == metric).to_dicts()), None)


def _why_not(row: dict | None, first: dict) -> str:
    """Why this release's effect is not pooled; empty where it is."""
    if row is None:
        return "does not ask for it"
    differing = [name for name in DEFINITION if row[name] != first[name]]
    if differing and is_estimated(row):
        return "asks for something else: " + ", ".join(
            f"{name} {row[name]} instead of {first[name]}" for name in differing
        )
    reasons = (
        (row["status"] != "estimated", f"has no estimate: {row['reason']}"),
        (row["suppressed"] is not None, "does not show it"),
        (not row["std_error"] or not row["df"], "has an effect without an error"),
        (row["written_as"] == OWN, "writes it in its export's own unit, which may be another one elsewhere"),
    )
    return next((why for holds, why in reasons if holds), "")

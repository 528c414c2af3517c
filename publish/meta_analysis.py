"""Released headlines of several pilots as one effect: which of them ask the same, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from inference.meta_analysis import Pooled, pool
from publish.release import manifest_of, released_tables

# What two pilots must have in common for one number to mean the same in both.
DEFINITION = ("unit", "written_as", "direction", "measure", "scale", "months")


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
    _check(folders)
    headlines = [_headlines(folder) for folder in folders]
    primary = pl.concat(one.filter(pl.col("role") == "primary") for one in headlines)["metric"]
    return [_pooled(metric, headlines) for metric in primary.unique(maintain_order=True)]


def _check(folders: Sequence[Path]) -> None:
    if len(folders) < 2:
        raise CannotPool("name two releases at least: one pilot is no pool")
    for folder in folders:
        if not (folder / "manifest.json").is_file():
            raise CannotPool(f"{folder} is no release: name the folder with manifest.json, or releases/current")
    seen: dict[object, Path] = {}
    for folder in folders:
        for mark in (folder.resolve().parent, manifest_of(folder)["content_hash"]):
            if mark in seen:
                raise CannotPool(
                    f"{seen[mark]} and {folder} are about the same people, and each would count twice: name one "
                    "release of each pilot"
                )
            seen[mark] = folder


def _headlines(folder: Path) -> pl.DataFrame:
    """One row per outcome: its definition, and the headline (empty where it is not shown)."""
    tables = released_tables(folder)
    months = tables["pub_retention"]["n_months"].max()
    return (
        tables["pub_outcomes"]
        .select("metric", "label", "role", "unit", "written_as", "direction", "measure", "scale", "period")
        .join(
            tables["pub_estimates"]
            .filter("is_headline")
            .select("metric", "estimate", "std_error", "ci_low", "ci_high", "status", "reason", "suppressed"),
            on="metric",
            how="left",
        )
        .with_columns(
            design=pl.lit(manifest_of(folder)["design"]),
            # One window for each cohort has no period; its length is part of what is asked.
            months=pl.when(pl.col("period").is_null()).then(pl.lit(months, dtype=pl.Int64)),
        )
    )


def _pooled(metric: str, headlines: Sequence[pl.DataFrame]) -> PooledOutcome:
    asked = [(number, _row_of(metric, one)) for number, one in enumerate(headlines, 1)]
    first = next(row for _, row in asked if row and row["role"] == "primary")
    kept, left_out = [], []
    for number, row in asked:
        if why := _why_not(row, first):
            left_out.append((number, why))
        else:
            kept.append({"release": number} | row)
    columns = ("release", "design", "estimate", "std_error", "ci_low", "ci_high")
    return PooledOutcome(
        metric=metric,
        label=first["label"],
        unit=first["unit"],
        written_as=first["written_as"],
        pilots=pl.DataFrame([{name: row[name] for name in columns} for row in kept]),
        left_out=tuple(left_out),
        pooled=pool([row["estimate"] for row in kept], [row["std_error"] for row in kept]) if len(kept) > 1 else None,
    )


def _row_of(metric: str, headlines: pl.DataFrame) -> dict | None:
    return next(iter(headlines.filter(pl.col("metric") == metric).to_dicts()), None)


def _why_not(row: dict | None, first: dict) -> str:
    """Why this release's effect is not pooled; empty where it is."""
    if row is None:
        return "does not ask for it"
    differing = [name for name in DEFINITION if row[name] != first[name]]
    if differing:
        return "asks for something else: " + ", ".join(
            f"{name} {row[name]} instead of {first[name]}" for name in differing
        )
    if row["status"] != "estimated":
        return f"has no estimate: {row['reason']}"
    if row["suppressed"] is not None:
        return "does not show it"
    if not row["std_error"]:
        return "has an effect without an error"
    return ""

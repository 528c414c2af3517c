"""What others found: published effects as a yardstick."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

from publish.page.sheets.outcome import Column
from publish.page.sheets.sheet import Sheet, Tables
from publish.page.wording import MINUS

PUBLISHED = Path(__file__).parents[1] / "published_effects.csv"  # each row was read in an abstract by two readers
SHORT = {"standard deviations": "SD", "per cent": "%"}


def others_found(tables: Tables, columns: list[Column]) -> Sheet:
    """Published effects, and this study's in standard deviations between people where those are known."""
    spreads = dict(
        tables["pub_diagnostics"]
        .filter((pl.col("diagnostic") == "standard_deviation") & pl.col("value").is_not_null())
        .select("metric", "value")
        .iter_rows()
    )
    heads = {
        row["metric"]: row["estimate"]
        for row in tables["pub_estimates"].filter("is_headline").iter_rows(named=True)
        if row["estimate"] is not None
    }
    ours = [
        ("this study", column.label, _number(heads[column.metric] / spreads[column.metric], "standard deviations"))
        for column in columns
        if spreads.get(column.metric) and column.metric in heads
    ]
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        theirs = [
            (
                f"{row['study']} ({row['year']}), {row['what']}",
                row["outcome"],
                _number(float(row["effect"]), row["unit"]),
            )
            for row in csv.DictReader(file)
        ]
    return Sheet(
        "What others found: most measured the coached person, not the team, and what finds nothing is published less",
        ("study", "outcome", "effect"),
        ours + theirs,
        note="Sources and what to mind: published_effects.csv in the project. SD: standard deviations between people.",
        n_words=2,
    )


def _number(value: float, unit: str) -> str:
    return f"{'+' if value >= 0 else MINUS}{abs(value):.2f}".rstrip("0").rstrip(".") + f" {SHORT[unit]}"

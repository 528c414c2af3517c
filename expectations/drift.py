"""The last release beside what would be told now: vanished groups, jumps of estimates and errors, restated months."""

from __future__ import annotations

import pandas as pd
import polars as pl

KEYS = ["metric", "estimator", "aggregation", "cohort", "segment"]
MOVES = ["is_present", "moved_by", "error_ratio"]
ESTIMATES, HEADCOUNTS = "pub_estimates", "pub_headcount"


def against_last_release(
    previous: dict[str, pl.DataFrame], estimates: pd.DataFrame, headcounts: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The tables of the room drift. `previous` are the served release's tables, none where nothing is comparable.

    `estimates` and `headcounts` are est_estimates and cmp_headcounts as they would be told now.
    """
    return {
        "last_release": _estimates(previous.get(ESTIMATES), estimates),
        "restated": _restated(previous.get(HEADCOUNTS), headcounts),
    }


def _estimates(previous: pl.DataFrame | None, estimates: pd.DataFrame) -> pd.DataFrame:
    """The last release's estimates beside the new ones: is each still there, and by how many errors did it move?

    By the larger of both errors: a cohort that comes in with its first wave widens the new one, and of two estimates
    that share most of their data the difference varies less than the wider of them (Hausman 1978, Econometrica 46(6)).
    A fault that widens the new error would so hide its own jump: `error_ratio`, the larger error over the smaller, is
    asked for that.
    """
    if previous is None or previous.is_empty():
        return pd.DataFrame({name: [] for name in (*KEYS, *MOVES)})
    told = previous.to_pandas()
    old = told[told["event_time"].isna() & (told["status"] == "estimated")]
    new = estimates[estimates["event_time"].isna()][[*KEYS, "estimate", "std_error"]]
    both = old[[*KEYS, "estimate", "std_error"]].merge(new, on=KEYS, how="left", suffixes=("_old", ""), indicator=True)
    both["is_present"] = (both["_merge"] == "both").astype(int)
    errors = both[["std_error_old", "std_error"]].astype(float)
    both["moved_by"] = ((both["estimate"] - both["estimate_old"]).abs() / errors.max(axis=1)).astype(float)
    both["error_ratio"] = errors.max(axis=1) / errors.min(axis=1)
    return both[[*KEYS, *MOVES]]


def _restated(previous: pl.DataFrame | None, headcounts: pd.DataFrame) -> pd.DataFrame:
    """People at the end of each month, then and now, over the cohorts that were shown."""
    if previous is None or previous.is_empty():
        return pd.DataFrame({name: [] for name in ("period", "n_then", "n_now", "change")})
    told = previous.filter(pl.col("n_closing").is_not_null()).select("month", "cohort", then="n_closing")
    now = pl.from_pandas(headcounts[["month", "cohort", "n_closing"]]).with_columns(pl.col("month").cast(pl.Date))
    return (
        told.join(now, on=["month", "cohort"], how="left")
        .group_by(period=pl.col("month").dt.strftime("%Y-%m"))
        .agg(n_then=pl.col("then").sum(), n_now=pl.col("n_closing").fill_null(0).sum())
        .with_columns(change=pl.col("n_now") / pl.col("n_then") - 1)
        .sort("period")
        .to_pandas()
    )

"""The last release beside what would be published now: vanished groups, jumps of estimates, restated periods."""

from __future__ import annotations

import pandas as pd
import polars as pl

HEADLINE_KEY = ["metric", "estimator", "aggregation", "cohort", "segment"]
PEOPLE = ("n_pilot", "n_control")
LARGE = 1_000  # people in each arm
MOVES = ["is_present", "moved_by", "error_ratio"]
ESTIMATES, LEVELS = "pub_estimates", "pub_levels"


def against_last_release(
    previous: dict[str, pl.DataFrame], estimates: pd.DataFrame, levels: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The tables of the suite drift. `previous` are the served release's tables, none where nothing is comparable.

    `estimates` and `levels` are est_estimates and cmp_trends as they are now.
    """
    return {
        "last_release": _estimates(previous.get(ESTIMATES), estimates),
        "restated": _restated(previous.get(LEVELS), levels),
    }


def _estimates(previous: pl.DataFrame | None, estimates: pd.DataFrame) -> pd.DataFrame:
    """The last release's estimates beside the new ones: is each still there, and by how many errors did it move?

    By the larger of both errors: a cohort that comes in with its first wave widens the new one, and of two estimates
    that share most of their data the difference varies less than the wider of them (Hausman 1978, Econometrica 46(6)).
    A fault that widens the new error would so hide its own jump: `error_ratio`, the larger error over the smaller, is
    asked for that. Of very many people an error is smaller than what really changes from month to month: it counts as
    that of LARGE people in each arm at least.
    """
    if previous is None or previous.is_empty():
        return pd.DataFrame({name: [] for name in (*HEADLINE_KEY, *MOVES)})
    published = previous.to_pandas()
    old = published[
        published["event_time"].isna() & (published["status"] == "estimated") & published["suppressed"].isna()
    ]
    new = estimates[estimates["event_time"].isna()][[*HEADLINE_KEY, "estimate", "std_error", *PEOPLE]]
    both = old[[*HEADLINE_KEY, "estimate", "std_error"]].merge(
        new, on=HEADLINE_KEY, how="left", suffixes=("_old", ""), indicator=True
    )
    both["is_present"] = (both["_merge"] == "both").astype(int)
    errors = both[["std_error_old", "std_error"]].astype(float)
    share = (1 / both[list(PEOPLE)].astype(float)).sum(axis=1)  # an error is in proportion to its square root
    at_least = both["std_error"].astype(float) * (2 / LARGE / share) ** 0.5
    error = pd.concat([errors, at_least], axis=1).max(axis=1)
    both["moved_by"] = ((both["estimate"] - both["estimate_old"]).abs() / error).astype(float)
    both["error_ratio"] = errors.max(axis=1) / errors.min(axis=1)
    return both[[*HEADLINE_KEY, *MOVES]]


def _restated(previous: pl.DataFrame | None, levels: pd.DataFrame) -> pd.DataFrame:
    """People who could be observed in each period, then and now, over outcomes and arms that were published."""
    if previous is None or previous.is_empty():
        return pd.DataFrame({name: [] for name in ("period", "n_then", "n_now", "change")})
    keys = ["metric", "period_start", "scope", "group_name"]
    then = previous.filter((pl.col("scope") == "arm") & pl.col("n_eligible").is_not_null())
    now = pl.from_pandas(levels[[*keys, "n_eligible"]]).with_columns(pl.col("period_start").cast(pl.Date))
    return (
        then.select(*keys, then="n_eligible")
        .join(now, on=keys, how="left")
        .group_by(period=pl.col("period_start").dt.strftime("%Y-%m"))
        .agg(n_then=pl.col("then").sum(), n_now=pl.col("n_eligible").fill_null(0).sum())
        .with_columns(change=pl.col("n_now") / pl.col("n_then") - 1)
        .sort("period")
        .to_pandas()
    )

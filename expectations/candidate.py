"""The tables of a release as they would be written: who would read them, and would they meet a person?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import pandas as pd
import polars as pl

PERSONAL_PREFIXES = ("person", "employee", "email", "subject", "unit_id", "member_id", "manager_id", "respondent_id")
PSEUDONYM_LIKE = r"^[0-9a-f]{32}$"
EMAIL_PATTERN = r"[^\s@,;:<>()]+@[^\s@,;:<>()]+\.[A-Za-z]{2,}"  # a whole address: a site may have an "@" in its name
ROUNDED_TO = 5  # counts of people are published in fives
ESTIMATE_KEY = ("metric", "estimator", "aggregation", "cohort", "event_time", "segment")


def candidate(
    tables: Mapping[str, pl.DataFrame],
    *,
    judged: pl.DataFrame,
    previous: Iterable[str],
    people: Mapping[str, Collection[str]],
    keys: Mapping[str, Mapping[str, bool]],
    minimum: int,
    share_shown: float,
) -> dict[str, pd.DataFrame]:
    """The tables of the layer release. `tables` are those to be written, `judged` the estimates that they are made of,
    `previous` the names of the served release's tables, `people` the columns (by table) that count people whom not
    everybody knows, `keys` the columns (by table) of a row's key and whether each may be empty, `minimum` the least
    number of people."""
    rows = [
        _profile(name, table, people.get(name, ()), minimum) | {"n_without_key": _n_without_key(table, keys[name])}
        for name, table in tables.items()
    ]
    rows += [{"table": name, "is_present": 0} for name in previous if name not in tables]
    return {
        "candidate": pd.DataFrame(rows),
        "candidate_figures": _figures(tables["pub_estimates"], judged),
        "candidate_utility": pd.DataFrame({"share_shown": [share_shown]}),
    }


def _profile(name: str, table: pl.DataFrame, people: Collection[str], minimum: int) -> dict:
    least = minimum - minimum % ROUNDED_TO
    is_few = [pl.lit(False), *(pl.col(column).is_between(0, least - 1) for column in people)]
    texts, floats = table.select(pl.col(pl.String)), table.select(pl.col(pl.Float64))
    return {
        "table": name,
        "n_rows": table.height,
        "is_present": 1,
        "n_personal_columns": sum(column.startswith(PERSONAL_PREFIXES) for column in table.columns),
        "n_pseudonyms": sum(int(texts[column].str.contains(PSEUDONYM_LIKE).sum()) for column in texts.columns),
        "n_addresses": sum(int(texts[column].str.contains(EMAIL_PATTERN).sum()) for column in texts.columns),
        "n_small": table.filter(pl.any_horizontal(is_few)).height,
        "n_not_finite": sum(int((~floats[column].is_finite()).sum()) for column in floats.columns),
    }


def _n_without_key(table: pl.DataFrame, key: Mapping[str, bool]) -> int:
    is_empty = pl.any_horizontal(pl.lit(False), *(pl.col(name).is_null() for name, may_be in key.items() if not may_be))
    return table.filter(is_empty).height + table.height - table.select(list(key)).n_unique()


def _figures(shown: pl.DataFrame, judged: pl.DataFrame) -> pd.DataFrame:
    """Each estimate of the candidate beside the one it is made of: `off_by` in its published standard errors."""
    both = shown.join(judged.select(*ESTIMATE_KEY, judged="estimate"), on=ESTIMATE_KEY, how="left", nulls_equal=True)
    is_shown = (pl.col("status") == "estimated") & pl.col("suppressed").is_null()
    off = ((pl.col("estimate") - pl.col("judged")).abs() / pl.col("std_error")).fill_null(1.0).fill_nan(1.0)
    without_reason = (pl.col("status") != "estimated") & pl.col("reason").is_null()
    without_reason |= pl.col("suppressed").is_not_null() & pl.col("estimate").is_not_null()
    return both.select(
        *("metric", "estimator", "aggregation", "cohort", "segment"),
        off_by=pl.when(is_shown).then(off).otherwise(0.0),
        n_without_reason=without_reason.cast(pl.Int64),
    ).to_pandas()


def coaches(table: pl.DataFrame, *, minimum: int) -> dict[str, pd.DataFrame]:
    """The table of the suite restricted, from the coaches as they would be written."""
    means = table.group_by("metric").agg(
        # Pooled towards the mean of the metric: between the smallest and the largest change.
        least=pl.col("change").filter(pl.col("status") == "estimated").min(),
        most=pl.col("change").filter(pl.col("status") == "estimated").max(),
    )
    is_estimated = pl.col("status") == "estimated"
    has_none = pl.col("status").is_in(["not_estimable", "suppressed"])
    slack = 1e-9 * (1 + pl.col("pooled").abs())

    def counted(found: pl.Expr) -> pl.Expr:
        return found.fill_null(False).cast(pl.Int64)

    inside = pl.col("pooled").is_between(pl.col("ci_low") - slack, pl.col("ci_high") + slack)
    return {
        "coaches": table.join(means, on="metric", how="left")
        .select(
            "metric",
            "status",
            n_small=counted(pl.col("n_people") < minimum),
            n_numbers_too_many=counted(has_none & pl.col("pooled").is_not_null()),
            n_outside=counted(is_estimated & ~inside.fill_null(False)),
            n_beyond=counted(
                is_estimated & ~pl.col("pooled").is_between(pl.col("least") - slack, pl.col("most") + slack)
            ),
        )
        .to_pandas()
    }

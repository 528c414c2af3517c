"""Items and trends of a release tell together nothing of the few who left an item out."""

import polars as pl
import pytest

from ingest.load import warehouse
from publish.release import current_release

GROUP = ["launched_date", "scale", "arm"]


def test_items_are_of_the_very_people_whom_the_trend_counts(published):
    folder = current_release(published.releases) / "parquet"
    tables = {name: pl.read_parquet(folder / f"pub_{name}.parquet") for name in ("items", "trends", "outcomes")}
    scores = tables["outcomes"].filter(pl.col("measure") == "score").select("metric", "scale")
    trends = tables["trends"].with_columns(
        pl.when(pl.col("cohort") == "control").then(pl.lit("control")).otherwise(pl.lit("pilot")).alias("arm")
    )
    of_arms = (
        trends.join(scores, on="metric")
        .group_by("scale", "arm", "period_start")
        .agg(
            pl.col("mean").is_null().any().alias("is_partly_hidden"),
            pl.col("n_observed").sum().alias("n"),
            (pl.col("n_observed") * pl.col("mean")).sum().alias("total"),
        )
    )
    of_items = (
        tables["items"]
        .filter(pl.col("mean_score").is_not_null())
        .group_by(GROUP)
        .agg(pl.col("n_respondents").first(), pl.col("mean_score").mean(), pl.col("n_complete").first())
        .with_columns(period_start=pl.col("launched_date").dt.truncate("1q"))
        .join(of_arms.filter(~pl.col("is_partly_hidden")), on=["scale", "arm", "period_start"])
    )
    assert of_items.height >= 30
    assert of_items.filter(pl.col("n_respondents") != pl.col("n")).is_empty()
    rest = (of_items["total"] / of_items["n"] - of_items["mean_score"]).abs().max()
    assert rest == pytest.approx(0.0, abs=1e-9)
    # Of those who answered every item, or the item, it would be the sum of a few people's scores.
    with warehouse(published.warehouse) as connection:
        few = connection.sql(
            "select count(*) from comparisons.cmp_items where n_respondents - n_complete between 1 and 9"
        ).fetchall()
    assert few[0][0] > 10
    assert "mean_score" not in pl.read_parquet(folder / "pub_scales.parquet").columns

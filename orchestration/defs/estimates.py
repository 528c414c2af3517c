"""estimates: inference over cells."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from inference.estimates import Question, estimate_study
from ingest import load
from orchestration.resources import Night

GROUP = "estimates"
ESTIMATES = dg.AssetKey(["estimates", "est_estimates"])
POWER = dg.AssetKey(["estimates", "est_power"])
CELLS = [dg.AssetKey(["cells", "cell_means"]), dg.AssetKey(["cells", "cell_life_tables"])]
QUESTIONS = "select metric, kind, role, source from staging.stg_study__outcomes order by metric"


@dg.multi_asset(
    specs=[dg.AssetSpec(key, deps=CELLS, group_name=GROUP, kinds={"python"}) for key in (ESTIMATES, POWER)],
    name="estimate",
)
def estimates(night: Night) -> Iterator[dg.MaterializeResult]:
    """Every estimate of the study, or the reason why there is none."""
    study = night.study
    with load.warehouse(night.workspace.warehouse) as connection:
        asked = connection.sql(QUESTIONS).pl()
        estimated = estimate_study(
            programme=study.programme,
            design=study.assignment.design,
            questions=[Question(**row) for row in asked.iter_rows(named=True)],
            means=connection.sql("from cells.cell_means").pl(),
            life=connection.sql("from cells.cell_life_tables").pl(),
            retention_months=study.retention_months,
            alpha=study.alpha,
        )
        connection.execute("create schema if not exists estimates")
        for key, frame in ((ESTIMATES, estimated.estimates), (POWER, estimated.power)):
            connection.register("incoming", frame.to_arrow())
            connection.execute(f"create or replace table estimates.{key.path[-1]} as select * from incoming")
            connection.unregister("incoming")
    headlines = estimated.estimates.filter(pl.col("aggregation") == "simple")
    yield dg.MaterializeResult(
        asset_key=ESTIMATES,
        metadata={
            "rows": estimated.estimates.height,
            "not_estimable": estimated.estimates.filter(pl.col("status") == "not_estimable").height,
            "headlines": dg.MetadataValue.md(_table(headlines)),
        },
    )
    yield dg.MaterializeResult(asset_key=POWER, metadata={"rows": estimated.power.height})


def _table(rows: pl.DataFrame) -> str:
    lines = ["| metric | estimator | estimate | interval | |", "|---|---|---|---|---|"]
    for row in rows.iter_rows(named=True):
        if row["status"] == "estimated":
            plot = _bar(row["ci_low"], row["estimate"], row["ci_high"])
            numbers = f"{row['estimate']:.4g} | {row['ci_low']:.4g} … {row['ci_high']:.4g} | `{plot}`"
        else:
            numbers = f"– | {row['reason']} | "
        lines.append(f"| {row['metric']} | {row['estimator']} | {numbers} |")
    return "\n".join(lines)


def _bar(low: float, value: float, high: float, width: int = 31) -> str:
    """The interval as characters, zero marked: a small plot that every log viewer shows."""
    reach = max(abs(low), abs(high)) or 1.0

    def place(x: float) -> int:
        return min(max(round((x / reach + 1) / 2 * (width - 1)), 0), width - 1)

    cells = [" "] * width
    for index in range(place(low), place(high) + 1):
        cells[index] = "─"
    cells[place(0)] = "┼" if cells[place(0)] == "─" else "│"
    cells[place(value)] = "●"
    return "".join(cells)

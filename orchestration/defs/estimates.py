"""estimates: inference over cells."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from inference.estimates import Asked, Cells, estimate_study
from inference.judging import Question
from inference.money import Assumptions, Case, Scale
from ingest import load
from ingest.study import Money
from orchestration.looks import alpha_on
from orchestration.resources import Night

GROUP = "estimates"
ESTIMATES = dg.AssetKey(["estimates", "est_estimates"])
FURTHER = {name: dg.AssetKey(["estimates", f"est_{name}"]) for name in ("power", "decisions", "money", "diagnostics")}
CELLS = ("means", "differences", "covariates", "turnovers", "doses", "units")
READ = (
    *(f"cells.cell_{name}" for name in (*CELLS, "life_tables")),
    "comparisons.cmp_coach_loads",
    "staging.stg_study__outcomes",
)
QUESTIONS = "select metric, kind, role, source, direction from staging.stg_study__outcomes order by metric"
LOADS = """
    select n_coaches, n_people_coached as n_people, n_people_in_study,
        n_coaches_needed_low, n_coaches_needed, n_coaches_needed_high
    from comparisons.cmp_coach_loads
"""


@dg.multi_asset(
    specs=[
        dg.AssetSpec(key, deps=[dg.AssetKey(name.split(".")) for name in READ], group_name=GROUP, kinds={"python"})
        for key in (ESTIMATES, *FURTHER.values())
    ],
    name="estimate",
)
def estimates(night: Night) -> Iterator[dg.MaterializeResult]:
    """Every estimate of the study, or the reason why there is none, and what follows for money and scaling."""
    study = night.study
    declared = {outcome.metric: outcome for outcome in study.outcomes}
    with load.warehouse(night.workspace.warehouse) as connection:
        asked = connection.sql(QUESTIONS).pl()
        cells = {name: connection.sql(f"from cells.cell_{name}").pl() for name in CELLS}
        estimated = estimate_study(
            Asked(
                programme=study.programme,
                design=study.assignment.design,
                unit=study.assignment.unit,
                questions=[
                    Question(
                        **row, worthwhile=declared[row["metric"]].worthwhile, margin=declared[row["metric"]].margin
                    )
                    for row in asked.iter_rows(named=True)
                ],
                retention_months=study.retention_months,
                alpha=alpha_on(study, night.day),
            ),
            Cells(life=connection.sql("from cells.cell_life_tables").pl(), **cells),
            case=_case(study.money, connection.sql(LOADS).fetchall()),
        )
        connection.execute("create schema if not exists estimates")
        tables = {ESTIMATES: estimated.estimates} | {key: getattr(estimated, name) for name, key in FURTHER.items()}
        for key, frame in tables.items():
            connection.register("incoming", frame.to_arrow())
            connection.execute(f"create or replace table estimates.{key.path[-1]} as select * from incoming")
            connection.unregister("incoming")
    headlines = estimated.estimates.filter(pl.col("is_headline"))
    yield dg.MaterializeResult(
        asset_key=ESTIMATES,
        metadata={
            "rows": estimated.estimates.height,
            "not_estimable": estimated.estimates.filter(pl.col("status") == "not_estimable").height,
            "headlines": dg.MetadataValue.md(_table(headlines)),
        },
    )
    for key in FURTHER.values():
        yield dg.MaterializeResult(asset_key=key, metadata={"rows": tables[key].height})


def _case(money: Money | None, loads: list[tuple]) -> Case | None:
    if money is None or not loads:
        return None
    n_coaches, n_people, n_people_in_study, *needed = loads[0]
    scale = Scale(
        n_coaches=n_coaches,
        n_people=n_people,
        n_people_in_study=n_people_in_study,
        coaches_needed=tuple(float(number) for number in needed),
    )
    return Case(Assumptions(**money.model_dump()), scale)


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

"""estimates: inference over cells."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import dagster as dg
import duckdb
import polars as pl

from inference.estimates import OF_METRICS, Asked, Cells, estimate_study
from inference.judging import ALL, Question
from inference.money import Assumptions, Case, Scale
from inference.pooling import alike_from_period_to_period, changes_by_coach, coach_table, variance_within
from inference.unit_panels import panel_from_cells
from ingest.warehouse import create_table, warehouse
from orchestration.assets.tables import facts
from orchestration.faults import redact_errors
from orchestration.resources import PipelineRun
from publish.page.charts import forest
from study.model import Study
from study.sections import Money

GROUP = "estimates"
ESTIMATES_KEY = dg.AssetKey(["estimates", "est_estimates"])
FURTHER = {
    name: dg.AssetKey(["estimates", f"est_{name}"]) for name in ("power", "decisions", "answer", "money", "diagnostics")
}
CELL_TABLES = {
    "means": "cell_means",
    "differences": "cell_differences",
    "covariates": "cell_covariates",
    "turnovers": "cell_turnovers",
    "doses": "cell_doses",
    "answers": "cell_answers",
    "units": "cell_units",
    "surroundings": "cell_surroundings",
    "life": "cell_life_tables",
}
GRAINS = {
    "est_estimates": "grain: one row per outcome, estimator, aggregation, cohort, time and segment; what could not be "
    "estimated says why.",
    "est_power": "grain: one row per outcome: the smallest effect that the study finds with the stated probability.",
    "est_decisions": "grain: one row per primary outcome: go, no go or not yet, by rule.",
    "est_answer": "grain: one row, the study's answer.",
    "est_money": "grain: one row per item of the money sheet.",
    "est_diagnostics": "grain: one row per outcome and test of an assumption.",
}
COACHES_KEY = dg.AssetKey(["restricted", "est_coaches"])  # in the restricted release only
LEADS = "select unit_id, lead_person_id from intermediate.int_unit_leads where arm = 'pilot'"
READ_BY_ESTIMATES = (
    *(f"cells.{table}" for table in CELL_TABLES.values()),
    "comparisons.cmp_coach_loads",
    "staging.stg_study__outcomes",
)
QUESTIONS = """
    select metric, label, kind, role, source, direction, anticipation, period, measure
    from staging.stg_study__outcomes order by metric
"""
UNITS = "select metric, unit from staging.stg_study__outcomes"
COACH_LOADS_QUERY = """
    select n_coaches, n_people_coached as n_people, n_people_in_study,
        n_coaches_needed_low, n_coaches_needed, n_coaches_needed_high
    from comparisons.cmp_coach_loads
"""


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            key,
            deps=[dg.AssetKey(name.split(".")) for name in READ_BY_ESTIMATES],
            description=GRAINS[key.path[-1]],
            group_name=GROUP,
            kinds={"python"},
        )
        for key in (ESTIMATES_KEY, *FURTHER.values())
    ]
    + [
        dg.AssetSpec(
            COACHES_KEY,
            deps=[dg.AssetKey(["cells", "cell_means"]), dg.AssetKey(["intermediate", "int_unit_leads"])],
            description="grain: one row per coach and primary outcome; partially pooled.",
            group_name=COACHES_KEY.path[0],
            kinds={"python"},
        )
    ],
    name="estimate",
)
@redact_errors
def estimates(run: PipelineRun) -> Iterator[dg.MaterializeResult]:
    """Every estimate of the study, or the reason why there is none, and what follows for money and scaling."""
    study = run.study
    with warehouse(run.workspace.warehouse) as connection:
        run.take_date_of(connection)
        cells = StoredCells(connection)
        asked = asked_of(connection, study)
        units = dict(connection.sql(UNITS).fetchall())
        estimated = estimate_study(
            asked,
            cells,
            case=_case(study.money, connection.sql(COACH_LOADS_QUERY).fetchall()),
        )
        tables = {ESTIMATES_KEY: estimated.estimates} | {key: getattr(estimated, name) for name, key in FURTHER.items()}
        tables[COACHES_KEY] = _coaches(study, cells, dict(connection.execute(LEADS).fetchall()))
        for key, frame in tables.items():
            create_table(connection, *key.path, frame)
        of_tables = facts(connection, tables)
    yield dg.MaterializeResult(
        asset_key=ESTIMATES_KEY,
        metadata=of_tables[ESTIMATES_KEY]
        | {
            "not_estimable": estimated.estimates.filter(pl.col("status") == "not_estimable").height,
            "headlines": dg.MetadataValue.md(headlines_shown(asked, units, estimated.estimates)),
        },
    )
    for key in (*FURTHER.values(), COACHES_KEY):
        yield dg.MaterializeResult(asset_key=key, metadata=of_tables[key])


@dataclass(frozen=True)
class StoredCells:
    """The layer `cells` as the warehouse holds it, read a metric at a time."""

    connection: duckdb.DuckDBPyConnection

    @cached_property
    def _of_units(self) -> dict[str, pl.DataFrame]:
        return {
            name: self.connection.sql(f"from cells.{table}").pl()
            for name, table in CELL_TABLES.items()
            if name not in OF_METRICS
        }

    def of_metric(self, metric: str) -> Cells:
        """What is there of one metric, and what is about all of them."""
        mine = {
            name: self.connection.sql(f"from cells.{CELL_TABLES[name]} where metric = ?", params=[metric]).pl()
            for name in OF_METRICS
        }
        return Cells(**mine, **self._of_units)


VARIANTS = "select distinct segment from intermediate.int_segments where dimension = 'variant' order by segment"


def asked_of(connection, study: Study) -> Asked:
    """What the study asks of its estimators."""
    declared = {outcome.metric: outcome for outcome in study.outcomes}
    return Asked(
        design=study.assignment.design,
        unit=study.assignment.unit,
        questions=[
            Question(
                **row,
                minimum_important_difference=declared[row["metric"]].minimum_important_difference,
                margin=declared[row["metric"]].margin,
            )
            for row in connection.sql(QUESTIONS).pl().iter_rows(named=True)
        ],
        retention_months=study.retention_months,
        alpha=study.alpha,
        planned_until=study.planned_until,
        ordered_segments=study.ordered_segments,
        variants=tuple(segment for (segment,) in connection.sql(VARIANTS).fetchall()),
    )


def _coaches(study: Study, stored: StoredCells, leads: dict[str, str]) -> pl.DataFrame:
    """Primary outcomes coach by coach, partially pooled; none where the study has `coaches: off`. Where people were
    assigned one by one no unit has a coach."""
    found = {}
    for metric in study.primary if study.coaches else ():
        mine = stored.of_metric(metric)
        cells = mine.means.filter((pl.col("segment") == ALL) & (pl.col("n_observed") > 0))
        if cells.height and study.assignment.unit != "person":
            indexed = panel_from_cells(cells)
            coaches = [leads.get(unit) for unit in indexed.units]
            within = variance_within(indexed.panel, indexed.centred_squares)
            alike = alike_from_period_to_period(mine.differences, within)
            found[metric] = changes_by_coach(indexed.panel, indexed.centred_squares, coaches, alike=alike)
    return coach_table(found, alpha=study.alpha, minimum=study.min_group_size)


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


def headlines_shown(asked: Asked, units: dict[str, str], estimates: pl.DataFrame) -> str:
    """The headlines as Markdown: a picture of those that have a minimum important difference, and a table of all."""
    of_metric = {one.metric: one for one in asked.questions}
    lines = ["| outcome | unit | estimate | interval | adjusted p |", "|---|---|---|---|---|"]
    drawn = []
    for row in estimates.filter(pl.col("is_headline")).iter_rows(named=True):
        question = of_metric[row["metric"]]
        if row["status"] != "estimated":
            numbers = f"– | {row['reason']} | "
        else:
            p = row["p_value_adjusted"]
            adjusted = "" if p is None else "< 0.001" if p < 0.0005 else f"{p:.3f}"
            numbers = f"{row['estimate']:.4g} | {row['ci_low']:.4g} to {row['ci_high']:.4g} | {adjusted}"
            numbers = numbers.replace("-", "−")
            if question.minimum_important_difference is not None:
                worth = question.minimum_important_difference * (-1 if question.direction == "down" else 1)
                scaled = {name: row[name] / worth for name in ("estimate", "ci_low", "ci_high")}
                drawn.append({"name": question.label, **scaled})
        lines.append(f"| {question.label} | {units[row['metric']]} | {numbers} |")
    table = "\n".join(lines)
    if not drawn:
        return table
    return f"![forest plot](data:image/png;base64,{base64.b64encode(forest(drawn)).decode()})\n\n{table}"

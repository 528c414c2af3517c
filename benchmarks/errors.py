"""What do errors, degrees of freedom, adjusted estimates and diagnostics tell about a small team's mean?

The audit (publish/audit.py) knows figures that are sums of people's values. These others are smooth functions of teams'
sums, squares and changes, and told with all their digits. Here an attacker knows everything but the answers: which team
is in which cohort, everybody's covariates, and how teams' means usually spread (the prior). He solves for all teams and
waves at once; near the truth that is a linear problem, so what he is left with is a posterior spread

    covariance = (P⁻¹ + GᵀN⁻¹G)⁻¹        (Bayesian linear inverse problem: Tarantola 2005, §3.2)

with the gradients G of every number told (central differences of the real estimators), the prior P, and a noise N that
is nothing but the last digits. He is given more than there is: figures that would be hidden count as told, a problem
with several solutions counts as solved. `error`, `df` … are added one after the other, to see which tells.

Not in it: standardised differences (pub_balance), diagnostics that are steps or drawn by lot, segments.

Run on a workspace after a night: `python -m benchmarks.errors WORKSPACE METRIC … [--digits N]`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from inference.estimates import Cells, estimate_study
from inference.judging import ALL
from ingest.study import load_study
from orchestration.defs.estimates import asked_of, cells_of
from orchestration.workspace import Workspace
from publish.disclosure import WIDTH

STEP = 0.001  # of a gradient, in the metric's unit
EXACT = 1e-9  # noise of cohorts' means
DIGITS = 6  # more, and what is left of curvature in the gradients would pass for knowledge
MEAN = "mean"
OF_METRICS = ("means", "differences", "covariates", "answers")
COLUMNS = ("n_observed", "value_sum", "centred_sum_of_squares")
# Steps, or drawn by lot: no gradient.
ROUGH = (
    *("relative_magnitude", "smooth_trend_bent", "smooth_trend_straight", "band_critical_value", "selection_bounds"),
    *("pre_trend_detectable_drift", "wild_cluster_bootstrap", "randomisation_inference"),
)
KINDS = {
    "cohorts' means only": (),
    "and estimates": ("estimate",),
    "and errors": ("estimate", "error"),
    "and degrees of freedom": ("estimate", "error", "df"),
    "and diagnostics": ("estimate", "error", "df", "diagnostic"),
}


class Ground:
    """The cells of one metric and the question about it, as the estimators get them."""

    def __init__(self, workspace: Path, metric: str) -> None:
        there = Workspace(workspace)
        study = load_study(there.study)
        with duckdb.connect(str(there.warehouse), read_only=True) as connection:
            cells = cells_of(connection)
            asked = asked_of(connection, study, cells.means["period_start"].max())
            ends = "select lowest, highest from staging.stg_study__outcomes where metric = ?"
            self.low, self.high = connection.execute(ends, [metric]).fetchall()[0]
        mine = {name: getattr(cells, name).filter(pl.col("metric") == metric) for name in OF_METRICS}
        mine["means"] = mine["means"].filter(pl.col("segment") == ALL).sort("unit_id", "period_start")
        self.cells = replace(cells, **mine)
        self.asked = replace(asked, questions=[each for each in asked.questions if each.metric == metric])

    def told(self, cells: Cells) -> dict[tuple, float]:
        """Every smooth number that is told: by kind, row and column."""
        found = estimate_study(self.asked, cells)
        numbers: dict[tuple, float] = {}
        for row in found.estimates.filter(pl.col("status") == "estimated").iter_rows(named=True):
            key = tuple(row[name] for name in ("estimator", "aggregation", "cohort", "event_time"))
            for kind, column in (("estimate", "estimate"), ("error", "std_error"), ("df", "df")):
                numbers[kind, key] = row[column]
        for row in found.diagnostics.filter(pl.col("status") == "estimated").iter_rows(named=True):
            if row["diagnostic"] not in ROUGH:
                for column in ("value", "ci_low", "ci_high", "df"):
                    numbers["diagnostic", (row["diagnostic"], column)] = row[column]
        return {key: value for key, value in numbers.items() if value is not None}

    def gradients(self) -> Iterator[tuple[str, dict[tuple, float]]]:
        """Of each unknown its kind and how every number told changes with it (the means of teams and waves by one unit,
        the others by their usual size); the means come first."""
        for kind, size, moved in self._unknowns():
            more, fewer = (self.told(replace(self.cells, **moved(sign * size * STEP))) for sign in (1, -1))
            yield kind, {key: (number - fewer[key]) / (2 * STEP) for key, number in more.items() if key in fewer}

    def _unknowns(self) -> Iterator[tuple[str, float, Callable[[float], dict]]]:
        """Kind, size, and the cells that a step changes."""
        means, changes, products = self.cells.means, self.cells.differences, self.cells.covariates
        same = ["unit_id", "period_start", "base_period_start", "covariate"]
        ones = products.filter(pl.col("times") == "one").select(*same, _one="product_sum")
        ones = products.select(same).join(ones, on=same, how="left", maintain_order="left")["_one"]

        def shifted(unit: str, period, n: int, step: float) -> dict:
            mine = pl.col("unit_id") == unit
            here = (mine & (pl.col("period_start") == period)).cast(pl.Int8)
            sign = here - (mine & (pl.col("base_period_start") == period)).cast(pl.Int8)
            of_changes = pl.when(pl.col("times") == "change").then(sign * ones * step).otherwise(0.0)
            return {
                "means": means.with_columns(pl.col("value_sum") + here * step * n),
                "differences": changes.with_columns(pl.col("change_sum") + sign * pl.col("n_people") * step),
                "covariates": products.with_columns(pl.col("product_sum") + of_changes),
            }

        def one_row(name: str, column: str, row: int, step: float) -> dict:
            mine = pl.when(pl.int_range(pl.len()) == row).then(step).otherwise(0.0)
            return {name: getattr(self.cells, name).with_columns(pl.col(column) + mine)}

        for unit, period, n in means.select("unit_id", "period_start", "n_observed").iter_rows():
            yield MEAN, 1.0, partial(shifted, unit, period, n)
        # What else nobody knows: squares, changes of those seen twice, and their products with covariates.
        for name, column, is_unknown in (
            ("means", "centred_sum_of_squares", means["n_observed"] > 1),
            ("differences", "change_sum", changes["n_people"] > 0),
            ("covariates", "product_sum", products["times"] == "change"),
        ):
            size = max(getattr(self.cells, name)[column].abs().mean() or 0.0, 1.0)
            for row in is_unknown.arg_true():
                yield name, size, partial(one_row, name, column, row)


def left_open(told: np.ndarray) -> np.ndarray:
    """The posterior standard deviation of each unknown (U), as a share of the prior's; `told` (T × U) are gradients by
    the prior's deviations, over the noise of what is told."""
    _, size, directions = np.linalg.svd(told, full_matrices=True)
    left = np.ones(told.shape[1])
    left[: size.size] = 1 / (1 + size**2)
    return np.sqrt((directions.T**2) @ left)


def spreads(ground: Ground, digits: int) -> dict[str, np.ndarray]:
    """What is told → the attacker's standard deviation of the mean of each team and wave of fewer than the minimum."""
    means = ground.cells.means
    n, total, squares = (means[name].to_numpy().astype(float) for name in COLUMNS)
    asked = n > 0
    within = squares.sum() / max((n - 1).clip(0).sum(), 1)
    between = max(np.var(total[asked] / n[asked]) - within * np.mean(1 / n[asked]), 0.0)
    of_teams = np.sqrt(between + within / np.maximum(n, 1))
    before = ground.told(ground.cells)
    columns = []
    for kind, gradient in ground.gradients():
        # By the prior's deviations: means spread as teams do, the others as far as they are large.
        wide = of_teams[len(columns)] if kind == MEAN else 1.0
        columns.append([gradient.get(key, 0.0) * wide for key in before])
    gradients = np.array(columns).T
    of_cohorts = np.zeros((0, gradients.shape[1]))
    for _, part in means.with_row_index("_row").group_by("cohort", "period_start", maintain_order=True):
        weights, rows = np.zeros(gradients.shape[1]), part["_row"].to_numpy()
        weights[rows] = n[rows] / max(n[rows].sum(), 1) * of_teams[rows]
        of_cohorts = np.vstack([of_cohorts, weights])
    noise = np.maximum(np.abs(list(before.values())) * 10.0 ** (1 - digits) / np.sqrt(12), EXACT)
    found = {}
    for name, kinds in KINDS.items():
        chosen = np.array([kind in kinds for kind, _ in before])
        told = np.vstack([of_cohorts / EXACT, gradients[chosen] / noise[chosen, None]])
        found[name] = (left_open(told)[: n.size] * of_teams)[asked & (n < ground.asked.min_group_size)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("metrics", nargs="+")
    parser.add_argument("--digits", type=int, default=DIGITS, help="significant digits that are told")
    asked = parser.parse_args()
    print("| metric | told | small teams and waves | least spread | median | narrower than the width |")
    print("|---|---|---|---|---|---|")
    for metric in asked.metrics:
        ground = Ground(asked.workspace, metric)
        wanted = WIDTH * (ground.high - ground.low) / 4  # two deviations on either side
        for name, spread in spreads(ground, asked.digits).items():
            print(
                f"| {metric} | {name} | {spread.size} | {spread.min():.2f} | {np.median(spread):.2f} "
                f"| {int((spread < wanted).sum())} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

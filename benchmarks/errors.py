"""What do errors, degrees of freedom, adjusted estimates and diagnostics tell about a small team, and about one person?

The audit (publish/audit.py) knows figures that are sums of people's values. These others are smooth functions of teams'
sums, squares and changes. Here an attacker knows everything but the answers: which team is in which cohort, everybody's
covariates, how teams' means usually spread (the prior), and every release. He solves for all teams and waves at once;
near the truth that is a linear problem, so what he is left with is a posterior spread

    covariance = (P⁻¹ + GᵀN⁻¹G)⁻¹        (Bayesian linear inverse problem: Tarantola 2005, §3.2)

with the gradients G of every number told (central differences of the real estimators), the prior P, and a noise N that
is nothing but the digits that are not told (a uniform error of one step). He is given more than there is: figures that
would be hidden count as told, a problem with several solutions counts as solved. `error`, `df` … are added one after
the other, to see which tells.

Releases are those after each wave since the first kick-off, and one more, with which a batch of corrections of the last
wave came in: of one person in each team of the cohort that has most teams (of K teams at most; where it has fewer, the
others whom the batch needs are thought to be in the first team). `--one-release` leaves the last one only.

What a study of few units withholds (`inference.means.why_withheld`) counts as told here; what is left without it has
its own line.

`--parts tenure` asks the same of the people of each team who are of one part (a segment of people, such as a band of
tenure): a team's parts share what the team has, and differ by what their people differ by; of corrections there are
then none. A mean that a cohort's mean tells alone (one team) is not counted: the audit hides that one.

Not in it: standardised differences (pub_balance), diagnostics that are steps or drawn by lot, other segments.

Run on a workspace after a night: `python -m benchmarks.errors WORKSPACE METRIC …` (options: `--help`).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

import inference.means
from inference import digits
from inference.diagnostics import OF_MANY
from inference.digits import AUDITED
from inference.estimates import Cells, estimate_study
from inference.judging import ALL
from inference.means import AVERAGES
from ingest.study import load_study
from orchestration.defs.estimates import asked_of, cells_of
from orchestration.workspace import Workspace
from publish.disclosure import WIDTH

ROWS = digits.DF_TOLD
STEP = 0.001  # of a gradient, in the metric's unit
EXACT = 1e-9  # noise of cohorts' means
MANY = 6  # digits; more, and what is left of curvature in the gradients would pass for knowledge
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
    "without what is withheld of few units": ("estimate", "error", "df", "diagnostic", "but withheld"),
    "headlines and their errors only": ("headline",),
}


@dataclass(frozen=True)
class State:
    """The cells as they are, and how much was added to the answers that are yet to be corrected (teams × 1)."""

    cells: Cells
    wrong: tuple[float, ...] = ()


class Ground:
    """The cells of one metric and the question about it, as the estimators get them."""

    def __init__(
        self,
        workspace: Path,
        metric: str,
        *,
        waves: int | None,
        teams: int | None,
        one_release: bool,
        parts: str | None = None,
    ) -> None:
        there = Workspace(workspace)
        study = load_study(there.study)
        with duckdb.connect(str(there.warehouse), read_only=True) as connection:
            cells = cells_of(connection)
            asked = asked_of(connection, study, cells.means["period_start"].max())
            ends = "select lowest, highest from staging.stg_study__outcomes where metric = ?"
            self.low, self.high = connection.execute(ends, [metric]).fetchall()[0]
        mine = {name: getattr(cells, name).filter(pl.col("metric") == metric) for name in OF_METRICS}
        end = mine["means"]["period_start"].unique().sort()[:waves][-1]
        mine = {name: frame.filter(pl.col("period_start") <= end) for name, frame in mine.items()}
        if teams:
            arms = mine["means"].group_by("arm", maintain_order=True).agg(pl.col("unit_id").unique().sort())
            kept = {unit for units in arms["unit_id"] for unit in units[: teams // 2]}
            for name in ("means", "differences", "covariates"):
                mine[name] = mine[name].filter(pl.col("unit_id").is_in(kept))
        is_part = pl.col("segment").str.starts_with(f"{parts}: ")
        means = mine["means"].filter((pl.col("segment") == ALL) | is_part).sort("segment", "unit_id", "period_start")
        mine["means"] = means
        # Whose means he solves for.
        self.rows = means.filter(is_part & (pl.col("n_observed") > 0)) if parts else means
        self.asked = replace(asked, questions=[q for q in asked.questions if q.metric == metric])
        periods = means["period_start"].unique().sort()
        self.waves = [day for day in periods if day >= means["cohort_period_start"].min()]
        last_wave = self.rows.filter((pl.col("period_start") == periods[-1]) & (pl.col("n_observed") > 1))
        largest = last_wave["cohort"].mode().sort()[0]
        its_teams = last_wave.filter(pl.col("cohort") == largest)["unit_id"].sort()
        self.corrected = [(team, periods[-1]) for team in its_teams[: asked.min_group_size]]
        if one_release:
            self.waves = periods[-1:].to_list()
        if one_release or parts:
            self.corrected = []
        self.n = self.rows["n_observed"].to_numpy().astype(float)
        n, total, squares = (
            means.filter((pl.col("segment") == ALL) & (pl.col("n_observed") > 0))[name].to_numpy().astype(float)
            for name in COLUMNS
        )
        self.within = squares.sum() / max((n - 1).clip(0).sum(), 1)
        self.between = max(np.var(total / n) - self.within * np.mean(1 / n), 0.0)
        draws = np.random.default_rng(1).normal(0, np.sqrt(2 * self.within), len(self.corrected))
        self.state = State(replace(cells, **mine), tuple(draws))

    def told(self, state: State) -> dict[tuple, tuple[float, float]]:
        """Every smooth number that is told in every release, and the step of its digits: by kind and place."""
        numbers: dict[tuple, tuple[float, float]] = {}
        for wave in self.waves:
            known = {
                name: getattr(state.cells, name).filter(pl.col("period_start") <= wave)
                for name in ("means", "differences", "covariates")
            }
            numbers |= self._numbers(wave, replace(state.cells, **known))
        if self.corrected:
            cells = state.cells
            for (team, wave), amount in zip(self.corrected, state.wrong, strict=True):
                cells = replace(cells, **shifted(cells, team, wave, amount))
            numbers |= self._numbers("before the corrections", cells)
        return numbers

    def _numbers(self, release, cells: Cells) -> Iterator[tuple[tuple, tuple[float, float]]]:
        found = estimate_study(self.asked, cells)
        for row in found.estimates.filter(pl.col("status") == "estimated").iter_rows(named=True):
            key = (release, *(row[name] for name in ("estimator", "aggregation", "cohort", "event_time", "segment")))
            step = _step(row["std_error"])
            yield ("estimate", *key), (row["estimate"], 0.0 if row["estimator"] in AUDITED else step)
            yield ("error", *key), (row["std_error"], step)
            yield ("df", *key), (row["df"], _gap(row["df"]))
        for row in found.diagnostics.filter(pl.col("status") == "estimated").iter_rows(named=True):
            if row["diagnostic"] in ROUGH:
                continue
            key = ("diagnostic", release, row["diagnostic"])
            effect = (row["value"], row["ci_low"], row["df"])
            if None in effect:  # log-rank and pre-trend: a value, a p-value and degrees of freedom
                numbers = [(column, _step(row[column])) for column in ("value", "p_value") if row[column] is not None]
            else:
                half = (row["ci_high"] - row["ci_low"]) / 4
                numbers = [("value", _step(half)), ("ci_low", _step(half))]
            for column, step in [*numbers, *([("df", _gap(row["df"]))] if row["df"] is not None else [])]:
                yield (*key, column), (row[column], step)

    def gradients(self) -> Iterator[dict[tuple, float]]:
        """Of each unknown how every number told changes with it (means and corrections by one unit, the
        others by their usual size); the means come first, then the corrections."""
        for size, moved in self._unknowns():
            more, fewer = (self.told(moved(sign * size * STEP)) for sign in (1, -1))
            yield {key: (number - fewer[key][0]) / (2 * STEP) for key, (number, _) in more.items() if key in fewer}

    def _unknowns(self) -> Iterator[tuple[float, Callable[[float], State]]]:
        """Size, and what a step makes of the state."""
        state, cells = self.state, self.state.cells

        def mean(unit: str, period, part: str, n: int, step: float) -> State:
            return replace(state, cells=replace(cells, **shifted(cells, unit, period, step * n, part)))

        def correction(which: int, step: float) -> State:
            return replace(state, wrong=tuple(x + step * (k == which) for k, x in enumerate(state.wrong)))

        def one_row(name: str, column: str, row: int, step: float) -> State:
            mine = pl.when(pl.int_range(pl.len()) == row).then(step).otherwise(0.0)
            moved = getattr(cells, name).with_columns(pl.col(column) + mine)
            return replace(state, cells=replace(cells, **{name: moved}))

        for place in self.rows.select("unit_id", "period_start", "segment", "n_observed").iter_rows():
            yield 1.0, partial(mean, *place)
        for which in range(len(self.corrected)):
            yield 1.0, partial(correction, which)
        # What else nobody knows: squares, changes of those seen twice, and their products with covariates.
        for name, column, is_unknown in (
            ("means", "centred_sum_of_squares", (cells.means["n_observed"] > 1) & (cells.means["segment"] == ALL)),
            ("differences", "change_sum", cells.differences["n_people"] > 0),
            ("covariates", "product_sum", cells.covariates["times"] == "change"),
        ):
            size = max(getattr(cells, name)[column].abs().mean() or 0.0, 1.0)
            for row in is_unknown.arg_true():
                yield size, partial(one_row, name, column, row)


def shifted(cells: Cells, unit: str, period, amount: float, part: str = ALL) -> dict[str, pl.DataFrame]:
    """The tables in which a team's answers of a wave (of its people of one part) are larger by `amount` together, each
    by its share."""
    mine = pl.col("unit_id") == unit
    here = mine & (pl.col("period_start") == period)
    sign = here.cast(pl.Int8) - (mine & (pl.col("base_period_start") == period)).cast(pl.Int8)
    n = max(cells.means.filter(here & (pl.col("segment") == ALL))["n_observed"].sum(), 1)
    same = ["unit_id", "period_start", "base_period_start", "covariate"]
    ones = cells.covariates.filter(pl.col("times") == "one").select(*same, _one="product_sum")
    ones = cells.covariates.select(same).join(ones, on=same, how="left", maintain_order="left")["_one"]
    of_changes = pl.when(pl.col("times") == "change").then(sign * ones * amount / n).otherwise(0.0)
    return {
        "means": cells.means.with_columns(
            pl.col("value_sum") + (here & pl.col("segment").is_in([ALL, part])).cast(pl.Int8) * amount
        ),
        "differences": cells.differences.with_columns(pl.col("change_sum") + sign * pl.col("n_people") * amount / n),
        "covariates": cells.covariates.with_columns(pl.col("product_sum") + of_changes),
    }


def _step(number: float) -> float:
    """That of two digits."""
    return 10.0 ** (math.floor(math.log10(abs(number))) - 1) if number else 1.0


def _gap(df: float) -> float:
    """From the degrees of freedom that are told to the next that could be."""
    return next((row for row in ROWS if row > df), np.inf) - max((row for row in ROWS if row <= df), default=0)


def is_withheld(key: tuple) -> bool:
    """Would a study of few units withhold a number?"""
    kind, _, name, *place = key
    if kind == "diagnostic":
        return name.startswith(OF_MANY)
    return name not in AUDITED or place[0] in AVERAGES or place[-1] != ALL


def is_told(key: tuple, kinds: tuple[str, ...]) -> bool:
    """Is a number among those kinds?"""
    if "but withheld" in kinds and is_withheld(key):
        return False
    kind, _, *place = key
    return kind in kinds or (
        "headline" in kinds
        and kind != "diagnostic"
        and place[0] in AUDITED
        and (place[1], place[-1]) == ("simple", ALL)
    )


def left_open(told: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The posterior standard deviation of what is asked (A × U); `told` (T × U) are gradients over the noise of what is
    told, both by unknowns whose prior deviation is one."""
    _, size, directions = np.linalg.svd(told, full_matrices=True)
    left = np.ones(told.shape[1])
    left[: size.size] = 1 / (1 + size**2)
    return np.sqrt(((asked @ directions.T) ** 2) @ left)


def prior_of(ground: Ground) -> np.ndarray:
    """How the means come from unknowns of deviation one (R × …): what a team has in a wave, and what its people (of a
    part) add. Without parts both are one unknown."""
    own = np.sqrt(ground.within / np.maximum(ground.n, 1))
    place = ground.rows.select(pl.struct("unit_id", "period_start").rank("dense") - 1).to_series().to_numpy()
    if np.unique(place).size == place.size:
        return np.diag(np.sqrt(ground.between + own**2))
    common = np.sqrt(ground.between) * (place[:, None] == np.arange(place.max() + 1))
    return np.hstack([common, np.diag(own)])


def spreads(ground: Ground) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """What is told, with which digits, and what the attacker is left with: his standard deviation of the mean of each
    team (or part of it) and wave of fewer than the minimum, and of each corrected answer."""
    n, n_late = ground.n, len(ground.corrected)
    of_person = np.sqrt(2 * ground.within)
    before = ground.told(ground.state)
    gradients = np.array([[gradient.get(key, 0.0) for key in before] for gradient in ground.gradients()]).T
    # By the prior's deviations: means spread as teams do, corrections as people, the others as far as they are large.
    prior = prior_of(ground)
    means = np.zeros((n.size, prior.shape[1] + gradients.shape[1] - n.size))
    means[:, : prior.shape[1]] = prior
    late = np.eye(means.shape[1])[prior.shape[1] :][:n_late] * of_person
    gradients = np.hstack(
        [
            gradients[:, : n.size] @ prior,
            gradients[:, n.size : n.size + n_late] * of_person,
            gradients[:, n.size + n_late :],
        ]
    )
    of_cohorts = []
    for _, part in ground.rows.with_row_index("_row").group_by(
        "cohort", "period_start", "segment", maintain_order=True
    ):
        rows = part["_row"].to_numpy()
        of_cohorts.append(n[rows] @ means[rows] / max(n[rows].sum(), 1))
        # The same mean before the corrections.
        places = part["unit_id", "period_start"].rows()
        its_late = [k for k, place in enumerate(ground.corrected) if place in places]
        if its_late:
            of_cohorts.append(of_cohorts[-1] + late[its_late].sum(axis=0) / max(n[rows].sum(), 1))
    of_cohorts = np.array(of_cohorts)
    asked = means[(n > 0) & (n < ground.asked.min_group_size)]
    asked = asked[left_open(of_cohorts / EXACT, asked) > np.sqrt(EXACT)]
    value, step = (np.array(each) for each in zip(*before.values(), strict=True))
    many = np.abs(value) * 10.0 ** (1 - MANY)
    for shown, steps in (("six", many), ("as told", np.maximum(step, many))):
        noise = np.maximum(steps / np.sqrt(12), EXACT)
        for name, kinds in KINDS.items():
            chosen = np.array([is_told(key, kinds) for key in before])
            told = np.vstack([of_cohorts / EXACT, gradients[chosen] / noise[chosen, None]])
            left = left_open(told, np.vstack([asked, late]))
            yield name, shown, left[: len(asked)], left[len(asked) :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("metrics", nargs="+")
    parser.add_argument("--waves", type=int, default=None, help="the first waves only")
    parser.add_argument("--teams", type=int, default=None, help="so many teams only, half of them of each arm")
    parser.add_argument("--one-release", action="store_true", help="the last release only")
    parser.add_argument("--parts", default=None, help="of a segment of people, such as tenure")
    asked = parser.parse_args()
    digits.ERROR_DIGITS, digits.DF_TOLD = 12, ()  # gradients are of what is told before it is rounded
    inference.means.FEW_UNITS = inference.means.FEW_PER_PERIOD = 0
    people = "corrected answers: least | too narrow"
    print(f"| metric | told | digits | small teams (parts): least | median | too narrow | {people} |")
    print("|---|---|---|---|---|---|---|---|")
    for metric in asked.metrics:
        ground = Ground(
            asked.workspace,
            metric,
            waves=asked.waves,
            teams=asked.teams,
            one_release=asked.one_release,
            parts=asked.parts,
        )
        wanted = WIDTH * (ground.high - ground.low) / 4  # two deviations on either side
        for name, shown, of_teams, of_people in spreads(ground):
            people = f"{of_people.min():.2f} | {int((of_people < wanted).sum())}" if of_people.size else "– | –"
            print(
                f"| {metric} | {name} | {shown} | {of_teams.min():.2f} | {np.median(of_teams):.2f} "
                f"| {int((of_teams < wanted).sum())} of {of_teams.size} | {people} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

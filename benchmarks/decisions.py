"""How often does the rule say go, where it should and where it should not?

Studies of `simulation/laboratory.py` go through the estimates as a study does (`inference/estimates.py`), with one
primary outcome, a minimum important difference of 0.25 standard deviations and a guardrail that holds. Beside the rule
stands what the headline alone would have said. Prints the page that is committed as `benchmarks/results/decisions.md`:
`python -m benchmarks.decisions [studies]`.
"""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from unittest import mock

import numpy as np
import polars as pl

from inference import diagnostics
from inference.decisions import Decision
from inference.estimates import Asked, Cells, estimate_study
from inference.judging import Question
from simulation import laboratory

FIRST_SEED = 20_261_129
SMALLEST = 0.25
ALPHA = 0.05
STUDIES_AT_ONCE = 25
QUESTIONS = [
    Question(metric="outcome", kind="mean", role="primary", source="survey", minimum_important_difference=SMALLEST),
    Question(metric="guardrail", kind="mean", role="guardrail", source="survey", margin=9.0),
]
# The others cost most of the time and the rule does not read them.
READ_BY_RULE = (diagnostics._before_kickoff, diagnostics._as_it_scales)
SCHEMA = {
    "metric": pl.String,
    "unit_id": pl.String,
    "cohort": pl.String,
    "arm": pl.String,
    "period_start": pl.Date,
    "segment": pl.String,
    "cohort_period_start": pl.Date,
    "n_eligible": pl.Int64,
    "n_observed": pl.Int64,
    "n_people": pl.Int64,
    "value_sum": pl.Float64,
    "centred_sum_of_squares": pl.Float64,
}


def cells_of(drawn: laboratory.Draw) -> Cells:
    """A simulated study as `cell_means`, a quarter a wave; the guardrail is a copy of the outcome."""
    quarters = [date(2020 + t // 4, 1 + 3 * (t % 4), 1) for t in range(drawn.n.shape[1])]
    rows = [
        (
            *("outcome", f"u{unit:03}", f"cohort_{g}" if g else "control", "pilot" if g else "control"),
            *(quarters[t], "all", quarters[g - 1] if g else None),
            *(int(drawn.eligible[unit, t]), int(drawn.n[unit, t]), int(drawn.people[unit])),
            *(float(drawn.total[unit, t]), float(drawn.centred_squares[unit, t])),
        )
        for unit, g in enumerate(drawn.cohort.tolist())
        for t in range(len(quarters))
    ]
    outcome = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    guardrail = outcome.with_columns(metric=pl.lit("guardrail"))
    return Cells(means=pl.concat([outcome, guardrail]), life=pl.DataFrame(schema={"metric": pl.String}))


def decided(drawn: laboratory.Draw) -> tuple[Decision, bool, float]:
    """What the rule says, whether the headline alone would have said go, and the headline."""
    with mock.patch.object(diagnostics, "MEAN_DIAGNOSTICS", READ_BY_RULE):
        row = estimate_study(Asked(questions=QUESTIONS, alpha=ALPHA), cells_of(drawn)).decisions.row(0, named=True)
    alone = row["estimate"] is not None and row["estimate"] >= SMALLEST and row["p_value_adjusted"] < ALPHA
    return Decision(row["decision"]), alone, row["estimate"] if row["estimate"] is not None else float("nan")


def block(name: str, index: int, studies: int) -> list[tuple[Decision, bool, float]]:
    """Some studies of one design, each with its own draws."""
    trouble, place = laboratory.DECISIONS[name], list(laboratory.DECISIONS).index(name)
    rng = np.random.default_rng([FIRST_SEED, place, index])
    waves = max(laboratory.WAVES, max(trouble.cohorts) + 3)
    return [decided(laboratory.draw(trouble, rng, waves=waves)) for _ in range(studies)]


def shares(name: str, studies: int, pool: ProcessPoolExecutor) -> tuple[float, float, float, float]:
    """Of so many studies: go, no go, go by the headline alone; and the mean headline."""
    blocks = pool.map(partial(block, name, studies=STUDIES_AT_ONCE), range(-(-studies // STUDIES_AT_ONCE)))
    found = [each for part in blocks for each in part]
    counted = Counter(decision for decision, _, _ in found)
    alone, sizes = np.mean([alone for _, alone, _ in found]), np.nanmean([size for *_, size in found])
    return counted[Decision.GO] / len(found), counted[Decision.NO_GO] / len(found), float(alone), float(sizes)


def page(studies: int) -> str:
    """The results as Markdown."""
    half = 196 * np.sqrt(0.25 / studies)
    out = [
        "# How often the rule says go",
        "",
        f"`python -m benchmarks.decisions {studies}`, seed {FIRST_SEED}: {studies} studies of each design "
        f"(a share is known to ± {half:.0f} percentage points",
        "at most). Effects in standard deviations between people; the minimum important difference is "
        f"{SMALLEST}. *Headline alone*: significant, and",
        "not estimated below the minimum important difference, which was the rule before.",
        "",
        "| design | headline, mean | go by the headline alone | **go** | no go |",
        "|---|--:|--:|--:|--:|",
    ]
    with ProcessPoolExecutor(2) as pool:
        for name in laboratory.DECISIONS:
            go, no_go, alone, size = shares(name, studies, pool)
            out.append(f"| {name} | {size:+.2f} | {alone:.1%} | **{go:.1%}** | {no_go:.1%} |")
            print(out[-1], file=sys.stderr, flush=True)
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print(page(int(sys.argv[1]) if len(sys.argv) > 1 else 400), end="")

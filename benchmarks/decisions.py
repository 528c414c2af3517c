"""How often does the rule say go, where it should and where it should not? How often does a study that is read after
every wave find what is not there, and what do the steps of certainty mean?

Studies of `simulation/laboratory.py` go through the estimates as a study does (`inference/estimates.py`), with one
primary outcome, a minimum important difference of 0.25 standard deviations and a guardrail that holds. Beside the rule
stands what the headline alone would have said. Prints the page that is committed as `benchmarks/results/decisions.md`:
`python -m benchmarks.decisions [studies]`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from unittest import mock

import numpy as np
import polars as pl

from inference import diagnostics
from inference.decisions import Decision
from inference.estimates import Asked, Cells, estimate_study
from inference.judging import Question
from inference.retention import BY_CHOICE
from simulation import laboratory, leavers
from simulation.leavers import IN_COHORTS, LEAVING

FIRST_SEED = 20_261_129
SMALLEST = 0.25
ALPHA = 0.05
STUDIES_AT_ONCE = 25
QUESTIONS = [
    Question(metric="outcome", kind="mean", role="primary", source="survey", minimum_important_difference=SMALLEST),
    Question(metric="guardrail", kind="mean", role="guardrail", source="survey", margin=9.0),
]
STAYING = [
    Question(
        metric=metric,
        kind="time_to_event",
        role="primary",
        source="hris",
        minimum_important_difference=0.02,
        measure=measure,
    )
    for metric, measure in (("retention", "still_employed"), ("retention_voluntary", BY_CHOICE))
]
# The others cost most of the time and the rule does not read them.
READ_BY_RULE = (
    *(diagnostics._before_kickoff, diagnostics._as_it_scales, diagnostics._responses),
    diagnostics._around_the_units,
)
DESIGNS = laboratory.STUDIES | laboratory.DECISIONS
SURROUNDINGS = ("spillover", "error_by_department")
AROUND = (
    *("null", "one cohort gets 0.4", "staggered", "spillover", "spillover near by"),
    *("spillover near by, 60 control units", "departments share shocks"),
)
UNSEEN = ("spillover", "silence differs")
BEFORE = 2  # waves before kick-off of the studies that are read after every wave
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
    surroundings = pl.DataFrame(
        {
            "unit_id": [f"u{unit:03}" for unit in range(drawn.cohort.size)],
            "department": [f"d{department}" for department in drawn.department],
            "share_coached_around": np.where(drawn.is_near, 0.8, 0.2),
        }
    )
    return Cells(
        means=pl.concat([outcome, guardrail]),
        life=pl.DataFrame(schema={"metric": pl.String}),
        surroundings=surroundings,
    )


def last_wave(drawn: laboratory.Draw) -> date:
    """Where the last simulated quarter begins: the plan's end, so that the study is at its last analysis."""
    t = drawn.n.shape[1] - 1
    return date(2020 + t // 4, 1 + 3 * (t % 4), 1)


def concluded(drawn: laboratory.Draw, *, design: str = "volunteered") -> tuple[dict, dict]:
    """The rows of `est_decisions` and of the headline."""
    asked = Asked(questions=QUESTIONS, alpha=ALPHA, design=design, planned_until=last_wave(drawn))
    with mock.patch.object(diagnostics, "MEAN_DIAGNOSTICS", READ_BY_RULE):
        found = estimate_study(asked, cells_of(drawn))
    headline = found.estimates.filter(pl.col("is_headline") & (pl.col("metric") == "outcome"))
    return found.decisions.row(0, named=True), headline.row(0, named=True)


def decided(drawn: laboratory.Draw) -> tuple[Decision, bool, float]:
    """What the rule says, whether the headline alone would have said go, and the headline."""
    row, headline = concluded(drawn)
    alone = row["estimate"] is not None and row["estimate"] >= SMALLEST and headline["p_value"] < ALPHA
    return Decision(row["decision"]), alone, row["estimate"] if row["estimate"] is not None else float("nan")


def in_blocks(function: Callable[[int], list], studies: int, pool: ProcessPoolExecutor) -> list:
    """What `function` finds in so many studies: it is given the number of a block of STUDIES_AT_ONCE."""
    return [each for part in pool.map(function, range(-(-studies // STUDIES_AT_ONCE))) for each in part]


def draws(name: str, index: int) -> Iterator[laboratory.Draw]:
    """The studies of one block of one design."""
    trouble, place = DESIGNS[name], list(DESIGNS).index(name)
    rng = np.random.default_rng([FIRST_SEED, place, index])
    waves = laboratory.waves_of(trouble)
    return (laboratory.draw(trouble, rng, waves=waves) for _ in range(STUDIES_AT_ONCE))


def decisions_of_block(index: int, *, name: str) -> list[tuple[Decision, bool, float]]:
    """Of each study."""
    return [decided(drawn) for drawn in draws(name, index)]


def decision_rows(studies: int, pool: ProcessPoolExecutor) -> Iterator[str]:
    """How often go, no go, and go by the headline alone."""
    for name in laboratory.DECISIONS:
        found = in_blocks(partial(decisions_of_block, name=name), studies, pool)
        counted = Counter(decision for decision, _, _ in found)
        go, no_go = (counted[word] / len(found) for word in (Decision.GO, Decision.NO_GO))
        alone, size = np.mean([alone for _, alone, _ in found]), np.nanmean([size for *_, size in found])
        yield f"| {name} | {size:+.2f} | {alone:.1%} | **{go:.1%}** | {no_go:.1%} |"


def verdicts_of_block(index: int, *, n_waves: int) -> list[tuple[bool, bool]]:
    """Whether some release said improved or worsened, by the plan and at 0.05 each time: nothing happens, and every
    wave after kick-off is read."""
    rng = np.random.default_rng([FIRST_SEED, 1_000 + n_waves, index])
    found = []
    for _ in range(STUDIES_AT_ONCE):
        drawn = laboratory.draw(laboratory.STUDIES["null"], rng, waves=BEFORE + n_waves)
        cells = cells_of(drawn)
        starts = cells.means["period_start"].unique().sort().to_list()
        by_plan = at_alpha = False
        for newest in starts[BEFORE:]:
            until_then = replace(cells, means=cells.means.filter(pl.col("period_start") <= newest))
            asked = Asked(questions=QUESTIONS, alpha=ALPHA, planned_until=starts[-1])
            with mock.patch.object(diagnostics, "MEAN_DIAGNOSTICS", ()):
                row = estimate_study(asked, until_then).decisions.row(0, named=True)
            by_plan |= row["verdict"] in ("improved", "worsened")
            at_alpha |= row["p_value_adjusted"] < ALPHA
        found.append((by_plan, at_alpha))
    return found


def interim_rows(studies: int, pool: ProcessPoolExecutor) -> Iterator[str]:
    """How often some release of a study finds what is not there."""
    for n_waves in (1, 4, 10):
        found = np.array(in_blocks(partial(verdicts_of_block, n_waves=n_waves), studies, pool))
        by_plan, at_alpha = found.mean(axis=0)
        yield f"| {n_waves} | {at_alpha:.1%} | **{by_plan:.1%}** |"


def leavers_of_block(index: int, *, name: str, question: Question) -> list[tuple[str, str, str]]:
    """Verdict, decision and reason of each study."""
    rng = np.random.default_rng([FIRST_SEED, 2_000 + [*LEAVING, *IN_COHORTS].index(name), index])
    guardrail = cells_of(laboratory.draw(laboratory.STUDIES["null"], rng)).means.filter(pl.col("metric") == "guardrail")
    asked = Asked(questions=[question, QUESTIONS[1]], alpha=ALPHA, retention_months=leavers.MONTHS)
    found = []
    for _ in range(STUDIES_AT_ONCE):
        if name in IN_COHORTS:
            life, units = leavers.draw_cohorts(IN_COHORTS[name], rng)
            cells = Cells(means=guardrail, life=life, units=units)
        else:
            cells = Cells(means=guardrail, life=leavers.draw_leavers(LEAVING[name], rng))
        with mock.patch.object(diagnostics, "MEAN_DIAGNOSTICS", ()):
            row = estimate_study(asked, cells).decisions.row(0, named=True)
        found.append((row["verdict"], row["decision"], row["reason"]))
    return found


def leavers_rows(studies: int, pool: ProcessPoolExecutor) -> Iterator[str]:
    """Of who stays: verdicts and decisions."""
    for name in (*LEAVING, *IN_COHORTS):
        for question in STAYING:
            found = in_blocks(partial(leavers_of_block, name=name, question=question), studies, pool)
            shares = [np.mean([verdict == word for verdict, _, _ in found]) for word in ("improved", "worsened")]
            go = np.mean([decision == Decision.GO for _, decision, _ in found])
            harm = np.mean([reason == "it became worse" for _, _, reason in found])
            improved, worsened = shares
            yield f"| {name} | `{question.metric}` | {improved:.1%} | {worsened:.1%} | **{go:.1%}** | **{harm:.1%}** |"


def alarms_of_block(index: int, *, name: str) -> list[tuple[bool, ...]]:
    """Whether each test of SURROUNDINGS finds something, and whether the headline's interval holds the truth."""
    found = []
    for drawn in draws(name, index):
        asked = Asked(questions=QUESTIONS[:1], alpha=ALPHA, planned_until=last_wave(drawn))
        with mock.patch.object(diagnostics, "MEAN_DIAGNOSTICS", (diagnostics._around_the_units,)):
            made = estimate_study(asked, cells_of(drawn))
        p_values = dict(made.diagnostics.select("diagnostic", "p_value").iter_rows())
        headline = made.estimates.filter("is_headline").row(0, named=True)
        holds = headline["ci_low"] <= drawn.truth <= headline["ci_high"]
        found.append((*((p_values[name] or 1.0) < ALPHA for name in SURROUNDINGS), holds))
    return found


def alarm_rows(studies: int, pool: ProcessPoolExecutor) -> Iterator[str]:
    """How often the tests of what is around the units find something."""
    for name in AROUND:
        *seen, holds = np.mean(in_blocks(partial(alarms_of_block, name=name), studies, pool), axis=0)
        yield f"| {name} | {holds:.1%} | " + " | ".join(f"**{share:.1%}**" for share in seen) + " |"


def certainties_of_block(index: int, *, name: str, design: str) -> list[tuple[int, bool, bool, bool, bool]]:
    """Of each study: certainty, whether the interval holds the truth, whether the rule says go, whether go would be
    wrong, and whether the trouble is one that no step sees."""
    found = []
    for drawn in draws(name, index):
        row, headline = concluded(drawn, design=design)
        if headline["estimate"] is not None:
            holds = headline["ci_low"] <= drawn.truth <= headline["ci_high"]
            is_go = row["decision"] == Decision.GO
            found.append((row["certainty"], holds, is_go, drawn.truth < SMALLEST, name in UNSEEN))
    return found


def certainty_rows(studies: int, pool: ProcessPoolExecutor) -> Iterator[str]:
    """By step of certainty, over all designs: each as volunteers, those with a lot also as such."""
    found = []
    for name, trouble in DESIGNS.items():
        for design in ("volunteered", "randomised") if trouble.is_lot else ("volunteered",):
            found += in_blocks(partial(certainties_of_block, name=name, design=design), studies, pool)
    steps, holds, is_go, wrong, unseen = np.array(found).T
    for step in sorted(set(steps), reverse=True):
        mine = steps == step
        go = is_go[mine].sum()
        false = (is_go & wrong)[mine].sum()
        share = f"{false / go:.1%}" if go else "–"
        seen = holds[mine & (unseen == 0)].mean()
        yield f"| {step} | {mine.sum():,} | {holds[mine].mean():.1%} | **{seen:.1%}** | {go:,} | **{share}** |"


GO_PAGE = """# How often the rule says go

`python -m benchmarks.decisions {studies}`, seed {seed}: {studies} studies of each design (a share is known to
± {half:.0f} percentage points at most), at the last analysis of the plan. Effects are in standard deviations between
people; the minimum important difference is {smallest}. *Headline alone*: p < 0.05, and not estimated below the minimum
important difference, which was the rule before.

| design | headline, mean | go by the headline alone | **go** | no go |
|---|--:|--:|--:|--:|"""
INTERIM_PAGE = """
## Read after every wave

A programme that does nothing; how often *some* release says that it improved or worsened the outcome.

| waves after kick-off | at 0.05 each time | **by the plan** |
|--:|--:|--:|"""
LEAVERS_PAGE = """
## Who stays

Volunteers, 15 units of 15 people in each arm (of two cohorts 30 units of 30), 2 % a month who leave by choice; the
minimum important difference is 2 percentage points over six months. *Go* and *worse* are decisions, which read more
than the headline.

| design | outcome | headline: improved | headline: worsened | **go** | **worse** |
|---|---|--:|--:|--:|--:|"""
ALARMS_PAGE = """
## What is around the units

How often the tests speak (p < 0.05). *Near by*: half of the effect reaches every other department. *Shocks*: units of
a department of five share half of what moves them in a wave.

| design | interval holds the truth | `spillover` | `error_by_department` |
|---|--:|--:|--:|"""
CERTAINTY_PAGE = """
## What the steps of certainty mean

All designs of the laboratory, as volunteers and, where units fell into arms by chance, also as a lot. *But two*:
without spillover to all control units, and silence that differs, which no step or seldom one sees. *Wrong*: what the
programme truly does on average is less than the minimum important difference.

| certainty | studies | interval holds the truth | **of all designs but two** | go | **of these wrong** |
|--:|--:|--:|--:|--:|--:|"""


def page(studies: int) -> str:
    """The results as Markdown."""
    facts = {"studies": studies, "seed": FIRST_SEED, "half": 196 * np.sqrt(0.25 / studies), "smallest": SMALLEST}
    out = []
    with ProcessPoolExecutor(2) as pool:
        for heading, rows in (
            (GO_PAGE.format(**facts), decision_rows),
            (INTERIM_PAGE, interim_rows),
            (LEAVERS_PAGE, leavers_rows),
            (ALARMS_PAGE, alarm_rows),
            (CERTAINTY_PAGE, certainty_rows),
        ):
            out.append(heading)
            for row in rows(studies, pool):
                out.append(row)
                print(row, file=sys.stderr, flush=True)
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print(page(int(sys.argv[1]) if len(sys.argv) > 1 else 400), end="")

"""Is a lot fair, and does a pilot see what `coaching assign` says it would?

Two tables. In the first a programme does nothing: of 10,000 lots over one past, how many are significant? In the second
it does something: in so many organisations the chance to find it is foretold from their past, then a lot is drawn, the
programme runs, and it is counted how often it is found.

Run: `python -m benchmarks.lots`. The page that is committed is `benchmarks/results/lots.md`.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np
from scipy import stats

from inference.lot import draw, strata
from inference.panel import NEVER, Panel
from inference.past import effect_of_lot, lots_over_the_past
from simulation.laboratory import before_the_pilot

LOTS, ORGANISATIONS, LOTS_OF_EACH = 10_000, 200, 10
UNITS, AFTER = 40, 3
PASTS = (8, 16)  # waves: two years of quarters, and four
COHORTS, PER_COHORT, STARTS = 2, 8, (0, 1)
EFFECTS = (0.0, 0.2, 0.3, 0.4)  # standard deviations between people
SITES = np.repeat(["Centre", "East", "North"], [20, 12, 8])
RESTRICTIONS = {
    "none": lambda _: strata(UNITS, COHORTS, PER_COHORT),
    "strata (three sites)": lambda _: strata(UNITS, COHORTS, PER_COHORT, labels=SITES),
    "blocks by the past": lambda past: strata(UNITS, COHORTS, PER_COHORT, past=past),
    "blocks within strata": lambda past: strata(UNITS, COHORTS, PER_COHORT, labels=SITES, past=past),
}
OUT = Path(__file__).parent / "results" / "lots.md"


def fairness() -> list[str]:
    """Rows: how the lot was drawn, mean estimate in its errors, share significant at 5 % and 10 %, p of uniformity."""
    panel = _panel(before_the_pilot(UNITS, np.random.default_rng(1), waves=PASTS[0]))
    rows = []
    for name, stratum_of in RESTRICTIONS.items():
        found = lots_over_the_past(
            panel,
            stratum_of,
            before=PASTS[0] - AFTER,
            starts=STARTS,
            per_cohort=PER_COHORT,
            draws=LOTS,
            rng=np.random.default_rng(2),
        )
        p = 2 * stats.t.sf(np.abs(found.estimate) / found.std_error, found.df)
        shift = found.estimate.mean() / found.estimate.std() * np.sqrt(found.estimate.size)
        deciles = np.histogram(p, np.linspace(0, 1, 11))[0] / p.size
        rows.append(
            f"| {name} | {found.estimate.size:,} | {shift:+.1f} | {np.mean(p <= 0.05):.1%} | {np.mean(p <= 0.1):.1%} | "
            f"{deciles.min():.1%} – {deciles.max():.1%} |"
        )
    return rows


def foretold_and_realised() -> list[str]:
    """Rows: waves of the past, how the lot was drawn, effect, chance that was foretold, share in which it was found,
    their difference."""
    rows = []
    for n_past, (name, stratum_of) in product(PASTS, RESTRICTIONS.items()):
        foretold, realised = np.zeros((2, len(EFFECTS)))
        for seed in range(ORGANISATIONS):
            rng = np.random.default_rng(1_000 + seed)
            whole = _panel(before_the_pilot(UNITS, rng, waves=n_past + AFTER))
            past = Panel(whole.n[:, :n_past], whole.total[:, :n_past], whole.cohort, whole.people)
            found = lots_over_the_past(
                past, stratum_of, before=n_past - AFTER, starts=STARTS, per_cohort=PER_COHORT, draws=200, rng=rng
            )
            foretold += [found.power(effect, alpha=0.05) for effect in EFFECTS]
            realised += _found(whole, n_past, stratum_of, rng)
        for effect, expected, seen in zip(EFFECTS, foretold / ORGANISATIONS, realised / ORGANISATIONS, strict=True):
            rows.append(
                f"| {n_past} | {name} | {effect:.1f} | {expected:.1%} | {seen:.1%} | {100 * (expected - seen):+.1f} |"
            )
    return rows


def _found(whole: Panel, n_past: int, stratum_of, rng: np.random.Generator) -> np.ndarray:
    """How often each effect is found in pilots that begin when the past ends, of all lots that are drawn."""
    past = whole.total[:, :n_past].sum(axis=1) / whole.n[:, :n_past].sum(axis=1)
    stratum, hits = stratum_of(past), np.zeros(len(EFFECTS))
    for _ in range(LOTS_OF_EACH):
        cohort = np.array([NEVER, *(n_past + 1 + start for start in STARTS)])[draw(stratum, COHORTS, PER_COHORT, rng)]
        treated = (cohort[:, None] != NEVER) & (np.arange(1, whole.n_periods + 1) >= cohort[:, None])
        for place, effect in enumerate(EFFECTS):
            panel = Panel(whole.n, whole.total + effect * whole.n * treated, cohort, whole.people)
            found, error = effect_of_lot(panel, stratum)
            hits[place] += error is not None and error.p_value(found) <= 0.05
    return hits / LOTS_OF_EACH


def _panel(found) -> Panel:
    return Panel(found.n, found.total, np.full(found.people.size, NEVER), found.people)


def page() -> str:
    """The two tables."""
    return "\n".join(
        [
            "# Lots: are they fair, and does a pilot see what was foretold?\n",
            f"`python -m benchmarks.lots`. {UNITS} units, {COHORTS} cohorts of {PER_COHORT}, the second a wave later, "
            f"{AFTER} waves after the first kick-off;\n`simulation/laboratory.py` (intraclass correlation 0.1), "
            "estimated as a study is (ANCOVA within strata).\n",
            f"## A programme that does nothing: {LOTS:,} lots over one past of {PASTS[0]} waves\n",
            "*Mean* in its own errors of chance. Errors are those of the jackknife; below 5 % they are too wide.\n",
            "| drawn within | lots | mean | p ≤ 5 % | p ≤ 10 % | deciles of p |",
            "| --- | --- | --- | --- | --- | --- |",
            *fairness(),
            f"\n## Foretold and realised: {ORGANISATIONS} organisations, {LOTS_OF_EACH} pilots of each\n",
            "Effects in standard deviations between people; the difference in percentage points. Where it is "
            "below zero\nthe pilot sees more than was foretold: its past is longer than the part that stood for it.\n",
            "| waves before | drawn within | effect | foretold | found | difference |",
            "| --- | --- | --- | --- | --- | --- |",
            *foretold_and_realised(),
            "",
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(text := page())
    OUT.write_text(text, encoding="utf-8")

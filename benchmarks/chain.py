"""How often the chain names the link where a programme breaks: `python -m benchmarks.chain [studies]`.

Each outcome of a link is a study of its own from `simulation/laboratory.py`, with the effect before the break and
without it from there on; the estimate and its p-value are the headline's. Prints `results/chain.md`.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from inference import aggregations, att
from inference.chain import Effect, Link, breaks_at, effects_seen, training_seen
from inference.jackknife import jackknife
from inference.panel import Panel
from inference.power import WAVES_OF_YEAR
from simulation import laboratory
from simulation.laboratory import Trouble

SEED = 20_261_130
ALPHA = 0.05
OUTCOMES = {Link.HELD: 2, Link.NOTICED: 1, Link.RESULTS: 3}
BREAKS = (*Link, None)  # None: nowhere


def p_value(drawn: laboratory.Draw) -> tuple[float, float]:
    """The headline's estimate and p-value."""
    effects = att.group_time_effects(Panel(drawn.n, drawn.total, drawn.cohort, drawn.people), span=WAVES_OF_YEAR)
    simple = aggregations.simple(effects)
    found = jackknife(theta=simple.value, theta_without=simple.without, cohort=effects.panel.cohort)
    return simple.value, found.p_value(simple.value)


def named(breaks: Link | None, units: int, effect: float, rng: np.random.Generator) -> Link | None:
    """The link that is named in one study of a programme that breaks there."""
    order = list(Link)
    reached = order.index(breaks) if breaks else len(order)
    working = Trouble(cohorts={3: units, 0: units}, effects={3: effect})
    idle = replace(working, effects={3: 0.0})
    coaches = rng.binomial(units, 0.95 if reached > 0 else 0.5)
    seen = {Link.TRAINED: training_seen(int(coaches), units)}
    for place, link in enumerate(order[1:], 1):
        found = [p_value(laboratory.draw(working if place < reached else idle, rng)) for _ in range(OUTCOMES[link])]
        effects = [Effect(metric=str(n), gain=value, p_value=p) for n, (value, p) in enumerate(found)]
        seen[link], _ = effects_seen(effects, ALPHA)
    return breaks_at(seen)


def main(studies: int) -> None:
    print(f"# The chain\n\nMade by `python -m benchmarks.chain {studies} > benchmarks/results/chain.md`.\n")
    print("The share of studies in which the link is named where the programme breaks.\n")
    print(
        "| units in each arm | effect, standard deviations | " + " | ".join(str(b or "nowhere") for b in BREAKS) + " |"
    )
    print("|--:|--:|" + "--:|" * len(BREAKS))
    for units, effect in ((15, 0.4), (30, 0.4), (30, 0.3), (15, 0.6)):
        shares = []
        for place, breaks in enumerate(BREAKS):
            rng = np.random.default_rng([SEED, units, round(100 * effect), place])
            hits = sum(named(breaks, units, effect, rng) == breaks for _ in range(studies))
            shares.append(f"{100 * hits / studies:.1f} %")
        print(f"| {units} | {effect:g} | " + " | ".join(shares) + " |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)

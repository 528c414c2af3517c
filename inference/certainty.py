"""How certain is an answer, from 0 to 5: the lowest step that anything it rests on allows. It changes no estimate.

The steps are fixed and published (docs/reference/methods/certainty.md), so that nobody chooses them with the result in
view; how often intervals hold the truth at each step: benchmarks/results/decisions.md. That a design sets the highest
step and trouble lowers it is the idea of the Maryland scale (Sherman et al. 1998) and of GRADE (Guyatt et al. 2008).
"""

from __future__ import annotations

from collections.abc import Iterator

from inference.decisions import Primary
from inference.results import Estimate, NotEstimable, Result

HIGHEST = 5
VOLUNTEERED = 3  # no test can show that volunteers would have moved as the others did
PERIODS_BEFORE = 3  # with fewer a steady drift, a single bad result and nothing at all look alike
# Diagnostics that, where they find something, allow step 2 at most.
TROUBLE = {
    "response_rate": "the arms differ in who answers",
    "placebo_outcome": "an outcome moved that coaching cannot move",
    "spillover": "control units near the programme moved apart from those far from it",
    "error_by_department": "units of one department move together, and errors take them as independent",
    "left_together": "many left one unit in one month",
    "left_without_choice": "the arms differ in who left without choosing to",
}
UNITS = ((20, 5), (10, 4), (6, 3))  # of the smaller arm: from so many units on, this step


def certainty(primary: Primary, *, alpha: float) -> tuple[int, str]:
    """(0–5, what keeps it from being higher; empty at 5). `alpha` is the study's level."""
    if isinstance(primary.result, NotEstimable):
        return 0, "there is no number"
    limits = [*_of_design(primary, primary.result), *_of_trouble(primary, alpha)]
    lowest = min((step for step, _ in limits), default=HIGHEST)
    return lowest, "; ".join(why for step, why in limits if step == lowest)


def _of_design(primary: Primary, result: Estimate) -> Iterator[tuple[int, str]]:
    if not primary.is_random:
        yield VOLUNTEERED, "units were not chosen at random"
    n_units = min(result.n_units_pilot, result.n_units_control)
    step = next((step for least, step in UNITS if n_units >= least), 0)
    if step < HIGHEST:
        yield step, f"the smaller arm has {n_units} units"


def _of_trouble(primary: Primary, alpha: float) -> Iterator[tuple[int, str]]:
    if primary.moved_apart:
        yield (VOLUNTEERED if primary.is_random else 1), "the arms moved apart before kick-off"
    for name, why in TROUBLE.items():
        found = primary.diagnostics.get(name)
        if found is None or (name == "response_rate" and not primary.is_survey):
            continue
        if found.is_alarm or (found.p_value is not None and found.p_value < alpha):
            yield 2, why
    if not primary.is_random:
        yield from _of_volunteers(primary)


def _of_volunteers(primary: Primary) -> Iterator[tuple[int, str]]:
    """What takes the past off has to be right about the past."""

    def makes_it(other: Result | None) -> bool:
        return isinstance(other, Estimate) and primary.is_small(other) and not primary.is_small(primary.result)

    if primary.plain is None and primary.n_before < PERIODS_BEFORE:
        yield 2, f"only {primary.n_before} period(s) before kick-off are there to compare"
    if makes_it(primary.earlier_base):
        yield 1, "the effect rests on the last period before kick-off"
    if makes_it(primary.last_base):
        yield 1, "the effect rests on periods before the last one before kick-off: the arms may have drifted apart"
    if primary.plain is not None and not primary.has("placebo_window"):
        yield 2, "there is no window before the one before kick-off to compare with"
    if makes_it(primary.plain):
        yield 1, "the effect rests on the window before kick-off"
    drift = primary.diagnostics.get("pre_trend_slope_bias")
    if drift is None or drift.ci_low is None or primary.minimum_important_difference is None:
        return
    most = drift.ci_high if primary.direction == "up" else -drift.ci_low
    if most >= primary.minimum_important_difference:
        yield 2, "before kick-off the arms may have drifted apart already, enough to look like an effect worth having"

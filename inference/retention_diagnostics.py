"""What stands around the share that stayed: did the arms move apart before, did colleagues leave together?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
from scipy import stats

from inference import associations, life_tables
from inference.aggregations import Aggregate
from inference.diagnostic import Diagnostic, diagnostic_of, unknown_diagnostic
from inference.dose_diagnostics import SLOPE_WORDS
from inference.jackknife import MIN_UNITS, jackknife
from inference.judging import ALL, Question, in_order, judge
from inference.results import NotEstimable
from inference.retention import BY_CHOICE, WITHOUT_CHOICE, Windows, arms_of_windows, followed, windows

# So many leavers of one unit in one month, this share of all who left the arm, and rarer than this over all units and
# months if people left one by one: an event (a closure, a layoff, a team that follows its manager) that weighs on the
# result.
TOGETHER_AT_LEAST, TOGETHER_SHARE, TOGETHER_CHANCE = 5, 0.1, 0.01


def retention_diagnostics(
    question: Question,
    cells: pl.DataFrame,
    *,
    months: int,
    alpha: float,
    is_random: bool = False,
    kickoffs: Mapping[str, date] | None = None,
) -> Iterator[Diagnostic]:
    """Of a time, from `cell_life_tables` of one metric (all segments); `kickoffs` (cohort → day) order the cohorts."""
    observed = cells.filter(pl.col("segment") == ALL)
    if observed.is_empty():
        return
    units = observed["unit_id"].unique().sort()
    of_unit = dict(observed.select("unit_id", "cohort").unique().iter_rows())
    labels = np.array([of_unit[unit] for unit in units])
    found = windows(observed, units, months)
    after = list(followed(found, takes_off=False).values())
    if after:
        yield _log_rank(after, labels, alpha)
        if question.measure != BY_CHOICE:  # nobody chooses a layoff
            yield _left_together([table for table, _ in after])
            yield _left_without_choice(found, labels, alpha)
    else:
        yield unknown_diagnostic("log_rank", f"no cohort is covered by snapshots for {months} months after kick-off")
    yield _placebo_window(found, labels, months, alpha)
    both = followed(found, takes_off=not is_random)
    if len(begun := in_order(both, kickoffs or {})) > 1:
        yield _slope_by_wave([[both[name] for name in names] for names in begun], labels, alpha)


def _slope_by_wave(waves: list[Windows], labels: np.ndarray, alpha: float) -> Diagnostic:
    """Change of the headline's effect from one kick-off to the next."""
    slope = associations.slope_over(
        [life_tables.pooled_effect(pairs) for pairs in waves], np.arange(len(waves), dtype=float)
    )
    # A slope and its other parts give the smallest one away: it counts.
    smallest = min(arms_of_windows(pairs).n_pilot for pairs in waves)
    arms = replace(arms_of_windows([pair for pairs in waves for pair in pairs]), n_pilot=smallest)
    result, _ = judge(slope, arms, cohort=labels, method="", alpha=alpha)
    return diagnostic_of("slope_by_wave", result, SLOPE_WORDS, alpha=alpha)


def _log_rank(cohorts: Windows, labels: np.ndarray, alpha: float) -> Diagnostic:
    """After kick-off, with errors that know that colleagues are alike."""
    tests = []
    for after, _ in cohorts:
        kept = (after.pilot | after.control)[:, None]
        tests.append(
            life_tables.log_rank(np.where(kept, after.at_risk, 0), np.where(kept, after.events, 0), after.pilot)
        )
    difference = sum(test.difference for test in tests)
    result, _ = judge(
        Aggregate(difference, np.sum([test.without for test in tests], axis=0), np.zeros(0)),
        arms_of_windows(cohorts),
        cohort=labels,
        method="",
        alpha=alpha,
        scale=max(abs(difference), 1.0),
    )
    if isinstance(result, NotEstimable):
        return unknown_diagnostic("log_rank", result.reason)
    return Diagnostic(
        name="log_rank",
        value=result.estimate,
        p_value=result.p_value,
        df=result.df,
        n_pilot=result.n_pilot,
        n_control=result.n_control,
        says="leavers of the pilot beyond those expected if both arms left alike, after kick-off",
    )


def _placebo_window(found: dict, labels: np.ndarray, months: int, alpha: float) -> Diagnostic:
    """The headline one window earlier: the difference of the window before kick-off less that of the one before it. The
    programme was in neither, so what moved is what parallel trends leave out."""
    name = "placebo_window"
    pairs = [(of["before"], of["earlier"]) for of in found.values() if "before" in of and "earlier" in of]
    if not pairs:
        return unknown_diagnostic(name, f"no cohort is covered by snapshots for {2 * months} months before kick-off")
    result, _ = judge(life_tables.pooled_effect(pairs), arms_of_windows(pairs), cohort=labels, method="", alpha=alpha)
    words = ("the arms moved apart before kick-off", "no movement apart before kick-off was seen")
    return diagnostic_of(name, result, words, alpha=alpha)


def _left_without_choice(found: dict, labels: np.ndarray, alpha: float) -> Diagnostic:
    """Pilot less control in the share that was laid off or whose contract ended, less the same before kick-off where
    there is such a window. An arm in which nobody did adds no error here: it is an alarm and not an estimate."""
    name, pairs = "left_without_choice", [(of["after"], of.get("before")) for of in found.values() if "after" in of]

    def share(table: life_tables.LifeTable, member: np.ndarray) -> tuple[float, np.ndarray]:
        parts = [table.left_for(cause, member) for cause in WITHOUT_CHOICE if cause in table.causes]
        return sum(value for value, _ in parts), sum(without for _, without in parts)

    part, arms = life_tables.pooled_effect(pairs, share), arms_of_windows(pairs)
    involved = arms.pilot | arms.control
    uncertainty = jackknife(theta=part.value, theta_without=part.without[involved], cohort=labels[involved])
    if uncertainty is None or min(arms.pilot.sum(), arms.control.sum()) < MIN_UNITS:
        return unknown_diagnostic(name, "nobody left without choosing to, or too few units")
    p_value, df = uncertainty.p_value(part.value), uncertainty.df
    (of_pilot, months_pilot), (of_control, months_control) = (
        _without_choice(pairs, arm) for arm in ("pilot", "control")
    )
    if not of_pilot or not of_control:  # an arm in which nobody did has no error of its own: exact, given how many did
        share = months_pilot / (months_pilot + months_control)
        p_value, df = float(stats.binomtest(int(of_pilot), int(of_pilot + of_control), share).pvalue), None
    return Diagnostic(
        name=name,
        p_value=p_value,
        df=df,
        n_pilot=arms.n_pilot,
        n_control=arms.n_control,
        is_alarm=p_value < alpha,
        says="the arms differ in layoffs and ends of contracts" if p_value < alpha else "no such difference was seen",
    )


def _without_choice(pairs: Windows, arm: str) -> tuple[float, float]:
    """(who was laid off or whose contract ended, person-months at risk) of an arm in the windows after kick-off."""
    n_left = at_risk = 0.0
    for after, _ in pairs:
        member = after.pilot if arm == "pilot" else after.control
        n_left += sum(float(after.causes[cause][member].sum()) for cause in WITHOUT_CHOICE if cause in after.causes)
        at_risk += float(after.at_risk[member].sum())
    return n_left, at_risk


def _left_together(after: list[life_tables.LifeTable]) -> Diagnostic:
    """The largest share of an arm's leavers who left one unit in one month of a window after kick-off."""
    members = [(table, member) for table in after for member in (table.pilot, table.control)]
    largest = max(_largest_share(table.events[member]) for table, member in members)
    is_event = any(_is_event(table.events[member], table.at_risk[member]) for table, member in members)
    arms = arms_of_windows([(table, None) for table in after])
    return Diagnostic(
        name="left_together",
        value=largest,
        n_pilot=arms.n_pilot,
        n_control=arms.n_control,
        is_alarm=is_event,
        says="many left one unit in one month: a closure or layoff, not one by one" if is_event else "no such event",
    )


def _largest_share(events: np.ndarray) -> float:
    return float(events.max() / max(events.sum(), 1.0))


def _is_event(events: np.ndarray, at_risk: np.ndarray) -> bool:
    """Whether in some unit and month more left than of many who leave one by one would: a Poisson count at the rate of
    all others, or of the same month's other units where that is higher (a month in which many leave is none)."""
    total, of_month = events.sum(), events.sum(axis=0, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = [
            (total - events) / np.maximum(at_risk.sum() - at_risk, 1.0),
            (of_month - events) / np.maximum(at_risk.sum(axis=0, keepdims=True) - at_risk, 1.0),
        ]
    chance = stats.poisson.sf(events - 1, np.maximum(*rates) * at_risk) * events.size
    many = (events >= TOGETHER_AT_LEAST) & (events >= TOGETHER_SHARE * total)
    return bool((many & (chance < TOGETHER_CHANCE)).any())

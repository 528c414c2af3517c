"""The lot: which units may be drawn, which of them are alike, and which cohort each gets.

A lot is drawn within strata: in each of them every unit has the same chance of each cohort, and the analysis compares
within them. Strata are declared (units of one site), or blocks of units with a similar past, which is a matched design
(Imai, King & Nall 2009, "The essential role of pair matching in cluster-randomized experiments", Statistical Science
24(1)). Cohorts that start one after the other beside a hold-out are a stepped wedge (Hussey & Hughes 2007).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from inference.jackknife import MIN_UNITS

HOLD_OUT = 0  # the cohort of units that are not coached; the others count from 1
MIN_PEOPLE = 5  # of a unit that is drawn: below, its mean is noise, and its people are known by it
MOST_OTHERS = 1 / 3  # of a unit's people may name another manager than most do


class CannotDraw(ValueError):
    """No lot can be drawn from these units; the message says what is missing."""


def why_not(units: pl.DataFrame, excluded: Mapping[str, str]) -> list[str]:
    """Why each unit cannot be drawn; empty where it can. Rules are looked at in this order, the first one counts.

    `units` has a row per unit: unit, cohort (null: in none yet), stratum (of an earlier lot), n_people, n_with_manager
    (people whose manager is known), n_of_manager (those who name the one named most); without the last two nothing is
    asked of managers. `excluded` gives units that are left out, with the reason. Whoever is in the hold-out of an
    earlier lot is drawn, whatever has become of it since: the others would be compared with what is left.
    """
    reasons = []
    of_managers = "n_with_manager" in units.columns
    for row in units.iter_rows(named=True):
        if row["cohort"] is not None:
            reasons.append(f"is in the cohort {row['cohort']} already")
            continue
        if row["stratum"] is not None:
            reasons.append("")
            continue
        reasons.append(excluded.get(row["unit"]) or _too_small(row) or (_managers(row) if of_managers else ""))
    return reasons


def _too_small(row: Mapping) -> str:
    return f"has {row['n_people']} people, fewer than {MIN_PEOPLE}" if row["n_people"] < MIN_PEOPLE else ""


def _managers(row: Mapping) -> str:
    others = row["n_with_manager"] - row["n_of_manager"]
    if 2 * row["n_with_manager"] < row["n_people"]:
        return f"has {row['n_people']} people, of whom {row['n_with_manager']} have a known manager"
    if others > MOST_OTHERS * row["n_with_manager"]:
        return f"has several managers: {others} of {row['n_with_manager']} people name another one"
    return ""


def check_cohorts(cohorts: int, per_cohort: int) -> None:
    """Raise CannotDraw where these cohorts are none that an estimate can rest on."""
    pilot = cohorts * per_cohort
    if cohorts < 1 or per_cohort < 1:
        raise CannotDraw("there must be a cohort, and a unit in it")
    if pilot < MIN_UNITS:
        raise CannotDraw(f"{pilot} coached units are too few: below {MIN_UNITS} in an arm no verdict is given")


def check(n_units: int, cohorts: int, per_cohort: int) -> None:
    """Raise CannotDraw where so many units do not make the cohorts and a hold-out that an estimate can rest on."""
    check_cohorts(cohorts, per_cohort)
    pilot = cohorts * per_cohort
    if n_units < pilot + MIN_UNITS:
        raise CannotDraw(
            f"{n_units} units can be drawn; {cohorts} cohort(s) of {per_cohort} and a hold-out of at least {MIN_UNITS} "
            f"need {pilot + MIN_UNITS}"
        )


def strata(
    n_units: int, cohorts: int, per_cohort: int, *, labels: Sequence[str] | None = None, past: np.ndarray | None = None
) -> np.ndarray:
    """The stratum of each unit, as a number from 0.

    `labels` are declared strata. `past` (units × facts; of NaN the mean stands for it) asks for blocks of units alike:
    units are put in the order of their facts' first principal component, and cut into as many blocks as each can have
    two units for every cohort and one to compare with. With one, the spread inside a block would be unknown, and errors
    come out a sixth too wide (`benchmarks/results/lots.md` has those of two). Both: blocks within the declared strata.
    """
    declared = np.zeros(n_units, int) if labels is None else np.unique(labels, return_inverse=True)[1]
    if past is None:
        return declared
    order = np.lexsort((_first_component(past), declared))
    block, begun = np.empty(n_units, int), 0
    for label, share in zip(np.unique(declared), _shares(declared, cohorts, per_cohort), strict=True):
        members = order[declared[order] == label]
        cuts = (np.arange(members.size) * n // members.size for n in range(max(share // 2, 1), 0, -1))
        cut = next(cut for cut in cuts if cut.max() == 0 or _capacity(np.bincount(cut), cohorts).sum() >= share)
        block[members] = begun + cut
        begun += cut.max() + 1
    return block


def draw(stratum: np.ndarray, cohorts: int, per_cohort: int, rng: np.random.Generator) -> np.ndarray:
    """The cohort of each unit (1 … `cohorts`, or HOLD_OUT), so many units in each, spread over the strata by size.

    Raises CannotDraw where there are too few units, in all or in the strata.
    """
    check(stratum.size, cohorts, per_cohort)
    lot = np.full(stratum.size, HOLD_OUT)
    for label, share in zip(np.unique(stratum), _shares(stratum, cohorts, per_cohort), strict=True):
        members = np.flatnonzero(stratum == label)
        lot[rng.permutation(members)[: cohorts * share]] = np.repeat(np.arange(1, cohorts + 1), share)
    return lot


def _capacity(sizes: np.ndarray, cohorts: int) -> np.ndarray:
    """How many units each cohort can have of strata of these sizes, so that one is left to compare with."""
    return np.maximum(sizes - 1, 0) // cohorts


def _shares(stratum: np.ndarray, cohorts: int, per_cohort: int) -> np.ndarray:
    """How many units of each stratum every cohort gets: by size, largest remainders first (Hamilton), what it can give.

    Raises CannotDraw where the strata are too small.
    """
    sizes = np.unique(stratum, return_counts=True)[1]
    exact, capacity = per_cohort * sizes / sizes.sum(), _capacity(sizes, cohorts)
    share = np.minimum(np.floor(exact).astype(int), capacity)
    while share.sum() < per_cohort:
        wanting = np.where(share < capacity, exact - share, -np.inf)
        if not np.isfinite(wanting).any():
            raise CannotDraw(
                f"the strata are too small: with one unit of each to compare with, a cohort can have {capacity.sum()} "
                f"units, not {per_cohort}"
            )
        share[int(np.argmax(wanting))] += 1
    return share


def _first_component(past: np.ndarray) -> np.ndarray:
    """One number per unit that most of the standardised facts' variation lies on; the fact itself where it is one."""
    facts = past.astype(float).reshape(past.shape[0], -1)
    centre, spread = np.nanmean(facts, axis=0), np.nanstd(facts, axis=0)
    scaled = np.where(np.isfinite(facts), facts - centre, 0.0) / np.where(spread > 0, spread, 1.0)
    return scaled @ np.linalg.svd(scaled, full_matrices=False)[2][0]


@dataclass(frozen=True)
class Place:
    """What a lot, or a list, says of a unit: its kick-off (None: it is not coached) and its stratum."""

    kickoff: date | None
    stratum: str | None


def departures(
    drawn: Mapping[str, Place], listed: Mapping[str, Place], trained: Mapping[str, date]
) -> list[tuple[str, str]]:
    """Unit and words for each unit that is not coached as the lot said, or not in its stratum. The analysis goes by the
    list, and the lot decides nothing any more where the list departs from it.

    `trained` gives the day of who leads a unit. Units coached before the first lot's kick-off are none of its.
    """
    found = []
    first = min((place.kickoff for place in drawn.values() if place.kickoff), default=date.max)
    for unit, lot in sorted(drawn.items()):
        now = listed.get(unit)
        said = f"to be coached from {lot.kickoff}" if lot.kickoff else "for the hold-out"
        if now is None:
            found.append((unit, f"was drawn {said} and is in no list"))
        elif now.kickoff != lot.kickoff:
            given = f"coached from {now.kickoff}" if now.kickoff else "not coached"
            found.append((unit, f"was drawn {said} and is listed as {given}"))
        elif now.stratum != lot.stratum:
            found.append((unit, f"was drawn in {lot.stratum} and is listed in {now.stratum or 'no stratum'}"))
        elif lot.kickoff is None and unit in trained:
            found.append((unit, f"was drawn {said}; who leads it was trained on {trained[unit]}"))
    for unit, now in sorted(listed.items()):
        if unit not in drawn and now.kickoff is not None and now.kickoff >= first:
            found.append((unit, f"was not drawn and is listed as coached from {now.kickoff}"))
    return found


def differences(lot: np.ndarray, facts: np.ndarray) -> np.ndarray:
    """Each cohort's mean less the hold-out's (cohorts × facts), in standard deviations between units."""
    facts = facts.astype(float).reshape(lot.size, -1)
    spread = np.nanstd(facts, axis=0, ddof=1)
    held = np.nanmean(facts[lot == HOLD_OUT], axis=0)
    means = [np.nanmean(facts[lot == cohort], axis=0) for cohort in range(1, lot.max() + 1)]
    return (np.array(means) - held) / np.where(spread > 0, spread, 1.0)

"""Small studies with a known truth, one kind of trouble each: what estimators are tried on.

No files and no warehouse: people in units over waves, as sums per unit and wave. The standard deviation between people
is one; of it 5 % lasts with the unit, 5 % passes with unit and wave, 50 % lasts with the person (intraclass correlation
0.1, as Bliese 2000 reports for survey scales).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

WAVES = 6
OF_UNIT, PASSING, OF_PERSON, NOISE = 0.05, 0.05, 0.50, 0.40  # shares of the variance between people
UNITS_OF_DEPARTMENT = 5
ICC = OF_UNIT + PASSING


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One kind of study. `cohorts` maps first treated wave (0: never) to a number of units; `effects` to its effect.

    `holds` says whether what the default estimator assumes is true in it.
    """

    cohorts: dict[int, int]
    effects: dict[int, float]
    sizes: tuple[int, int] = (6, 18)  # people per unit, from … to
    effect_spread: float = 0.25  # of units around their cohort's effect, as a share of it
    pilot_noise: float = 1.0  # the pilot's passing variance, as a multiple
    picks_level: float = 0.0  # how much pilot units were better before, in standard deviations between people
    picks_trend: float = 0.0  # how much faster they would have risen anyway, per wave
    moves: float = 0.0  # people who change to a unit of the other arm, per wave from the first kick-off on
    silence: float = 0.0  # how much less often unhappy people of the control answer once the programme runs
    leaves: float = 0.0  # how much more often unhappy people leave, per wave
    spills: float = 0.0  # share of the effect that reaches control units
    spills_near: float = 0.0  # share that reaches control units of every other department, those near to the programme
    shared: float = 0.0  # variance of what units of one department (five of one arm) share in a wave
    spills_after: int = 0  # waves from the first kick-off on until it does
    merges: float = 0.0  # share of units of each arm whose people all go to a unit of the other arm, in the second wave
    unasked: tuple[str, int] | None = None  # an arm (pilot or control) that is not asked in one wave (from 1)
    chosen_by_last: float = 0.0  # share of the pilot chosen for the lowest result in the last wave before kick-off
    strata: int = 1
    draws_cohorts: bool = False  # units fall into cohorts by chance (in these shares), as Callaway and Sant'Anna assume
    holds: bool = True

    @property
    def is_lot(self) -> bool:
        """Whether which units were treated, and when, has nothing to do with what they are."""
        return not (self.picks_level or self.picks_trend or self.chosen_by_last)


ONE, MANY = {3: 15, 0: 15}, {3: 30, 0: 30}
STUDIES = {
    "null": Trouble(cohorts=ONE, effects={3: 0.0}),
    "randomised": Trouble(cohorts=ONE, effects={3: 0.4}),
    "randomised in strata": Trouble(cohorts=ONE, effects={3: 0.4}, strata=3),
    "picked by level": Trouble(cohorts=ONE, effects={3: 0.4}, picks_level=0.5),
    "staggered": Trouble(cohorts={2: 8, 4: 8, 5: 8, 0: 16}, effects={2: 0.6, 4: 0.4, 5: 0.2}),
    "decays as it scales": Trouble(
        cohorts={2: 6, 3: 10, 5: 14, 0: 10}, effects={2: 0.8, 3: 0.3, 5: 0.1}, draws_cohorts=True
    ),
    "decays, sizes fixed": Trouble(cohorts={2: 6, 3: 10, 5: 14, 0: 10}, effects={2: 0.8, 3: 0.3, 5: 0.1}),
    "few treated": Trouble(cohorts={3: 5, 0: 25}, effects={3: 0.4}),
    "heteroskedastic": Trouble(cohorts={3: 8, 0: 22}, effects={3: 0.4}, pilot_noise=4.0),
    "unequal units": Trouble(cohorts=ONE, effects={3: 0.4}, sizes=(4, 60)),
    "movers": Trouble(cohorts=ONE, effects={3: 0.4}, moves=0.05),
    "picked by trend": Trouble(cohorts=ONE, effects={3: 0.4}, picks_trend=0.15, holds=False),
    "silence differs": Trouble(cohorts=ONE, effects={3: 0.4}, silence=0.6, holds=False),
    "the unhappy leave": Trouble(cohorts=ONE, effects={3: 0.4}, leaves=0.3, holds=False),
    "spillover": Trouble(cohorts=ONE, effects={3: 0.4}, spills=0.5, holds=False),
    "spillover near by": Trouble(cohorts=MANY, effects={3: 0.4}, spills_near=0.5, holds=False),
    "spillover near by, 60 control units": Trouble(
        cohorts={3: 30, 0: 60}, effects={3: 0.4}, spills_near=0.5, holds=False
    ),
    "departments share shocks": Trouble(cohorts=MANY, effects={3: 0.4}, shared=0.05, holds=False),
}


# For the decision alone: what it should say, and what made it say go where it should not.
WAVES_IN_TURN = {2: 6, 3: 10, 5: 14, 0: 10}
LATE = {6: 15, 0: 15}
DECISIONS = {
    "every cohort gets 0.4": Trouble(cohorts=WAVES_IN_TURN, effects={2: 0.4, 3: 0.4, 5: 0.4}),
    "cohorts get 0.8, 0.3, 0.1": Trouble(cohorts=WAVES_IN_TURN, effects={2: 0.8, 3: 0.3, 5: 0.1}),
    "cohorts get 0.6, 0.4, 0.2": STUDIES["staggered"],
    "one cohort gets 0.4": STUDIES["randomised"],
    "one cohort of 30 gets 0.4": Trouble(cohorts=MANY, effects={3: 0.4}),
    "picked by level, 0.4": STUDIES["picked by level"],
    "0.4, five waves before": Trouble(cohorts=LATE, effects={6: 0.4}),
    "picked by level, 0.4, five waves before": Trouble(cohorts=LATE, effects={6: 0.4}, picks_level=0.5),
    "nothing, five waves before": Trouble(cohorts=LATE, effects={6: 0.0}),
    "nothing": STUDIES["null"],
    "nothing, all chosen by last result": Trouble(cohorts=ONE, effects={3: 0.0}, chosen_by_last=1.0, holds=False),
    "nothing, half chosen so": Trouble(cohorts=ONE, effects={3: 0.0}, chosen_by_last=0.5, holds=False),
    "nothing, a quarter chosen so": Trouble(cohorts=ONE, effects={3: 0.0}, chosen_by_last=0.25, holds=False),
    "nothing, all chosen so, five waves before": Trouble(
        cohorts=LATE, effects={6: 0.0}, chosen_by_last=1.0, holds=False
    ),
    "0.4, all chosen by last result": Trouble(cohorts=ONE, effects={3: 0.4}, chosen_by_last=1.0, holds=False),
    "nothing, picked by trend": Trouble(cohorts=ONE, effects={3: 0.0}, picks_trend=0.15, holds=False),
    "nothing, picked by trend, five waves before": Trouble(
        cohorts=LATE, effects={6: 0.0}, picks_trend=0.15, holds=False
    ),
    "0.4, a fifth of the units merges with others": Trouble(cohorts=ONE, effects={3: 0.4}, merges=0.2),
    "nothing, a fifth merges": Trouble(cohorts=ONE, effects={3: 0.0}, merges=0.2),
    "0.4, half of it reaches the control from the third wave on": Trouble(
        cohorts=ONE, effects={3: 0.4}, spills=0.5, spills_after=2, holds=False
    ),
    "0.4, the pilot is not asked in the last wave before": Trouble(cohorts=ONE, effects={3: 0.4}, unasked=("pilot", 2)),
    "nothing, the pilot is not asked in the last wave before": Trouble(
        cohorts=ONE, effects={3: 0.0}, unasked=("pilot", 2)
    ),
    "0.4, the control is not asked in the second wave": Trouble(cohorts=ONE, effects={3: 0.4}, unasked=("control", 4)),
}


@dataclass(frozen=True)
class Draw:
    """One simulated study as cells (C units × T waves): answers, their sum and squares around the cell's mean, people
    asked; first treated wave (from 1, 0 for never), people and stratum of each unit; the true average
    effect; and where units stand."""

    n: np.ndarray
    total: np.ndarray
    centred_squares: np.ndarray
    eligible: np.ndarray
    cohort: np.ndarray
    people: np.ndarray
    stratum: np.ndarray
    truth: float
    is_near: np.ndarray  # units near to the programme
    department: np.ndarray


def without_effect(trouble: Trouble) -> Trouble:
    """The same study of a programme that does nothing."""
    return replace(trouble, effects=dict.fromkeys(trouble.effects, 0.0))


def waves_of(trouble: Trouble) -> int:
    """How many waves a study has: at least four with the last cohort."""
    return max(WAVES, max(trouble.cohorts) + 3)


def before_the_pilot(units: int, rng: np.random.Generator, *, waves: int) -> Draw:
    """An organisation in which nothing is done to anybody."""
    return draw(Trouble(cohorts={waves: 1, 0: units - 1}, effects={waves: 0.0}), rng, waves=waves)


def draw(trouble: Trouble, rng: np.random.Generator, *, waves: int = WAVES) -> Draw:
    """One study. The truth is the effect of assignment, averaged over treated cohort-waves by people, as
    Callaway and Sant'Anna's simple aggregation is."""
    cohort = np.repeat(list(trouble.cohorts), list(trouble.cohorts.values()))
    n_units = cohort.size
    if trouble.draws_cohorts:
        cohort = rng.choice(cohort, size=n_units)
    stratum = np.zeros(n_units, int)
    for g in trouble.cohorts:  # each stratum gets its part of each arm
        stratum[cohort == g] = np.arange((cohort == g).sum()) % trouble.strata
    low, high = trouble.sizes
    size = np.exp(rng.uniform(np.log(low), np.log(high + 1), n_units)).astype(int)
    unit = np.repeat(np.arange(n_units), size)
    wave, pilot = np.arange(1, waves + 1), cohort > 0

    level = rng.normal(0, np.sqrt(OF_UNIT), n_units) + trouble.picks_level * pilot + 0.5 * stratum
    noise = np.sqrt(PASSING * np.where(pilot, trouble.pilot_noise, 1.0))
    passing = rng.normal(size=(n_units, waves)) * noise[:, None]
    department = np.arange(n_units) // UNITS_OF_DEPARTMENT
    if trouble.shared:
        passing += rng.normal(0, np.sqrt(trouble.shared), (department.max() + 1, waves))[department]
    drift = 0.05 * wave + trouble.picks_trend * pilot[:, None] * wave
    person = rng.normal(0, np.sqrt(OF_PERSON), unit.size)[:, None] + rng.normal(0, np.sqrt(NOISE), (unit.size, waves))
    y = (level[:, None] + passing + drift)[unit] + person
    if trouble.chosen_by_last:
        cohort = _chosen_by_last(trouble, np.bincount(unit, y[:, cohort[pilot].min() - 2]) / size, cohort, rng)
        pilot = cohort > 0

    full = np.array([trouble.effects.get(int(g), 0.0) for g in cohort])
    own = full * (1 + trouble.effect_spread * rng.normal(size=n_units))
    started = pilot[:, None] & (wave >= np.where(pilot, cohort, waves + 1)[:, None])
    first = int(cohort[pilot].min())
    running = wave >= first
    typical = max(trouble.effects.values(), key=abs)
    is_near = department % 2 == 0
    leak = (trouble.spills + trouble.spills_near * is_near)[:, None] * typical
    leaks = ~pilot[:, None] & (wave >= first + trouble.spills_after)
    of_unit = np.where(started, own[:, None], 0.0) + np.where(leaks, leak, 0.0)
    has_moved = np.cumsum((rng.random((unit.size, waves)) < trouble.moves) & running, axis=1) > 0
    has_moved |= _merged(trouble, cohort)[unit][:, None] & (wave > first)
    other_side = np.where(pilot[:, None] | ~running, 0.0, typical)[unit]
    y = y + np.where(has_moved, other_side, of_unit[unit])

    stays, answers = _answers(trouble, y, (pilot[unit], running), rng)

    def summed(values: np.ndarray) -> np.ndarray:
        return np.column_stack([np.bincount(unit, weights=values[:, t], minlength=n_units) for t in range(waves)])

    n, total = summed(answers.astype(float)), summed(np.where(answers, y, 0.0))
    mean = total / np.maximum(n, 1)
    squares = summed(np.where(answers, (y - mean[unit]) ** 2, 0.0))
    truth = _truth(trouble, waves)
    eligible = summed(stays.astype(float))
    return Draw(n, total, squares, eligible, cohort, size.astype(float), stratum, truth, is_near, department)


def _chosen_by_last(trouble: Trouble, last: np.ndarray, cohort: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cohorts given to the units with the lowest `last` results, the rest of the pilot by lot."""
    treated = cohort[cohort > 0]
    lowest = np.argsort(last)[: round(trouble.chosen_by_last * treated.size)]
    others = rng.permutation(np.setdiff1d(np.arange(cohort.size), lowest))[: treated.size - lowest.size]
    given = np.zeros_like(cohort)
    given[np.concatenate([lowest, others])] = treated
    return given


def _answers(
    trouble: Trouble, y: np.ndarray, place: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Who is still there and who answers (people × waves), by what they would say. `place`: whether each person is of
    the pilot, and each wave after the first kick-off."""
    of_pilot, running = place
    unhappy = y < -0.5
    stays = np.ones(y.shape, bool)
    if trouble.leaves:
        leaves = rng.random(y.shape) < np.where(unhappy, trouble.leaves, 0.02)
        stays[:, 1:] = np.cumsum(leaves, axis=1)[:, :-1] == 0
    silent_control = trouble.silence * unhappy * ~of_pilot[:, None] * running
    answers = stays & (rng.random(y.shape) < 0.8 * (1 - silent_control))
    if trouble.unasked:
        arm, unasked = trouble.unasked
        answers[of_pilot if arm == "pilot" else ~of_pilot, unasked - 1] = False
    return stays, answers


def _merged(trouble: Trouble, cohort: np.ndarray) -> np.ndarray:
    """Which units go to the other arm: the first of each cohort, whose order has nothing to do with what they are."""
    found = np.zeros(cohort.size, bool)
    for g in np.unique(cohort):
        mine = np.flatnonzero(cohort == g)
        found[mine[: round(trouble.merges * mine.size)]] = True
    return found


def _truth(trouble: Trouble, waves: int) -> float:
    """What assignment does on average, cohorts weighted by their expected size (in the population, as P(G = g) is).

    Who moves to the other side loses the effect there, and a control person who moves gains it.
    """
    first = min(g for g in trouble.cohorts if g)
    values, weights = [], []
    for g, effect in trouble.effects.items():
        for t in range(g, waves + 1):
            gone = 1 - (1 - trouble.moves) ** (t - first + 1) * (1 - trouble.merges * (t > first))
            values.append(effect * (1 - 2 * gone))
            weights.append(trouble.cohorts[g])
    return float(np.average(values, weights=weights))

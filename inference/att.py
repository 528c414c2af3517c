"""Group-time average treatment effects ATT(g,t) from cells, and their aggregations.

Callaway & Sant'Anna (2021), "Difference-in-differences with multiple time periods", J. Econometrics 225(2): each
cohort g is compared in each period t with units not (yet) treated, against the cohort's last period before treatment,
or against the mean of several (`span`), which makes the error smaller. Identification rests on parallel trends and no
anticipation; adjusted versions are in `inference/adjusted.py`.

Everything is computed from sums per unit and period (n, Σy): separate cell means, so balanced panels, unbalanced
panels and repeated cross-sections are one formula; with equal n in every period it is the balanced one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

Control = Literal["never_treated", "not_yet_treated"]
Base = Literal["varying", "universal"]
MOST_OTHERS = 0.1  # of the answers of a period that is counted from
NEVER = 0  # the cohort of units that are never treated


@dataclass(frozen=True)
class Panel:
    """Sufficient statistics of one metric: `n` and `total` have shape units × periods.

    The periods are consecutive in the calendar, from the first observed one to the last: a period without observations
    is a column of zeros, so the difference of two indices is a distance in time. `cohort` (shape: units) is the first
    treated period of each unit, as an index from 1 to T, or NEVER. `people` (shape: units) is the number of distinct
    people; it weights the cohorts in aggregations.
    """

    n: np.ndarray
    total: np.ndarray
    cohort: np.ndarray
    people: np.ndarray

    def __post_init__(self):
        if (
            self.n.shape != self.total.shape
            or self.n.shape[0] != self.cohort.size
            or self.people.size != self.n.shape[0]
        ):
            raise ValueError("n and total must be units × periods, cohort and people one value per unit")
        if np.any(self.n < 0) or not np.all(np.isfinite(self.total)):
            raise ValueError("counts must not be negative and sums must be finite")

    @property
    def n_periods(self) -> int:
        """Number of periods."""
        return self.n.shape[1]

    @property
    def cohorts(self) -> np.ndarray:
        """Treated cohorts that have a period before treatment, in order."""
        return np.array([g for g in np.unique(self.cohort) if 1 < g <= self.n_periods], dtype=int)

    @property
    def observed(self) -> np.ndarray:
        """Which periods anybody was observed in (shape: periods)."""
        return self.n.sum(axis=0) > 0

    def base_period(self, g: int, *, anticipation: int = 0) -> int | None:
        """The last period before treatment, less `anticipation` periods, in which cohort `g` was observed; or None."""
        seen = self.n[self.cohort == g].sum(axis=0) > 0
        before = np.flatnonzero(seen[: max(g - 1 - anticipation, 0)])
        return int(before[-1]) + 1 if before.size else None


@dataclass(frozen=True)
class TakingPart:
    """Who is behind each ATT(g,t): C units, K pairs; the arms are treated and untreated.

    `arms` (two of C × K) are the units compared, `seen_now` (C × K) those with answers in the period, `seen` (C × K)
    also those with answers in what it is counted from. `people` (2 × K) counts each arm's answers in the period, or in
    the fullest of those it is counted from where that is fewer.
    """

    arms: tuple[np.ndarray, np.ndarray]
    seen_now: np.ndarray
    seen: np.ndarray
    people: np.ndarray


@dataclass(frozen=True)
class GroupTime:
    """ATT(g,t) for each pair: values, leave-one-unit-out values and influence, with K pairs and C units.

    `base` (K) is the last period that each is counted from, `base_weights` (K × T; None: that one alone) how much each
    period counts in what it is counted from, in sum 1; `value` (K), `without` (C × K), `influence` (C × K; analytic,
    Σψ² is the variance), NaN where a pair cannot be computed.
    """

    g: np.ndarray
    t: np.ndarray
    base: np.ndarray
    value: np.ndarray
    without: np.ndarray
    influence: np.ndarray
    panel: Panel
    control: Control
    counted: np.ndarray | None = None  # C × K: people who carry weight in each pair, where that is not the panel's n
    anticipation: int = 0  # periods before treatment in which the outcome may already have responded
    base_weights: np.ndarray | None = None

    @property
    def counted_from(self) -> np.ndarray:
        """How much each period counts in what each pair is counted from (shape: K × T)."""
        if self.base_weights is not None:
            return self.base_weights
        return (self.base[:, None] == np.arange(1, self.panel.n_periods + 1)).astype(float)

    @property
    def event_time(self) -> np.ndarray:
        """Calendar periods since treatment began; 0 is the first treated one."""
        return self.t - self.g

    @cached_property
    def taking_part(self) -> TakingPart:
        """Who is behind each of them."""
        panel, now = self.panel, self.t - 1
        is_base = self.counted_from != 0
        arms = (
            panel.cohort[:, None] == self.g,
            np.array(
                [
                    is_control(panel, g, last, self.control)
                    for g, last in zip(self.g, np.maximum(self.t, self.base) + self.anticipation, strict=True)
                ],
                dtype=bool,
            )
            .reshape(self.g.size, panel.cohort.size)
            .T,
        )
        if self.counted is not None:
            seen_now = seen = self.counted > 0
            people = np.array([np.where(arm, self.counted, 0.0).sum(axis=0) for arm in arms])
            return TakingPart(arms, seen_now, seen, people)
        has_answers = panel.n > 0
        seen_now = has_answers[:, now]
        seen = seen_now | (has_answers.astype(float) @ is_base.T.astype(float) > 0)
        answers = [arm.T.astype(float) @ panel.n for arm in arms]  # K × T
        people = [
            np.minimum(n[np.arange(now.size), now], np.where(is_base, n, 0.0).max(axis=1, initial=0.0)) for n in answers
        ]
        return TakingPart(arms, seen_now, seen, np.array(people))

    @property
    def distance(self) -> np.ndarray:
        """Calendar periods from what each is counted from to `t`: what a steady drift is multiplied with."""
        return self.t - self.counted_from @ np.arange(1, self.panel.n_periods + 1)


def is_control(panel: Panel, g: int, last: int, control: Control) -> np.ndarray:
    """Which units serve as control of cohort `g` when `last` is the later of the two periods compared.

    With anticipation, the caller adds the `anticipation` periods to `last`.
    """
    never = panel.cohort == NEVER
    if control == "never_treated":
        return never
    return never | ((panel.cohort > last) & (panel.cohort != g))


def pairs(panel: Panel, *, base: Base, anticipation: int) -> Iterator[tuple[int, int, int]]:
    """(g, t, base period) of every ATT(g,t) whose period `t` was observed. The last period before treatment may be
    affected already: `anticipation` periods are left out before it.

    With a varying base each period before treatment is compared with the one that was observed before it; with a
    universal one with the same base as those after, itself (zero by definition) left out. The base is the last period
    before treatment in which the cohort was observed, as in R `did`: a wave that was not held is no base.
    """
    observed = np.flatnonzero(panel.observed) + 1
    for g in panel.cohorts:
        last_before = panel.base_period(int(g), anticipation=anticipation)
        if last_before is None:
            continue
        seen = np.flatnonzero(panel.n[panel.cohort == g].sum(axis=0) > 0) + 1
        for t in observed:
            against = last_before
            if base == "varying" and t <= last_before:
                earlier = seen[seen < t]
                against = int(earlier[-1]) if earlier.size else 0
            if against >= 1 and against != t:
                yield int(g), int(t), against


def collect(
    panel: Panel,
    control: Control,
    found: Iterable[tuple],
    anticipation: int = 0,
) -> GroupTime:
    """A `GroupTime` from ((g, t, base), value, leave-one-out values, influence[, people counted]) of each pair."""
    found = list(found)
    g, t, against = (
        (np.array(column, dtype=int) for column in zip(*(f[0] for f in found), strict=True))
        if found
        else (np.zeros(0, int),) * 3
    )
    empty = np.zeros((panel.cohort.size, 0))
    return GroupTime(
        g=g,
        t=t,
        base=against,
        value=np.array([f[1] for f in found]),
        without=np.array([f[2] for f in found]).T if found else empty,
        influence=np.array([f[3] for f in found]).T if found else empty,
        panel=panel,
        control=control,
        counted=np.array([f[4] for f in found]).T if found and len(found[0]) > 4 else None,
        anticipation=anticipation,
    )


@dataclass(frozen=True)
class Contrast:
    """A cohort and its controls (C units) in each of T periods: the treated's mean less the controls'.

    `value` (T), `without` (C × T) without each unit, `influence` (C × T). `weight` (T) is what a period counts in a
    mean of several, 1/(1/n + 1/n') of the arms' answers: all alike where as many answer each time, one in which few
    were asked does not spoil the others, and one in which an arm is silent counts nothing.
    """

    panel: Panel
    arms: tuple[np.ndarray, np.ndarray]
    value: np.ndarray
    without: np.ndarray
    influence: np.ndarray
    weight: np.ndarray

    def is_alike(self, last: int) -> np.ndarray:
        """Of each period (T) whether in each arm the same units answer as in `last`, but for MOST_OTHERS of the answers
        of either: units that come or go between them would leave their level in the effect. An arm silent in `last` is
        alike to any."""
        alike = np.ones(self.panel.n_periods, bool)
        for arm in self.arms:
            one = self.panel.n[arm]
            other = one[:, [last - 1]]
            if other.any():
                is_in_one = (one > 0) != (other > 0)
                for n in (one, other):
                    alike &= np.where(is_in_one, n, 0.0).sum(axis=0) <= MOST_OTHERS * n.sum(axis=0)
        return alike

    def effect(self, t: int, bases: Sequence[int]) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Value, leave-one-out values (C) and influence (C) of period `t` counted from the mean of `bases`, and how
        much each of these counts in it."""
        before = np.array(bases) - 1
        total = self.weight[before].sum()
        if not total:
            nothing = np.full(self.panel.cohort.size, np.nan)
            return float("nan"), nothing, nothing, np.zeros(before.size)
        weights = self.weight[before] / total
        used, share = before[weights > 0], weights[weights > 0]
        without = self.without[:, used]
        known = np.isfinite(without)  # a base that rests on one unit is none without it
        with np.errstate(invalid="ignore", divide="ignore"):
            before_without = np.where(known, without, 0.0) @ share / (known @ share)
        return (
            float(self.value[t - 1] - self.value[used] @ share),
            self.without[:, t - 1] - before_without,
            self.influence[:, t - 1] - self.influence[:, used] @ share,
            weights,
        )


def contrast(panel: Panel, treated: np.ndarray, untreated: np.ndarray) -> Contrast:
    """Of two groups of units, marked (C each)."""
    (here, size), (there, other) = (_means_and_parts(panel, member) for member in (treated, untreated))
    with np.errstate(divide="ignore"):
        weight = np.where((size > 0) & (other > 0), 1 / (1 / size + 1 / other), 0.0)
    return Contrast(panel, (treated, untreated), *(one - two for one, two in zip(here, there, strict=True)), weight)


def _means_and_parts(panel: Panel, member: np.ndarray):
    """Pooled mean of the member units in each period (T), the same without each unit (C × T), and each unit's influence
    on it (C × T); and how many answers there are (T)."""
    n, total = panel.n[member], panel.total[member]
    size, amount = n.sum(axis=0), total.sum(axis=0)
    influence = np.zeros(panel.n.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = amount / size
        without = np.repeat(mean[None, :], panel.cohort.size, axis=0)
        without[member] = np.where(size > n, (amount - total) / (size - n), np.nan)
        influence[member] = np.where(size > 0, (total - n * mean) / size, 0.0)
    return (mean, without, influence), size


class _Contrasts:
    """Cohorts against their controls, each made once: the controls change only when another cohort begins."""

    def __init__(self, panel: Panel, control: Control):
        self.panel, self.control = panel, control
        self.known: dict[tuple[int, bytes], Contrast] = {}

    def of(self, g: int, last: int) -> Contrast:
        """Cohort `g` where `last` is the last period in which it must not be met by another's treatment."""
        untreated = is_control(self.panel, g, last, self.control)
        key = g, untreated.tobytes()
        if key not in self.known:
            self.known[key] = contrast(self.panel, self.panel.cohort == g, untreated)
        return self.known[key]


def _collect_from(
    contrasts: _Contrasts, asked: Iterable[tuple[int, int, Sequence[int]]], anticipation: int
) -> GroupTime:
    """ATT(g,t) of each (g, t, base periods)."""
    panel = contrasts.panel
    found, weights = [], []
    for g, t, bases in asked:
        *parts, of_bases = contrasts.of(g, max(t, *bases) + anticipation).effect(t, bases)
        counted = np.flatnonzero(of_bases)
        found.append(((g, t, int(bases[counted[-1]] if counted.size else bases[-1])), *parts))
        weights.append(np.bincount(np.array(bases) - 1, of_bases, minlength=panel.n_periods))
    shape = (len(found), panel.n_periods)
    collected = collect(panel, contrasts.control, found, anticipation)
    return replace(collected, base_weights=np.array(weights).reshape(shape))


def group_time_effects(
    panel: Panel,
    *,
    control: Control = "not_yet_treated",
    base: Base = "varying",
    anticipation: int = 0,
    span: int = 1,
) -> GroupTime:
    """ATT(g,t) of every treated cohort, unadjusted: equations (2.3) and (2.4) of the paper, with sample means.

    From treatment on each is counted from the mean of the periods in which the cohort was observed, of the `span`
    calendar periods up to its last one before treatment, and as the same units answered (`Contrast.is_alike`); 1 is
    that one alone, as in the paper. Several make the error smaller and a bad last result count less
    (benchmarks/results/coverage.md).
    """
    contrasts = _Contrasts(panel, control)
    known: dict[tuple[int, int], list[int]] = {}  # what a contrast is counted from, by its identity and last base

    def bases(g: int, t: int, against: int) -> Sequence[int]:
        if t < g or span == 1:
            return [against]
        compared = contrasts.of(g, t + anticipation)
        key = id(compared), against
        if key not in known:
            usable = compared.is_alike(against) & panel.n[panel.cohort == g].any(axis=0)
            known[key] = [s for s in range(max(against - span, 0) + 1, against + 1) if usable[s - 1]]
        return known[key]

    asked = ((g, t, bases(g, t, against)) for g, t, against in pairs(panel, base=base, anticipation=anticipation))
    return _collect_from(contrasts, asked, anticipation)


def effects_counted_from(effects: GroupTime, which: Literal["last", "earlier"]) -> GroupTime:
    """The treated ATT(g,t), each counted from the last of its base periods alone, or from the others alone.

    Units that were chosen for their last result before kick-off would have come back to their usual one anyway
    (Ashenfelter 1978, "Estimating the effect of training programs on earnings"): earlier periods do not know of it.
    From the last one a steady drift has had the least time to add up. Where the year has one period, the others are all
    those before it; a cohort that has one period before treatment has none.
    """
    asked, panel = [], effects.panel
    for g, t, weights in zip(effects.g, effects.t, effects.counted_from, strict=True):
        bases = np.flatnonzero(weights) + 1
        chosen = bases[-1:] if which == "last" else bases[:-1]
        if which == "earlier" and bases.size == 1:  # waves a year apart: those before it
            seen = np.flatnonzero(panel.n[panel.cohort == g].sum(axis=0) > 0) + 1
            chosen = seen[seen < bases[0]]
        if t >= g and chosen.size:
            asked.append((int(g), int(t), chosen))
    return _collect_from(_Contrasts(panel, effects.control), asked, effects.anticipation)


def newest_cohorts(effects: GroupTime, *, at_least: int) -> np.ndarray:
    """Which pairs are of the newest cohorts that have so many units together; none where all have fewer, and all where
    there is one cohort."""
    panel = effects.panel
    treated = np.unique(effects.g[effects.t >= effects.g])[::-1]
    sizes = np.cumsum([(panel.cohort == g).sum() for g in treated])
    enough = np.flatnonzero(sizes >= at_least)
    return np.isin(effects.g, treated[: enough[0] + 1]) if enough.size else np.zeros(effects.g.size, bool)


@dataclass(frozen=True)
class Aggregate:
    """One aggregated effect: its value, leave-one-out values (C) and influence (C)."""

    value: float
    without: np.ndarray
    influence: np.ndarray

    @property
    def analytic_std_error(self) -> float:
        """√Σψ², without a finite-sample factor; for comparison with published tables, not for intervals."""
        return float(np.sqrt(np.sum(self.influence**2)))

    def clustered_std_error(self, cluster: np.ndarray, *, finite_sample: bool = False) -> float:
        """The sandwich over clusters of units (shape: units): √Σ_k (Σ_{c in k} ψ_c)².

        `finite_sample` multiplies the variance by G/(G − 1), as Stata and diff-diff do; R's `did` does not.
        """
        _, index = np.unique(cluster, return_inverse=True)
        summed = np.bincount(index, weights=self.influence)
        factor = summed.size / (summed.size - 1) if finite_sample else 1.0
        return float(np.sqrt(factor * np.sum(summed**2)))


def of_pairs(effects: GroupTime, chosen: np.ndarray) -> Aggregate:
    """Average of the chosen pairs, weighted by cohort size in people; estimated weights carry influence too."""
    panel = effects.panel
    chosen = chosen & np.isfinite(effects.value)
    g = effects.g[chosen]
    people_of = np.array([panel.people[panel.cohort == cohort].sum() for cohort in g], dtype=float)
    member = panel.cohort[:, None] == g[None, :]
    n_people = panel.people.sum()
    share = people_of / n_people
    value = float(share @ effects.value[chosen] / share.sum()) if g.size else float("nan")

    # Without unit c its cohort is lighter, and a cohort that consists of c alone drops out.
    lighter = people_of[None, :] - np.where(member, panel.people[:, None], 0.0)
    kept = effects.without[:, chosen]
    usable = np.isfinite(kept) & (lighter > 0)
    weight = np.where(usable, lighter, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        without = np.where(usable, weight * kept, 0.0).sum(axis=1) / weight.sum(axis=1)
        direct = effects.influence[:, chosen] @ share / share.sum()
        centred = panel.people[:, None] / n_people * (member - share[None, :])
        of_weights = centred / share.sum() - centred.sum(axis=1, keepdims=True) * share / share.sum() ** 2
    return Aggregate(value, without, direct + of_weights @ effects.value[chosen])


def _mean_of(parts: list[Aggregate]) -> Aggregate:
    return Aggregate(
        float(np.mean([part.value for part in parts])) if parts else float("nan"),
        np.mean([part.without for part in parts], axis=0) if parts else np.zeros(0),
        np.mean([part.influence for part in parts], axis=0) if parts else np.zeros(0),
    )


def simple(effects: GroupTime) -> Aggregate:
    """All post-treatment ATT(g,t), weighted by cohort size."""
    return of_pairs(effects, effects.t >= effects.g)


def by_event_time(effects: GroupTime, *, balanced_to: int | None = None) -> dict[int, Aggregate]:
    """The event study: one effect per period since (or before) treatment began.

    `balanced_to`: only cohorts that are followed up to this event time, in the event times for which all of them are
    observed; so no effect differs from the next because other cohorts are in it (section 4.1 of the paper).
    """
    chosen = np.isfinite(effects.value)
    if balanced_to is not None:
        last = effects.panel.n_periods
        chosen &= effects.g + balanced_to <= last
        chosen &= (effects.event_time <= balanced_to) & (effects.event_time > balanced_to - last)
        n_cohorts = np.unique(effects.g[chosen]).size
        complete = [
            e for e in np.unique(effects.event_time[chosen]) if (effects.event_time[chosen] == e).sum() == n_cohorts
        ]
        chosen &= np.isin(effects.event_time, complete)
    return {
        int(e): of_pairs(effects, chosen & (effects.event_time == e)) for e in np.unique(effects.event_time[chosen])
    }


def _distances(effects: GroupTime) -> GroupTime:
    """Each pair's distance from its base in place of its effect: what a steady drift of one a period looks like."""
    usable = np.isfinite(effects.value)
    return replace(effects, value=np.where(usable, effects.distance.astype(float), np.nan))


def steps_by_event_time(effects: GroupTime) -> dict[int, float]:
    """Event time → calendar periods between it and its base, averaged over cohorts as `by_event_time` averages them: a
    steady drift of one a period shows as so much."""
    return {e: part.value for e, part in by_event_time(_distances(effects)).items()}


def mean_distance(effects: GroupTime) -> float:
    """Calendar periods from base to treated period, averaged as `simple` averages: what a steady drift of one a period
    adds to it."""
    return simple(_distances(effects)).value


def by_distance(effects: GroupTime) -> dict[int, Aggregate]:
    """Effects against one base per cohort (universal), by calendar periods from that base: negative before it, positive
    from treatment on. Periods between, in which treatment may be anticipated, are left out.

    Without gaps in time distance s is event time s − 1 − anticipation; with gaps it is what a drift adds up over.
    """
    chosen = np.isfinite(effects.value) & ((effects.t < effects.base) | (effects.t >= effects.g))
    return {int(s): of_pairs(effects, chosen & (effects.distance == s)) for s in np.unique(effects.distance[chosen])}


def dynamic(effects: GroupTime, *, balanced_to: int | None = None) -> Aggregate:
    """Plain mean of the event-time effects from 0 on."""
    return _mean_of([part for e, part in by_event_time(effects, balanced_to=balanced_to).items() if e >= 0])


def dynamic_balanced(effects: GroupTime) -> Aggregate:
    """`dynamic` over the event times that every cohort reaches: none of its effects is missing a cohort."""
    return dynamic(effects, balanced_to=effects.panel.n_periods - int(effects.g.max()))


def by_cohort(effects: GroupTime) -> dict[int, Aggregate]:
    """One effect per cohort: the mean over its treated periods."""
    post = effects.t >= effects.g
    return {int(g): of_pairs(effects, post & (effects.g == g)) for g in np.unique(effects.g)}


def group(effects: GroupTime) -> Aggregate:
    """Cohort effects weighted by cohort size."""
    parts = by_cohort(effects)
    panel = effects.panel
    cohorts = np.array(list(parts), dtype=int)
    stacked = GroupTime(
        g=cohorts,
        t=cohorts,
        base=cohorts - 1,
        value=np.array([part.value for part in parts.values()]),
        without=np.column_stack([part.without for part in parts.values()]),
        influence=np.column_stack([part.influence for part in parts.values()]),
        panel=panel,
        control=effects.control,
    )
    return of_pairs(stacked, np.ones(cohorts.size, bool))


def by_calendar(effects: GroupTime) -> dict[int, Aggregate]:
    """One effect per period, over the cohorts treated by then; a period in which no pair can be computed has none."""
    post = (effects.t >= effects.g) & np.isfinite(effects.value)
    return {int(t): of_pairs(effects, post & (effects.t == t)) for t in np.unique(effects.t[post])}


def calendar(effects: GroupTime) -> Aggregate:
    """Plain mean of the calendar-time effects."""
    return _mean_of(list(by_calendar(effects).values()))

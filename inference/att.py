"""Group-time average treatment effects ATT(g,t) from cells; averages of them are in `inference/aggregations.py`.

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

from inference.panel import Contrast, Control, Panel, contrast, is_control

Base = Literal["varying", "universal"]


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

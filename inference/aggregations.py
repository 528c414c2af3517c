"""Averages of ATT(g,t): simple, by event time, cohort and calendar period (Callaway & Sant'Anna 2021, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from inference.att import GroupTime


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

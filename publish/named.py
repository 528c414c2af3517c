"""Small groups that have a name: a team, a cohort without those of one site, managers of one readiness.

Whoever looks for a few people in published figures looks for people who have something in common. Of each such group
below the minimum the audit proves that nothing follows about it alone; of sets without a name it only checks
(`publish.audit`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import numpy as np

Members = set[int]
LARGEST = 3  # times the minimum: of larger groups hardly ever fewer than the minimum are there for a while


def small_groups(
    atoms: Sequence[Members],
    periods: Sequence[date],
    tags: Sequence[Iterable[tuple[str, str]]],
    units: Mapping[str, Members],
    minimum: int,
) -> list[np.ndarray]:
    """Named groups of fewer people than the minimum, each as the atoms (A, booleans) that are of nobody else.

    `atoms`: whose answers each is, and of which of the `periods`; `tags`: in which cohort, arm and segments (kind,
    name) it was counted; `units`: who was ever in a unit. Named are units, what two tags have in common, what one has
    without the other, and what units have in common with a segment or without it. Of a group that grows past the
    minimum every stretch of periods counts in which it was below: who came and went may make ten of a team of eight.
    """
    tagged: dict[tuple[str, str], Members] = {}
    of_person: dict[int, list[int]] = {}
    for index, (members, its) in enumerate(zip(atoms, tags, strict=True)):
        for tag in its:
            tagged.setdefault(tag, set()).update(members)
        for person in members:
            of_person.setdefault(person, []).append(index)
    found: dict[tuple[int, ...], np.ndarray] = {}
    seen: set[frozenset[int]] = set()
    for group in map(frozenset, _named(tagged, units)):
        if not 0 < len(group) < LARGEST * minimum or group in seen:
            continue
        seen.add(group)
        its = {index for person in group for index in of_person.get(person, ()) if atoms[index] <= group}
        for stretch in _stretches(sorted(its, key=lambda index: periods[index]), atoms, periods, minimum):
            if stretch not in found:
                mask = np.zeros(len(atoms), bool)
                mask[list(stretch)] = True
                found[stretch] = mask
    return list(found.values())


def _stretches(
    ordered: list[int], atoms: Sequence[Members], periods: Sequence[date], minimum: int
) -> Iterator[tuple[int, ...]]:
    """The longest stretches of periods in which the atoms are of fewer people than the minimum."""
    by_period = [list(its) for _, its in itertools.groupby(ordered, key=lambda index: periods[index])]
    reached = 0
    for start in range(len(by_period)):
        people: Members = set()
        for end in range(start, len(by_period) + 1):
            more = set().union(*(atoms[index] for index in by_period[end])) if end < len(by_period) else None
            if more is None or len(people | more) >= minimum:
                break
            people |= more
        if end > max(start, reached):
            reached = end
            yield tuple(sorted(index for its in by_period[start:end] for index in its))


def _named(tagged: Mapping[tuple[str, str], Members], units: Mapping[str, Members]) -> Iterator[Members]:
    yield from units.values()
    yield from tagged.values()
    places = [members for (kind, _), members in tagged.items() if kind != "segment"]
    segments = [members for (kind, _), members in tagged.items() if kind == "segment"]
    for one, other in itertools.product([*places, *units.values()], segments):
        yield one & other
        yield one - other
    for one, other in itertools.combinations(segments, 2):
        both = one & other
        yield both
        for place in places:
            yield place & both
            yield place - one - other

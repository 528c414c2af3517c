"""Small groups that have a name, and that nothing follows about one of them alone."""

import itertools
from datetime import date

import numpy as np
import pytest

from publish.audit import PRIME, Known, rank_modulo
from publish.named import small_groups

PEOPLE = [{0, 1, 2}, {3, 4}, {5, 6, 7, 8}]  # of the first period's atoms; the second's are the same people
TAGS = [{("cohort", "a"), ("segment", "site: x")}, {("cohort", "a")}, {("cohort", "b"), ("segment", "site: x")}]
FIRST, SECOND, THIRD = date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1)


def told(atoms, periods, tags, units, minimum) -> set[tuple[int, ...]]:
    return {tuple(np.flatnonzero(mask).tolist()) for mask in small_groups(atoms, periods, tags, units, minimum)}


def test_groups_are_units_and_what_tags_share_or_not():
    units = {"team": {3, 4}, "large": set(range(9))}
    assert told(PEOPLE * 2, [FIRST] * 3 + [SECOND] * 3, TAGS * 2, units, 5) == {
        (1, 4),  # the team, and cohort a without site x
        (0, 3),  # site x of cohort a
        (2, 5),  # cohort b, and site x without cohort a
    }


def test_an_atom_that_is_also_of_others_is_not_of_the_group():
    tags = [{("cohort", "a")}, {("cohort", "b")}]
    assert told([{0, 1}, {1, 2, 3}], [FIRST, FIRST], tags, {"team": {0, 1}}, 3) == {(0,)}


def test_of_a_team_in_which_people_come_and_go_every_stretch_counts_in_which_they_were_few():
    atoms, nothing = [{0, 1, 2}, {1, 2, 3}, {2, 3, 4}], [set()] * 3
    units = {"team": {0, 1, 2, 3, 4}}
    assert told(atoms, [FIRST, SECOND, THIRD], nothing, units, 5) == {(0, 1), (1, 2)}
    assert told(atoms, [FIRST, SECOND, THIRD], nothing, units, 6) == {(0, 1, 2)}
    assert told(atoms, [FIRST, SECOND, THIRD], nothing, units, 4) == {(0,), (1,), (2,)}
    assert told(atoms, [FIRST, SECOND, THIRD], nothing, units, 3) == set()


def test_a_team_that_only_three_figures_together_leave_over_is_found():
    """Two months of a cohort, and both months of the cohort without a team of seven: the team's sum follows, though no
    figure is near another one, and whether a row of the form is about the team depends on the order of its columns."""
    sizes = np.array([7, 50, 7, 50])  # team and rest in two months
    people = [np.arange(7), np.arange(7, 57)] * 2
    first, second, window = np.array([1, 1, 0, 0]), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    team = np.array([True, False, True, False])
    known = Known(sizes, 10, people)
    assert known.allows(first) and known.allows(second) and not known.tells_of(team)
    assert not known.allows(window, [team])
    known.add(window)
    assert known.tells_of(team)
    assert not known.tells_of(np.array([True, False, False, False]))  # of one month alone nothing follows


def brute(rows: np.ndarray, inside: np.ndarray) -> bool:
    """By rational rank: whether a combination vanishes outside and not inside."""
    rank = np.linalg.matrix_rank
    return bool(rank(rows) > rank(rows[:, ~inside])) if inside.any() and (~inside).any() else bool(rows.any())


@pytest.mark.parametrize("seed", range(30))
def test_what_follows_about_a_set_alone_is_found_exactly(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-1, 2, size=(rng.integers(1, 6), 7))
    known = Known(rng.integers(1, 9, size=7), 3)
    for row in rows:
        known.add(row)
    for n in range(1, 7):
        for chosen in itertools.combinations(range(7), n):
            inside = np.isin(np.arange(7), chosen)
            assert known.tells_of(inside) == brute(rows.astype(float), inside), chosen


@pytest.mark.parametrize("seed", range(20))
def test_rank_modulo_a_prime(seed):
    rng = np.random.default_rng(seed)
    left, right = rng.integers(-5, 6, size=(6, 3)), rng.integers(-5, 6, size=(3, 8))
    rows = left @ right
    assert rank_modulo(rows % PRIME) == np.linalg.matrix_rank(rows)
    assert rank_modulo(np.zeros((2, 3), np.int64)) == 0

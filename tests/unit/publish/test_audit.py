"""What an attacker can work out: against people's equations solved by brute force."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog
from threadpoolctl import threadpool_info, threadpool_limits

from publish.audit import PRIME, Known, is_dominated, widths, within_range


def rank(rows: list[list[int]]) -> int:
    """Over the rationals, exactly."""
    matrix, found = [[Fraction(x) for x in row] for row in rows], 0
    for column in range(len(matrix[0]) if matrix else 0):
        pivot = next((k for k in range(found, len(matrix)) if matrix[k][column]), None)
        if pivot is None:
            continue
        matrix[found], matrix[pivot] = matrix[pivot], matrix[found]
        for k in range(len(matrix)):
            if k != found and matrix[k][column]:
                factor = matrix[k][column] / matrix[found][column]
                matrix[k] = [x - factor * y for x, y in zip(matrix[k], matrix[found], strict=True)]
        found += 1
    return found


def told_exactly(rows: list[list[int]], sizes: list[int]) -> set[int]:
    """Atoms of one person whose value follows: adding them as a figure adds nothing."""
    unit = np.eye(len(sizes), dtype=int)
    base = rank(rows)
    return {a for a, size in enumerate(sizes) if size == 1 and rank([*rows, unit[a].tolist()]) == base}


@pytest.mark.parametrize("seed", range(40))
def test_a_person_is_isolated_exactly_where_the_equations_give_the_value(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 1, 1, 2, 7], size=12)
    rows = rng.integers(0, 2, size=(rng.integers(3, 12), 12))
    known = Known(sizes, minimum=2)
    for row in rows:
        known.add(row)
    found = {int(atoms[0]) for atoms in known.isolated() if len(atoms) == 1}
    assert found == told_exactly(rows.tolist(), sizes.tolist())


@pytest.mark.parametrize("seed", range(40))
def test_what_is_allowed_never_gives_a_person_away_and_refuses_no_more_than_it_must(seed):
    rng = np.random.default_rng(100 + seed)
    sizes = rng.choice([1, 1, 2, 3, 6], size=14)
    known, shown = Known(sizes, minimum=3), []
    for row in rng.integers(0, 2, size=(14, 14)):
        if known.allows(row):
            shown.append(row.tolist())
        else:
            assert row.any()
    assert shown
    assert not told_exactly(shown, sizes.tolist())
    assert not known.isolated()
    for one, other in itertools.combinations(np.array(shown, dtype=bool), 2):
        assert not 0 < sizes[one ^ other].sum() < 3


def test_the_complement_of_what_is_hidden_is_refused():
    """Total and all departments but one: the last one has four people."""
    sizes = np.array([20, 15, 4])
    known = Known(sizes, minimum=5)
    assert known.allows(np.array([1, 1, 1]))
    assert known.allows(np.array([1, 0, 0]))
    assert not known.allows(np.array([0, 1, 0]))
    assert known.isolated() == []


def test_what_follows_from_what_is_known_is_free():
    known = Known(np.array([20, 15, 3]), minimum=5)
    known.add(np.array([1, 0, 0]))
    known.add(np.array([0, 0, 1]))  # an earlier release that should not have been: it cannot be called back
    assert [atoms.tolist() for atoms in known.isolated()] == [[2]]
    assert known.allows(np.array([1, 0, 1]))
    assert known.allows(np.array([1, 1, 0]))


def test_weights_may_be_fractions_as_remainders():
    """A difference of means is an equation too: with one mean shown it gives the other."""
    known = Known(np.array([20, 3]), minimum=5)
    third, twentieth = pow(3, -1, PRIME), pow(20, -1, PRIME)
    assert known.allows(np.array([twentieth, PRIME - third]))
    assert not known.allows(np.array([1, 0]))


# --- what can be bounded --------------------------------------------------------------------------------------------


def brute_width(rows, totals, sizes, low, high, atom):
    """One person's range by a programme over persons, not atoms."""
    from scipy.optimize import linprog

    person = np.repeat(np.arange(len(sizes)), sizes)
    one = int(np.flatnonzero(person == atom)[0])
    ends = []
    for sign in (1, -1):
        objective = np.zeros(person.size)
        objective[one] = sign
        found = linprog(objective, A_eq=np.array(rows)[:, person], b_eq=totals, bounds=(low, high), method="highs")
        assert found.status == 0
        ends.append(sign * found.fun)
    return ends[1] - ends[0]


@pytest.mark.parametrize("seed", range(25))
def test_widths_are_never_wider_than_a_programme_over_persons_finds(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 1, 2, 4], size=8)
    rows = rng.integers(0, 2, size=(5, 8))
    values = rng.uniform(0, 100, size=8) * sizes
    if seed % 3 == 0:
        values[:3] = 100 * sizes[:3]  # some at the end of the scale
    found = widths(rows, rows @ values, sizes, low=0.0, high=100.0, wanted=30.0)
    for atom in range(8):
        true = brute_width(rows.tolist(), rows @ values, sizes, 0, 100, atom)
        assert found.least[atom] <= true + 1e-5
        if found.least[atom] < 30.0 - 1e-6:  # said to be narrow only where it is
            assert found.least[atom] == pytest.approx(true, abs=1e-5)


def test_widths_are_found_with_one_blas_thread_whatever_the_machine_has(monkeypatch):
    seen = set()

    def programme(*arguments, **settings):
        seen.update(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return linprog(*arguments, **settings)

    monkeypatch.setattr("publish.audit.linprog", programme)
    with threadpool_limits(2, user_api="blas"):
        members, totals = np.array([[1, 1], [1, 0]]), np.array([1500.0, 1200.0])  # at the top: needs the programme
        widths(members, totals, np.array([12, 8]), low=0, high=100, wanted=5)
    assert seen == {1}


def test_unanimous_answers_are_told_by_their_mean():
    found = widths(np.array([[1, 1], [1, 0]]), np.array([1500.0, 1200.0]), np.array([12, 8]), low=0, high=100, wanted=5)
    assert found.least[0] == pytest.approx(0.0, abs=1e-6)  # twelve people, all at the top
    assert found.least[1] > 50


def test_figures_that_contradict_each_other_are_said_to():
    with pytest.raises(ValueError, match="contradict"):
        widths(np.array([[1, 1], [1, 1]]), np.array([10.0, 20.0]), np.array([5, 5]), low=0, high=100, wanted=5)


def test_of_figures_that_contradict_the_range_only_those_are_left_out():
    sizes = np.array([5, 5, 5])
    rows = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1], [0, 0, 1]])
    totals = np.array([400.0, 500.0, 900.0, 4000.0])  # the last is more than five values up to 100 can be
    assert within_range(rows, totals, sizes, low=0, high=100).tolist() == [True, True, True, False]
    totals[3] = 450.0  # in the range, but the three before say 500
    assert within_range(rows, totals, sizes, low=0, high=100).sum() == 3
    totals[3] = 500.0
    assert within_range(rows, totals, sizes, low=0, high=100).all()


@pytest.mark.parametrize("seed", range(25))
def test_figures_of_real_values_all_stand_together_and_can_be_bounded(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 3, 40], size=30)
    rows = rng.integers(0, 2, size=(20, 30)) * rng.choice([1.0, 0.01, -1.0], size=(20, 1))
    totals = rows @ (rng.choice([0, 37.5, 100], size=30) * sizes)
    assert within_range(rows, totals, sizes, low=0.0, high=100.0).all()
    widths(rows, totals, sizes, low=0.0, high=100.0, wanted=5.0)


def test_who_dominates_a_sum_by_hand():
    # The second (300) takes 300 off 1,390 and knows the largest to within the rest, 90: 9 % of 1,000.
    assert is_dominated(np.array([1_000.0, 300.0, 50.0, 40.0]), percent=10)
    assert not is_dominated(np.array([1_000.0, 300.0, 60.0, 40.0]), percent=10)
    assert is_dominated(np.array([-1_000.0, 300.0, 50.0, 40.0]), percent=10)
    assert is_dominated(np.array([5.0, 5.0]), percent=10)
    assert not is_dominated(np.zeros(12), percent=10)

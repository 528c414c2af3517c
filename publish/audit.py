"""Can what was ever shown be combined until it tells of a few people?

The attacker knows who is in every group and keeps every release. To him each figure is one linear equation on people's
values: a mean of known people is their sum, an estimate is a weighted sum. What he can compute exactly is the span of
these equations (auditing: Chin & Özsoyoğlu 1982, IEEE Trans. Software Eng. 8(6)); what he can only bound is a linear
programme over people's possible values (Fischetti & Salazar 2001, Management Science 47(7)).

People whom no figure tells apart are one column, an *atom*: nobody in an atom of two can be told from the other, so the
size of the problem is the number of distinct memberships.

Proven by `Known`: which persons' values follow exactly (a person follows from the equations if and only if one row of
the reduced echelon form is that person alone), and of a set that is named whether anything follows about it alone. Only
checked: all other sets of 2 … K − 1 people, by every row of that form and by the difference of every two figures;
finding all of them is NP-hard.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.optimize import linprog
from threadpoolctl import threadpool_limits

LARGEST_MARGIN = 0.1  # of an atom's room: more of one atom would cost others theirs
ROUNDS = 6  # of programmes that push many atoms at once
MAX_PROGRAMMES = 100  # atoms that get programmes of their own; of the rest the bound stands, which is never too wide
NO_SLACK = 1e-8  # as a share of the figure: below HiGHS's tolerance of 1e-7
PRIME = 2_147_483_647  # 2³¹ − 1: products of two remainders fit into 63 bits, and no denominator of ours divides it


class Known:
    """The span of all figures shown, in reduced row echelon form modulo a prime: exact, without a tolerance.

    `sizes` (A) are the answers in each atom, `people` whose they are (by default each somebody else's): twelve answers
    of one person are about one person. Rows are figures' weights per answer of an atom, as remainders.
    """

    def __init__(self, sizes: np.ndarray, minimum: int, people: list[np.ndarray] | None = None) -> None:
        self.sizes, self.minimum = sizes.astype(np.int64), minimum
        starts = np.cumsum([0, *self.sizes])
        self._people = people or [np.arange(*ends) for ends in itertools.pairwise(starts)]
        everybody = np.concatenate(self._people) if self._people else np.zeros(0, int)
        self._most_often = int(np.bincount(everybody).max(initial=1)) if everybody.size else 1
        self._order = np.argsort(-self.sizes, kind="stable")  # a row that begins late holds small atoms only
        # Lists, so that a further figure copies no others, and rows as they are: never changed where they lie.
        self._rows: list[np.ndarray] = []
        self._pivots: list[int] = []
        self._plain: list[np.ndarray] = []  # the atoms that each figure holds
        self._n_plain: list[int] = []  # and their answers

    def add(self, weights: np.ndarray) -> None:
        """A figure that was shown already, or is: what it tells is known from now on."""
        self._keep(*self._with(weights), weights)

    def allows(self, weights: np.ndarray, never: Iterable[np.ndarray] = ()) -> bool:
        """Add the figure if, together with all that is known, it tells of no fewer than the minimum, and nothing of
        the sets of atoms (A, booleans) that are `never` to be told of by themselves; else leave it."""
        rows, pivots, changed = self._with(weights)
        is_news = pivots is not self._pivots
        if is_news and any(self._is_told(rows, pivots, atoms) for atoms in never):
            return False
        if is_news and any(self._is_of_few(self._order[rows[index] != 0]) for index in changed):
            return False
        if is_news and self._is_near_another(weights):
            return False
        self._keep(rows, pivots, changed, weights)
        return True

    def tells_of(self, atoms: np.ndarray) -> bool:
        """Whether some sum of what is known is about these atoms (A, booleans) and nobody else: exact."""
        return self._is_told(self._rows, self._pivots, atoms)

    def _is_told(self, rows: list[np.ndarray], pivots: list[int], atoms: np.ndarray) -> bool:
        inside = atoms[self._order]
        # In such a sum no row takes part whose pivot is somebody else: nothing could cancel it.
        mine = [row for row, pivot in zip(rows, pivots, strict=True) if inside[pivot]]
        return bool(mine) and rank_modulo(np.array([row[~inside] for row in mine])) < len(mine)

    def isolated(self) -> list[np.ndarray]:
        """Atoms (indices) of each row of the form that is about fewer people than the minimum."""
        held = (self._order[np.flatnonzero(row)] for row in self._rows)
        return [np.sort(atoms) for atoms in held if self._is_of_few(atoms)]

    def _is_of_few(self, atoms: np.ndarray) -> bool:
        """Whether these atoms hold answers of fewer people than the minimum."""
        n_answers = int(self.sizes[atoms].sum())
        if n_answers >= self.minimum * self._most_often:  # however they are spread, they are enough people
            return False
        return np.unique(np.concatenate([self._people[atom] for atom in atoms])).size < self.minimum

    def _keep(self, rows, pivots, _changed, weights) -> None:
        self._rows, self._pivots = rows, pivots
        atoms = np.flatnonzero(weights)
        self._plain.append(atoms)
        self._n_plain.append(int(self.sizes[atoms].sum()))

    def _with(self, weights: np.ndarray):
        """(rows, pivots, which rows changed) after the figure; the same pivots where it follows from what is known."""
        row = weights[self._order] % PRIME
        for index in np.flatnonzero(row[self._pivots]) if self._pivots else ():
            row = _less(row, self._rows[index], int(row[self._pivots[index]]))
        left = np.flatnonzero(row)
        if not left.size:
            return self._rows, self._pivots, ()
        pivot = int(left[0])
        row = row * pow(int(row[pivot]), -1, PRIME) % PRIME
        touched = [index for index, other in enumerate(self._rows) if other[pivot]]
        rows = [*self._rows, row]
        for index in touched:
            rows[index] = _less(rows[index], row, int(rows[index][pivot]))
        return rows, [*self._pivots, pivot], (*touched, len(rows) - 1)

    def _is_near_another(self, weights: np.ndarray) -> bool:
        """Whether it holds the same people as another figure but for a few: the difference is about those."""
        mine = np.where(weights != 0, self.sizes, 0)
        n_mine, few = int(mine.sum()), self.minimum * self._most_often
        for atoms, n_other in zip(self._plain, self._n_plain, strict=True):
            if abs(n_mine - n_other) >= few:
                continue
            n_apart = n_mine + n_other - 2 * int(mine[atoms].sum())
            if 0 < n_apart < few:
                apart = weights != 0
                apart[atoms] = ~apart[atoms]
                if self._is_of_few(np.flatnonzero(apart)):
                    return True
        return False


def _less(row: np.ndarray, other: np.ndarray, times: int) -> np.ndarray:
    """row − times × other modulo PRIME."""
    where = np.flatnonzero(other)
    found = row.copy()
    found[where] = (found[where] - times * other[where]) % PRIME
    return found


def rank_modulo(rows: np.ndarray) -> int:
    """The rank of a matrix of remainders modulo PRIME."""
    left, rank = rows[:, rows.any(axis=0)], 0
    while left.size:
        column = int(np.argmax(left.any(axis=0)))
        first = int(np.argmax(left[:, column] != 0))
        row = left[first] * pow(int(left[first, column]), -1, PRIME) % PRIME
        left = np.delete(left, first, axis=0)
        left = (left - left[:, column, None] * row % PRIME) % PRIME
        left, rank = left[:, left.any(axis=0)], rank + 1
    return rank


@dataclass(frozen=True)
class Widths:
    """How far every person's value is left open: a lower bound per atom, and by what it was found."""

    least: np.ndarray
    n_programmes: int


@threadpool_limits.wrap(limits=1, user_api="blas")
def widths(
    members: np.ndarray, totals: np.ndarray, sizes: np.ndarray, *, low: float, high: float, wanted: float
) -> Widths:
    """For each atom, how far one person's value can vary with all figures as they were shown, at least.

    `members` (F × A) are weights per person of an atom, `totals` (F) the figures, values lie in [low, high]. One linear
    programme finds a point that keeps a margin to both ends wherever it can; from there every direction that changes no
    figure can be walked for a distance that the leverages bound (Cauchy–Schwarz). Only atoms for which that is less
    than `wanted` get programmes of their own. Raises ValueError where the figures contradict each other or the range.
    """
    n_atoms = sizes.size
    room = sizes * float(high - low)
    scaled, right = _in_shares(members, totals, sizes, low, high)
    point = _level(scaled, right)  # often far enough from both ends everywhere, and much cheaper than a programme
    if point is not None:
        least = _room_around(np.minimum(point, 1 - point), scaled, sizes, room, high - low)
        if (least >= wanted).all():
            return Widths(least, 0)
    # Each atom's sum is to keep a margin to both ends, as wide as LARGEST_MARGIN.
    identity = sparse.eye_array(n_atoms)
    found = linprog(
        np.append(np.zeros(n_atoms), -np.ones(n_atoms)),
        A_ub=sparse.vstack([sparse.hstack([-identity, identity]), sparse.hstack([identity, identity])]),
        b_ub=np.append(np.zeros(n_atoms), np.ones(n_atoms)),
        A_eq=sparse.hstack([scaled, sparse.csr_array((len(totals), n_atoms))]),
        b_eq=right,
        bounds=[(0, 1)] * n_atoms + [(0, LARGEST_MARGIN)] * n_atoms,
        method="highs",
    )
    if found.status != 0:
        raise ValueError(f"the figures contradict each other or the range of the values: {found.message}")
    least = _room_around(found.x[n_atoms:], scaled, sizes, room, high - low)
    n_programmes = 1
    # Any two points that satisfy the figures prove that much room: programmes that push many atoms apart at once.
    reach = np.stack([found.x[:n_atoms]] * 2)
    signs = np.random.default_rng(0)
    for _ in range(ROUNDS):
        doubtful = least < wanted
        if not doubtful.any():
            break
        objective = np.where(doubtful, signs.choice([-1.0, 1.0], size=n_atoms), 0.0)
        for direction in (objective, -objective):
            point = _solve(direction, scaled, right)
            reach = np.stack([np.minimum(reach[0], point), np.maximum(reach[1], point)])
            n_programmes += 1
        least = np.maximum(least, np.minimum((reach[1] - reach[0]) * room, high - low))
    for atom in np.flatnonzero(least < wanted)[:MAX_PROGRAMMES]:
        least[atom] = _exactly(scaled, right, int(atom), room[atom], sizes[atom], high - low)
        n_programmes += 2
    return Widths(least, n_programmes)


def _level(scaled: sparse.csr_array, right: np.ndarray) -> np.ndarray | None:
    """A point that satisfies the figures, near to where everybody has the same share; None where they contradict."""
    gram = (scaled @ scaled.T).toarray()
    alike = scaled.sum(axis=1)
    share = float(alike @ right) / max(float(alike @ alike), 1e-300)
    point = np.full(scaled.shape[1], min(max(share, 0.0), 1.0))
    for _ in range(2):  # the second takes off what rounding left
        point = point + scaled.T @ linalg.lstsq(gram, right - scaled @ point, lapack_driver="gelsy")[0]
    return point if np.abs(scaled @ point - right).max(initial=0.0) < NO_SLACK / 10 else None


def _room_around(margin: np.ndarray, scaled, sizes: np.ndarray, room: np.ndarray, span: float) -> np.ndarray:
    """How far one person of each atom can vary, at least: from a point with these margins (shares of the atoms' room),
    in directions that change no figure."""
    free = margin > 1e-9  # the others may be pinned to an end: they stay where they are
    leverage = _leverage(scaled[:, free])
    own, d = 1 - leverage, margin[free]
    step = 1 / np.maximum(np.maximum(own / d, np.sqrt(leverage) * (np.sqrt(leverage) / d).max(initial=0.0)), 1e-300)
    shared = np.where(sizes[free] > 1, d * room[free], 0.0)  # people of one atom can bear their sum between them
    least = np.zeros(sizes.size)
    least[free] = np.minimum(np.maximum(2 * step * own * room[free], shared), span)
    return least


def _leverage(scaled) -> np.ndarray:
    """Of each column: how far its unit vector lies in the span of the rows, by the rows' small Gram matrix."""
    columns = scaled.tocsc()
    length, directions = linalg.eigh((columns @ columns.T).toarray())
    told = length > 1e-10 * max(length.max(initial=0.0), 1e-300)
    found = np.zeros(columns.shape[1])
    for axis in np.flatnonzero(told):
        found += (columns.T @ directions[:, axis]) ** 2 / length[axis]
    return np.clip(found, 0.0, 1.0)


def within_range(members: np.ndarray, totals: np.ndarray, sizes: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """Which figures (F, booleans) can stand together for values in [low, high]: those that need no slack where slack
    is least in all (elastic filtering: Chinneck & Dravnieks 1991, ORSA J. Comput. 3(2)). Arguments as of `widths`."""
    scaled, right = _in_shares(members, totals, sizes, low, high)
    n_figures, n_atoms = scaled.shape
    slack = sparse.eye_array(n_figures)
    found = linprog(
        np.append(np.zeros(n_atoms), np.ones(2 * n_figures)),
        A_eq=sparse.hstack([scaled, slack, -slack]),
        b_eq=right,
        bounds=[(0, 1)] * n_atoms + [(0, None)] * (2 * n_figures),
        method="highs",
    )
    if found.status != 0:
        raise RuntimeError(f"the programme that needs least slack was not solved: {found.message}")
    return found.x[n_atoms:].reshape(2, n_figures).sum(axis=0) < NO_SLACK


def _in_shares(members, totals, sizes, low: float, high: float) -> tuple[sparse.csr_array, np.ndarray]:
    """The figures as equations on the share of its room that each atom's sum takes, each as a share of its largest."""
    room = sizes * float(high - low)
    largest = np.abs(members) @ room
    largest[largest == 0] = 1.0
    return sparse.csr_array(members * room / largest[:, None]), (totals - members @ (sizes * low)) / largest


def _solve(objective: np.ndarray, scaled, right: np.ndarray) -> np.ndarray:
    found = linprog(objective, A_eq=scaled, b_eq=right, bounds=(0, 1), method="highs")
    if found.status != 0:
        raise ValueError(f"the figures contradict each other or the range of the values: {found.message}")
    return found.x


def _exactly(scaled, right: np.ndarray, atom: int, room: float, size: int, span: float) -> float:
    """The width of one person of an atom, by the least and the largest sum that the atom may have."""
    objective = np.zeros(scaled.shape[1])
    objective[atom] = 1.0
    least, most = (_solve(sign * objective, scaled, right)[atom] * room for sign in (1.0, -1.0))
    # One person's value runs from what the others cannot bear of the least sum to what they leave of the largest.
    return min(span, most) - max(0.0, least - (size - 1) * span)


def is_dominated(contributions: np.ndarray, *, percent: float) -> bool:
    """The p % rule (Hundepool et al. 2012, Statistical Disclosure Control, §4.2.2): whether the person with the second
    largest contribution could work out the largest to within p %, taking the own one off the sum.

    `contributions` are people's parts of the sum; of values with both signs their absolute values are taken, as there.
    """
    ordered = np.sort(np.abs(contributions))
    if not ordered.size or ordered[-1] == 0.0:
        return False
    return bool(ordered[:-2].sum() < percent / 100 * ordered[-1])


def nearly_unanimous(total: float, weights: np.ndarray, sizes: np.ndarray, *, low: float, high: float) -> float:
    """How far one person's value is left open by a single figure with positive weights: the mean of twelve people who
    all gave the highest answer tells each of them. Infinite where weights have both signs."""
    if (weights < 0).any():
        return np.inf
    whole = float(weights @ sizes)
    floor, ceiling = low * whole, high * whole
    return float(min(total - floor, ceiling - total) / weights.max(initial=0.0)) if weights.any() else np.inf

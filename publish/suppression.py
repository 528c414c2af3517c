"""Suppression of published tables: which figures may be shown, by what `tables.yml` declares of them.

A block of a table names `figures`, what must be behind each of them (`needs`: a number of people, units or answers),
and `margins`: rows whose sum a reader knows. A row that lacks what it needs is suppressed (primary). So are further
rows (complementary): what is suppressed in a margin must, taken together, have what a single figure needs, or the sum
would give it back by subtraction. Of two groups that differ by 1 … K − 1 people one is suppressed.

The reason in a published row is `few_units` or `protected`: one that distinguished primary from complementary
suppression, or few people from answers that are all alike, would disclose what it protects.

Which further rows: those that hide the fewest people, by an integer programme (Fischetti & Salazar-González 2000,
"Models and algorithms for optimizing cell suppression in tabular data with linear constraints", JASA 95(451); here only
exact sums are guarded, so that the programme needs no bounds on single cells). Solved by HiGHS through scipy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_array

PROTECTED = "protected"
WEIGHT_OF_A_ROW = 1e-3  # of rows with equally many people the fewest are suppressed


@dataclass(frozen=True, kw_only=True)
class Need:
    """A row with less than `minimum` in `column` is suppressed for `reason`; an empty cell sets no condition. With
    `sums`, the suppressed rows of a margin must reach `minimum` together."""

    column: str
    minimum: float
    reason: str
    sums: bool = True


@dataclass(frozen=True, kw_only=True)
class Block:
    """Figures of a table that are shown or suppressed together.

    `margins` are columns. Readers know the sum of the rows with the same value in a margin; a row without a value is in
    no margin. `weight` is the column with the people behind a row. `group` is the column with the name of the row's
    group; `differing` in `suppress` is looked up by it.
    """

    figures: tuple[str, ...]
    needs: tuple[Need, ...]
    weight: str
    margins: tuple[str, ...] = ()
    group: str = ""
    within: tuple[str, ...] = ()  # groups are compared among rows with the same values here
    code: str = "suppressed"  # the column that gets the reason


def suppress(
    table: pl.DataFrame, blocks: Iterable[Block], differing: Mapping[tuple[str, str], int] | None = None, k: int = 0
) -> pl.DataFrame:
    """`table` with suppressed figures empty, and a reason in each block's code column (empty where shown).

    `differing` has, for two groups, the number of people in only one of them. Where it is 1 … `k` − 1, one of the two
    is suppressed.
    """
    for block in blocks:
        reasons = _primary(table, block)
        _complement(table, block, reasons, differing or {}, k)
        is_hidden = pl.Series([reason is not None for reason in reasons], dtype=pl.Boolean)
        table = table.with_columns(
            *(pl.when(~is_hidden).then(pl.col(name)).alias(name) for name in block.figures),
            pl.Series(block.code, reasons, dtype=pl.String),
        )
    return table


def _primary(table: pl.DataFrame, block: Block) -> list[str | None]:
    reasons: list[str | None] = [None] * table.height
    for need in reversed(block.needs):  # the first that is not met is the reason
        for row, value in enumerate(table[need.column]):
            if value is not None and not value >= need.minimum:
                reasons[row] = need.reason
    return reasons


def _complement(
    table: pl.DataFrame,
    block: Block,
    reasons: list[str | None],
    differing: Mapping[tuple[str, str], int],
    k: int,
) -> None:
    """Add the reasons of the rows that are suppressed because of others."""
    margins = [rows for name in block.margins for rows in _parts(table, (name,)) if len(rows) > 1]
    pairs = _close_pairs(table, block, differing, k)
    begin = {row for rows in margins if any(reasons[row] for row in rows) for row in rows}
    involved = _reached(begin | {row for pair in pairs for row in pair}, margins)
    if not involved:
        return
    place = {row: index for index, row in enumerate(involved)}
    rules = [rule for rows in margins if rows[0] in place for rule in _sum_rules(table, block, rows)]
    found = _fewest(
        len(involved),
        weights=np.array([max(table[block.weight][row] or 0, 0) for row in involved], float),
        fixed=np.array([reasons[row] is not None for row in involved]),
        rules=[({place[row]: factor for row, factor in rule.items()}, 0.0) for rule in rules]
        + [({place[one]: 1.0, place[other]: 1.0}, 1.0) for one, other in pairs],
    )
    for row, is_hidden in zip(involved, found, strict=True):
        if is_hidden and reasons[row] is None:
            reasons[row] = PROTECTED


def _reached(begin: set[int], margins: list[list[int]]) -> list[int]:
    """The rows of `begin`, and all that share a margin with one of them, directly or over others."""
    found, waiting = set(begin), list(margins)
    while touched := [rows for rows in waiting if not found.isdisjoint(rows)]:
        found.update(*touched)
        waiting = [rows for rows in waiting if rows not in touched]
    return sorted(found)


def _parts(table: pl.DataFrame, names: tuple[str, ...]) -> list[list[int]]:
    """Rows with the same value in all of these columns; an empty first one stands outside."""
    numbered = table.select(*names).with_row_index(".row").filter(pl.col(names[0]).is_not_null())
    return [part.to_list() for part in numbered.group_by(*names, maintain_order=True).agg(".row")[".row"]]


def _sum_rules(table: pl.DataFrame, block: Block, rows: list[int]) -> Iterable[dict[int, float]]:
    """For each row of a margin: if it is suppressed, all suppressed ones together have what one needs. Where the whole
    margin has less, all of it has to be suppressed."""
    for need in block.needs:
        if not need.sums:
            continue
        sizes = {row: float(table[need.column][row] or 0) for row in rows}
        least = min(need.minimum, sum(sizes.values()))
        for row in rows:
            yield {**sizes, row: sizes[row] - least}


def _close_pairs(
    table: pl.DataFrame, block: Block, differing: Mapping[tuple[str, str], int], k: int
) -> list[tuple[int, int]]:
    if not block.group or not differing:
        return []
    names = table[block.group].to_list()
    parts = _parts(table, block.within) if block.within else [list(range(table.height))]
    return [
        (one, other)
        for rows in parts
        for index, one in enumerate(rows)
        for other in rows[index + 1 :]
        if 0 < differing.get((names[one], names[other]), 0) < k
    ]


def _fewest(
    n: int, *, weights: np.ndarray, fixed: np.ndarray, rules: list[tuple[dict[int, float], float]]
) -> np.ndarray:
    """Which of `n` rows to suppress (shape n): those `fixed`, and the cheapest others that keep every rule
    Σ factor · x ≥ least."""
    matrix = lil_array((len(rules), n))
    for index, (factors, _) in enumerate(rules):
        for place, factor in factors.items():
            matrix[index, place] += factor
    solved = milp(
        weights + WEIGHT_OF_A_ROW,
        constraints=LinearConstraint(matrix.tocsr(), [least - 1e-9 for _, least in rules], np.inf),
        bounds=Bounds(fixed.astype(float), 1.0),
        integrality=np.ones(n),
    )
    if not solved.success:  # all of them is always a solution
        raise RuntimeError(f"no way to suppress was found: {solved.message}")
    return solved.x > 0.5

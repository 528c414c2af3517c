"""Items of a survey beside the metrics that are made of them.

A score is the mean of a person's items, so items of a group tell its score too. Of the very people that the release
counts in the metric they tell nothing of a few: who left an item out counts with the mean of the own other answers, as
in the score, so that all items of a scale are of the same people, and any sum that is not the score's has in it
everybody who answered all of them. Of a few people more or fewer they would tell what those few said. So items of a
wave, scale and arm are shown if they are of those people, and if the audit lets pass what they tell together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import polars as pl

from publish.disclosure import ALL, ITEM_COUNTS, ITEM_FIGURES, Guarded
from publish.figures import Counts, Equation, Figure, Weights

GROUP = ("launched_date", "scale", "arm")
COLUMN = {"score": "mean_score", "favourable": "favourable_share"}  # measures that are the mean of a person's items
PERIOD = {"month": "1mo", "quarter": "1q"}
DEAREST = 5  # items are the first to go
EQUAL = 1e-9  # of sums of the same answers in another order


def figures_of_items(
    items: pl.DataFrame, outcomes: pl.DataFrame, of: Callable[[str, str], Counts]
) -> tuple[list[Figure], set[tuple]]:
    """What the items of each wave, scale and arm (rows of `cmp_items`) tell together, as figures with the key (wave,
    scale, arm, measure); and the groups that are not of those whom the release counts. `of` as in `figures_of_means`.
    """
    found: list[Figure] = []
    apart: set[tuple] = set()
    metrics = outcomes.filter(pl.col("scale").is_not_null())
    for group, rows in items.group_by(GROUP, maintain_order=True):
        launched, scale, arm = group
        waves = items.filter(pl.col("scale") == scale)["launched_date"].unique()
        for metric in metrics.filter(pl.col("scale") == scale).iter_rows(named=True):
            every = PERIOD[metric["period"]]
            period = pl.Series([launched]).dt.truncate(every)[0]
            counts = of(metric["metric"], ALL)
            cells = [(cohort, period) for cohort, its in counts.arms.items() if its == arm]
            weights = counts.mean(cells)
            # Of several waves in one period the metric has one value, and no wave by itself is of all its people.
            is_alone = (waves.dt.truncate(every) == period).sum() == 1
            if not is_alone or not _is_as_counted(rows, counts, weights, COLUMN.get(metric["measure"])):
                apart.add(group)
            elif metric["measure"] in COLUMN:
                equation = Equation(metric["metric"], ALL, weights, counts.value(weights))
                key = (*group, metric["measure"])
                rank = (DEAREST, -counts.n_people(weights), tuple(map(str, key)))
                found.append(Figure("pub_items", key, (equation,), rank))
    return found, apart


def _is_as_counted(rows: pl.DataFrame, counts: Counts, weights: Weights, column: str | None) -> bool:
    """Whether the items are of as many people as the metric counts, and give its mean."""
    if set(rows["n_respondents"]) != {counts.n_people(weights)}:
        return False
    return column is None or math.isclose(rows[column].mean(), counts.value(weights), rel_tol=EQUAL, abs_tol=EQUAL)


def without_refused(
    items: Guarded, apart: set[tuple], refused: set[tuple], last: pl.DataFrame | None, minimum: int
) -> Guarded:
    """`pub_items` without the numbers of groups that are `apart`, without the columns of figures that were `refused`,
    and without rows that differ from the `last` ones by too few people who answered every item."""
    table = items.table.with_row_index("_row")
    hidden = {name: set() for name in (*ITEM_COUNTS, *ITEM_FIGURES)}
    for row in table.iter_rows(named=True):
        group = tuple(row[name] for name in GROUP)
        for name in hidden if group in apart else _columns(refused, group):
            hidden[name].add(row["_row"])
    for row in _told_of_few_more(table, last, minimum):
        for rows in hidden.values():
            rows.add(row)
    kept = table.with_columns(
        pl.when(~pl.col("_row").is_in(list(rows))).then(pl.col(name)).alias(name) for name, rows in hidden.items()
    )
    n_hidden = len(set().union(*hidden.values()))
    return Guarded(kept.drop("_row"), items.n_hidden + n_hidden)


def _columns(refused: set[tuple], group: tuple) -> Iterator[str]:
    return (column for measure, column in COLUMN.items() if (*group, measure) in refused)


def _told_of_few_more(table: pl.DataFrame, last: pl.DataFrame | None, minimum: int) -> list[int]:
    if last is None or "n_complete" not in last.columns:  # no release before, or one of another version
        return []
    keys = [*GROUP, "item"]
    both = table.join(last.select(*keys, "n_complete", "n_respondents"), on=keys, suffix="_last")
    few = (pl.col("n_complete") - pl.col("n_complete_last")).abs() < minimum
    return both.filter(few & (pl.col("n_respondents") != pl.col("n_respondents_last")))["_row"].to_list()

"""Items beside the score that they make: of the same people, or not at all."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from publish import figures
from publish.disclosure import ITEM_COUNTS, ITEM_FIGURES, Guarded
from publish.items import figures_of_items, without_refused

LAUNCHED, QUARTER = date(2026, 2, 10), date(2026, 1, 1)
GROUP = (LAUNCHED, "s", "pilot")
OUTCOMES = pl.DataFrame(
    [("m", "s", "score", "quarter"), ("f", "s", "favourable", "quarter"), ("other", None, "goals_met", "month")],
    schema=["metric", "scale", "measure", "period"],
    orient="row",
)


def rows(means=(60.0, 70.0), shares=(0.4, 0.6), n=30, complete=28, launched=LAUNCHED) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"launched_date": launched, "scale": "s", "item": f"s_{k}", "arm": "pilot", "n_respondents": n,
             "n_complete": complete, "n_answered": n, "no_answer_share": 0.0, "mean_score": mean,
             "favourable_share": share}
            for k, (mean, share) in enumerate(zip(means, shares, strict=True))
        ]
    )  # fmt: skip


def counted(metric: str, _segment: str, n: int = 20) -> figures.Counts:
    """Two cohorts of the pilot of 20 and 10 people; a mean of 65 and half of them favourable."""
    value = {"m": 65.0, "f": 0.5}[metric]
    sizes = {("a", QUARTER): n, ("b", QUARTER): 10, ("control", QUARTER): 50}
    return figures.Counts(
        n=sizes,
        total={cell: size * value for cell, size in sizes.items()},
        arms={"a": "pilot", "b": "pilot", "control": "control"},
        people={"a": 20, "b": 10, "control": 50},
        starts={"a": QUARTER, "b": QUARTER, "control": None},
    )


def test_items_of_the_people_counted_are_what_they_tell_of_the_metric():
    found, apart = figures_of_items(rows(), OUTCOMES, counted)
    assert apart == set()
    assert [(f.key, f.equations[0].metric, f.equations[0].total) for f in found] == [
        ((*GROUP, "score"), "m", pytest.approx(65.0)),
        ((*GROUP, "favourable"), "f", pytest.approx(0.5)),
    ]
    assert set(found[0].equations[0].weights) == {("a", QUARTER), ("b", QUARTER)}


@pytest.mark.parametrize(
    ("given", "of"),
    [
        (rows(n=31), []),  # a late answer that the release does not count yet
        (rows(means=(60.0, 70.1)), ["favourable"]),  # a corrected one
        (rows(shares=(0.4, 0.5)), ["score"]),
        (pl.concat([rows(), rows(launched=date(2026, 3, 10))]), []),  # two waves make one value of the metric
    ],
)
def test_items_of_others_are_apart(given, of):
    found, apart = figures_of_items(given, OUTCOMES, counted)
    assert GROUP in apart
    assert [figure.key for figure in found] == [(*GROUP, measure) for measure in of]


def test_a_scale_that_no_metric_asks_for_is_beside_nothing():
    assert figures_of_items(rows(), OUTCOMES.filter(pl.col("metric") == "other"), counted) == ([], set())


def shown(items: pl.DataFrame, *, apart=(), refused=(), last=None) -> dict[str, int]:
    found = without_refused(Guarded(items, 0), set(apart), set(refused), last, 10).table
    return {name: found[name].is_not_null().sum() for name in (*ITEM_COUNTS, *ITEM_FIGURES)}


def test_what_is_refused_is_hidden_and_nothing_else():
    whole = dict.fromkeys((*ITEM_COUNTS, *ITEM_FIGURES), 2)
    assert shown(rows()) == whole
    assert shown(rows(), apart=[GROUP]) == dict.fromkeys(whole, 0)
    assert shown(rows(), apart=[(LAUNCHED, "s", "control")]) == whole
    assert shown(rows(), refused=[(*GROUP, "score")]) == whole | {"mean_score": 0}
    assert shown(rows(), refused=[(*GROUP, "favourable")]) == whole | {"favourable_share": 0}


def test_ten_more_people_of_whom_nine_answered_everything_are_too_few():
    later = rows(n=42, complete=37)
    assert shown(later, last=rows()) == dict.fromkeys((*ITEM_COUNTS, *ITEM_FIGURES), 0)
    assert shown(rows(n=42, complete=38), last=rows())["mean_score"] == 2
    assert shown(rows(), last=rows())["mean_score"] == 2
    assert shown(later, last=rows().drop("n_complete"))["mean_score"] == 2  # of a version that did not tell it


def n_told_of_few(as_in_the_score: bool, seed: int) -> int:
    """How many independent sums of single answers follow that are about nine people, four of whom left an item out:
    from the means of a score by cohort and of its items by arm, as equations on every answer of every person."""
    rng = np.random.default_rng(seed)
    n, k = 40, 3
    cohort = np.arange(n) % 2
    answered = np.ones((n, k), bool)
    nine = rng.choice(n, size=9, replace=False)
    for person in nine[:4]:
        answered[person, rng.integers(k)] = False
    score = answered / answered.sum(axis=1, keepdims=True)
    told = [(score * (cohort == c)[:, None]).ravel() for c in range(2)]
    for j in range(k):
        item = np.zeros((n, k))
        item[:, j] = answered[:, j]
        if as_in_the_score:
            item[~answered[:, j]] = score[~answered[:, j]]
        told.append(item.ravel())
    of_others = np.repeat(~np.isin(np.arange(n), nine), k)
    rank = np.linalg.matrix_rank
    return int(rank(np.array(told)) - rank(np.array(told)[:, of_others]))


@pytest.mark.parametrize("seed", range(20))
def test_of_few_nothing_follows_and_would_if_items_were_of_those_who_answered_them(seed):
    assert n_told_of_few(True, seed) == 0
    assert n_told_of_few(False, seed) > 0

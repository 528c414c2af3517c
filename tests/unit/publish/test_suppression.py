"""Suppression: what lacks people is not shown, what would give it back by subtraction neither, and nothing more."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from publish.suppression import Block, Need, suppress

K = 10
PEOPLE = Need(column="n", minimum=K, reason="protected")


def shown(sizes: list[int], margins: list[str | None], **settings) -> list[bool]:
    table = pl.DataFrame({"n": sizes, "margin": margins, "figure": [1.0] * len(sizes)})
    block = Block(figures=("figure",), needs=(PEOPLE,), weight="n", margins=("margin",), **settings)
    found = suppress(table, [block])
    assert (found["figure"].is_null() == found["suppressed"].is_not_null()).all()
    return found["figure"].is_not_null().to_list()


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([10, 10], [True, True]),
        ([9, 40], [False, False]),  # a lone suppressed row takes another with it
        ([9, 12, 40], [False, False, True]),  # the one that hides the fewest people
        ([6, 4, 40], [False, False, True]),  # together they are enough
        ([5, 4, 40, 50], [False, False, False, True]),  # together they are not
        ([0, 40, 50], [False, False, True]),  # nobody is few as well
        ([3, 4], [False, False]),  # the whole has too few
    ],
)
def test_what_is_suppressed_in_a_margin_by_hand(sizes, expected):
    assert shown(sizes, ["m"] * len(sizes)) == expected


def test_rows_outside_of_a_margin_and_in_others_stay():
    assert shown([9, 40, 40, 40], ["a", "a", "b", None]) == [False, False, True, True]


def test_a_row_in_two_margins_is_the_cheaper_way():
    table = pl.DataFrame(
        {"n": [5, 30, 20, 25], "across": ["a", "a", "b", "b"], "down": ["x", "y", "x", "y"], "figure": [1.0] * 4}
    )
    block = Block(figures=("figure",), needs=(PEOPLE,), weight="n", margins=("across", "down"))
    # 5 and 30 in a row, 5 and 20 in a column; then 30 and 25, 20 and 25 hold by themselves.
    assert suppress(table, [block])["figure"].is_not_null().to_list() == [False, False, False, True]


def test_of_two_groups_that_differ_by_a_few_people_the_smaller_is_suppressed():
    table = pl.DataFrame({"n": [100, 96, 60], "name": ["all", "site: north", "site: south"], "figure": [1.0] * 3})
    block = Block(figures=("figure",), needs=(PEOPLE,), weight="n", group="name")
    found = suppress(table, [block], {("all", "site: north"): 4, ("all", "site: south"): 40}, K)
    assert found["figure"].is_not_null().to_list() == [True, False, True]
    assert suppress(table, [block], {("all", "site: north"): 10}, K)["figure"].null_count() == 0
    assert suppress(table, [block], {("all", "site: north"): 0}, K)["figure"].null_count() == 0


def test_groups_are_compared_within_what_they_are_groups_of():
    table = pl.DataFrame({"n": [100, 96], "name": ["all", "part"], "metric": ["a", "b"], "figure": [1.0] * 2})
    block = Block(figures=("figure",), needs=(PEOPLE,), weight="n", group="name", within=("metric",))
    assert suppress(table, [block], {("all", "part"): 4}, K)["figure"].null_count() == 0


def test_an_empty_need_asks_for_nothing_and_a_number_that_is_none_is_too_few():
    table = pl.DataFrame({"n": [None, float("nan"), 10.0], "figure": [1.0] * 3})
    block = Block(figures=("figure",), needs=(PEOPLE,), weight="n")
    assert suppress(table, [block])["figure"].is_not_null().to_list() == [True, False, True]


def test_the_reason_does_not_tell_primary_from_complementary():
    table = pl.DataFrame({"n": [9, 40], "margin": ["m", "m"], "figure": [1.0, 2.0]})
    block = Block(figures=("figure",), needs=(PEOPLE,), weight="n", margins=("margin",))
    assert suppress(table, [block])["suppressed"].to_list() == ["protected", "protected"]


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1), st.integers(0, 2)), min_size=2, max_size=7))
@example([(9, 0, 0), (30, 0, 1), (30, 1, 0), (3, 1, 1)])
def test_no_sum_of_suppressed_rows_is_of_few_people_and_none_is_suppressed_in_vain(rows):
    sizes = np.array([n for n, _, _ in rows])
    margins = [
        np.array([key == value for key in column])
        for column in ([f"a{a}" for _, a, _ in rows], [f"b{b}" for _, _, b in rows])
        for value in sorted(set(column))
    ]
    table = pl.DataFrame(
        {
            "n": sizes,
            "a": [f"a{a}" for _, a, _ in rows],
            "b": [f"b{b}" for _, _, b in rows],
            "figure": [1.0] * len(rows),
        }
    )
    block = Block(figures=("figure",), needs=(PEOPLE,), weight="n", margins=("a", "b"))
    hidden = suppress(table, [block])["figure"].is_null().to_numpy()

    def is_safe(chosen: np.ndarray) -> bool:
        return all(
            sizes[chosen & margin].sum() >= min(K, sizes[margin].sum())
            for margin in margins
            if margin.sum() > 1 and (chosen & margin).any()
        )

    few = sizes < K
    assert (hidden >= few).all()
    assert is_safe(hidden)
    ways = (np.array(way) for way in itertools.product([False, True], repeat=len(rows)))
    fewest = min(sizes[way].sum() for way in ways if (way >= few).all() and is_safe(way))
    assert sizes[hidden].sum() == fewest

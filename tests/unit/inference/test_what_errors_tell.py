"""The measure of benchmarks/errors.py: what an attacker is left with, on problems that can be solved by hand."""

import numpy as np
import pytest

from benchmarks.errors import left_open

EXACTLY = 1e-8


def test_nothing_told_leaves_the_prior():
    assert left_open(np.zeros((1, 3))) == pytest.approx([1, 1, 1])


def test_a_total_takes_one_direction_of_four():
    # Four teams alike, their mean told: each keeps 1 - 1/4 of its variance.
    assert left_open(np.full((1, 4), 0.25) / EXACTLY) == pytest.approx([np.sqrt(3 / 4)] * 4)


def test_a_teams_own_mean_is_found_and_what_it_leaves_of_the_total():
    told = np.array([[1, 1, 0], [1, 0, 0]]) / EXACTLY
    assert left_open(told) == pytest.approx([0, 0, 1], abs=1e-7)


def test_digits_that_are_not_told_leave_something_open():
    # A mean told to within one prior deviation: half of the variance is left.
    assert left_open(np.array([[1.0, 0.0]])) == pytest.approx([np.sqrt(1 / 2), 1])


def test_as_many_numbers_as_teams_leave_nothing():
    draw = np.random.default_rng(5).normal(size=(6, 6))
    assert left_open(draw / EXACTLY).max() < 1e-6
    assert left_open(draw[:5] / EXACTLY).max() > 0.1  # one number fewer

"""The measure of benchmarks/errors.py: what an attacker is left with, on problems that can be solved by hand."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from benchmarks.errors import left_open, prior_of

EXACTLY = 1e-8


def test_nothing_told_leaves_the_prior():
    assert left_open(np.zeros((1, 3)), np.eye(3)) == pytest.approx([1, 1, 1])


def test_a_total_takes_one_direction_of_four():
    # Four teams alike, their mean told: each keeps 1 - 1/4 of its variance.
    assert left_open(np.full((1, 4), 0.25) / EXACTLY, np.eye(4)) == pytest.approx([np.sqrt(3 / 4)] * 4)


def test_a_teams_own_mean_is_found_and_what_it_leaves_of_the_total():
    told = np.array([[1, 1, 0], [1, 0, 0]]) / EXACTLY
    assert left_open(told, np.eye(3)) == pytest.approx([0, 0, 1], abs=1e-7)


def test_digits_that_are_not_told_leave_something_open():
    # A mean told to within one prior deviation: half of the variance is left.
    assert left_open(np.array([[1.0, 0.0]]), np.eye(2)) == pytest.approx([np.sqrt(1 / 2), 1])


def test_as_many_numbers_as_teams_leave_nothing():
    draw = np.random.default_rng(5).normal(size=(6, 6))
    assert left_open(draw / EXACTLY, np.eye(6)).max() < 1e-6
    assert left_open(draw[:5] / EXACTLY, np.eye(6)).max() > 0.1  # one number fewer


def test_what_is_told_of_two_together_is_known_of_them_together_only():
    told = np.array([[1.0, 1.0]]) / EXACTLY
    assert left_open(told, np.array([[1.0, 1.0], [1.0, -1.0]])) == pytest.approx([0, np.sqrt(2)], abs=1e-7)


def test_parts_of_a_team_share_what_the_team_has():
    day = date(2026, 1, 1)
    rows = pl.DataFrame({"unit_id": ["a", "a", "b"], "period_start": [day] * 3, "segment": ["long", "short", "long"]})
    prior = prior_of(SimpleNamespace(rows=rows, n=np.array([1.0, 4.0, 4.0]), between=9.0, within=16.0))
    assert prior @ prior.T == pytest.approx(np.array([[25, 9, 0], [9, 13, 0], [0, 0, 13]]))
    whole = prior_of(SimpleNamespace(rows=rows[1:], n=np.array([4.0, 4.0]), between=9.0, within=16.0))
    assert whole == pytest.approx(np.diag(np.sqrt([13, 13])))

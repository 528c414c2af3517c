"""An attacker who keeps two releases of a small organisation works out nothing, and without suppression a lot."""

import numpy as np
import pytest

from benchmarks import attack
from benchmarks.attack_series import series
from tests.models import without_dbt

pytestmark = pytest.mark.slow


def test_nothing_is_worked_out_from_two_releases():
    with without_dbt():
        releases = list(series(300, 3, 2))
    assert len(releases) == 2
    ours, control = attack.attack(releases)
    assert sum(ours.values()) == 0, ours
    assert control["means"] > 0 and control["causes"] > 0 and control["readiness"] > 0
    assert np.mean([attack.share_shown(seen.tables) for seen in releases]) > 0.6


def groups_of(*names: str) -> list[frozenset]:
    return [frozenset(name) for name in names]


def test_the_difference_of_two_groups_is_found_and_what_leaves_ten_open_is_not():
    many = "abcdefghijklmnopqrstuvwxyz"
    assert list(attack._small_groups(groups_of(many, many[:20]))) == ["the sum of 6 people's answers"]
    assert list(attack._small_groups(groups_of(many, many[:13]))) == []
    # No two of three differ by few, and all together do: (all − first ten) − the thirteen after.
    assert list(attack._small_groups(groups_of(many, many[:10], many[10:23]))) == ["the sum of 3 people's answers"]


def test_a_count_that_only_one_number_fits_is_found():
    found = list(attack._few("x", {"a": [12], "b": [0, 1, 2, 3], "c": [0]}, 15))
    assert found == ["x: a 12 of 15", "x: b 3 of 15", "x: c 0 of 15"]
    assert list(attack._few("x", {"a": [12], "b": list(range(29)), "c": list(range(29))}, 28)) == []

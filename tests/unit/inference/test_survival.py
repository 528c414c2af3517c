"""Survival from counts against published studies, and leaving by cause by hand."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from inference import life_tables

STUDIES = yaml.safe_load((Path(__file__).parents[2] / "references" / "survival.yml").read_text())


def counts(name: str, group: str, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """At risk and events in each unit of time from 1 to the horizon."""
    found = STUDIES[name]["groups"][group]
    at_risk, events, left = np.zeros(horizon), np.zeros(horizon), found["n"]
    for time in range(1, horizon + 1):
        at_risk[time - 1] = left
        event, censored = found["left"].get(time, (0, 0))
        events[time - 1] = event
        left -= event + censored
    return at_risk, events


@pytest.mark.parametrize("name", STUDIES)
def test_log_rank_equals_the_published_one(name):
    last = max(time for group in STUDIES[name]["groups"].values() for time in group["left"])
    tables = [counts(name, group, last) for group in STUDIES[name]["groups"]]
    found = life_tables.log_rank(*(np.array(part) for part in zip(*tables, strict=True)), np.array([True, False]))
    assert found.chi_squared == pytest.approx(STUDIES[name]["expected"]["log_rank"], rel=1e-7)


@pytest.mark.parametrize(("name", "group"), [("lung", "1"), ("lung", "2"), ("rossi", "1")])
def test_restricted_means_equal_the_published_ones(name, group):
    expected = STUDIES[name]["expected"]["restricted_means"]
    value = life_tables.restricted_mean(*counts(name, group, expected["horizon"]))
    published, _its_error = expected[group]  # of independent people; our errors are those of units
    assert value == pytest.approx(published, abs=5e-6)  # five digits are given


@pytest.mark.parametrize("group", ["1", "2"])
def test_medians_equal_the_published_ones(group):
    curve = life_tables.survival_curve(*counts("lung", group, 1_022))
    assert int(np.argmax(curve <= 0.5)) + 1 == STUDIES["lung"]["expected"]["medians"][group]


def test_share_retained_equals_the_published_one():
    tables = [counts("rossi", group, 52) for group in ("0", "1")]
    curve = life_tables.survival_curve(*(sum(part) for part in zip(*tables, strict=True)))
    assert curve[-1] == pytest.approx(STUDIES["rossi"]["expected"]["retained_at_52"], abs=5e-8)


def by_cause(seed: int) -> life_tables.LifeTable:
    rng = np.random.default_rng(seed)
    chosen, other = rng.integers(0, 2, size=(2, 10, 4)).astype(float)
    events = chosen + other
    entered = rng.integers(12, 20, size=(10, 1))
    at_risk = entered - np.hstack([np.zeros((10, 1)), np.cumsum(events, axis=1)[:, :3]])
    pilot = np.arange(10) < 5
    return life_tables.LifeTable(at_risk, events, pilot, ~pilot, {"voluntary": chosen, "involuntary": other})


def test_causes_and_those_who_stay_make_a_whole():
    table = by_cause(1)
    parts = [table.left_for(cause, table.pilot)[0] for cause in table.causes]
    assert sum(parts) + table.survival(table.pilot)[0] == pytest.approx(1.0, abs=1e-12)


def test_cumulative_incidence_by_hand():
    # 10 at risk: 1 leaves by choice, 1 otherwise; of 8, 2 by choice: 1/10 + 8/10 · 2/8 = 0.3
    found = life_tables.cumulative_incidence(np.array([10.0, 8.0]), np.array([2.0, 2.0]), np.array([1.0, 2.0]))
    assert found == pytest.approx(0.3)


def test_months_stayed_by_hand():
    # S(0) = 1, S(1) = 0.8, S(2) = 0.6; three months: 1 + 0.8 + 0.6
    assert life_tables.restricted_mean(np.array([10.0, 8.0, 6.0]), np.array([2.0, 2.0, 1.0])) == pytest.approx(2.4)


@pytest.mark.parametrize("statistic", ["months_stayed", "voluntary"])
def test_leave_one_out_values_equal_counting_without_the_unit(statistic):
    table = by_cause(2)

    def of(made, member):
        return made.months_stayed(member) if statistic == "months_stayed" else made.left_for(statistic, member)

    fast = table.difference(of)[1]
    for unit in range(10):
        keep = np.arange(10) != unit
        causes = {cause: part[keep] for cause, part in table.causes.items()}
        rest = life_tables.LifeTable(
            table.at_risk[keep], table.events[keep], table.pilot[keep], table.control[keep], causes
        )
        assert fast[unit] == pytest.approx(rest.difference(of)[0], abs=1e-12)


def test_log_rank_without_each_unit_is_log_rank_of_the_rest():
    table = by_cause(3)
    whole = life_tables.log_rank(table.at_risk, table.events, table.pilot)
    for unit in range(10):
        keep = np.arange(10) != unit
        rest = life_tables.log_rank(table.at_risk[keep], table.events[keep], table.pilot[keep])
        assert whole.without[unit] == pytest.approx(rest.difference, abs=1e-12)

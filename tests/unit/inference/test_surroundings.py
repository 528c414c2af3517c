"""What is around the units: leakage to control units near by, and departments that move together."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from inference import aggregations, att
from inference.estimates import Asked, Cells, estimate_study
from inference.panel import Panel
from inference.surroundings import surroundings_diagnostics
from inference.unit_panels import Indexed, Setting
from tests.unit.inference.test_beside import ENGAGEMENT, QUARTERS, organisation

UNITS = [f"t{index:02}" for index in range(40)]
NEAR = [0.8 if index // 2 % 2 else 0.1 for index in range(40)]  # by departments of two


def around(*, shared: float = 0.0, leak: float = 0.0, near=None, departments: int = 8, **asked) -> dict[str, dict]:
    """Diagnostics by name, of 20 coached units and 20 that never are: `leak` is added to control units near by since
    kick-off, `shared` is the spread of what departments of five share in each quarter."""
    cells, rng = organisation(3, units=40), np.random.default_rng(4)
    shocks = rng.normal(0, shared, (departments, 4))
    department = dict(zip(UNITS, np.arange(40) // (40 // departments), strict=True))
    is_near = dict(zip(UNITS, np.array(NEAR) > 0.5, strict=True))

    def moved(row: dict) -> float:
        quarter = QUARTERS.index(row["period_start"])
        leaks = row["arm"] == "control" and is_near[row["unit_id"]] and quarter >= 2
        return row["n_observed"] * (shocks[department[row["unit_id"]], quarter] + leak * leaks)

    rows = cells.means.to_dicts()
    means = cells.means.with_columns(value_sum=pl.col("value_sum") + pl.Series([moved(row) for row in rows]))
    surroundings = pl.DataFrame(
        {
            "unit_id": UNITS,
            "department": [f"d{department[unit]}" for unit in UNITS],
            "share_coached_around": NEAR if near is None else near,
        },
        schema_overrides={"share_coached_around": pl.Float64},
    )
    made = estimate_study(
        Asked(questions=[ENGAGEMENT], **asked), Cells(means=means, life=cells.life, surroundings=surroundings)
    )
    return {row["diagnostic"]: row for row in made.diagnostics.to_dicts()}


def test_an_effect_that_leaks_to_units_near_by_is_seen_and_none_where_nothing_leaks():
    quiet, leaking = (around(leak=leak, departments=20)["spillover"] for leak in (0.0, 15.0))
    assert quiet["p_value"] > 0.05 and "no difference" in quiet["says"]
    assert leaking["p_value"] < 0.001 and leaking["ci_low"] < 15 < leaking["ci_high"]
    assert "moved apart" in leaking["says"]


@pytest.mark.parametrize(
    ("near", "because"),
    [
        ([0.5] * 40, "as many coached people"),
        ([0.5] * 20 + [None] * 20, "of no control unit"),
        ([0.5] * 34 + [0.0] * 6, "too few to compare"),
    ],
)
def test_where_control_units_do_not_differ_in_it_nothing_can_be_seen(near, because):
    assert because in around(near=near, departments=20)["spillover"]["reason"]


def test_departments_that_move_together_are_seen_and_independent_units_are_not():
    quiet, shared = around()["error_by_department"], around(shared=8.0)["error_by_department"]
    assert quiet["p_value"] > 0.05 and quiet["value"] < 1.3
    assert shared["p_value"] < 0.01 and shared["value"] > 1.5 and "assignment.unit: department" in shared["says"]


def standing(names: list[str], department: np.ndarray, coached_around: list[float]) -> Setting:
    return Setting(
        design="volunteered",
        unit="team",
        alpha=0.05,
        department=dict(zip(names, map(str, department), strict=True)),
        coached_around=dict(zip(names, coached_around, strict=True)),
    )


def test_what_moves_a_department_is_no_leak():
    """Departments of five share shocks, and nothing leaks: of forty studies few find something."""
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, department = np.full((80, 4), 10.0), np.arange(80) // 5
        level = rng.normal(0, 1, (16, 4))[department] + rng.normal(0, 1, (80, 4))
        panel = Panel(n, n * level, np.where(np.arange(80) < 30, 3, 0), np.full(80, 10.0))
        names = [f"u{unit}" for unit in range(80)]
        setting = standing(names, department, [float(place % 2) for place in department])
        indexed = Indexed(panel, {}, names, None, {}, n, n)
        simple = aggregations.simple(att.group_time_effects(panel))
        [spillover, _] = surroundings_diagnostics(indexed, simple, setting)
        found.append(spillover.p_value < 0.05)
    assert np.mean(found) <= 0.15


def test_two_departments_among_many_have_few_degrees_of_freedom():
    cohort = np.where(np.arange(60) < 12, 3, 0)
    department = np.where(np.arange(60) < 12, np.arange(60) // 6, np.arange(60) // 4)
    rng = np.random.default_rng(1)
    n = np.full((60, 4), 10.0)
    panel = Panel(n, n * rng.normal(size=(60, 4)), cohort, np.full(60, 10.0))
    names = [f"u{unit}" for unit in range(60)]
    setting = standing(names, department, [0.5] * 60)
    simple = aggregations.simple(att.group_time_effects(panel))
    [_, found] = surroundings_diagnostics(Indexed(panel, {}, names, None, {}, n, n), simple, setting)
    assert found.reason is not None or found.df < 8


def test_few_departments_say_nothing_and_where_they_were_assigned_it_is_not_asked():
    assert "too few to see" in around(departments=2)["error_by_department"]["reason"]
    assert "error_by_department" not in around(unit="department")
    assert "spillover" in around(unit="department")


def test_without_surroundings_nothing_is_said():
    names = estimate_study(Asked(questions=[ENGAGEMENT]), organisation()).diagnostics["diagnostic"].to_list()
    assert not {"spillover", "error_by_department"} & set(names)


def test_a_secondary_outcome_is_not_asked():
    cells = organisation()
    surroundings = pl.DataFrame({"unit_id": UNITS[:30], "department": ["d"] * 30, "share_coached_around": NEAR[:30]})
    asked = Asked(questions=[replace(ENGAGEMENT, role="secondary")])
    made = estimate_study(asked, replace(cells, surroundings=surroundings))
    assert "spillover" not in made.diagnostics["diagnostic"].to_list()

"""Are variants alike? Their control is shared, and cancels out of their difference."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from inference.dose_diagnostics import variant_diagnostics
from inference.unit_panels import Panels, Setting

UNITS = 9


PERIODS = ("2025-10-01", "2026-01-01", "2026-04-01", "2026-07-01")


def unit_rows(variant: str, name: str, values: np.ndarray, *, begins: int | None) -> list[dict]:
    """One unit of ten people: its mean in each period, and the period in which it begins (None: control)."""
    arm = "control" if begins is None else "pilot"
    return [
        {
            "metric": "m",
            "segment": f"variant: {variant}",
            "unit_id": name,
            "cohort": arm if begins is None else f"wave {begins}",
            "arm": arm,
            "kickoff_date": None,
            "period_start": PERIODS[place],
            "cohort_period_start": None if begins is None else PERIODS[begins],
            "cut_period_start": None,
            "n_people": 10,
            "n_eligible": 10,
            "n_observed": 10,
            "value_sum": 10.0 * value,
            "centred_sum_of_squares": 10.0,
        }
        for place, value in enumerate(values)
    ]


def frame(rows: list[dict]) -> pl.DataFrame:
    days = ("period_start", "cohort_period_start", "cut_period_start", "kickoff_date")
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col(name).cast(pl.String).str.to_date("%Y-%m-%d", strict=False) for name in days
    )


def cells(changes: dict[str, np.ndarray]) -> pl.DataFrame:
    """Two periods; `changes` has those of each variant's units, and of the control's."""
    return frame(
        [
            row
            for variant in changes
            if variant != "control"
            for arm in (variant, "control")
            for place, change in enumerate(changes[arm])
            for row in unit_rows(
                variant, f"{arm}{place}", np.array([50, 50 + change]), begins=None if arm == "control" else 1
            )
        ]
    )


def judged(changes: dict[str, np.ndarray]):
    names = tuple(f"variant: {name}" for name in changes if name != "control")
    setting = Setting(design="volunteered", unit="team", alpha=0.05, variants=names)
    return list(variant_diagnostics(Panels(cells(changes), "quarter"), setting))


def drawn(seed: int, **shifts: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: shift + rng.standard_normal(UNITS) for name, shift in (shifts | {"control": 0.0}).items()}


def test_of_two_the_difference_and_its_error_are_those_of_their_units():
    changes = drawn(1, ai=0.5, human=3.0)
    (found,) = judged(changes)
    assert found.value == pytest.approx(changes["ai"].mean() - changes["human"].mean())
    n = 2 * UNITS  # the control cancels out
    squares = sum(np.sum(((one - one.mean()) / (UNITS - 1)) ** 2) for name, one in changes.items() if name != "control")
    error = np.sqrt((n - 1) / n * squares)
    half = (found.ci_high - found.ci_low) / 2
    assert half == pytest.approx(stats.t.isf(0.025, found.df) * error, rel=1e-6)
    assert found.says == "the variants differ in what they do"


def test_of_three_there_is_one_joint_test():
    (found,) = judged(drawn(2, ai=0.0, human=3.0, peers=0.0))
    assert (found.value, found.ci_low) == (None, None)
    assert found.p_value < 0.01
    assert "differ" in found.says


@pytest.mark.parametrize("names", [("ai", "human"), ("ai", "human", "peers")])
def test_alike_variants_are_found_to_differ_as_often_as_the_level_says(names):
    p_values = [judged(drawn(seed, **dict.fromkeys(names, 1.0)))[0].p_value for seed in range(200)]
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 200)


def test_one_variant_is_compared_with_nothing():
    assert judged(drawn(3, ai=1.0)) == []
    setting = Setting(design="volunteered", unit="team", alpha=0.05)
    assert list(variant_diagnostics(Panels(cells(drawn(3, ai=1.0, human=1.0)), "quarter"), setting)) == []


def test_too_few_units_of_a_variant_give_no_verdict():
    changes = drawn(4, ai=1.0, human=1.0)
    (found,) = judged({name: one[:2] for name, one in changes.items()})
    assert found.value is None
    assert found.reason


def two_waves(seed: int, shares: dict[str, tuple[int, int]], *, n_control: int = 8) -> pl.DataFrame:
    """Four periods; of each variant so many units begin in the second and in the fourth. All gain alike."""
    rng = np.random.default_rng(seed)
    control = 50 + rng.standard_normal((n_control, 4))
    rows = []
    for variant, sizes in shares.items():
        for unit, values in enumerate(control):
            rows += unit_rows(variant, f"control{unit}", values, begins=None)
        for wave, n in zip((1, 3), sizes, strict=True):
            for unit in range(n):
                values = 50 + rng.standard_normal(4) + (np.arange(4) >= wave)
                rows += unit_rows(variant, f"{variant}{wave}{unit}", values, begins=wave)
    return frame(rows)


def of_waves(seed: int, shares: dict[str, tuple[int, int]]):
    setting = Setting(
        design="volunteered", unit="team", alpha=0.05, variants=tuple(f"variant: {name}" for name in shares)
    )
    (found,) = variant_diagnostics(Panels(two_waves(seed, shares), "quarter"), setting)
    return found


def test_where_the_control_does_not_cancel_out_it_is_in_the_error():
    """Most of one variant began early, most of the other late, beside eight control units only."""
    p_values = [of_waves(seed, {"ai": (16, 4), "human": (4, 16)}).p_value for seed in range(80)]
    assert np.mean(np.array(p_values) < 0.05) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 80)


def test_variants_that_began_at_different_times_are_not_compared():
    found = of_waves(1, {"ai": (12, 0), "human": (0, 12)})
    assert (found.p_value, "may be the time" in found.reason) == (None, True)

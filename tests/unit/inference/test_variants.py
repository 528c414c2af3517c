"""Are variants alike? Their control is shared, and cancels out of their difference."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from inference.dose_diagnostics import variant_diagnostics
from inference.unit_panels import Panels, Setting

UNITS = 9


def cells(changes: dict[str, np.ndarray]) -> pl.DataFrame:
    """Two periods of units of ten people; `changes` has those of each variant's units, and of the control's."""
    control = changes["control"]
    rows = [
        {
            "metric": "m",
            "segment": f"variant: {variant}",
            "unit_id": f"{arm}{place}{variant if arm == 'pilot' else ''}",
            "cohort": "wave" if arm == "pilot" else "control",
            "arm": arm,
            "kickoff_date": None,
            "period_start": period,
            "cohort_period_start": "2026-04-01" if arm == "pilot" else None,
            "cut_period_start": None,
            "n_people": 10,
            "n_eligible": 10,
            "n_observed": 10,
            "value_sum": 10.0 * (50 + later * change),
            "centred_sum_of_squares": 10.0,
        }
        for variant in changes
        if variant != "control"
        for arm, of in (("pilot", changes[variant]), ("control", control))
        for place, change in enumerate(of)
        for later, period in enumerate(("2026-01-01", "2026-04-01"))
    ]
    days = ("period_start", "cohort_period_start", "cut_period_start", "kickoff_date")
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col(name).cast(pl.String).str.to_date("%Y-%m-%d", strict=False) for name in days
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

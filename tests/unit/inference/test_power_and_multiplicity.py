import pytest

from inference.multiplicity import holm
from inference.power import detectable_effect

# Benjamini & Hochberg (1995), section 3.2: fifteen tests of a thrombolysis trial.
FIFTEEN = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip


def test_holm_rejects_three_of_the_fifteen():
    assert sum(p <= 0.05 for p in holm(FIFTEEN)) == 3


def test_an_unanswered_question_still_counts_as_asked():
    assert holm([0.02, None]) == [0.04, None]


def test_adjusted_values_keep_the_order_and_the_place():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


@pytest.mark.parametrize(
    ("pilot", "control", "icc", "expected"), [(15, 15, 0.05, 0.435), (15, 15, 0.10, 0.489), (3, 9, 0.10, 0.955)]
)
def test_detectable_effects_equal_the_reference(pilot, control, icc, expected):
    found = detectable_effect(units_pilot=pilot, units_control=control, people_per_unit=8, icc=icc)
    assert found == pytest.approx(expected, abs=5e-4)  # three digits are given


def test_a_design_without_degrees_of_freedom_sees_nothing():
    assert detectable_effect(units_pilot=1, units_control=1, people_per_unit=8) is None

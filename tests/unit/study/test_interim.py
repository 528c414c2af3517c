"""The level of significance at declared interim analyses."""

from datetime import date

import numpy as np
import pytest
from scipy import stats

from study.interim import alpha_on, alpha_per_analysis
from study.model import Study


def test_interim_analyses_spend_alpha_as_published():
    # Lan & DeMets (1983), O'Brien–Fleming type, five equal analyses (ldbounds, gsDesign): z to four digits.
    levels = alpha_per_analysis([0.2, 0.4, 0.6, 0.8, 1.0])
    assert stats.norm.isf(np.array(levels) / 2) == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=1.5e-4)
    assert alpha_per_analysis([1.0]) == pytest.approx([0.05])


@pytest.mark.parametrize("fractions", [[], [0.5], [0.5, 0.5, 1.0], [0.7, 0.3, 1.0]])
def test_analyses_that_do_not_rise_to_one_are_refused(fractions):
    with pytest.raises(ValueError, match="rising"):
        alpha_per_analysis(fractions)


def study(**more) -> Study:
    return Study(programme="p", title="t", outcomes=[{"metric": "engagement_score"}], **more)


def test_a_study_spends_its_alpha_little_by_little():
    looked = study(interim_analyses=["2026-06-30", "2026-12-31"])
    first, last = alpha_on(looked, date(2026, 6, 30)), alpha_on(looked, date(2027, 3, 1))
    assert alpha_on(looked, date(2026, 1, 1)) == first < 0.01
    assert 0.04 < last < 0.05
    assert alpha_on(study(), date(2026, 6, 30)) == 0.05


def test_interim_analyses_must_rise():
    with pytest.raises(ValueError, match="interim_analyses"):
        study(interim_analyses=["2026-12-31", "2026-06-30"])

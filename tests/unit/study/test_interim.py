"""Every wave is an analysis: the level of its verdicts, and where the plan ends."""

from datetime import date

import numpy as np
import pytest
from scipy import stats

from study.interim import MOST_ANALYSES, Analysis, alpha_per_analysis, analysis_at, analysis_of

QUARTERS = [date(year, month, 1) for year in (2024, 2025, 2026) for month in (1, 4, 7, 10)]
JULY = [date(2024, 7, 1)]


def test_interim_analyses_spend_alpha_as_published():
    # Lan & DeMets (1983), O'Brien–Fleming type, five equal analyses (ldbounds, gsDesign): z to four digits.
    levels = alpha_per_analysis([0.2, 0.4, 0.6, 0.8, 1.0])
    assert stats.norm.isf(np.array(levels) / 2) == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=1.5e-4)
    assert alpha_per_analysis([1.0]) == pytest.approx([0.05])


@pytest.mark.parametrize("fractions", [[], [0.5], [0.5, 0.5, 1.0], [0.7, 0.3, 1.0]])
def test_analyses_that_do_not_rise_to_one_are_refused(fractions):
    with pytest.raises(ValueError, match="rising"):
        alpha_per_analysis(fractions)


def at(n_waves: int, **more) -> Analysis:
    return analysis_of(QUARTERS[:n_waves], more.pop("kickoffs", JULY), alpha=0.05, **more)


def test_the_plan_ends_a_year_after_the_last_kickoff():
    assert [(at(n).number, at(n).planned, at(n).is_over) for n in (2, 3, 6, 7)] == [
        (0, 4, False), (1, 4, False), (4, 4, False), (4, 4, True),
    ]  # fmt: skip
    assert at(3).next_wave == date(2024, 10, 1) and at(6).next_wave is None
    assert at(7).last_wave == at(6).last_wave == date(2025, 4, 1)
    later = at(6, kickoffs=[*JULY, date(2025, 1, 1)])
    assert (later.number, later.planned) == (4, 6)


@pytest.mark.parametrize("kickoff", [date(2025, 4, 1), date(2025, 2, 15)])
def test_waves_to_come_before_the_first_kickoff_are_no_analyses(kickoff):
    found = [at(n, kickoffs=[kickoff]) for n in (1, 2, 5, 6)]
    assert [(each.number, each.planned) for each in found] == [(0, 4), (0, 4), (0, 4), (1, 4)]
    assert {each.next_wave for each in found[:3]} == {date(2025, 4, 1)}
    assert at(2, kickoffs=[kickoff], until=date(2025, 1, 31)).next_wave is None


def test_a_study_may_name_the_end():
    assert at(6, until=date(2025, 12, 31)).planned == 6
    assert (at(6, until=date(2024, 12, 31)).number, at(6, until=date(2024, 12, 31)).is_over) == (2, True)
    # An end before the first wave since kick-off leaves that wave.
    assert (at(6, until=date(2024, 1, 31)).number, at(6, until=date(2024, 1, 31)).planned) == (1, 1)


def test_waves_to_come_are_counted_at_the_usual_distance():
    yearly = [date(year, 3, 1) for year in (2022, 2023, 2024, 2025)]
    found = analysis_of(yearly, [date(2024, 6, 1)], alpha=0.05)
    assert (found.number, found.planned, found.alpha) == (1, 1, pytest.approx(0.05))
    months = [date(2024, month, 1) for month in range(1, 9)]
    assert analysis_of(months, JULY, alpha=0.05).planned == 12


def test_levels_rise_and_the_last_is_nearly_alpha():
    levels = [at(n, until=date(2025, 6, 30)).alpha for n in (3, 4, 5, 6)]
    assert levels == sorted(levels) and levels[0] < 0.0001 and 0.04 < levels[-1] < 0.05
    assert at(3).next_alpha == at(4).alpha and at(6).next_alpha is None


@pytest.mark.parametrize("n_waves", [1, 4, 10])
def test_whoever_reads_after_every_wave_is_wrong_in_one_study_of_twenty(n_waves):
    """Of sums of independent waves, which are less alike than estimates with a common base."""
    rng = np.random.default_rng(5)
    sums = rng.normal(size=(40_000, n_waves)).cumsum(axis=1) / np.sqrt(np.arange(1, n_waves + 1))
    levels = np.array([analysis_at(k, n_waves, alpha=0.05).alpha for k in range(1, n_waves + 1)])
    found = (2 * stats.norm.sf(np.abs(sums)) < levels).any(axis=1).mean()
    assert found == pytest.approx(0.05, abs=0.004)
    if n_waves == 10:
        assert (2 * stats.norm.sf(np.abs(sums)) < 0.05).any(axis=1).mean() > 0.15  # without a plan


def test_of_several_primary_outcomes_each_has_its_part_at_every_wave():
    rng = np.random.default_rng(6)
    sums = rng.normal(size=(30_000, 3, 6)).cumsum(axis=2) / np.sqrt(np.arange(1, 7))
    levels = np.array([analysis_at(k, 6, alpha=0.05, n_primary=3).alpha / 3 for k in range(1, 7)])
    assert (2 * stats.norm.sf(np.abs(sums)) < levels).any(axis=(1, 2)).mean() == pytest.approx(0.05, abs=0.004)


def test_a_plan_of_decades_has_levels_too():
    found = analysis_of(QUARTERS, JULY, alpha=0.05, until=date(2099, 12, 31))
    assert found.planned > 250 and 0 < found.alpha < found.next_alpha < 0.05
    assert analysis_at(500, 500, alpha=0.05).alpha == analysis_at(MOST_ANALYSES, MOST_ANALYSES, alpha=0.05).alpha


@pytest.mark.parametrize(("waves", "kickoffs"), [([], JULY), (QUARTERS, []), ([], [])])
def test_without_waves_or_kickoffs_nothing_has_been_analysed(waves, kickoffs):
    assert analysis_of(waves, kickoffs, alpha=0.05).number == 0

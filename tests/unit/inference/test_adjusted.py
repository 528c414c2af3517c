"""Adjusted ATT(g,t) against published numbers, against persons' rows, and against leaving units out by hand."""

import numpy as np
import polars as pl
import pytest

from inference import adjusted, aggregations, att
from inference.panel import Panel

# Source: R did 2.5.1 on mpdta, never-treated control; the clustered error carries √(G/(G − 1)).
OUTCOME_REGRESSION = (-0.0419686124, 0.0114448298)
DOUBLY_ROBUST = (-0.0417514971, 0.0115029200)


@pytest.fixture(scope="module")
def counties(reference):
    rows = pl.read_csv(reference("trials/mpdta.csv")).sort("countyreal", "year")
    wide = rows.pivot(on="year", index=["countyreal", "first_treat", "lpop"], values="lemp")
    outcome = wide.select(pl.exclude("countyreal", "first_treat", "lpop")).to_numpy()
    first = wide["first_treat"].to_numpy()
    panel = Panel(np.ones_like(outcome), outcome, np.where(first > 0, first - 2002, 0), np.ones(len(first)))
    return panel, wide["lpop"].to_numpy()[:, None], wide["countyreal"].to_numpy() // 1000


def test_outcome_regression_equals_the_published_one(counties):
    panel, size, state = counties
    moments = adjusted.moments_of_units(panel, size)
    part = aggregations.simple(adjusted.outcome_regression(panel, moments, control="never_treated"))
    assert (part.value, part.analytic_std_error) == pytest.approx(OUTCOME_REGRESSION, abs=1e-8)
    assert part.clustered_std_error(state, finite_sample=True) == pytest.approx(0.0168388275, abs=1e-8)


def test_doubly_robust_equals_the_published_one(counties):
    panel, size, _ = counties
    moments = adjusted.moments_of_units(panel, size)
    part = aggregations.simple(adjusted.doubly_robust(panel, moments, units=size, control="never_treated"))
    assert (part.value, part.analytic_std_error) == pytest.approx(DOUBLY_ROBUST, abs=1e-6)


def test_clustered_errors_equal_the_published_ones(counties):
    panel, _, state = counties
    part = aggregations.simple(att.group_time_effects(panel, control="never_treated"))
    assert part.clustered_std_error(state) == pytest.approx(0.0151594585, abs=1e-8)
    assert part.clustered_std_error(state, finite_sample=True) == pytest.approx(0.0154277884, abs=1e-8)


@pytest.fixture
def persons():
    """Sixteen units of some persons with a covariate, three periods; the outcome's trend depends on it."""
    rng = np.random.default_rng(11)
    cohort = np.array([0] * 8 + [2] * 4 + [3] * 4)
    unit = np.repeat(np.arange(16), rng.integers(4, 9, 16))
    x = rng.normal(size=unit.size) + 0.5 * (cohort[unit] > 0)
    y = np.cumsum(0.3 * x[:, None] + rng.normal(size=(unit.size, 3)), axis=1)
    return cohort, unit, x, y


def panel_and_moments(cohort, unit, x, y):
    n_units = cohort.size
    rows = np.column_stack([np.ones_like(x), x])
    products, moments = np.zeros((n_units, 2, 2)), {}
    np.add.at(products, unit, rows[:, :, None] * rows[:, None, :])
    for base, t in [(1, 2), (2, 3), (1, 3)]:
        changes = np.zeros((n_units, 2))
        np.add.at(changes, unit, rows * (y[:, t - 1] - y[:, base - 1])[:, None])
        moments[base, t] = adjusted.Moments(products, changes)
    n = np.bincount(unit, minlength=n_units).astype(float)
    total = np.column_stack([np.bincount(unit, weights=y[:, t], minlength=n_units) for t in range(3)])
    return Panel(np.repeat(n[:, None], 3, axis=1), total, cohort, n), moments


def test_the_regression_from_cells_is_the_regression_on_persons(persons):
    cohort, unit, x, y = persons
    effects = adjusted.outcome_regression(*panel_and_moments(*persons))
    for g, t, base, value in zip(effects.g, effects.t, effects.base, effects.value, strict=True):
        change = y[:, t - 1] - y[:, base - 1]
        treated = cohort[unit] == g
        untreated = (cohort[unit] == 0) | ((cohort[unit] > max(t, base)) & (cohort[unit] != g))
        slope = np.polyfit(x[untreated], change[untreated], 1)
        assert value == pytest.approx(np.mean(change[treated] - np.polyval(slope, x[treated])), abs=1e-12)


def without(persons, left_out):
    cohort, unit, x, y = persons
    keep = unit != left_out
    return np.delete(cohort, left_out), unit[keep] - (unit[keep] > left_out), x[keep], y[keep]


def test_the_regression_without_each_unit_is_the_regression_without_its_persons(persons):
    fast = aggregations.simple(adjusted.outcome_regression(*panel_and_moments(*persons))).without
    for c in range(16):
        slow = aggregations.simple(adjusted.outcome_regression(*panel_and_moments(*without(persons, c)))).value
        assert fast[c] == pytest.approx(slow, abs=1e-10)


def test_the_logit_without_each_unit_is_one_newton_step_away(persons):
    facts = np.random.default_rng(5).normal(size=(16, 1))
    whole = aggregations.simple(adjusted.doubly_robust(*panel_and_moments(*persons), units=facts))
    for c in range(16):
        rest = panel_and_moments(*without(persons, c))
        slow = aggregations.simple(adjusted.doubly_robust(*rest, units=np.delete(facts, c, axis=0))).value
        # exact to second order: what is left is a small part of what leaving the unit out does at all
        assert abs(whole.without[c] - slow) < 0.15 * np.std(whole.without) + 1e-9


def test_of_many_units_the_odds_without_one_are_expanded_and_come_out_the_same(monkeypatch):
    rng = np.random.default_rng(8)
    facts, n = rng.normal(size=(600, 2)), rng.integers(6, 18, 600).astype(float)
    counts = np.repeat(n[:, None], 4, axis=1)
    panel = Panel(counts, counts * (rng.normal(size=(600, 4)) + facts[:, :1]), np.arange(600) % 2 * 3, n)
    moments = adjusted.moments_of_units(panel, facts)
    expanded = aggregations.simple(adjusted.doubly_robust(panel, moments, units=facts))
    monkeypatch.setattr(adjusted, "MOST_EXACT", 600)
    exact = aggregations.simple(adjusted.doubly_robust(panel, moments, units=facts))
    assert expanded.value == exact.value
    assert np.abs(expanded.without - exact.without).max() < 1e-4 * exact.without.std()


def test_a_covariate_that_does_not_vary_gives_no_number(persons):
    cohort, unit, x, y = persons
    panel, moments = panel_and_moments(cohort, unit, np.ones_like(x), y)
    assert np.isnan(adjusted.outcome_regression(panel, moments).value).all()


def test_facts_that_separate_the_arms_give_no_number(persons):
    panel, moments = panel_and_moments(*persons)
    separating = (panel.cohort > 0).astype(float)[:, None]
    effects = adjusted.doubly_robust(panel, moments, units=separating, control="never_treated")
    assert np.isnan(effects.value).all()


def test_moments_of_other_shape_are_refused():
    with pytest.raises(ValueError, match="covariates"):
        adjusted.Moments(np.zeros((3, 2, 2)), np.zeros((3, 3)))

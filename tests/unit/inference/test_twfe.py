"""Two-way fixed effects against dummies and deletion, against published numbers where they are installed."""

import numpy as np
import pytest

from inference import twfe
from inference.panel import Panel


def panel(seed: int = 1, units: int = 20) -> Panel:
    rng = np.random.default_rng(seed)
    cohort = np.repeat([0, 0, 3, 4], units // 4)
    n = rng.integers(3, 15, size=(units, 6)).astype(float)
    n[2, 3] = 0.0
    mean = rng.normal(size=(units, 1)) + 0.5 * rng.normal(size=n.shape)
    return Panel(n, n * mean, cohort, n.max(axis=1))


def by_dummies(made: Panel) -> float:
    c, t = np.nonzero(made.n)
    y, w = (made.total / np.where(made.n > 0, made.n, 1))[c, t], np.sqrt(made.n[c, t])
    treated = (made.cohort[c] > 0) & (t + 1 >= made.cohort[c])
    x = np.column_stack([treated, np.eye(made.cohort.size)[c], np.eye(made.n_periods)[t][:, 1:]])
    return np.linalg.lstsq(x * w[:, None], y * w, rcond=None)[0][0]


def without_unit(made: Panel, unit: int) -> Panel:
    keep = np.arange(made.cohort.size) != unit
    return Panel(made.n[keep], made.total[keep], made.cohort[keep], made.people[keep])


def test_it_is_the_regression_with_all_dummies():
    made = panel()
    assert twfe.of_panel(made).value == pytest.approx(by_dummies(made), abs=1e-10)


def test_without_each_unit_it_is_the_regression_without_it():
    made = panel(2)
    fast = twfe.of_panel(made).without
    slow = [by_dummies(without_unit(made, unit)) for unit in range(20)]
    assert fast == pytest.approx(np.array(slow), abs=1e-9)


def test_castle_equals_the_published_numbers():
    """Cheng & Hoekstra (2013) in Cunningham's data: log homicide ~ post | state + year."""
    data = pytest.importorskip("causaldata", reason="the extra `oracles` is not installed").castle.load_pandas().data
    y = data.pivot(index="sid", columns="year", values="l_homicide").to_numpy()
    treated = data.pivot(index="sid", columns="year", values="post").to_numpy()
    fit = twfe.regression(y, treated, np.ones_like(y))
    assert fit.n_rows == 550
    assert (fit.value, fit.crv1) == pytest.approx((0.06939844, 0.05585963), abs=1e-7)
    assert fit.cv3 == pytest.approx(0.05689705, abs=1e-8)
    p = twfe.wild_cluster_bootstrap(fit, draws=9_999, rng=np.random.default_rng(1))
    assert p == pytest.approx(0.238, abs=0.01)


def test_few_clusters_run_through_every_pattern_of_signs():
    made = panel(3, units=8)
    fit = twfe.of_panel(made)
    found = [twfe.wild_cluster_bootstrap(fit, draws=999, rng=np.random.default_rng(seed)) for seed in (1, 2)]
    assert found[0] == found[1]
    assert (found[0] * 2**8) == pytest.approx(round(found[0] * 2**8))


def test_the_bootstrap_keeps_its_level():
    rng = np.random.default_rng(9)
    p = [twfe.wild_cluster_bootstrap(twfe.of_panel(panel(seed)), draws=199, rng=rng) for seed in range(300)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_treatment_that_never_varies_is_refused():
    made = panel()
    with pytest.raises(ValueError, match="does not vary"):
        twfe.regression(made.total / made.n.clip(1), np.ones_like(made.n), made.n)

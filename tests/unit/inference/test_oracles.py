"""Ours beside other people's estimators on one seeded study; their numbers are also frozen for those without them.

`COACHING_ACCEPT=oracles pytest tests/unit/inference/test_oracles.py` writes them anew where the extra is installed.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from inference import adjusted, aggregations, att, life_tables, twfe
from inference.panel import Panel

FROZEN = Path(__file__).parents[2] / "references" / "oracles.yml"
UNITS, PERIODS = 80, 6


@pytest.fixture(scope="module")
def study():
    """A balanced panel of one person per unit: cohorts at 3 and 5, a covariate that moves assignment and trend."""
    rng = np.random.default_rng(20_261_123)
    x = rng.normal(size=UNITS)
    cohort = np.where(0.4 * x + rng.normal(size=UNITS) > 0.6, 3, np.where(0.4 * x + rng.normal(size=UNITS) > 0.6, 5, 0))
    t = np.arange(1, PERIODS + 1)
    y = rng.normal(size=(UNITS, 1)) + 0.2 * x[:, None] * t + rng.normal(0, 0.5, (UNITS, PERIODS))
    y = y + np.where((cohort[:, None] > 0) & (t >= cohort[:, None]), 1 + 0.2 * (t - cohort[:, None]), 0.0)
    return Panel(np.ones_like(y), y, cohort, np.ones(UNITS)), x


def long(study) -> pd.DataFrame:
    panel, x = study
    unit, t = np.indices(panel.n.shape)
    return pd.DataFrame(
        {
            "unit": unit.ravel(),
            "t": t.ravel() + 1,
            "g": np.repeat(panel.cohort, PERIODS),
            "x": np.repeat(x, PERIODS),
            "y": panel.total.ravel(),
        }
    )


def ours(study) -> dict[str, list[float]]:
    panel, x = study
    moments = adjusted.moments_of_units(panel, x[:, None])
    plain = att.group_time_effects(panel, control="never_treated")
    made = {
        "simple": aggregations.simple(plain),
        "not_yet_treated": aggregations.simple(att.group_time_effects(panel)),
        "regression": aggregations.simple(adjusted.outcome_regression(panel, moments, control="never_treated")),
        "doubly_robust": aggregations.simple(
            adjusted.doubly_robust(panel, moments, units=x[:, None], control="never_treated")
        ),
    }
    found = {name: [part.value, part.analytic_std_error] for name, part in made.items()}
    early = att.group_time_effects(panel, control="never_treated", anticipation=1)
    at = (early.g == 5) & (early.t == 6)  # the base is period 3
    found["anticipation"] = [early.value[at].item(), float(np.sqrt(np.sum(early.influence[:, at] ** 2)))]
    fit = twfe.of_panel(panel)
    found["doubly_robust"] = found["doubly_robust"][:1]
    return {**found, "two_way": [fit.value, fit.crv1]}


def by_statsmodels(study) -> float:
    """Sant'Anna & Zhao's eq. (2.5) with a logit of statsmodels, averaged by cohort size.

    Not diff-diff's: on this study its doubly robust values are up to 0.002 away from the formula, ours 1e-16.
    """
    import statsmodels.api as sm

    panel, x = study
    values, sizes = [], []
    for g in (3, 5):
        member = (panel.cohort == g) | (panel.cohort == 0)
        treated, facts = (panel.cohort[member] == g).astype(float), sm.add_constant(x[member])
        chance = sm.Logit(treated, facts).fit(disp=0, method="newton", tol=1e-14).predict(facts)
        for t in range(g, PERIODS + 1):
            change = (panel.total[:, t - 1] - panel.total[:, g - 2])[member]
            slope = np.linalg.lstsq(facts[treated == 0], change[treated == 0], rcond=None)[0]
            rest, odds = change - facts @ slope, chance * (1 - treated) / (1 - chance)
            values.append(rest[treated == 1].mean() - odds @ rest / odds.sum())
            sizes.append(treated.sum())
    return float(np.average(values, weights=sizes))


def theirs(study) -> dict[str, list[float]]:
    diff_diff = pytest.importorskip("diff_diff", reason="the extra `oracles` is not installed")
    pyfixest = pytest.importorskip("pyfixest", reason="the extra `oracles` is not installed")
    frame = long(study)
    asked = {
        "simple": ({"estimation_method": "reg"}, None),
        "anticipation": ({"estimation_method": "reg", "anticipation": 1}, None),
        "not_yet_treated": ({"estimation_method": "reg", "control_group": "not_yet_treated"}, None),
        "regression": ({"estimation_method": "reg"}, ["x"]),
    }
    found = {}
    for name, (options, covariates) in asked.items():
        fit = diff_diff.CallawaySantAnna(**options).fit(
            frame, outcome="y", unit="unit", time="t", first_treat="g", covariates=covariates, aggregate="simple"
        )
        found[name] = [float(fit.overall_att), float(fit.overall_se)]
        if name == "anticipation":  # its overall effect counts the anticipated period as treated, R's and ours do not
            cell = fit.group_time_effects[5, 6]
            found[name] = [float(cell["effect"]), float(cell["se"])]
    found["doubly_robust"] = [by_statsmodels(study)]
    frame["treated"] = ((frame["g"] > 0) & (frame["t"] >= frame["g"])).astype(float)
    fit = pyfixest.feols("y ~ treated | unit + t", data=frame, vcov={"CRV1": "unit"})
    return {**found, "two_way": [float(fit.coef().iloc[0]), float(fit.se().iloc[0])]}


def compare(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        assert found[name] == pytest.approx(numbers, abs=1e-9), name


@pytest.mark.filterwarnings("ignore")
def test_ours_equal_theirs(study):
    expected = theirs(study)
    if os.environ.get("COACHING_ACCEPT") == "oracles":
        head = "# diff-diff 3.13.0 and pyfixest 0.60.0 on the seeded study of tests/unit/inference/test_oracles.py:\n"
        FROZEN.write_text(
            head
            + "# [value, error]; analytic errors, CRV1 for two_way. doubly_robust: by statsmodels.\n"
            + yaml.safe_dump(expected, default_flow_style=None)
        )
    compare(ours(study), expected)


def test_ours_equal_their_frozen_numbers(study):
    compare(ours(study), yaml.safe_load(FROZEN.read_text()))


@pytest.mark.filterwarnings("ignore")
def test_survival_equals_lifelines():
    statistics = pytest.importorskip("lifelines.statistics", reason="the extra `oracles` is not installed")
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    rng = np.random.default_rng(7)
    first = rng.random(300) < 0.5
    left = rng.geometric(np.where(first, 0.06, 0.04))
    censored = rng.integers(6, 20, 300)
    time, is_event = np.minimum(left, censored), left <= censored
    months = 20

    def counts(member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m = np.arange(1, months + 1)
        return (time[member][:, None] >= m).sum(axis=0), ((time == m[:, None]) & is_event & member).sum(axis=1)

    tables = [counts(member) for member in (first, ~first)]
    test = life_tables.log_rank(*(np.array(part) for part in zip(*tables, strict=True)), np.array([True, False]))
    peer = statistics.logrank_test(time[first], time[~first], is_event[first], is_event[~first])
    assert test.chi_squared == pytest.approx(peer.test_statistic, rel=1e-10)
    fit = KaplanMeierFitter().fit(time[first], is_event[first])
    n, d = tables[0][0][:12], tables[0][1][:12]
    assert life_tables.survival_curve(n, d)[-1] == pytest.approx(fit.predict(12), abs=1e-12)
    assert life_tables.restricted_mean(n, d) == pytest.approx(restricted_mean_survival_time(fit, t=12), abs=1e-10)

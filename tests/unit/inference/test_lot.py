"""The lot: who may be drawn, within which strata, and what each unit's chance is."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats

from inference import lot
from inference.jackknife import MIN_UNITS
from inference.panel import NEVER, Panel
from inference.past import Found, by_length, lots_over_the_past
from inference.randomised import group_time_contrasts
from simulation.laboratory import before_the_pilot

SITES = np.repeat(["Centre", "East", "North"], [20, 12, 8])


def past(*, units: int, periods: int, seed: int) -> Panel:
    found = before_the_pilot(units, np.random.default_rng(seed), waves=periods)
    return Panel(found.n, found.total, np.full(units, NEVER), found.people)


def units(**columns) -> pl.DataFrame:
    one = {
        "unit": "T1",
        "cohort": None,
        "stratum": None,
        "n_people": 9,
        "n_with_manager": 9,
        "n_of_manager": 8,
    } | columns
    return pl.DataFrame([one], schema_overrides={"cohort": pl.String, "stratum": pl.String})


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({}, ""),
        ({"unit": "T9"}, "merges in May"),
        ({"cohort": "wave_1"}, "is in the cohort wave_1 already"),
        ({"n_people": 4}, "has 4 people, fewer than 5"),
        ({"n_with_manager": 4, "n_of_manager": 4}, "has 9 people, of whom 4 have a known manager"),
        ({"n_people": 4, "stratum": "stratum 01"}, ""),
        ({"n_of_manager": 6}, ""),
        ({"n_of_manager": 5}, "has several managers: 4 of 9 people name another one"),
    ],
)
def test_a_unit_that_cannot_be_drawn_has_a_reason(columns, reason):
    assert lot.why_not(units(**columns), {"T9": "merges in May"}) == [reason]


def test_of_a_department_no_one_manager_is_asked():
    assert lot.why_not(units(n_of_manager=1).drop("n_with_manager", "n_of_manager"), {}) == [""]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ((6, 1, 3), "3 coached units are too few: below 6 in an arm"),
        ((11, 1, 6), "11 units can be drawn; 1 cohort(s) of 6 and a hold-out of at least 6 need 12"),
        ((60, 0, 6), "there must be a cohort"),
    ],
)
def test_too_few_units_are_refused_with_the_reason(asked, why):
    with pytest.raises(lot.CannotDraw, match=why.replace("(", r"\(").replace(")", r"\)")):
        lot.check(*asked)
    with pytest.raises(lot.CannotDraw):
        lot.draw(np.zeros(asked[0], int), *asked[1:], np.random.default_rng(1))


def test_strata_of_two_units_leave_nobody_to_compare_with():
    stratum = np.arange(40) // 2
    with pytest.raises(lot.CannotDraw, match="a cohort can have 0 units, not 6"):
        lot.draw(stratum, 2, 6, np.random.default_rng(1))


RESTRICTIONS = {
    "none": {},
    "strata": {"labels": SITES},
    "blocks": {"past": np.linspace(3.0, 1.0, 40)},
    "blocks in strata": {"labels": SITES, "past": np.cos(np.arange(40.0))},
}


@pytest.mark.parametrize("restriction", RESTRICTIONS.values(), ids=RESTRICTIONS)
@pytest.mark.parametrize(("cohorts", "per_cohort"), [(1, 6), (2, 7), (3, 10), (3, 11), (1, 34)])
def test_every_cohort_has_its_units_and_every_stratum_one_to_compare_with(restriction, cohorts, per_cohort):
    stratum = lot.strata(40, cohorts, per_cohort, **restriction)
    drawn = lot.draw(stratum, cohorts, per_cohort, np.random.default_rng(3))
    assert np.bincount(drawn).tolist() == [40 - cohorts * per_cohort, *[per_cohort] * cohorts]
    for label in np.unique(stratum):
        inside = np.bincount(drawn[stratum == label], minlength=cohorts + 1)
        assert inside[lot.HOLD_OUT] > 0
        assert len(set(inside[1:])) == 1, "every cohort has as many of a stratum"
    again = lot.draw(stratum, cohorts, per_cohort, np.random.default_rng(3))
    assert (again == drawn).all()


def test_a_stratum_has_its_share():
    drawn = lot.draw(lot.strata(40, 2, 10, labels=SITES), 2, 10, np.random.default_rng(1))
    shares = {site: int((drawn[site == SITES] == 1).sum()) for site in ("Centre", "East", "North")}
    assert shares == {"Centre": 5, "East": 3, "North": 2}


def test_blocks_are_of_units_with_a_similar_past_and_an_unknown_one_counts_as_the_mean():
    past_of_units = np.array([9.0, 1, 8, 2, 7, 3, 6, 4, 5, 5, np.nan, 5] * 2)
    block = lot.strata(24, 1, 6, past=past_of_units)
    inside = [np.nan_to_num(past_of_units[block == one], nan=5.0) for one in range(3)]
    assert [values.size for values in inside] == [8, 8, 8]
    assert sorted((values.min(), values.max()) for values in inside) == [(1, 4), (5, 5), (6, 9)]


@pytest.mark.parametrize("restriction", RESTRICTIONS.values(), ids=RESTRICTIONS)
def test_units_of_a_stratum_have_the_same_chance(restriction):
    """10,000 lots: how often each unit is drawn into each cohort, against what its stratum says (chi-square)."""
    stratum, rng, lots = lot.strata(40, 2, 8, **restriction), np.random.default_rng(11), 10_000
    seen = np.zeros((40, 3))
    for _ in range(lots):
        seen[np.arange(40), lot.draw(stratum, 2, 8, rng)] += 1
    expected = np.array([seen[stratum == label].mean(axis=0) for label in stratum])
    # Units of a stratum are drawn without putting back, which makes the sum smaller than chi-square has it.
    degrees = 2 * (40 - np.unique(stratum).size)
    assert stats.chi2.sf(float(((seen - expected) ** 2 / expected).sum()), degrees) > 0.001


def test_differences_are_in_spreads_between_units():
    drawn, facts = np.array([0, 0, 1, 1]), np.array([[1.0], [3.0], [5.0], [7.0]])
    assert lot.differences(drawn, facts) == pytest.approx(np.array([[4 / np.std([1, 3, 5, 7], ddof=1)]]))


def test_departures_are_named_in_both_directions():
    march, may, june = date(2026, 3, 1), date(2026, 5, 1), date(2026, 6, 1)
    drawn = {"A": may, "B": None, "C": may, "D": None, "E": may, "F": None, "G": None, "H": None}
    listed = {
        "A": may,
        "B": None,
        "C": june,
        "D": may,
        "F": None,
        "G": None,
        "H": None,
        "X": may,
        "Y": None,
        "Z": march,
    }
    places = {unit: lot.Place(day, "one") for unit, day in listed.items()}
    places |= {"G": lot.Place(None, "two"), "H": lot.Place(None, None)}
    assert lot.departures(
        {unit: lot.Place(day, "one") for unit, day in drawn.items()}, places, {"A": may, "F": june}
    ) == [
        ("C", "was drawn to be coached from 2026-05-01 and is listed as coached from 2026-06-01"),
        ("D", "was drawn for the hold-out and is listed as coached from 2026-05-01"),
        ("E", "was drawn to be coached from 2026-05-01 and is in no list"),
        ("F", "was drawn for the hold-out; who leads it was trained on 2026-06-01"),
        ("G", "was drawn in one and is listed in two"),
        ("H", "was drawn in one and is listed in no stratum"),
        ("X", "was not drawn and is listed as coached from 2026-05-01"),
    ]


def test_the_lot_is_estimated_as_the_study_will_be_and_an_effect_adds_itself():
    """What makes power from error alone right: the estimate of a lot with an effect is the one without it, plus it."""
    panel = past(units=40, periods=6, seed=4)
    stratum = lot.strata(40, 2, 8, labels=SITES)
    cohort = np.array([NEVER, 4, 5])[lot.draw(stratum, 2, 8, np.random.default_rng(5))]
    treated = (cohort[:, None] != NEVER) & (np.arange(1, 7) >= cohort[:, None])
    values = [
        group_time_contrasts(Panel(panel.n, total, cohort, panel.people), stratum=stratum).value
        for total in (panel.total, panel.total + 0.5 * panel.n * treated)
    ]
    assert values[1] - values[0] == pytest.approx(np.full(values[0].size, 0.5))


@pytest.mark.parametrize("restriction", RESTRICTIONS.values(), ids=RESTRICTIONS)
def test_a_programme_that_does_nothing_is_found_as_often_as_the_level_says(restriction):
    """A sample of `benchmarks/lots.py`, which draws 10,000: at most 5 % of the lots, but for three errors of chance."""
    panel, draws = past(units=40, periods=6, seed=8), 600
    found = lots_over_the_past(
        panel,
        lambda of_units: lot.strata(40, 2, 8, **(restriction | ({"past": of_units} if "past" in restriction else {}))),
        before=3,
        starts=(0, 1),
        per_cohort=8,
        draws=draws,
        rng=np.random.default_rng(6),
    )
    assert found.estimate.size == draws
    assert abs(found.estimate.mean()) < 3 * found.estimate.std() / np.sqrt(draws)
    assert found.power(0.0, alpha=0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)


def test_power_and_the_smallest_effect_are_counted():
    found = Found(np.array([-1.0, 0.0, 1.0, 2.0]), np.ones(4), np.full(4, 1e9))
    assert [found.power(effect, alpha=0.05) for effect in (0.0, 1.0, 2.0, 3.0, -4.0)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert found.detectable(alpha=0.05, power=0.75) == pytest.approx(1.96, abs=0.001)


def test_a_lot_of_which_no_verdict_would_be_given_finds_nothing():
    """Few units answer: the lot is drawn of all, and of five coached units with answers nothing is said."""
    panel = past(units=40, periods=4, seed=3)
    silent = np.arange(40) % 3 > 0
    n, total = (np.where(silent[:, None], 0.0, values) for values in (panel.n, panel.total))
    asked = {"before": 2, "starts": (0,), "per_cohort": 12, "draws": 200, "rng": np.random.default_rng(2)}
    part = Panel(n, total, panel.cohort, np.where(silent, 0.0, panel.people))
    found = lots_over_the_past(part, lambda _: np.zeros(40, int), **asked)
    without = np.isnan(found.estimate).mean()
    # 12 of 40 are coached, 14 answer: at least 6 of these, and at least 6 of the others, by the hypergeometric.
    coached = stats.hypergeom(40, 14, 12)
    assert without == pytest.approx(1 - sum(coached.pmf(k) for k in range(6, 9)), abs=0.08)
    assert found.power(1e9, alpha=0.05) == pytest.approx(1 - without)
    assert found.detectable(alpha=0.05) == float("inf")


def test_pilots_of_each_length_that_the_past_can_hold():
    panel = past(units=40, periods=6, seed=9)
    lengths = by_length(
        panel,
        lambda _: np.zeros(40, int),
        most=4,
        starts=(0,),
        per_cohort=MIN_UNITS,
        draws=60,
        rng=np.random.default_rng(1),
    )
    assert [(one.before, one.after) for one in lengths] == [(5, 1), (4, 2), (3, 3)]
    one = Panel(panel.n[:, :1], panel.total[:, :1], panel.cohort, panel.people)
    with pytest.raises(ValueError, match="one period only"):
        by_length(one, lambda _: np.zeros(40, int), most=4, starts=(0,), per_cohort=6, rng=np.random.default_rng(1))

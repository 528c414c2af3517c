"""What stands beside a headline: other estimators, participation, people assigned one by one, and diagnostics."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from inference import aggregations, att, means, persons, retention
from inference.diagnostic import DIAGNOSTICS_SCHEMA
from inference.estimates import Asked, Cells, estimate_study
from inference.judging import Line, Question, in_order
from inference.panel import Panel
from inference.results import NotEstimable
from inference.sensitivity import complier_effect
from inference.trend_diagnostics import _drift
from inference.unit_panels import Setting, panel_from_cells

ENGAGEMENT = Question(metric="engagement_score", kind="mean", role="primary", source="survey")
QUARTERS = [date(2026, month, 1) for month in (1, 4, 7, 10)]


def organisation(seed: int = 1, *, units: int = 30, effect: float = 5.0, lift: float = 0.0):
    """People in units over four quarters, two of them after kick-off, with a covariate; as cells."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(units), 12)
    pilot = np.arange(units) < units // 2
    tenure = rng.exponential(5, unit.size) + lift * pilot[unit]
    y = 50 + rng.normal(0, 5, units)[unit][:, None] + rng.normal(0, 10, (unit.size, 4)) + 0.5 * np.arange(4)
    y = y + tenure[:, None] * 0.3 * np.arange(4) + effect * (pilot[unit][:, None] & (np.arange(4) >= 2))
    centred = tenure - tenure.mean()
    names = [f"t{index:02}" for index in range(units)]
    rows, changes, products = [], [], []
    for c, name in enumerate(names):
        mine = unit == c
        common = {"metric": "engagement_score", "unit_id": name, "arm": "pilot" if pilot[c] else "control"}
        common["cohort"] = common["arm"]
        for t, start in enumerate(QUARTERS):
            values = y[mine, t]
            rows.append(
                common
                | {
                    "period_start": start,
                    "segment": "all",
                    "cohort_period_start": QUARTERS[2] if pilot[c] else None,
                    "n_eligible": 12,
                    "n_observed": 12,
                    "n_people": 12,
                    "value_sum": values.sum(),
                    "centred_sum_of_squares": float(np.sum((values - values.mean()) ** 2)),
                }
            )
            if t == 1:
                continue
            change = values - y[mine, 1]
            place = common | {"period_start": start, "base_period_start": QUARTERS[1], "n_people": 12}
            changes.append(
                place
                | {"change_sum": change.sum(), "centred_sum_of_squares": float(np.sum((change - change.mean()) ** 2))}
            )
            x = centred[mine]
            for times, product in (("one", x), ("tenure_years", x * x), ("change", x * change)):
                products.append(place | {"covariate": "tenure_years", "times": times, "product_sum": product.sum()})
    facts = pl.DataFrame(
        {
            "unit_id": names,
            "stratum": ["north" if index % 2 else "south" for index in range(units)],
            "kickoff_date": [date(2026, 7, 1) if treated else None for treated in pilot],
            "is_coach_trained": [bool(treated) and index % 5 > 0 for index, treated in enumerate(pilot)],
        }
    )
    frame = pl.DataFrame(rows, schema_overrides={"cohort_period_start": pl.Date})
    return Cells(
        means=frame,
        life=pl.DataFrame(schema={"metric": pl.String, "segment": pl.String}),
        differences=pl.DataFrame(changes),
        covariates=pl.DataFrame(products),
        units=facts,
    )


def simple_rows(estimated) -> dict[str, dict]:
    rows = estimated.estimates.filter((pl.col("aggregation") == "simple") & (pl.col("segment") == "all"))
    return {row["estimator"]: row for row in rows.iter_rows(named=True)}


def test_who_volunteered_gets_every_sensitivity_beside_the_headline():
    estimated = estimate_study(Asked(questions=[ENGAGEMENT]), organisation())
    rows = simple_rows(estimated)
    assert set(rows) == {
        *("att_not_yet_treated", "att_never_treated", "att_outcome_regression", "att_doubly_robust"),
        *("att_entropy_balanced", "atu_entropy_balanced", "as_treated", "complier", "twfe"),
    }
    assert [row["estimator"] for row in rows.values() if row["is_headline"]] == ["att_not_yet_treated"]
    assert {name for name, row in rows.items() if row["status"] != "estimated"} == set()
    # With one cohort and equal units two-way fixed effects compares the mean of all periods after and before.
    after = pl.col("period_start") >= QUARTERS[2]
    change = (
        organisation()
        .means.group_by("arm")
        .agg((pl.col("value_sum").filter(after).mean() - pl.col("value_sum").filter(~after).mean()) / 12)
    )
    of_arm = dict(change.iter_rows())
    assert rows["twfe"]["estimate"] == pytest.approx(of_arm["pilot"] - of_arm["control"], abs=1e-9)


def test_of_few_units_everything_is_estimated_too():
    few = simple_rows(estimate_study(Asked(questions=[ENGAGEMENT]), organisation(units=28)))
    assert {row["status"] for row in few.values()} == {"estimated"}
    hopeless = simple_rows(estimate_study(Asked(questions=[ENGAGEMENT]), organisation(units=10)))
    assert {row["reason"][:13] for row in hopeless.values()} == {"too few units"}  # what has no number says why


def test_the_lot_makes_the_contrast_of_units_the_headline():
    asked = Asked(questions=[ENGAGEMENT], design="randomised")
    rows = simple_rows(estimate_study(asked, organisation()))
    assert [name for name, row in rows.items() if row["is_headline"]] == ["randomised_ancova"]
    assert {"randomised_difference", "att_not_yet_treated"} <= set(rows)
    assert rows["randomised_ancova"]["std_error"] < rows["randomised_difference"]["std_error"]


def test_one_wave_is_answered_by_the_lot_and_by_nothing_else():
    cells = organisation()
    last = cells.means.filter(pl.col("period_start") == QUARTERS[3])
    once = Cells(means=last, life=cells.life, units=cells.units)
    rows = simple_rows(estimate_study(Asked(questions=[ENGAGEMENT], design="randomised"), once))
    assert rows["randomised_difference"]["is_headline"] and rows["randomised_difference"]["status"] == "estimated"
    [row] = simple_rows(estimate_study(Asked(questions=[ENGAGEMENT]), once)).values()
    assert row["reason"] == "no cohort has a period before and one after its kick-off"


def test_adjusting_takes_off_what_longer_tenure_does():
    naive, adjusted = [], []
    for seed in range(20):
        rows = simple_rows(estimate_study(Asked(questions=[ENGAGEMENT]), organisation(seed, effect=0.0, lift=8.0)))
        naive.append(rows["att_not_yet_treated"]["estimate"])
        adjusted.append(rows["att_outcome_regression"]["estimate"])
    assert np.mean(naive) > 2.5  # tenure raises the slope by 0.3 a quarter and year, and the pilot has 8 years more
    assert abs(np.mean(adjusted)) < 3 * np.std(adjusted) / np.sqrt(20)


def test_the_order_of_rows_does_not_matter_to_the_last_digit():
    cells, asked = organisation(), Asked(questions=[ENGAGEMENT])
    frames = {name: getattr(cells, name) for name in ("means", "life", "differences", "covariates", "units")}
    shuffled = Cells(**{name: frame.sample(fraction=1.0, shuffle=True, seed=3) for name, frame in frames.items()})
    one, other = estimate_study(asked, cells), estimate_study(asked, shuffled)
    assert one.estimates.equals(other.estimates)
    assert one.diagnostics.equals(other.diagnostics)


def test_a_missing_covariate_is_said_and_not_averaged_over():
    cells = organisation()
    short = cells.covariates.with_columns(
        pl.when(pl.col("unit_id") == "t03").then(11).otherwise("n_people").alias("n_people")
    )
    asked = Asked(questions=[ENGAGEMENT])
    changed = Cells(means=cells.means, life=cells.life, differences=cells.differences, covariates=short)
    row = simple_rows(estimate_study(asked, changed))["att_outcome_regression"]
    assert (row["status"], row["reason"]) == ("not_estimable", "covariate(s) tenure_years are missing for some people")


def test_the_complier_effect_is_the_effect_by_the_share_that_took_part():
    panel = panel_from_cells(organisation().means).panel
    effects = att.group_time_effects(panel)
    took_part = (np.arange(30) < 15) & (np.arange(30) % 5 > 0)  # 12 of 15 units of equal size
    whole = complier_effect(effects, took_part)
    assert whole.value == pytest.approx(aggregations.simple(effects).value / 0.8)
    keep = np.arange(30) != 0
    rest = Panel(panel.n[keep], panel.total[keep], panel.cohort[keep], panel.people[keep])
    slow = complier_effect(att.group_time_effects(rest), took_part[keep])
    assert whole.without[0] == pytest.approx(slow.value)


def test_diagnostics_answer_or_say_why_not():
    estimated = estimate_study(Asked(questions=[ENGAGEMENT]), organisation())
    assert dict(estimated.diagnostics.schema) == DIAGNOSTICS_SCHEMA
    rows = {row["diagnostic"]: row for row in estimated.diagnostics.iter_rows(named=True)}
    assert rows["pre_trend"]["p_value"] > 0.001 and rows["pre_trend_detectable_drift"]["value"] > 0
    assert rows["intraclass_correlation"]["value"] == pytest.approx(25 / 125, abs=0.12)
    assert rows["wild_cluster_bootstrap"]["p_value"] == pytest.approx(1 / 1000)
    assert rows["randomisation_inference"]["reason"].startswith("assignment was not random")
    assert all((row["status"] == "estimated") == (row["reason"] is None) for row in rows.values())


def test_a_steady_drift_before_kickoff_is_a_line_through_the_gap():
    """Pilot units rise by one more a period, before and after: the slope is one, and after five periods the effect is
    what the drift adds."""
    rng = np.random.default_rng(3)
    n = np.full((24, 10), 10.0)
    cohort = np.repeat([7, 0], 12)
    level = 50 + np.arange(10) * (cohort[:, None] > 0) + rng.normal(0, 0.05, (24, 10))
    effects = att.group_time_effects(Panel(n, n * level, cohort, np.full(24, 10.0)))
    assert aggregations.mean_distance(effects) == pytest.approx(np.mean([1, 2, 3, 4]))
    setting = Setting(design="volunteered", unit="team", alpha=0.05)
    found = {each.name: each for each in _drift(*earlier_of(effects), effects, setting)}
    assert found["pre_trend_slope"].value == pytest.approx(1, abs=0.02) and found["pre_trend_slope"].p_value < 1e-6
    assert found["pre_trend_slope_bias"].value == pytest.approx(2.5 * found["pre_trend_slope"].value)
    gap = level[:12].mean(axis=0) - level[12:].mean(axis=0)
    assert found["pre_trend_slope"].value == pytest.approx(np.polyfit(np.arange(6), gap[:6], 1)[0])


def earlier_of(effects):
    curve = aggregations.by_distance(att.group_time_effects(effects.panel, base="universal"))
    times = np.array([s for s in sorted(curve) if s < 0])
    return [curve[s] for s in times], times


def test_a_randomised_study_draws_its_lot_again():
    asked = Asked(questions=[ENGAGEMENT], design="randomised")
    rows = {row["diagnostic"]: row for row in estimate_study(asked, organisation()).diagnostics.iter_rows(named=True)}
    assert rows["randomisation_inference"]["p_value"] == pytest.approx(1 / 1000)


def test_an_outcome_that_coaching_cannot_move_is_a_test_of_the_arms_and_of_nothing_else():
    placebo = Question(metric="engagement_score", kind="mean", role="placebo", source="survey")
    for effect, says in ((0.0, "no movement was seen"), (9.0, "what coaching cannot move has moved")):
        made = estimate_study(Asked(questions=[placebo]), organisation(4, effect=effect))
        [found] = made.diagnostics.filter(pl.col("diagnostic") == "placebo_outcome")["says"]
        assert found.startswith(says)
        assert made.decisions.is_empty() and made.estimates["p_value_adjusted"].null_count() == made.estimates.height


def test_silence_that_follows_the_programme_is_found():
    cells = organisation()
    rng = np.random.default_rng(1)
    after = (pl.col("arm") == "pilot") & (pl.col("period_start") >= QUARTERS[2])
    asked_of = pl.Series(rng.integers(14, 17, cells.means.height))
    silent = cells.means.with_columns(n_eligible=pl.when(after).then(asked_of + 5).otherwise(asked_of))
    found = estimate_study(Asked(questions=[ENGAGEMENT]), Cells(means=silent, life=cells.life)).diagnostics.filter(
        pl.col("diagnostic") == "response_rate"
    )
    assert found["says"].to_list() == ["the programme changes who answers"]
    assert found["value"].item() == pytest.approx(12 / 20 - 12 / 15, abs=0.03)


# --- people assigned one by one -------------------------------------------------------------------------------------


def test_welch_by_hand():
    found = persons.welch((4, 6), (20.0, 12.0), (12.0, 30.0))
    assert found.value == pytest.approx(3.0)
    assert found.std_error == pytest.approx(np.sqrt(4 / 4 + 6 / 6))
    assert found.df == pytest.approx(4 / (1 / 3 + 1 / 5))


def by_person(seed: int, effect: float) -> tuple[pl.DataFrame, dict[str, str]]:
    """Changes since the quarter before kick-off; and, as cells hold them too, from quarter to quarter, about 0."""
    rng, rows = np.random.default_rng(seed), []
    for stratum, n in (("north", 40), ("south", 80)):
        for arm in ("pilot", "control"):
            lasting = rng.normal(0, 3, n)
            since = [(QUARTERS[1], start) for start in QUARTERS[2:]]
            for base, start in [(QUARTERS[0], QUARTERS[1]), *since, (QUARTERS[2], QUARTERS[3])]:
                change = lasting + rng.normal(effect * (arm == "pilot"), 4, n)
                if base != QUARTERS[1]:
                    change = rng.normal(0, 4, n)
                rows.append(
                    {
                        "metric": "engagement_score",
                        "unit_id": f"{arm} / {stratum}",
                        "cohort": arm,
                        "arm": arm,
                        "period_start": start,
                        "base_period_start": base,
                        "n_people": n,
                        "change_sum": change.sum(),
                        "centred_sum_of_squares": float(np.sum((change - change.mean()) ** 2)),
                    }
                )
    strata = {f"{arm} / {name}": name for arm in ("pilot", "control") for name in ("north", "south")}
    return pl.DataFrame(rows), strata


def person_row(seed: int, effect: float) -> dict:
    changes, strata = by_person(seed, effect)
    means_of = pl.DataFrame(
        {
            "metric": ["engagement_score"] * 4,
            "segment": ["all"] * 4,
            "n_observed": [120] * 4,
            "arm": ["pilot"] * 4,
            "cohort": ["pilot"] * 4,
            "period_start": QUARTERS[:4],
            "cohort_period_start": [QUARTERS[2]] * 4,
        }
    )
    cells = Cells(
        means=means_of,
        life=pl.DataFrame(schema={"metric": pl.String, "segment": pl.String}),
        differences=changes,
        units=pl.DataFrame(
            {
                "unit_id": list(strata),
                "stratum": list(strata.values()),
                "kickoff_date": [None] * 4,
                "is_coach_trained": [False] * 4,
            }
        ),
    )
    [row] = estimate_study(
        Asked(questions=[ENGAGEMENT], design="randomised", unit="person"), cells
    ).estimates.iter_rows(named=True)
    return row


def test_people_assigned_one_by_one_are_answered_from_moments():
    rows = [person_row(seed, effect=2.0) for seed in range(150)]
    assert {row["status"] for row in rows} == {"estimated"}
    assert np.mean([row["estimate"] for row in rows]) == pytest.approx(2.0, abs=0.15)
    held = np.mean([row["ci_low"] <= 2.0 <= row["ci_high"] for row in rows])
    assert held >= 0.94  # two periods of the same people are taken as perfectly alike: never too short
    assert (rows[0]["n_pilot"], rows[0]["n_control"]) == (120, 120)


def lives(seed: int, gain: float) -> pl.DataFrame:
    rng, rows = np.random.default_rng(seed), []
    for stratum, n in (("north", 300), ("south", 200)):
        for arm in ("pilot", "control"):
            for phase in ("after", "before"):
                at_risk, chance = n, 0.03 - gain * (arm == "pilot" and phase == "after")
                for month in range(1, 7):
                    left = int(rng.binomial(at_risk, chance))
                    rows.append(
                        {
                            "metric": "retention", "segment": "all", "unit_id": f"{arm} / {stratum}", "cohort": arm,
                            "comparison_cohort": "pilot", "comparison_arm": arm, "phase": phase,
                            "month_number": month, "n_at_risk": at_risk, "n_events": left,
                        }
                    )  # fmt: skip
                    at_risk -= left
    return pl.DataFrame(rows)


@pytest.mark.parametrize("design", ["randomised", "volunteered"])
def test_retention_of_people_assigned_one_by_one_comes_from_life_tables(design):
    question = Question(metric="retention", kind="time_to_event", role="primary", source="hris")
    strata = {f"{arm} / {name}": name for arm in ("pilot", "control") for name in ("north", "south")}
    facts = {"unit_id": list(strata), "stratum": list(strata.values()), "is_coach_trained": [False] * 4}
    units = pl.DataFrame(facts).with_columns(cohort=pl.lit("pilot"), kickoff_date=pl.lit(date(2026, 1, 1)))
    truth, rows = 0.98**6 - 0.97**6, []
    for seed in range(150):
        cells = Cells(means=organisation().means.clear(), life=lives(seed, 0.01), units=units)
        asked = Asked(questions=[question], design=design, unit="person")
        rows.append(estimate_study(asked, cells).estimates.row(0, named=True))
    assert {row["estimator"] for row in rows} == {"persons_retention"}
    assert np.mean([row["ci_low"] <= truth <= row["ci_high"] for row in rows]) == pytest.approx(0.95, abs=0.04)
    assert (rows[0]["n_pilot"], rows[0]["n_control"]) == (500, 500)


def test_a_stratum_of_few_people_is_not_compared():
    changes, strata = by_person(1, 2.0)
    few = changes.with_columns(n_people=pl.lit(9))
    setting = Setting(design="randomised", unit="person", alpha=0.05, stratum=strata, changes=few)
    line = means.Line(
        metric="m", estimator="", aggregation="simple", cohort="all", event_time=None,
        result=NotEstimable(reason=""), is_headline=True,
    )  # fmt: skip
    starts = {"pilot": persons.Start(QUARTERS[2], QUARTERS[1])}
    [none] = persons.change_lines(line, few, setting, starts)
    assert "no stratum has 10 people" in none.result.reason


def test_of_people_assigned_one_by_one_the_base_lies_before_the_quarter_that_the_kickoff_cuts():
    cells = pl.DataFrame(
        {
            "arm": ["pilot"] * 4,
            "cohort": ["pilot"] * 4,
            "period_start": QUARTERS[:4],
            "cohort_period_start": [QUARTERS[2]] * 4,
            "cut_period_start": [QUARTERS[1]] * 4,
        }
    )
    assert persons.starts_of(cells) == {"pilot": persons.Start(QUARTERS[2], QUARTERS[0])}


# --- announced before it began ---------------------------------------------------------------------------------------


def test_a_declared_announcement_moves_the_base_of_every_line_and_what_cannot_follow_says_so():
    asked = Asked(questions=[replace(ENGAGEMENT, anticipation=1)])
    rows = estimate_study(asked, organisation()).estimates
    plain = estimate_study(Asked(questions=[ENGAGEMENT]), organisation()).estimates
    headline = pl.col("is_headline")
    assert rows.filter(headline)["estimate"].item() != plain.filter(headline)["estimate"].item()
    assert rows.filter(headline)["estimate"].item() == pytest.approx(5, abs=3)
    adjusted = rows.filter(pl.col("estimator").is_in(["att_outcome_regression", "att_doubly_robust"]))
    assert adjusted["status"].to_list() == ["not_estimable"] * 2
    assert "anticipation" in adjusted["reason"][0]


# --- hazards --------------------------------------------------------------------------------------------------------


def test_hazards_compare_the_monthly_share_that_leaves():
    months = [date(2026, month, 1) for month in range(1, 9)]
    rng, rows = np.random.default_rng(2), []
    kickoffs = {f"u{index}": date(2026, 5, 10) if index < 20 else None for index in range(40)}
    for unit, kickoff in kickoffs.items():
        for month in months:
            chance = 0.10 if kickoff and month >= date(2026, 5, 1) else 0.05
            left = int(rng.binomial(200, chance))
            rows.append({"unit_id": unit, "month": month, "n_opening": 200, "n_leavers": left})
    frame = pl.DataFrame(rows)
    panel = retention.hazard_panel(frame, kickoffs)
    assert sorted(set(panel.cohort)) == [0, 5]
    question = Question(metric="retention", kind="time_to_event", role="primary", source="hris")
    result = retention.hazard_line(question, frame, kickoffs, 0.05).result
    assert result.ci_low < 0.05 < result.ci_high
    assert retention.hazard_line(question, frame.clear(), kickoffs, 0.05).result.reason.startswith("no months")


def test_of_people_the_newest_cohort_stands_beside_all_of_them_and_cohorts_of_one_day_are_one():
    line = Line(metric="m", estimator="persons_change", result=NotEstimable(reason=""), is_headline=True)
    found = {name: [persons.Contrast(value, 0.5, 30.0, 40, 60)] for name, value in (("a", 1.0), ("b", 4.0), ("c", 2.0))}
    first, second = date(2026, 1, 1), date(2026, 4, 1)
    days = {"a": second, "b": first, "c": second}
    whole, newest = persons._whole_and_newest(line, found, days, "method", 0.05, "")
    assert (whole.is_headline, whole.aggregation, newest.is_headline, newest.aggregation) == (
        True,
        "simple",
        False,
        "newest",
    )
    assert whole.result.estimate == pytest.approx(7 / 3) and newest.result.estimate == pytest.approx(1.5)
    assert in_order(found, days) == [["b"], ["a", "c"]]
    assert len(persons._whole_and_newest(line, found, dict.fromkeys(found, first), "method", 0.05, "")) == 1
    assert in_order(found, {"b": first}) == [["b"], ["a"], ["c"]]

"""Cells as they should not be: nothing may break off, and no failure may look like a number."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from inference import aggregations, att, trends, twfe
from inference.estimates import Asked, Cells, estimate_study
from inference.judging import Question, arms_of
from inference.mean_line import contrasts
from inference.panel import Panel
from inference.unit_panels import panel_from_cells
from tests.unit.inference.test_beside import ENGAGEMENT, QUARTERS, organisation, simple_rows

NUMBERS = ("estimate", "std_error", "ci_low", "ci_high", "p_value", "df")


def nasty(rng: np.random.Generator) -> tuple[Asked, Cells]:
    """A small study with silent units, odd cohorts, rare events, covariates that hardly vary and strata of any kind."""
    n_units, n_periods = int(rng.integers(2, 16)), int(rng.integers(1, 8))
    periods = [date(2024 + index // 4, 3 * (index % 4) + 1, 1) for index in range(n_periods)]
    starts = [None, *rng.choice([*periods, date(2030, 1, 1)], size=2)]
    rare, silent = rng.random() < 0.3, rng.random() * 0.5
    rows, changes, products, units = [], [], [], []
    for c in range(n_units):
        start = starts[int(rng.integers(3))]
        arm = "control" if start is None else "pilot"
        unit = {"unit_id": f"u{c:02}", "cohort": "control" if start is None else f"from {start}", "arm": arm}
        units.append(
            {
                "unit_id": unit["unit_id"],
                "stratum": f"s{rng.integers(3)}",
                "kickoff_date": start,
                "is_coach_trained": arm == "pilot" and bool(rng.random() < 0.6),
            }
        )
        size = int(rng.integers(1, 9))
        for period in periods:
            n = 0 if rng.random() < silent else size
            values = (rng.random(n) < 0.03).astype(float) if rare else rng.normal(50, 5, n).round(rng.integers(0, 3))
            rows.append(
                unit
                | {
                    "metric": "engagement_score", "segment": "all", "period_start": period, "n_people": size,
                    "cohort_period_start": start, "n_eligible": size, "n_observed": n, "value_sum": values.sum(),
                    "centred_sum_of_squares": float(np.sum((values - values.mean()) ** 2)) if n else 0.0,
                }
            )  # fmt: skip
            for base in periods:
                seen = min(n, int(rng.integers(0, size + 1)))
                if base == period or not seen:
                    continue
                x, change = rng.integers(0, 2, seen).astype(float) * (rng.random() < 0.8), rng.normal(size=seen)
                at = {"metric": "engagement_score", "unit_id": unit["unit_id"], "cohort": unit["cohort"], "arm": arm}
                at |= {"period_start": period, "base_period_start": base, "n_people": seen}
                changes.append(at | {"change_sum": change.sum(), "centred_sum_of_squares": float(change @ change)})
                for times, product in (("one", x), ("tenure_years", x * x), ("change", x * change)):
                    products.append(at | {"covariate": "tenure_years", "times": times, "product_sum": product.sum()})
    asked = Asked(
        questions=[Question(metric="engagement_score", kind="mean", role="primary", source="survey")],
        design=str(rng.choice(["randomised", "volunteered"])),
    )
    schema = {"cohort_period_start": pl.Date}
    cells = Cells(
        means=pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None),
        life=pl.DataFrame(schema={"metric": pl.String, "segment": pl.String}),
        differences=pl.DataFrame(changes, infer_schema_length=None),
        covariates=pl.DataFrame(products, infer_schema_length=None),
        units=pl.DataFrame(units, schema_overrides={"kickoff_date": pl.Date}),
        turnovers=pl.DataFrame(schema={"unit_id": pl.String}),
    )
    return asked, cells


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nothing_fails_and_every_number_is_one(seed):
    made = estimate_study(*nasty(np.random.default_rng(seed)))
    estimated = made.estimates.filter(pl.col("status") == "estimated")
    assert estimated.select(pl.all_horizontal(pl.col(NUMBERS).is_finite()).all()).item() in (True, None)
    assert (estimated["std_error"] > 0).all() and (estimated["n_units_pilot"] >= 5).all()
    rest = made.estimates.filter(pl.col("status") != "estimated")
    assert rest.select(pl.all_horizontal(pl.col(NUMBERS).is_null()).all()).item() in (True, None)
    assert rest["reason"].null_count() == 0
    assert made.estimates.filter("is_headline").height == 1
    answered = made.diagnostics.filter(pl.col("status") == "estimated")
    for column in ("value", "ci_low", "ci_high", "p_value", "df"):
        assert answered[column].drop_nulls().is_finite().all(), column


def test_teams_that_fall_silent_altogether_are_seen():
    cells = organisation()
    silent = (pl.col("unit_id") < "t09") & (pl.col("period_start") >= QUARTERS[2])
    gone = cells.means.with_columns(
        *(
            pl.when(silent).then(0).otherwise(name).alias(name)
            for name in ("n_observed", "value_sum", "centred_sum_of_squares")
        ),
        n_eligible=pl.col("n_eligible") + pl.Series(np.random.default_rng(3).integers(0, 3, cells.means.height)),
    )
    made = estimate_study(Asked(questions=[ENGAGEMENT]), Cells(means=gone, life=cells.life))
    [row] = made.diagnostics.filter(pl.col("diagnostic") == "response_rate").rows(named=True)
    assert row["says"] == "the programme changes who answers"
    assert row["value"] < -0.4


def test_units_of_one_armed_strata_do_not_count():
    cells = organisation()
    # Two units of each arm share a stratum; every other stratum has one arm.
    mixed = ["t00", "t01", "t15", "t16"]
    strata = cells.units.with_columns(
        stratum=pl.when(pl.col("unit_id").is_in(mixed)).then(pl.lit("mixed")).otherwise(pl.col("unit_id"))
    )
    asked = Asked(questions=[ENGAGEMENT], design="randomised")
    row = simple_rows(estimate_study(asked, Cells(means=cells.means, life=cells.life, units=strata)))[
        "randomised_ancova"
    ]
    assert (row["status"], row["n_units_pilot"], row["n_units_control"], row["n_pilot"]) == ("not_estimable", 2, 2, 24)
    assert row["reason"].startswith("too few units")


def test_people_followed_are_counted_where_only_they_carry_the_estimate():
    cells = organisation()
    two = ~pl.col("arm").eq("pilot") | pl.col("unit_id").is_in(["t00", "t01"])
    few = Cells(
        means=cells.means,
        life=cells.life,
        differences=cells.differences.filter(two),
        covariates=cells.covariates.filter(two),
    )
    row = simple_rows(estimate_study(Asked(questions=[ENGAGEMENT]), few))["att_outcome_regression"]
    assert (row["status"], row["n_units_pilot"], row["n_pilot"]) == ("not_estimable", 2, 24)


def randomised_headline(lacking: pl.Expr) -> dict:
    cells = organisation()
    asked = Asked(questions=[ENGAGEMENT], design="randomised")
    made = estimate_study(asked, Cells(means=cells.means.filter(~lacking), life=cells.life))
    [row] = made.estimates.filter("is_headline").rows(named=True)
    return row


def test_a_unit_without_a_past_keeps_its_place_and_the_adjustment_stays():
    whole = randomised_headline(pl.lit(False))
    row = randomised_headline((pl.col("unit_id") == "t12") & (pl.col("period_start") < QUARTERS[2]))
    assert (row["estimator"], row["status"]) == ("randomised_ancova", "estimated")
    assert (row["n_units_pilot"], row["n_units_control"]) == (whole["n_units_pilot"], whole["n_units_control"])
    assert "1 of 30 units have no past" in row["reason"]


def test_where_most_units_lack_a_past_nothing_is_adjusted_for_and_that_is_said():
    with_past = [f"t{unit:02}" for unit in range(0, 30, 3)]
    row = randomised_headline(~pl.col("unit_id").is_in(with_past) & (pl.col("period_start") < QUARTERS[2]))
    assert (row["estimator"], row["status"], row["n_units_pilot"]) == ("randomised_difference", "estimated", 15)
    assert "not adjusted for the units' past: 20 of 30 units have none" in row["reason"]


@pytest.mark.parametrize(("units", "first"), [(20, 4), (20, 6), (40, 9)])
def test_the_straight_drift_interval_keeps_its_level_with_few_units(units, first):
    rng, held = np.random.default_rng(units + first), []
    for _ in range(300):
        n = np.full((units, first + 1), 10.0)
        mean = rng.normal(size=(units, 1)) + rng.normal(0, 0.3, n.shape)
        panel = Panel(n, n * mean, np.where(np.arange(units) < units // 2, first, 0), np.full(units, 10.0))
        events = aggregations.by_event_time(att.group_time_effects(panel, base="universal"))
        parts = list(events.values())
        low, high = trends.smoothness_interval(
            np.array([part.value for part in parts]), trends.jackknife_covariance(parts), n_pre=first - 2,
            weights=np.full(2, 0.5), m=0.0, df=units - 2,
        )  # fmt: skip
        held.append(low <= 0 <= high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.035)


def test_as_many_periods_as_units_give_no_interval():
    rng = np.random.default_rng(6)
    parts = rng.normal(size=(12, 12))
    with pytest.raises(ValueError, match="too few units"):
        trends.smoothness_interval(np.zeros(12), parts @ parts.T, n_pre=10, weights=np.full(2, 0.5), m=0.0, df=11)


def test_a_period_that_one_unit_alone_was_seen_in_goes_with_it():
    rng = np.random.default_rng(7)
    n = np.full((12, 5), 6.0)
    n[1:, 4] = 0
    panel = Panel(n, n * rng.normal(size=n.shape), np.where(np.arange(12) < 6, 3, 0), np.full(12, 6.0))
    rest = Panel(n[1:, :4], panel.total[1:, :4], panel.cohort[1:], panel.people[1:])
    assert twfe.of_panel(panel).without[0] == pytest.approx(twfe.of_panel(rest).value, abs=1e-10)


def test_a_broken_guardrail_stops_a_programme_whose_primary_has_no_answer():
    from inference.decisions import Guardrail, Primary, decide
    from inference.results import NotEstimable
    from tests.unit.inference.test_around import estimate

    primary = Primary(
        metric="m",
        result=NotEstimable(reason="why"),
        p_value_adjusted=None,
        direction="up",
        minimum_important_difference=1.0,
    )
    guardrail = Guardrail(metric="g", result=estimate(-9, 0.001), direction="up", margin=1.0)
    assert decide(primary, [guardrail], alpha=0.05).decision == "no go"


def test_counts_of_a_contrast_are_those_of_its_own_period():
    panel = panel_from_cells(organisation().means).panel
    effects = contrasts(panel, None)
    arms = arms_of(effects, np.ones(effects.value.size, bool))
    assert (arms.n_pilot, arms.n_control) == (180, 180)

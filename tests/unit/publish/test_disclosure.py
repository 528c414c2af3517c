import polars as pl
import pytest

from publish.disclosure import FLOOR, FloorViolated, at_least, guard_estimates, guard_tables, hide, small

ROW = {
    "metric": "m",
    "estimator": "e",
    "aggregation": "cohort",
    "cohort": "a",
    "estimate": 1.5,
    "std_error": 0.1,
    "ci_low": 1.3,
    "ci_high": 1.7,
    "p_value": 0.01,
    "p_value_adjusted": None,
    "df": 10.0,
    "n_units_pilot": 6,
    "n_units_control": 6,
    "n_pilot": 60,
    "n_control": 60,
    "status": "estimated",
    "reason": None,
}


def estimates(*changes) -> pl.DataFrame:
    schema = {"p_value_adjusted": pl.Float64, "reason": pl.String}
    return pl.DataFrame([ROW | change for change in changes], schema_overrides=schema)


def test_the_floor_is_in_code():
    assert FLOOR == 5
    with pytest.raises(FloorViolated, match="floor is 5"):
        guard_tables({}, 4)


def test_nine_people_in_an_arm_are_hidden_and_ten_are_shown():
    guarded = guard_estimates(
        estimates({"aggregation": "simple", "n_control": 9}, {"aggregation": "simple", "n_control": 10}), 10
    )
    hidden, shown = guarded.table.sort("status", descending=True).rows(named=True)
    assert (hidden["status"], hidden["estimate"], hidden["ci_low"], hidden["n_pilot"], hidden["n_control"]) == (
        "suppressed",
        None,
        None,
        None,
        None,
    )
    assert "fewer than 10 people" in hidden["reason"]
    assert (shown["status"], shown["estimate"], shown["n_control"]) == ("estimated", 1.5, 10)
    assert guarded.n_hidden == 1


def test_a_lone_hidden_cohort_takes_the_next_smallest_with_it():
    guarded = guard_estimates(
        estimates(
            {"cohort": "tiny", "n_pilot": 4},
            {"cohort": "small", "n_pilot": 30},
            {"cohort": "large", "n_pilot": 90},
            {"cohort": "large", "n_pilot": 90, "metric": "other"},
        ),
        10,
    )
    status = {(row["metric"], row["cohort"]): row["status"] for row in guarded.table.rows(named=True)}
    assert status == {
        ("m", "tiny"): "suppressed",
        ("m", "small"): "suppressed",
        ("m", "large"): "estimated",
        ("other", "large"): "estimated",
    }


def test_two_hidden_cohorts_protect_each_other():
    guarded = guard_estimates(
        estimates({"cohort": "a", "n_pilot": 4}, {"cohort": "b", "n_pilot": 4}, {"cohort": "c", "n_pilot": 90}), 10
    )
    assert guarded.table["status"].to_list().count("estimated") == 1


def test_what_cannot_be_estimated_shows_no_small_counts_either():
    row = {"status": "not_estimable", "n_pilot": 3, "estimate": None, "reason": "too few units"}
    guarded = guard_estimates(estimates(row | {"aggregation": "simple"}), 10).table.row(0, named=True)
    assert (guarded["status"], guarded["n_pilot"], guarded["n_control"]) == ("not_estimable", None, None)


def test_a_missing_count_is_a_small_one():
    frame = pl.DataFrame({"n": [None, 12], "value": [1.0, 2.0]}, schema={"n": pl.Int64, "value": pl.Float64})
    assert hide(frame, small(("n",), 10), ("value",)).table["value"].to_list() == [None, 2.0]


def test_small_counts_in_words_tell_nothing():
    assert (at_least(9, 10), at_least(1_234, 10)) == ("fewer than 10", "1,234")


OUTCOME = {
    "metric": "retention",
    "mean_pilot": 0.9,
    "mean_control": 0.8,
    "difference": 0.1,
    "n_pilot": 200,
    "n_control": 300,
}


def published(table: str, **changed) -> dict:
    """The one row of a published table, made from a harmless row with something changed."""
    rows = {
        "cmp_headcounts": {"month": "2026-01", "n_listed": 100, "n_joiners": 0, "n_leavers": 20},
        "cmp_outcomes": OUTCOME,
        "cmp_balance": OUTCOME | {"standardised_difference": 0.2},
        "cmp_responses": {"n_eligible": 100, "n_observed": 80, "response_rate": 0.8},
        "cmp_populations": {"n_people": 50},
    }
    content = {name: pl.DataFrame([row | (changed if name == table else {})]) for name, row in rows.items()}
    content["est_estimates"] = estimates({})
    content["outcomes"] = pl.DataFrame({"metric": ["retention", "m"], "unit": ["share retained", "points"]})
    names = {"cmp_headcounts": "pub_headcount"}
    return guard_tables(content, 10)[
        names.get(table, table.replace("cmp_", "pub_").replace("outcomes", "comparisons"))
    ].table.row(0, named=True)


def headcounts(**changed):
    row = published("cmp_headcounts", **changed)
    return row["n_listed"], row["n_joiners"], row["n_leavers"]


@pytest.mark.parametrize(("n_observed", "shown"), [(80, True), (91, False), (100, False), (9, False)])
def test_a_small_number_of_silent_people_is_hidden_like_a_small_number_of_answers(n_observed, shown):
    row = published("cmp_responses", n_observed=n_observed)
    assert (row["response_rate"] is not None) == shown


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({}, True),
        ({"mean_pilot": 0.96}, False),
        ({"mean_control": 0.02}, False),
        ({"mean_pilot": 0.96, "metric": "m"}, True),
    ],
)
def test_a_share_that_tells_a_small_number_of_leavers_is_hidden(changed, shown):
    assert (published("cmp_outcomes", **changed)["mean_pilot"] is not None) == shown


def test_joiners_and_leavers_are_hidden_together_because_headcounts_would_give_one_back():
    assert headcounts(n_joiners=12) == (100, 12, 20)
    assert headcounts(n_joiners=12, n_leavers=3) == (100, None, None)
    assert headcounts(n_joiners=3) == (100, None, None)
    assert headcounts(n_joiners=0, n_leavers=0) == (100, None, None)  # else "hidden" would say that somebody moved
    assert headcounts(n_listed=9) == (None, None, None)

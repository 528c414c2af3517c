import polars as pl
import pytest

from publish.disclosure import (
    FLOOR,
    HIDDEN,
    RULES,
    FloorViolated,
    Rule,
    at_least,
    causes_are_shown,
    guard_cascade,
    guard_characteristics,
    guard_comparisons,
    guard_crossings,
    guard_decisions,
    guard_diagnostics,
    guard_doses,
    guard_estimates,
    guard_headcounts,
    guard_items,
    guard_money,
    guard_readiness,
    guard_responses,
    guard_scales,
    guard_survival,
    guard_tables,
    guard_trends,
    guard_turnovers,
    hide,
    small,
    thinned,
)

ROW = {
    "metric": "m",
    "estimator": "e",
    "aggregation": "cohort",
    "cohort": "a",
    "segment": "all",
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
    rows = [ROW | change for change in changes]
    frame = pl.DataFrame(rows, schema_overrides=schema)
    return frame.with_columns(is_headline=(pl.col("aggregation") == "simple") & (pl.col("segment") == "all"))


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
        estimates({"cohort": "a", "n_pilot": 6}, {"cohort": "b", "n_pilot": 6}, {"cohort": "c", "n_pilot": 90}), 10
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
    assert (at_least(9, 10), at_least(1_234, 10), at_least(3, 0)) == ("fewer than 10", "at least 1,230", "3")


def test_of_the_segments_of_one_dimension_a_lone_hidden_one_takes_another_with_it():
    guarded = guard_estimates(
        estimates(
            {"aggregation": "simple", "cohort": "all"},
            {"aggregation": "simple", "cohort": "all", "segment": "site: small", "n_pilot": 3},
            {"aggregation": "simple", "cohort": "all", "segment": "site: north", "n_pilot": 30},
            {"aggregation": "simple", "cohort": "all", "segment": "site: south", "n_pilot": 40},
            {"aggregation": "simple", "cohort": "all", "segment": "tenure: long", "n_pilot": 20},
        ),
        10,
    )
    status = {row["segment"]: row["status"] for row in guarded.table.rows(named=True)}
    assert status == {
        "all": "estimated",
        "site: small": "suppressed",
        "site: north": "suppressed",
        "site: south": "estimated",
        "tenure: long": "estimated",
    }


OUTCOMES = pl.DataFrame({"metric": ["retention", "m"], "unit": ["share retained", "points"]})
OUTCOME = {
    "metric": "retention",
    "time_window": "after",
    "segment": "all",
    "mean_pilot": 0.9,
    "mean_control": 0.8,
    "difference": 0.1,
    "n_pilot": 200,
    "n_control": 300,
}


@pytest.mark.parametrize(("n_observed", "shown"), [(80, True), (91, False), (100, False), (9, False)])
def test_a_small_number_of_silent_people_is_hidden_like_a_small_number_of_answers(n_observed, shown):
    row = {"segment": "all", "n_eligible": 100, "n_observed": n_observed, "response_rate": n_observed / 100}
    assert (guard_responses(pl.DataFrame([row]), 10).table["response_rate"].item() is not None) == shown


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
    guarded = guard_comparisons(pl.DataFrame([OUTCOME | changed]), OUTCOMES, 10)
    assert (guarded.table["mean_pilot"].item() is not None) == shown
    trend = {"metric": "retention", "mean": 0.9, "n_observed": 200, "n_eligible": 200}
    trend |= {"metric": changed.get("metric", "retention"), "mean": changed.get("mean_pilot", 0.9)}
    guarded = guard_trends(pl.DataFrame([trend]), OUTCOMES, 10)
    assert (guarded.table["mean"].item() is not None) == (shown or "mean_control" in changed)


BRIDGE = {
    "month": "2026-01",
    "cohort": "pilot",
    "n_opening": 100,
    "n_hires": 0,
    "n_transfers_in": 3,
    "n_leavers": 20,
    "n_transfers_out": 1,
    "n_listed_late": 0,
    "n_listed_again": 1,
    "n_not_listed_before_exit": 0,
    "n_vanished": -2,
    "n_closing": 81,
}


def bridge(**changed):
    row = guard_headcounts(pl.DataFrame([BRIDGE | changed]), 10).table.row(0, named=True)
    return row["n_opening"], row["n_hires"], row["n_leavers"], row["n_other"], row["n_closing"]


def test_movements_are_hidden_together_because_headcounts_would_give_one_back():
    assert bridge(n_hires=12, n_closing=93) == (100, 12, 20, 1, 93)
    assert bridge(n_hires=12, n_leavers=3, n_closing=110) == (100, None, None, None, 110)
    assert bridge(n_hires=3, n_closing=84) == (100, None, None, None, 84)
    assert bridge(n_hires=0, n_leavers=0) == (100, None, None, None, 81)  # else "hidden" would say that somebody moved
    assert bridge(n_opening=9) == (None, None, None, None, None)


def test_a_rule_hides_figures_with_their_counts_and_small_parts_by_themselves():
    rule = Rule(counts=("n",), figures=("mean",), own=("n_part",))
    frame = pl.DataFrame({"n": [9, 12, 12], "mean": [1.0, 2.0, 3.0], "n_part": [9, 0, 11]})
    guarded = rule.guard(frame, 10)
    assert guarded.table.rows() == [(None, None, None), (12, 2.0, None), (12, 3.0, 11)]
    assert guarded.n_hidden == 2


@pytest.mark.parametrize("table", RULES)
def test_the_rules_name_columns_that_the_tables_have(table, published):
    """A count that a rule does not name is shown: every one must be named, or be no count of people."""
    from ingest.load import warehouse

    with warehouse(published.warehouse) as connection:
        columns = set(connection.sql(f"from comparisons.{table} limit 0").columns)
    rule = RULES[table]
    named = {*rule.counts, *rule.figures, *rule.own}
    no_people = {"n_units", "n_units_reassigned"}
    assert named <= columns and {name for name in columns if name.startswith("n_")} - no_people <= named


def test_an_arm_that_is_hidden_hides_the_whole_of_a_scale():
    row = {"launched_date": "2026-01-31", "scale": "s", "cronbach_alpha": 0.8}
    frame = pl.DataFrame([row | {"arm": arm, "n_people": n} for arm, n in (("all", 69), ("pilot", 60), ("control", 9))])
    assert guard_scales(frame, 10).table["n_people"].to_list() == [None, 60, None]


def test_shares_left_are_shown_once_they_are_about_enough_people():
    window = {"programme": "p", "comparison_cohort": "c", "comparison_arm": "pilot", "phase": "after", "segment": "all"}
    shares = {"share_retained": 0.9} | dict.fromkeys(
        (f"share_left_{cause}" for cause in ("voluntary", "involuntary", "other", "regretted")), 0.05
    )
    months = [
        {"month_number": 1, "n_at_risk": 100, "n_events": 9, "n_voluntary": 9, "n_involuntary": 0},
        {"month_number": 2, "n_at_risk": 91, "n_events": 4, "n_voluntary": 1, "n_involuntary": 3},
        {"month_number": 3, "n_at_risk": 12, "n_events": 3, "n_voluntary": 3, "n_involuntary": 0},
    ]
    frame = pl.DataFrame([window | month | shares | {"n_other": 0, "n_regretted": 0} for month in months])
    table = guard_survival(frame, 10).table
    assert table["share_retained"].to_list() == [None, 0.9, None]
    # Causes stand together: three involuntary exits would be what the others leave over.
    assert table["share_left_voluntary"].to_list() == [None, None, None]
    assert table["share_left_involuntary"].to_list() == [None, None, None]
    assert "n_events" not in table.columns and "n_at_risk" not in table.columns


def causes(*windows: tuple[int, int, int]) -> pl.DataFrame:
    """Curves of one month: voluntary, involuntary and other leavers of each cohort, of a hundred people."""
    rows = [
        {"programme": "p", "comparison_cohort": f"c{k}", "comparison_arm": "pilot", "phase": "after", "segment": "all",
         "month_number": 1, "n_at_risk": 100, "n_events": sum(of), "n_voluntary": of[0], "n_involuntary": of[1],
         "n_other": of[2], "n_regretted": 0, "share_retained": 1 - sum(of) / 100}
        | dict.fromkeys((f"share_left_{cause}" for cause in ("voluntary", "involuntary", "other", "regretted")), 0.05)
        for k, of in enumerate(windows)
    ]  # fmt: skip
    return guard_survival(pl.DataFrame(rows), 10).table


@pytest.mark.parametrize(
    ("windows", "shown"),
    [
        ([(12, 11, 0)], True),
        ([(12, 11, 0), (30, 20, 10)], True),
        ([(12, 11, 0), (30, 2, 0)], False),
        ([(2, 0, 0)], False),
        ([(23, 0, 0)], False),  # whoever is known to have left is known to have left by it
        ([], False),
    ],
)
def test_causes_of_leaving_are_estimated_only_where_every_curve_tells_them(windows, shown):
    table = causes(*windows) if windows else causes((1, 1, 1)).clear()
    assert causes_are_shown(table) is shown
    rows = [
        {"metric": "retention", "aggregation": "simple", "estimator": name, "n_pilot": 200, "n_control": 200}
        for name in ("life_table_difference", "left_voluntary_difference")
    ]
    unanswered = rows[1] | {"status": "not_estimable", "reason": "the outcome does not vary in an arm"}
    guarded = guard_estimates(estimates(*rows, unanswered), 10, with_causes=causes_are_shown(table)).table
    of_causes = guarded.filter(pl.col("estimator") == "left_voluntary_difference")
    assert set(of_causes["status"]) == ({"estimated", "not_estimable"} if shown else {"suppressed"})
    assert shown or (of_causes["reason"].str.contains("hidden").all() and of_causes["estimate"].null_count() == 2)
    assert guarded.filter(pl.col("estimator") == "life_table_difference")["status"].to_list() == ["estimated"]


def test_a_small_team_is_not_one_end_of_a_dose():
    row = {"n_people": 60, "n_people_without": 12, "held_per_person_month": 1.0, "minutes_per_person_month": 30.0}
    row |= {"low_unit": 0.5, "median_unit": 1.0, "high_unit": 1.5}
    table = guard_doses(pl.DataFrame([row | {"n_people_smallest_unit": n} for n in (7, 10)]), 10).table
    assert table["median_unit"].to_list() == [None, 1.0] and table["held_per_person_month"].null_count() == 0
    assert "n_people_smallest_unit" not in table.columns


def test_between_two_shown_points_of_a_curve_enough_people_left():
    anywhere = [True] * 6
    assert thinned([9, 13, 16, 25, 34, 40], anywhere, 10) == [False, True, False, True, False, True]
    assert thinned([9, 13, 16, 25, 34, 40], [*anywhere[:5], False], 10) == [False, False, True, False, True, False]
    assert thinned([3, 5, 9], anywhere, 10) == [False] * 3
    assert thinned([10, 10, 10], anywhere, 10) == [False, False, True]


def test_turnover_is_shown_by_year_and_causes_together_or_not_at_all():
    row = {
        "span": "year",
        "scope": "arm",
        "formula": "monthly_means",
        "n_opening": 100,
        "n_closing": 90,
        "n_leavers": 30,
        "denominator": 95.0,
        "turnover": 0.3,
    }
    causes = {"n_voluntary": 18, "n_involuntary": 12, "n_regretted": 10}
    frame = pl.DataFrame(
        [
            row | causes,
            row | causes | {"n_regretted": 3},
            row | causes | {"n_leavers": 9},
            row | causes | {"span": "quarter"},
            row | causes | {"scope": "all"},
            # 9 leavers in December, and 12
            row | causes | {"formula": "last_month", "turnover": 1.2, "denominator": 90.0},
            row | causes | {"formula": "last_month", "turnover": 1.6, "denominator": 90.0},
        ]
    )
    table = guard_turnovers(frame, 10).table
    assert table.height == 5
    assert table["turnover"].to_list() == [0.3, 0.3, None, None, 1.6]
    assert table["n_voluntary"].to_list() == [18, None, None, None, 18]


def test_a_share_of_few_people_is_hidden_on_either_side():
    row = {"mean_control": 0.4, "standardised_difference": 0.1, "n_pilot": 100, "n_control": 100}
    rows = [("department: Legal", 0.02), ("department: Sales", 0.58), ("department: Ops", 0.4), ("fte", 0.02)]
    frame = pl.DataFrame([row | {"characteristic": name, "mean_pilot": mean} for name, mean in rows])
    shown = dict(guard_characteristics(frame, 10).table.select("characteristic", "mean_pilot").iter_rows())
    assert shown["department: Legal"] is None and shown["fte"] == 0.02
    assert [shown["department: Sales"], shown["department: Ops"]].count(None) == 1  # else the rest would tell


ITEM = {"mean_score": 70.0, "n_respondents": 40, "n_complete": 39, "n_answered": 39, "no_answer_share": 1 / 40}
ITEM |= {"favourable_share": 0.5}


@pytest.mark.parametrize(
    ("given", "hidden"),
    [
        ({}, {"n_answered", "no_answer_share"}),  # who left it out is one person
        ({"favourable_share": 38 / 40}, {"n_answered", "no_answer_share", "favourable_share"}),
        ({"mean_score": 99.9}, {"n_answered", "no_answer_share", "mean_score"}),  # nearly everybody gave the best
        ({"mean_score": 0.1}, {"n_answered", "no_answer_share", "mean_score"}),
        ({"n_answered": 20, "n_complete": 10, "no_answer_share": 0.5}, set()),
        ({"n_answered": 20, "n_complete": 9, "no_answer_share": 0.5}, set(ITEM)),
        ({"n_answered": 9, "n_complete": 9, "no_answer_share": 31 / 40}, set(ITEM)),
    ],
)
def test_an_item_shows_what_is_about_enough_people(given, hidden):
    found = guard_items(pl.DataFrame([ITEM | given]), 10).table.row(0, named=True)
    assert {name for name, value in found.items() if value is None} == hidden


def test_the_breadth_of_a_cascade_tells_no_small_number_of_trainers():
    row = {"depth": "1", "n_trained": 30, "n_people_reached": 300, "n_trainers": 3, "breadth": 100.0}
    row |= {"first_completed_date": None, "last_completed_date": None, "median_days_to_reach": 0.0}
    found = guard_cascade(pl.DataFrame([row]), 10).table.row(0, named=True)
    assert (found["n_trained"], found["n_trainers"], found["breadth"]) == (30, None, None)


def test_what_shows_nothing_protects_nobody_and_hidden_rows_are_enough_together():
    guarded = guard_estimates(
        estimates(
            {"cohort": "tiny", "n_pilot": 4},
            {"cohort": "not yet", "n_pilot": 0, "status": "not_estimable", "estimate": None},
            {"cohort": "large", "n_pilot": 96},
            {"cohort": "larger", "n_pilot": 200},
        ),
        10,
    )
    status = {row["cohort"]: row["status"] for row in guarded.table.rows(named=True)}
    assert status == {
        "tiny": "suppressed", "large": "suppressed", "larger": "estimated", "not yet": "not_estimable",
    }  # fmt: skip
    few = guard_estimates(
        estimates(*({"cohort": name, "n_pilot": n} for name, n in (("a", 4), ("b", 3), ("c", 40), ("d", 90)))), 10
    )
    assert few.table.filter(pl.col("status") == "estimated")["cohort"].to_list() == ["d"]


def test_who_changed_sides_is_told_by_arm():
    cohorts = [("wave_1", "control", 6), ("wave_2", "control", 5), ("control", "wave_1", 4)]
    frame = pl.DataFrame(
        [
            {
                "programme": "p",
                "who": "people",
                "from_cohort": a,
                "to_cohort": b,
                "n_people": n,
                "first_month": "2026-01",
            }
            for a, b, n in cohorts
        ]
    )
    table = guard_crossings(frame, 10).table
    assert table.select("from_arm", "to_arm", "n_people").rows() == [
        ("control", "pilot", None),
        ("pilot", "control", 11),
    ]


def test_a_state_whose_movements_are_few_hides_two_of_them():
    keys = {"programme": "p", "assessed_date": "2026-01-31", "cohort": "c", "arm": "pilot"}
    moves = [("driver", "driver", 30), ("neutral", "driver", 12), ("resistant", "driver", 2)]
    frame = pl.DataFrame(
        [keys | {"readiness_before": before, "readiness": now, "n_managers": n} for before, now, n in moves]
    )
    table = guard_readiness(frame, 10).table
    shown = {row["readiness_before"]: row["n_managers"] for row in table.rows(named=True)}
    assert shown == {"all": 44, "driver": 30, "neutral": None, "resistant": None}


FIGURES = ("value", "ci_low", "ci_high", "p_value", "df")
WORDS = {"says": "no movement", "reason": None, "n_pilot": 10, "n_control": 10}


def test_what_rests_on_a_hidden_estimate_is_hidden_with_it():
    suppressed = estimates({"aggregation": "simple", "cohort": "all", "metric": "retention", "status": "suppressed"})
    decision = {
        "metric": "retention",
        "verdict": "improved",
        "decision": "go",
        "estimate": 1.0,
        "ci_low": 0.0,
        "ci_high": 2.0,
    }
    decision |= {"p_value_adjusted": 0.01, "reason": "because"}
    hidden = guard_decisions(pl.DataFrame([decision]), suppressed).table
    assert hidden.select("verdict", "decision", "estimate").row(0) == (None, None, None)
    beside = pl.DataFrame([{"metric": "retention", "status": "estimated"} | dict.fromkeys(FIGURES, 1.0) | WORDS])
    shown = guard_diagnostics(beside, suppressed, 10).table.select("status", "value", "says", "reason").row(0)
    assert shown == ("suppressed", None, None, HIDDEN.format(minimum=10))
    assert guard_diagnostics(beside, estimates({}), 10).table["value"].to_list() == [1.0]
    few = beside.with_columns(n_pilot=9)
    assert guard_diagnostics(few, estimates({}), 10).table["value"].to_list() == [None]
    assert guard_decisions(pl.DataFrame([decision]), estimates({})).table["decision"].to_list() == ["go"]
    amounts = {"unit": "EUR", "low": 1.0, "central": 2.0, "high": 3.0, "basis": "b"}
    money = pl.DataFrame([amounts | {"item": "net"}, amounts | {"item": "programme_cost"}])
    loads = pl.DataFrame({"n_coaches": [20], "n_people_coached": [200]})
    content = {"cmp_coach_loads": loads, "outcomes": OUTCOMES}
    assert guard_money(money, content, suppressed, 10).table["central"].to_list() == [None, 2.0]
    assert guard_money(money, content, estimates({}), 10).table["central"].to_list() == [2.0, 2.0]
    few = content | {"cmp_coach_loads": loads.with_columns(n_coaches=9)}
    assert guard_money(money, few, estimates({}), 10).table["central"].to_list() == [None, None]


def test_those_who_took_part_are_hidden_where_the_others_are_few():
    row = {"aggregation": "simple", "segment": "all", "cohort": "all", "metric": "m"}

    def statuses(n_part: int) -> dict[str, str]:
        frame = estimates(
            row | {"estimator": "att_not_yet_treated", "n_pilot": 100},
            row | {"estimator": "as_treated", "n_pilot": n_part},
            row | {"estimator": "complier", "n_pilot": 100},
        )
        return dict(guard_estimates(frame, 10).table.select("estimator", "status").iter_rows())

    assert statuses(91) == {"att_not_yet_treated": "estimated", "as_treated": "suppressed", "complier": "suppressed"}
    assert set(statuses(90).values()) == {"estimated"}

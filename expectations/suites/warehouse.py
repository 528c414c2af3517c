"""What the gate asks of panels, cells, comparisons and estimates, and of changes since the last release."""

from __future__ import annotations

from collections.abc import Mapping

from expectations.suites.promise import (
    NOBODY,
    Promise,
    Tables,
    be_at_least,
    be_between,
    be_given,
    be_in_set,
    be_zero,
    not_be_empty,
)


def panels(limit: Mapping[str, float]) -> Tables:
    """What happened to whom, as counts per metric: no person is in these tables."""
    ask = "find the export that holds this value and correct its mapping, which reads the value wrongly"
    return {
        "reached": [
            be_zero(
                "source_unseen",
                "the records of a source that the study asks about reach a panel",
                "is_unseen",
                fix="no record belongs to a person of the study, or no outcome uses its scale: compare ids, and the "
                "mapping's scales with the outcomes in study.yml",
            ),
            be_zero("source_unreported", "a source with a closed period has cells", "is_unreported"),
        ],
        "panel_profiles": [
            not_be_empty("no_panels", "there is at least one metric to judge"),
            be_zero("value_not_finite", "every value is a number", "n_not_finite", fix=ask),
            be_zero("value_too_low", "no person's value lies below its metric's range", "n_below", fix=ask),
            be_zero("value_too_high", "no person's value lies above its metric's range", "n_above", fix=ask),
            be_zero("value_of_the_future", "nothing is observed after the as-of date", "n_future", fix=ask),
            be_zero("person_twice", "a person counts once per metric and period", "n_doubled"),
            be_zero("without_arm", "whoever is observed belongs to an arm", "n_without_arm"),
            be_between(
                "metric_constant",
                "what the study decides by varies between people",
                "n_values_that_differ",
                2,
                fix="the export writes one value for everybody; deliver what was measured",
            ),
            be_zero("lost_before_cells", "cells hold every value of the panels", "n_lost_before_cells"),
            be_zero("lost_before_trends", "comparisons hold every value of the cells", "n_lost_before_trends"),
        ],
        "retention_profiles": [
            be_zero("followed_backwards", "nobody is followed for less than no time", "n_negative"),
            be_zero("left_without_cause", "whoever left has a cause, if only unknown", "n_without_cause"),
            be_zero("entered_in_future", "nobody enters after the as-of date", "n_future"),
            be_zero("entered_twice", "a person enters a comparison once", "n_doubled"),
        ],
    }


def cells(limit: Mapping[str, float]) -> Tables:
    """Sums at the assignment unit."""
    return {
        "cell_means": [
            be_between("silent_negative", "nobody answers who was not eligible", "n_silent", 0),
            be_between("count_negative", "no count is negative", "n_observed", 0),
            be_between("spread_negative", "sums of squares are not negative", "centred_sum_of_squares", 0),
            be_given("spread_unknown", "sums of squares are known", "centred_sum_of_squares"),
            be_between("spread_too_wide", "no cell spreads wider than its metric's range allows", "spread_left", 0),
            be_between("cell_too_low", "no cell lies below its metric's range", "above_lowest", 0),
            be_between("cell_too_high", "no cell lies above its metric's range", "below_highest", 0),
        ],
        "cell_units": [
            not_be_empty("no_assignment", "somebody is assigned", fix=NOBODY),
            be_zero("unit_in_both_arms", "no unit is in two arms", "n_in_both"),
            be_zero("cells_without_unit", "every cell belongs to a unit of the study, in its arm", "n_foreign_cells"),
        ],
        "cell_life_tables": [
            be_between("staying_negative", "nobody leaves who was not at risk", "n_staying", 0),
            be_zero("causes_do_not_sum", "every leaver has one cause", "n_without_cause"),
            be_between("risk_grows", "no one comes back to those at risk", "n_dropped", 0),
        ],
    }


def comparisons(limit: Mapping[str, float]) -> Tables:
    """Pilot and control."""
    gap, apart = limit["response_rate_gap"], limit["standardised_difference"]
    return {
        "outcomes": [
            be_between("people_negative", "no count of people is negative", "n_pilot", 0),
            be_between("people_negative", "no count of people is negative", "n_control", 0),
            be_zero("difference_wrong", "a difference is pilot minus control", "off_by"),
            be_between("mean_too_low", "no mean lies below its metric's range", "above_lowest", 0),
            be_between("mean_too_high", "no mean lies above its metric's range", "below_highest", 0),
        ],
        "trends": [
            be_between("mean_too_low", "no mean lies below its metric's range", "above_lowest", 0),
            be_between("mean_too_high", "no mean lies above its metric's range", "below_highest", 0),
            be_zero("trend_not_its_cells", "a mean is that of its cells", "off_by"),
        ],
        "response_rates": [
            be_between("rate_no_share", "response rates are shares", "lowest_rate", 0, 1),
            be_between("rate_no_share", "response rates are shares", "highest_rate", 0, 1),
            be_between(
                "response_gap",
                "the response rates of the arms are similar",
                "gap",
                0,
                gap,
                threshold="response_rate_gap",
                fix="find out why one arm is silent; no method repairs it and nobody can waive it",
            ),
            be_between(
                "response_drop",
                "response does not collapse from one wave to the next",
                "drop",
                -1,
                limit["response_rate_drop"],
                threshold="response_rate_drop",
                waived_by="period",
                fix="deliver the whole export of the wave; if so few did answer, waive the period in study.yml",
            ),
        ],
        "balance": [
            be_between(
                "arms_apart",
                "the arms overlap before the start",
                "standardised_difference",
                -apart,
                apart,
                threshold="standardised_difference",
                fix="these arms cannot be compared on this metric; choose other control units",
            )
        ],
        "populations": [
            not_be_empty("nobody_assigned", "somebody is assigned", fix=NOBODY),
            be_between("population_empty", "every population has people", "n_people", 1),
        ],
        "headcount_bridge": [be_zero("bridge_broken", "opening + hires − leavers ± corrections = closing", "off_by")],
    }


def estimates(limit: Mapping[str, float]) -> Tables:
    """How large, how sure, or why not."""
    inside = "an estimate lies inside its interval"
    return {
        "questions": [
            not_be_empty("no_question", "the study asks something", fix="name outcomes in study.yml"),
            be_between("question_unanswered", "every question has an answer or a reason", "n_rows", 1),
        ],
        "estimates": [
            not_be_empty("no_estimates", "there are estimates"),
            be_in_set("status_unknown", "every estimate has a status", "status", ["estimated", "not_estimable"]),
            be_given("status_unknown", "every estimate has a status", "status"),
        ],
        "estimated": [
            be_given("estimate_missing", "an estimate is a number", "estimate"),
            be_given("error_missing", "an estimate has an error", "std_error"),
            be_given("interval_missing", "an estimate has an interval", "ci_low"),
            be_given("interval_missing", "an estimate has an interval", "ci_high"),
            Promise(
                check="error_not_positive",
                sentence="an error is positive",
                expectation="ExpectColumnValuesToBeBetween",
                arguments={"column": "std_error", "min_value": 0, "strict_min": True},
            ),
            be_at_least("outside_interval", inside, "estimate", "ci_low"),
            be_at_least("outside_interval", inside, "ci_high", "estimate"),
            be_between("p_no_probability", "a p-value is a probability", "p_value", 0, 1),
            be_between("p_adjusted_down", "adjusting makes no p-value smaller", "p_raised_by", 0),
            be_zero("p_against_interval", "p-value and interval say the same", "n_contradictions"),
            be_between("no_degrees", "degrees of freedom are at least 1", "df", 1),
            be_between("arm_without_units", "both arms have units", "n_units_pilot", 1),
            be_between("arm_without_units", "both arms have units", "n_units_control", 1),
            be_zero("more_units_than_there_are", "no estimate rests on more units than there are", "n_units_too_many"),
            be_between("effect_too_large", "no effect is larger than its metric's range", "range_left", 0),
        ],
        "not_estimable": [
            be_given("reason_missing", "what cannot be estimated says why", "reason"),
            Promise(
                check="number_without_estimate",
                sentence="what cannot be estimated shows no number",
                expectation="ExpectColumnValuesToBeNull",
                arguments={"column": "estimate"},
            ),
        ],
        "decisions": [
            be_given("verdict_missing", "every primary question has a verdict", "verdict"),
            be_zero("decision_on_another_number", "a decision rests on the headline estimate", "off_by"),
            be_zero("claim_without_evidence", "nothing is called improved whose interval holds zero", "n_unfounded"),
        ],
        "money": [
            be_between("money_disordered", "low, central and high are in order", "above_low", 0),
            be_between("money_disordered", "low, central and high are in order", "below_high", 0),
        ],
    }


def drift(limit: Mapping[str, float]) -> Tables:
    """Against the release that is served, where study and day allow it."""
    moved = "find what changed (`coaching diff`); if it is right, waive it in study.yml"
    restated = limit["restated_share"]
    return {
        "last_release": [
            be_between(
                "estimate_vanished",
                "every group of the last release is still there",
                "is_present",
                1,
                1,
                waived_by="cohort",
                fix=moved,
            ),
            be_between(
                "estimate_jump",
                "no estimate jumps since the last release",
                "moved_by",
                0,
                limit["jump_in_std_errors"],
                threshold="jump_in_std_errors",
                waived_by="metric",
                fix=moved,
            ),
            be_between(
                "error_jump",
                "no estimate is suddenly several times as certain or uncertain as in the last release",
                "error_ratio",
                1,
                limit["error_ratio"],
                threshold="error_ratio",
                waived_by="metric",
                fix=moved,
            ),
        ],
        "restated": [
            be_between(
                "month_restated",
                "periods keep their people since the last release",
                "change",
                -restated,
                restated,
                threshold="restated_share",
                waived_by="period",
                fix=moved,
            ),
        ],
    }

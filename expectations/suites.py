"""What each room's tables promise, as data: room → table → promises. The sentence is what a person reads.

Map expectations pass on an empty table, and range, set and uniqueness pass on columns of nulls (both observed on
Great Expectations 1.24); so tables that must not be empty say so, and columns that must be there are listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

THRESHOLDS = Path(__file__).with_name("thresholds.yml")
OURS = "nothing in the files mends this: it is a fault of the program or of what changed the warehouse; report it"
NOBODY = (
    "nobody in the HR exports belongs to a unit that the study names: deliver them (inbox/hris), or write the units in "
    "roster or study.yml as they do"
)
Level = Literal["block", "warn"]
LEVELS: tuple[Level, ...] = ("block", "warn")
Tables = dict[str, list["Promise"]]


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A number with its reason and whom to ask; without a number for a level that level is not asked."""

    name: str
    reason: str
    owner: str
    block: float | None = None
    warn: float | None = None

    def has(self, level: Level) -> bool:
        """Whether there is a number for the level."""
        return getattr(self, level) is not None

    def at(self, level: Level) -> float:
        """The level's number, or the other's where it has none (and is not asked)."""
        other = self.warn if level == "block" else self.block
        return float(getattr(self, level) if self.has(level) else other)


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One expectation: the class's name in great_expectations.expectations, its arguments and what people read.

    `check` is its word in `coaching gate explain` and study.yml; `accepted_by` the column whose value a person may
    accept there ("": nobody can); `threshold` the number that it rests on ("": none, it is a matter of logic).
    """

    check: str
    sentence: str
    expectation: str
    arguments: dict[str, Any] = field(default_factory=dict)
    mend: str = OURS
    accepted_by: str = ""
    threshold: str = ""
    level: Level = "block"


def thresholds() -> dict[str, Threshold]:
    """By name, from thresholds.yml."""
    document = yaml.safe_load(THRESHOLDS.read_text(encoding="utf-8"))
    return {name: Threshold(name=name, **entry) for name, entry in document.items()}


def declared(known: Mapping[str, Threshold] | None = None) -> dict[str, tuple[str, list[Promise]]]:
    """Table → (room, promises): those that block, and beside each with a number to warn at the same once more."""
    known = known or thresholds()
    found: dict[str, tuple[str, list[Promise]]] = {}
    for room, suite in ROOMS.items():
        levels = {level: suite({name: one.at(level) for name, one in known.items()}) for level in LEVELS}
        for table in levels["block"]:
            promises = [
                replace(promise, level=level)
                for both in zip(*(levels[level][table] for level in LEVELS), strict=True)
                for level, promise in zip(LEVELS, both, strict=True)
                if (known[promise.threshold].has(level) if promise.threshold else level == "block")
            ]
            found[table] = (room, promises)
    return found


def acceptable() -> set[str]:
    """The checks whose findings somebody may sign for in study.yml."""
    return {promise.check for _, promises in declared().values() for promise in promises if promise.accepted_by}


def _between(check: str, sentence: str, column: str, low=None, high=None, **more) -> Promise:
    arguments = {"column": column, "min_value": low, "max_value": high}
    return Promise(
        check=check, sentence=sentence, expectation="ExpectColumnValuesToBeBetween", arguments=arguments, **more
    )


def _zero(check: str, sentence: str, column: str, **more) -> Promise:
    return _between(check, sentence, column, 0, 0, **more)


def _given(check: str, sentence: str, column: str, **more) -> Promise:
    kind = "ExpectColumnValuesToNotBeNull"
    return Promise(check=check, sentence=sentence, expectation=kind, arguments={"column": column}, **more)


def _in_set(check: str, sentence: str, column: str, values: list, **more) -> Promise:
    arguments = {"column": column, "value_set": values}
    return Promise(
        check=check, sentence=sentence, expectation="ExpectColumnValuesToBeInSet", arguments=arguments, **more
    )


def _at_least(check: str, sentence: str, upper: str, lower: str, **more) -> Promise:
    arguments = {"column_A": upper, "column_B": lower, "or_equal": True}
    kind = "ExpectColumnPairValuesAToBeGreaterThanB"
    return Promise(check=check, sentence=sentence, expectation=kind, arguments=arguments, **more)


def _not_empty(check: str, sentence: str, **more) -> Promise:
    kind = "ExpectTableRowCountToBeBetween"
    return Promise(check=check, sentence=sentence, expectation=kind, arguments={"min_value": 1}, **more)


def raw(limit: Mapping[str, float]) -> Tables:
    """What arrived: files, columns beside those of the file before, the organisation from snapshot to snapshot."""
    again = "deliver the file again, whole, or take it out of the inbox (which takes it back until a release used it)"
    mapping = "look at the quarantine (`coaching quarantine list`), then mend the export or the mapping in sources/"
    report = "compare the report's columns and filters with those of the month before and deliver it again"
    change = limit["headcount_change"]
    return {
        "loads": [
            _not_empty("no_files", "at least one file was loaded", mend="drop exports into inbox/"),
            _in_set(
                "file_refused",
                "every file in the inbox could be loaded",
                "status",
                ["loaded"],
                mend=f"the reason stands beside the file; {again}",
            ),
            _between("file_empty", "no export is empty", "n_records", 1, mend=again),
            _between(
                "faulty_share",
                "few records of a file are faulty (share)",
                "faulty_share",
                0,
                limit["faulty_share"],
                threshold="faulty_share",
                mend=mapping,
            ),
            _between(
                "faulty_records",
                "few records of a file are faulty (number)",
                "n_faulty",
                0,
                limit["faulty_records"],
                threshold="faulty_records",
                mend=mapping,
            ),
            _zero("records_lost", "records in = loaded + quarantined", "n_lost"),
        ],
        "profiles": [
            _between(
                "column_dry",
                "a filled column does not run dry",
                "filled_ratio",
                limit["filled_ratio"],
                threshold="filled_ratio",
                accepted_by="column_name",
                mend=report,
            ),
            _between(
                "column_scale",
                "a column of numbers keeps its unit",
                "scale_ratio",
                0,
                limit["scale_ratio"],
                threshold="scale_ratio",
                accepted_by="column_name",
                mend=f"say the unit in the mapping (`scale`), or {report}",
            ),
            _between(
                "column_uniform",
                "a column keeps its variety",
                "distinct_ratio",
                limit["distinct_ratio"],
                threshold="distinct_ratio",
                accepted_by="column_name",
                mend=report,
            ),
        ],
        "groups": [
            _between(
                "group_vanished",
                "no department or site vanishes from a snapshot",
                "n_now",
                1,
                accepted_by="value",
                mend="deliver the whole snapshot; if the group really closed, accept it in study.yml",
            )
        ],
        "headcounts": [
            _not_empty("no_snapshot", "there is a snapshot of the people", mend="drop HR exports into inbox/hris"),
            _between(
                "headcount_jump",
                "head-count does not jump between snapshots",
                "change",
                -change,
                change,
                threshold="headcount_change",
                accepted_by="snapshot",
                mend="deliver the whole snapshot; if the organisation really changed so, accept it in study.yml",
            ),
            _between(
                "unit_coverage",
                "people have an assignment unit",
                "unit_coverage",
                limit["unit_coverage"],
                1,
                threshold="unit_coverage",
                mend="deliver the report with the column that the study assigns by, filled",
            ),
            _between(
                "snapshot_gap",
                "no month is missing between snapshots",
                "gap_days",
                0,
                limit["snapshot_gap_days"],
                threshold="snapshot_gap_days",
                mend="deliver the missing month, if there is one",
            ),
        ],
        "identities": [
            _between(
                "people_found_again",
                "the people of a snapshot are found again in the next one",
                "found_share",
                limit["found_again_share"],
                1,
                threshold="found_again_share",
                accepted_by="snapshot",
                mend="compare the ids of both files: do they come from the same system, with the same filters?",
            ),
            _between(
                "ids_lost_zeros",
                "nobody is known under an id without its leading zeros",
                "lost_zeros_share",
                0,
                limit["renumbered_share"],
                threshold="renumbered_share",
                mend="a spreadsheet took the leading zeros off the ids: deliver the file as it was exported, or give "
                "the zeros back with zero_pad: in the mapping",
            ),
            _between(
                "ids_of_another_space",
                "nobody is known under an id of another kind",
                "other_space_share",
                0,
                limit["renumbered_share"],
                threshold="renumbered_share",
                mend="the ids look different from those of the snapshot before: map the column that held them, or "
                "deliver a crosswalk of old to new ids (hris_crosswalk)",
            ),
            _between(
                "ids_renumbered",
                "nobody is known under another id",
                "renumbered_share",
                0,
                limit["renumbered_share"],
                threshold="renumbered_share",
                mend="people have new ids: deliver a crosswalk of old to new ids (hris_crosswalk)",
            ),
            _between(
                "new_people_not_hired",
                "new people were hired since the snapshot before",
                "unhired_share",
                0,
                limit["unhired_share"],
                threshold="unhired_share",
                accepted_by="snapshot",
                mend="people appear who were hired long ago: new ids without a crosswalk, or a part of the "
                "organisation that the report had left out; accept it in study.yml if a part really joined",
            ),
        ],
        "matches": [
            _between(
                "unmatched",
                "records name people whom the month's snapshot knows",
                "matched_share",
                limit["matched_share"],
                1,
                threshold="matched_share",
                accepted_by="month",
                mend="compare the ids of both exports (leading zeros?); deliver the month's snapshot if it is missing",
            )
        ],
        "units": [
            _not_empty("no_units", "the study has units", mend="deliver the roster, or name the units in study.yml"),
            _between(
                "units_unknown",
                "the study's units exist in the organisation",
                "found_share",
                limit["found_share"],
                1,
                threshold="found_share",
                mend="write the units in roster or study.yml as the HR export writes them",
            ),
        ],
    }


def panels(limit: Mapping[str, float]) -> Tables:
    """What happened to whom, as counts per metric: no person is in these tables."""
    ask = "find out which export tells this; its mapping reads a value as something else"
    return {
        "reached": [
            _zero(
                "source_unseen",
                "the records of a source that the study asks about reach a panel",
                "is_unseen",
                mend="no record is of somebody in the study, or no scale is one that is asked: compare ids, and the "
                "mapping's scales with the outcomes in study.yml",
            ),
            _zero("source_untold", "what is over is told", "is_untold"),
        ],
        "panel_profiles": [
            _not_empty("no_panels", "every question has its panel looked at"),
            _zero("value_not_finite", "every value is a number", "n_not_finite", mend=ask),
            _zero("value_too_low", "no person's value lies below its metric's range", "n_below", mend=ask),
            _zero("value_too_high", "no person's value lies above its metric's range", "n_above", mend=ask),
            _zero("value_of_the_future", "nothing is observed after the day looked from", "n_future", mend=ask),
            _zero("person_twice", "a person counts once per metric and period", "n_doubled"),
            _zero("without_arm", "whoever is observed belongs to an arm", "n_without_arm"),
            _between(
                "metric_constant",
                "what the study decides by varies between people",
                "n_values_that_differ",
                2,
                mend="the export writes one value for everybody; deliver what was measured",
            ),
            _zero("lost_before_cells", "cells hold every value of the panels", "n_lost_before_cells"),
            _zero("lost_before_trends", "comparisons hold every value of the cells", "n_lost_before_trends"),
        ],
        "retention_profiles": [
            _zero("followed_backwards", "nobody is followed for less than no time", "n_negative"),
            _zero("left_without_cause", "whoever left has a cause, if only unknown", "n_without_cause"),
            _zero("entered_in_future", "nobody enters after the day looked from", "n_future"),
            _zero("entered_twice", "a person enters a comparison once", "n_doubled"),
        ],
    }


def cells(limit: Mapping[str, float]) -> Tables:
    """Sums at the assignment unit."""
    return {
        "cell_means": [
            _between("silent_negative", "nobody answers who was not eligible", "n_silent", 0),
            _between("count_negative", "no count is negative", "n_observed", 0),
            _between("spread_negative", "sums of squares are not negative", "centred_sum_of_squares", 0),
            _given("spread_unknown", "sums of squares are known", "centred_sum_of_squares"),
            _between("spread_too_wide", "no cell spreads wider than its metric's range allows", "spread_left", 0),
            _between("cell_too_low", "no cell lies below its metric's range", "above_lowest", 0),
            _between("cell_too_high", "no cell lies above its metric's range", "below_highest", 0),
        ],
        "cell_units": [
            _not_empty("no_assignment", "somebody is assigned", mend=NOBODY),
            _zero("unit_in_both_arms", "no unit is in two arms", "n_in_both"),
            _zero("cells_without_unit", "every cell belongs to a unit of the study, in its arm", "n_foreign_cells"),
        ],
        "cell_life_tables": [
            _between("staying_negative", "nobody leaves who was not at risk", "n_staying", 0),
            _zero("causes_do_not_sum", "every leaver has one cause", "n_without_cause"),
            _between("risk_grows", "no one comes back to those at risk", "n_dropped", 0),
        ],
    }


def comparisons(limit: Mapping[str, float]) -> Tables:
    """Pilot and control."""
    gap, apart = limit["response_rate_gap"], limit["standardised_difference"]
    return {
        "outcomes": [
            _between("people_negative", "counts of people are positive", "n_pilot", 0),
            _between("people_negative", "counts of people are positive", "n_control", 0),
            _zero("difference_wrong", "a difference is pilot minus control", "off_by"),
            _between("mean_too_low", "no mean lies below its metric's range", "above_lowest", 0),
            _between("mean_too_high", "no mean lies above its metric's range", "below_highest", 0),
        ],
        "trends": [
            _between("mean_too_low", "no mean lies below its metric's range", "above_lowest", 0),
            _between("mean_too_high", "no mean lies above its metric's range", "below_highest", 0),
            _zero("trend_not_its_cells", "a mean is that of its cells", "off_by"),
        ],
        "response_rates": [
            _between("rate_no_share", "response rates are shares", "lowest_rate", 0, 1),
            _between("rate_no_share", "response rates are shares", "highest_rate", 0, 1),
            _between(
                "response_gap",
                "both arms answer alike often",
                "gap",
                0,
                gap,
                threshold="response_rate_gap",
                mend="find out why one arm is silent; no method repairs it and nobody can accept it",
            ),
            _between(
                "response_drop",
                "response does not collapse from one wave to the next",
                "drop",
                -1,
                limit["response_rate_drop"],
                threshold="response_rate_drop",
                accepted_by="period",
                mend="deliver the whole export of the wave; if so few did answer, accept the period in study.yml",
            ),
        ],
        "balance": [
            _between(
                "arms_apart",
                "the arms overlap before the start",
                "standardised_difference",
                -apart,
                apart,
                threshold="standardised_difference",
                mend="these arms cannot be compared on this metric; choose other control units",
            )
        ],
        "populations": [
            _not_empty("nobody_assigned", "somebody is assigned", mend=NOBODY),
            _between("population_empty", "every population has people", "n_people", 1),
        ],
        "survival": [
            _between("share_no_share", "shares lie between 0 and 1", "lowest_share", 0, 1),
            _between("share_no_share", "shares lie between 0 and 1", "highest_share", 0, 1),
            _between("curve_rises", "who left does not come back", "fallen_by", 0),
        ],
        "headcount_bridge": [_zero("bridge_broken", "opening + hires − leavers ± corrections = closing", "off_by")],
    }


def estimates(limit: Mapping[str, float]) -> Tables:
    """How large, how sure, or why not."""
    inside = "an estimate lies inside its interval"
    return {
        "questions": [
            _not_empty("no_question", "the study asks something", mend="name outcomes in study.yml"),
            _between("question_unanswered", "every question has an answer or a reason", "n_rows", 1),
        ],
        "estimates": [
            _not_empty("no_estimates", "there are estimates"),
            _in_set("status_unknown", "every estimate has a status", "status", ["estimated", "not_estimable"]),
            _given("status_unknown", "every estimate has a status", "status"),
        ],
        "estimated": [
            _given("estimate_missing", "an estimate is a number", "estimate"),
            _given("error_missing", "an estimate has an error", "std_error"),
            _given("interval_missing", "an estimate has an interval", "ci_low"),
            _given("interval_missing", "an estimate has an interval", "ci_high"),
            Promise(
                check="error_not_positive",
                sentence="an error is positive",
                expectation="ExpectColumnValuesToBeBetween",
                arguments={"column": "std_error", "min_value": 0, "strict_min": True},
            ),
            _at_least("outside_interval", inside, "estimate", "ci_low"),
            _at_least("outside_interval", inside, "ci_high", "estimate"),
            _between("p_no_probability", "a p-value is a probability", "p_value", 0, 1),
            _between("p_adjusted_down", "adjusting makes no p-value smaller", "p_raised_by", 0),
            _zero("p_against_interval", "p-value and interval say the same", "n_contradictions"),
            _between("no_degrees", "degrees of freedom are at least 1", "df", 1),
            _between("arm_without_units", "both arms have units", "n_units_pilot", 1),
            _between("arm_without_units", "both arms have units", "n_units_control", 1),
            _zero("more_units_than_there_are", "no estimate rests on more units than there are", "n_units_too_many"),
            _between("effect_too_large", "no effect is larger than its metric's range", "range_left", 0),
        ],
        "not_estimable": [
            _given("reason_missing", "what cannot be estimated says why", "reason"),
            Promise(
                check="number_without_estimate",
                sentence="what cannot be estimated shows no number",
                expectation="ExpectColumnValuesToBeNull",
                arguments={"column": "estimate"},
            ),
        ],
        "decisions": [
            _given("verdict_missing", "every primary question has a verdict", "verdict"),
            _zero("decision_on_another_number", "a decision rests on the headline estimate", "off_by"),
            _zero("claim_without_evidence", "nothing is called improved whose interval holds zero", "n_unfounded"),
        ],
        "money": [
            _between("money_disordered", "low, central and high are in order", "above_low", 0),
            _between("money_disordered", "low, central and high are in order", "below_high", 0),
        ],
    }


def drift(limit: Mapping[str, float]) -> Tables:
    """Against the release that is served, where study and day allow it."""
    moved = "find what changed (`coaching diff`); if it is right, accept it in study.yml"
    restated = limit["restated_share"]
    return {
        "last_release": [
            _between(
                "estimate_vanished",
                "every group of the last release is still there",
                "is_present",
                1,
                1,
                accepted_by="cohort",
                mend=moved,
            ),
            _between(
                "estimate_jump",
                "no estimate jumps since the last release",
                "moved_by",
                0,
                limit["jump_in_std_errors"],
                threshold="jump_in_std_errors",
                accepted_by="metric",
                mend=moved,
            ),
            _between(
                "error_jump",
                "no estimate is suddenly several times as certain or uncertain as in the last release",
                "error_ratio",
                1,
                limit["error_ratio"],
                threshold="error_ratio",
                accepted_by="metric",
                mend=moved,
            ),
        ],
        "restated": [
            _between(
                "month_restated",
                "periods keep their people since the last release",
                "change",
                -restated,
                restated,
                threshold="restated_share",
                accepted_by="period",
                mend=moved,
            ),
        ],
    }


def release(limit: Mapping[str, float]) -> Tables:
    """The candidate, as it would be written."""
    people = "a fault of the disclosure control: report it; nothing leaves until it is found"
    return {
        "candidate": [
            _not_empty("nothing_to_release", "there is something to release"),
            _zero("person_column", "no table has a column that names people", "n_personal_columns", mend=people),
            _zero("pseudonym_told", "no value looks like a pseudonym", "n_pseudonyms", mend=people),
            _zero(
                "address_published",
                "no value holds an e-mail address",
                "n_addresses",
                mend="a site, department or title holds an address: correct it in the export, in the mapping (values), "
                "or in study.yml",
            ),
            _zero("small_group", "no shown figure is about fewer people than the study allows", "n_small", mend=people),
            _zero("number_not_finite", "every number is finite", "n_not_finite"),
            _between("table_vanished", "every table of the last release is still there", "is_present", 1, 1),
        ],
        "candidate_figures": [
            _not_empty("no_figures", "estimates are shown or suppressed with a reason"),
            _between(
                "figure_not_judged",
                "a published estimate is the judged one, rounded by less than a tenth of its error",
                "off_by",
                0,
                0.1,
            ),
            _zero(
                "hidden_without_reason",
                "whatever is suppressed says why, and has no number",
                "n_without_reason",
                mend=people,
            ),
        ],
        "candidate_utility": [
            _between(
                "much_hidden",
                "most of what was computed is shown",
                "share_shown",
                limit["share_shown"],
                1,
                threshold="share_shown",
                mend="declare fewer or coarser segments",
            )
        ],
    }


def restricted(limit: Mapping[str, float]) -> Tables:
    """What is told of single coaches, as it would be written."""
    return {
        "coaches": [
            _in_set("coach_status", "every coach has a status", "status", ["estimated", "not_estimable", "suppressed"]),
            _given("coach_status", "every coach has a status", "status"),
            _zero("coach_shown_of_few", "no coach's number is about fewer people than the study allows", "n_small"),
            _zero("coach_hidden_shown", "what is not estimated shows no pooled number", "n_numbers_too_many"),
            _zero("coach_outside", "a pooled value lies inside its interval", "n_outside"),
            _zero("coach_not_pooled", "pooling pulls towards the mean and never beyond it", "n_beyond"),
        ]
    }


ROOMS = {
    "raw": raw,
    "panels": panels,
    "cells": cells,
    "comparisons": comparisons,
    "estimates": estimates,
    "drift": drift,
    "release": release,
    "restricted": restricted,
}
# Judged before disclosure control, on the content; what would be written is judged by itself, just before it is.
CONTENT_ROOMS = tuple(room for room in ROOMS if room not in ("release", "restricted"))

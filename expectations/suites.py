"""What each table promises, as data: table → expectations. The sentence is what a person reads when it fails.

Map expectations pass on an empty table, and range, set and uniqueness pass on columns of nulls (both observed on
Great Expectations 1.24); so tables that must not be empty say so, and columns that must be there are listed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

THRESHOLDS = Path(__file__).with_name("thresholds.yml")


@dataclass(frozen=True)
class Promise:
    """One expectation: the class's name in great_expectations.expectations, its arguments and a sentence."""

    sentence: str
    expectation: str
    arguments: dict[str, Any] = field(default_factory=dict)


def thresholds() -> dict[str, float]:
    """Name → number; each has its reason in thresholds.yml."""
    document = yaml.safe_load(THRESHOLDS.read_text(encoding="utf-8"))
    return {name: float(entry["value"]) for name, entry in document.items()}


def _between(sentence: str, column: str, low: float | None = None, high: float | None = None) -> Promise:
    return Promise(sentence, "ExpectColumnValuesToBeBetween", {"column": column, "min_value": low, "max_value": high})


def _given(sentence: str, column: str) -> Promise:
    return Promise(sentence, "ExpectColumnValuesToNotBeNull", {"column": column})


def _in_set(sentence: str, column: str, values: list) -> Promise:
    return Promise(sentence, "ExpectColumnValuesToBeInSet", {"column": column, "value_set": values})


def _at_least(sentence: str, upper: str, lower: str) -> Promise:
    return Promise(
        sentence,
        "ExpectColumnPairValuesAToBeGreaterThanB",
        {"column_A": upper, "column_B": lower, "or_equal": True},
    )


def _not_empty(sentence: str) -> Promise:
    return Promise(sentence, "ExpectTableRowCountToBeBetween", {"min_value": 1})


def suites(limit: dict[str, float]) -> dict[str, list[Promise]]:
    """Table → promises, with `limit` from `thresholds()`."""
    change = limit["headcount_change"]
    return {
        "loads": [
            _not_empty("at least one file was loaded"),
            _in_set("every file in the inbox could be loaded", "status", ["loaded"]),
            _between("no export is empty", "n_records", 1),
            _between("few records of a file are faulty (share)", "faulty_share", 0, limit["faulty_share"]),
            _between("few records of a file are faulty (number)", "n_faulty", 0, limit["faulty_records"]),
            _between("records in = loaded + quarantined", "n_lost", 0, 0),
        ],
        "profiles": [_between("a filled column does not run dry", "filled_ratio", limit["filled_ratio"])],
        "groups": [_between("no department or site vanishes from a snapshot", "n_now", 1)],
        "headcounts": [
            _not_empty("there is a snapshot of the organisation"),
            _between("head-count does not jump between snapshots", "change", -change, change),
            _between("people have an assignment unit", "unit_coverage", limit["unit_coverage"], 1),
        ],
        "matches": [
            _between("records name people whom the month's snapshot knows", "matched_share", limit["matched_share"], 1)
        ],
        "units": [
            _not_empty("the study has units"),
            _between("the study's units exist in the organisation", "found_share", limit["found_share"], 1),
        ],
        "cell_means": [
            _between("nobody answers who was not eligible", "n_silent", 0),
            _between("sums of squares are not negative", "centred_sum_of_squares", 0),
            _given("sums of squares are known", "centred_sum_of_squares"),
            _between("no cell lies below its metric's range", "above_lowest", 0),
            _between("no cell lies above its metric's range", "below_highest", 0),
        ],
        "cell_life_tables": [_between("nobody leaves who was not at risk", "n_staying", 0)],
        "response_rates": [
            _between("response rates are shares", "highest_rate", 0, 1),
            _between("both arms answer alike often", "gap", 0, limit["response_rate_gap"]),
        ],
        "balance": [
            _between(
                "the arms overlap before the start",
                "standardised_difference",
                -limit["standardised_difference"],
                limit["standardised_difference"],
            )
        ],
        "outcomes": [
            _between("counts of people are positive", "n_pilot", 0),
            _between("counts of people are positive", "n_control", 0),
        ],
        "populations": [
            _not_empty("somebody is assigned"),
            _between("every population has people", "n_people", 1),
        ],
        "questions": [
            _not_empty("the study asks something"),
            _between("every question has an answer or a reason", "n_rows", 1),
        ],
        "estimates": [
            _not_empty("there are estimates"),
            _in_set("every estimate has a status", "status", ["estimated", "not_estimable"]),
            _given("every estimate has a status", "status"),
        ],
        "estimated": [
            _given("an estimate is a number", "estimate"),
            _given("an estimate has an error", "std_error"),
            _given("an estimate has an interval", "ci_low"),
            _given("an estimate has an interval", "ci_high"),
            Promise(
                "an error is positive",
                "ExpectColumnValuesToBeBetween",
                {"column": "std_error", "min_value": 0, "strict_min": True},
            ),
            _at_least("an estimate lies inside its interval", "estimate", "ci_low"),
            _at_least("an estimate lies inside its interval", "ci_high", "estimate"),
            _between("a p-value is a probability", "p_value", 0, 1),
            _between("degrees of freedom are at least 1", "df", 1),
            _between("both arms have units", "n_units_pilot", 1),
            _between("both arms have units", "n_units_control", 1),
        ],
        "not_estimable": [
            _given("what cannot be estimated says why", "reason"),
            Promise("what cannot be estimated shows no number", "ExpectColumnValuesToBeNull", {"column": "estimate"}),
        ],
        "last_release": [
            _between("every group of the last release is still there", "is_present", 1, 1),
            _between("no estimate jumps since the last release", "moved_by", 0, limit["jump_in_std_errors"]),
        ],
    }

"""What the gate asks of the tables that are to be published."""

from __future__ import annotations

from collections.abc import Mapping

from expectations.suites.promise import Tables, be_between, be_given, be_in_set, be_zero, not_be_empty


def release(limit: Mapping[str, float]) -> Tables:
    """The candidate, as it would be written."""
    people = "a fault of the disclosure control: report it; nothing leaves until it is found"
    return {
        "candidate": [
            not_be_empty("nothing_to_release", "there is something to release"),
            be_zero("person_column", "no table has a column that names people", "n_personal_columns", fix=people),
            be_zero("pseudonym_published", "no value looks like a pseudonym", "n_pseudonyms", fix=people),
            be_zero(
                "address_published",
                "no value holds an e-mail address",
                "n_addresses",
                fix="a site, department or title holds an address: correct it in the export, in the mapping (values), "
                "or in study.yml",
            ),
            be_zero(
                "small_group", "no shown figure is about fewer people than the study allows", "n_small", fix=people
            ),
            be_zero("number_not_finite", "every number is finite", "n_not_finite"),
            be_zero("row_without_key", "every row has a key of its own (release.odcs.yaml)", "n_without_key"),
            be_between("table_vanished", "every table of the last release is still there", "is_present", 1, 1),
        ],
        "candidate_figures": [
            not_be_empty("no_figures", "estimates are shown or suppressed with a reason"),
            be_between(
                "figure_not_judged",
                "a published estimate is the judged one, rounded by less than a tenth of its error",
                "off_by",
                0,
                0.1,
            ),
            be_zero(
                "hidden_without_reason",
                "whatever is suppressed says why, and has no number",
                "n_without_reason",
                fix=people,
            ),
        ],
        "candidate_utility": [
            be_between(
                "much_hidden",
                "most of what was computed is shown",
                "share_shown",
                limit["share_shown"],
                1,
                threshold="share_shown",
                fix="declare fewer or coarser segments",
            )
        ],
    }


def restricted(limit: Mapping[str, float]) -> Tables:
    """What is published of single coaches, as it would be written."""
    return {
        "coaches": [
            be_in_set(
                "coach_status", "every coach has a status", "status", ["estimated", "not_estimable", "suppressed"]
            ),
            be_given("coach_status", "every coach has a status", "status"),
            be_zero("coach_shown_of_few", "no coach's number is about fewer people than the study allows", "n_small"),
            be_zero("coach_hidden_shown", "what is not estimated shows no pooled number", "n_numbers_too_many"),
            be_zero("coach_outside", "a pooled value lies inside its interval", "n_outside"),
            be_zero("coach_not_pooled", "pooling pulls towards the mean and never beyond it", "n_beyond"),
        ]
    }

"""The chain on the page: its boxes, its sentence, its table."""

from datetime import date

import polars as pl
import pytest

from publish.page.sheets.chain import Chain, chain

OUTCOMES = {
    "checkins_held_share": ("Check-ins held", "held", "secondary", "up", "checkins", "share"),
    "checkin_gap_days": ("Gap", "held", "secondary", "down", "checkins", "plain"),
    "checkin_minutes": ("Minutes", "held", "secondary", "none", "checkins", "plain"),
    "manager_support_score": ("Support", "noticed", "secondary", "up", "survey", "points"),
    "engagement_score": ("Engagement", None, "primary", "up", "survey", "points"),
    "enps": ("eNPS", None, "secondary", "up", "survey", "points"),
}
SEEN, NOT_SHOWN = 0.001, 0.6


def made(
    *,
    p: dict | None = None,
    cohorts=("first",),
    trained: int | None = 9,
    estimates: dict | None = None,
    leave=(),
    roles=None,
) -> Chain | None:
    """A page's chain of these p-values (metric, or metric and cohort; SEEN where nothing is said)."""
    p, estimates = p or {}, estimates or {}
    asked = {name: one for name, one in OUTCOMES.items() if name not in leave}
    names = ("label", "link", "role", "direction", "source", "written_as")
    roles = roles or {}
    rows = [
        {
            "metric": metric,
            "estimator": "att_not_yet_treated",
            "aggregation": "simple" if cohort == "all" else "cohort",
            "cohort": cohort,
            "segment": "all",
            "is_headline": cohort == "all",
            "estimate": estimates.get(metric, -2.0 if metric == "checkin_gap_days" else 2.0),
            "std_error": 1.0,
            "ci_low": 0.0,
            "ci_high": 4.0,
            "p_value": p.get((metric, cohort), p.get(metric, SEEN)),
            "status": "estimated",
            "reason": None,
            "suppressed": "protected" if p.get(metric) == "suppressed" else None,
        }
        for metric in asked
        for cohort in ("all", *cohorts)
    ]
    for row in rows:
        if row["suppressed"]:
            row |= {"estimate": None, "ci_low": None, "ci_high": None, "p_value": None}
    groups = [
        {
            "scope": "arm" if name == "pilot" else "cohort",
            "group_name": name,
            "arm": "pilot",
            "kickoff_date": date(2026, 1 + place, 1),
            "n_coaches": 10,
            "n_coaches_trained": trained,
        }
        for place, name in enumerate(("pilot", *cohorts))
    ]
    tables = {
        "pub_outcomes": pl.DataFrame(
            [
                {"metric": name, "unit": "days", "measure": "score"}
                | dict(zip(names, one, strict=True))
                | ({"role": roles[name]} if name in roles else {})
                for name, one in asked.items()
            ],
            schema_overrides={"link": pl.String},
        ),
        "pub_estimates": pl.DataFrame(rows, schema_overrides={"suppressed": pl.String, "reason": pl.String}),
        "pub_cohorts": pl.DataFrame(groups, schema_overrides={"n_coaches_trained": pl.Int64}),
    }
    return chain(tables, {row["metric"]: row for row in rows if row["is_headline"]}, alpha=0.05)


def first(of: Chain | None) -> tuple[list[str], str]:
    assert of is not None
    return [box.seen for box in of.rows[0].boxes], of.rows[0].sentence


def test_a_programme_that_works_is_seen_at_every_link():
    found = made()
    assert first(found) == (["seen"] * 4, "Every link is seen.")
    assert [box.number for box in found.rows[0].boxes] == [
        "9 of 10 coaches",
        "Check-ins held +200.0 pp",
        "Support +2.0 points",
        "Engagement +2.0 points",
    ]


@pytest.mark.parametrize(
    ("more", "seen", "sentence"),
    [
        (
            {"trained": 4},
            ["too few", "seen", "seen", "seen"],
            "The training is short: fewer than eight of ten coaches completed it.",
        ),
        (
            {"p": dict.fromkeys(("manager_support_score", "engagement_score"), NOT_SHOWN)},
            ["seen", "seen", "not shown", "not shown"],
            "What the team notices is not shown.",
        ),
        (
            {"p": {"manager_support_score": NOT_SHOWN}},
            ["seen", "seen", "not shown", "seen"],
            "What the team notices is not shown. Results moved: either there is too little to see this link by, or "
            "something else moved them.",
        ),
        (
            {"p": {"engagement_score": NOT_SHOWN}},
            ["seen"] * 3 + ["not shown"],
            "An effect on the results is not shown.",
        ),
        (
            {"estimates": {"engagement_score": -2.0}},
            ["seen"] * 3 + ["worse"],
            "An effect on the results moved the wrong way.",
        ),
        (
            {"p": {"manager_support_score": "suppressed"}},
            ["seen", "seen", "not known", "seen"],
            "what the team notices",
        ),
        ({"trained": None}, ["not known", "seen", "seen", "seen"], "Not known: the training."),
    ],
)
def test_where_it_breaks_is_said(more, seen, sentence):
    found, said = first(made(**more))
    assert found == seen
    assert sentence in said


def test_a_gap_that_shrinks_is_coaching_held_and_minutes_alone_are_not():
    only_gap = dict.fromkeys(("checkins_held_share", "checkin_minutes"), NOT_SHOWN)
    assert first(made(p=only_gap))[0][1] == "seen"
    only_minutes = dict.fromkeys(("checkins_held_share", "checkin_gap_days"), NOT_SHOWN)
    assert first(made(p=only_minutes))[0][1] == "not shown"


def test_each_cohort_has_a_row_where_there_are_several():
    found = made(cohorts=("pilot_wave", "cascade_1"), p={("manager_support_score", "cascade_1"): NOT_SHOWN})
    assert [row.group for row in found.rows] == ["all coached units", "pilot wave", "cascade 1"]
    assert [row.boxes[2].seen for row in found.rows] == ["seen", "seen", "not shown"]
    assert [row.group for row in made().rows] == ["all coached units"]


def test_the_table_says_what_moved_and_who_reports_it():
    rows = made(p={"manager_support_score": "suppressed"}).sheet.rows
    assert rows[0] == ("all", "trained", "Coaches with a completed training", "programme's list", "9 of 10")
    assert ("all", "held", "Check-ins held", "coach", "+200.0 pp (+0.0 to +400.0)") in rows
    assert ("all", "results", "Engagement", "team", "+2.0 points (+0.0 to +4.0)") in rows
    assert next(row for row in rows if row[2] == "Support")[4] not in {"", "–"}  # why it is not shown
    assert not any(row[2] == "eNPS" for row in rows)


def test_without_a_link_between_training_and_results_there_is_no_chain():
    asked = ("checkins_held_share", "checkin_gap_days", "checkin_minutes", "manager_support_score")
    assert made(leave=asked) is None
    assert made(leave=asked[:3]) is not None


def test_a_harm_beside_a_gain_is_never_hidden():
    found = made(estimates={"enps": -8.0}, roles={"enps": "primary"})
    assert first(found) == (
        ["seen", "seen", "seen", "better and worse"],
        "An effect on the results moved the good way and the wrong way at once.",
    )
    assert found.rows[0].boxes[3].number == "eNPS −8.0 points"


def test_a_harm_is_said_beside_a_link_that_is_not_shown():
    found = made(p={"manager_support_score": NOT_SHOWN}, estimates={"engagement_score": -2.0})
    assert first(found)[1] == "What the team notices is not shown. Results moved the wrong way."


def test_a_primary_outcome_of_a_link_stays_in_its_link():
    found = made(roles={"manager_support_score": "primary", "engagement_score": "secondary"})
    assert first(found) == (
        ["seen", "seen", "seen", "not known"],
        "Each link that is known is seen. Not known: results.",
    )

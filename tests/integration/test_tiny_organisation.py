"""Twelve people, two teams, nine months: every metric counted by hand.

TOP: t. Team TA (pilot, coached from 1 April): its manager ma and a1 … a5; n1 is hired into it on 6 April and leaves on
15 June. Team TB (control): its manager mb, b1, b2 and b3, who was hired on 5 January and moves to TA in June. a5 leaves
on 20 May (voluntarily, regretted). a1 and b1 work half time. Everybody else: full time, from before 2026.
"""

from datetime import date
from fractions import Fraction

import pytest

from tests.integration.small import Small, csv, qualtrics

STUDY = """
programme: tiny
title: Tiny
assignment: {unit: team, source: roster, design: volunteered}
retention_months: 3
min_group_size: 5
segments: [job_level, tenure, cascade_depth, readiness, variant, nomination_rank]
covariates: [tenure_years, fte]
tenure_bands: [3]
outcomes:
  - {metric: engagement_score, role: primary, minimum_important_difference: 2}
"""
ASKED = (
    *("engagement_favourable", "enps", "psychological_safety_score", "manager_support_score", "goals_met_share"),
    *("goals_on_time_share", "goals_met_per_fte_month", "output_value", "output_per_fte_month", "alignment_score"),
    *("goals_aligned_share", "retention", "retention_voluntary", "new_hire_attrition_90d", "autonomy_score"),
    *("goals_self_set_share", "team_agenda_share", "checkins_held_share", "checkin_gap_days", "checkin_minutes"),
    *("reviewed_on_time_share", "led_by_others_share", "leading_gini", "span_of_control", "managers_per_person"),
    *("layers", "innovation_score", "manager_engagement_score", "manager_checkin_hours", "manager_attrition"),
)
HEAD = (
    "Employee ID,Hire Date,Termination Date,Termination Type,Worker Status,Department,Team ID,Manager ID,FTE,"
    "Job Level,Worker Type,Regretted,Cases Closed"
)
TEAM_A, TEAM_B = ("ma", "a1", "a2", "a3", "a4", "a5"), ("mb", "b1", "b2", "b3")


def snapshot(month: int) -> str:
    """The report of a month of 2026: who is there, and who left in it."""
    rows = []
    for who in ("t", *TEAM_A, *TEAM_B, "n1"):
        hired = {"b3": "01/05/2026", "n1": "04/06/2026"}.get(who, "01/01/2022")
        left = {"a5": (5, "05/20/2026", "Voluntary", "Yes"), "n1": (6, "06/15/2026", "Involuntary", "")}.get(who)
        if (who == "n1" and month < 4) or (left and month > left[0]):
            continue
        in_a = who in (*TEAM_A, "n1") or (who == "b3" and month >= 6)
        team = "TOP" if who == "t" else "TA" if in_a else "TB"
        manager = {"t": "NO_MANAGER", "ma": "t", "mb": "t"}.get(who, "ma" if in_a else "mb")
        gone = left[1:] if left and month == left[0] else (None, None, None)
        output = {"a1": 10, "a2": 20 if month < 4 else 26, "b1": 6, "b2": 20}.get(who)
        level = {"t": "L3", "ma": "L2", "mb": "L2"}.get(who, "L1")
        status = "Terminated" if gone[0] else "Active"
        fte = 0.5 if who in ("a1", "b1") else 1
        rows.append((who, hired, gone[0], gone[1], status, "D", team, manager, fte, level, "Employee", gone[2], output))
    return csv(HEAD, rows)


ITEMS = [f"QID1_{n}" for n in range(1, 6)] + [f"QID2_{n}" for n in range(1, 4)]
ITEMS += [f"QID{scale}_{n}" for scale in (3, 4, 5, 6) for n in (1, 2)]
ALL_ITEMS = [*ITEMS, "QID7_1", "QID8_1", "QID8_2"]


def answer(value: int, recommends: int, ready: int | None = None) -> list:
    """The same answer to every item of 1–5 (the fifth is reversed), one of 0–10, and readiness of managers."""
    given = [6 - value if item == "QID1_5" else value for item in ITEMS]
    return [*given, recommends, ready, ready]


BEFORE = {
    "ma": answer(4, 9, ready=2),
    "a1": answer(3, 7),
    "a2": answer(5, 10),
    # two of five engagement items, nothing of the other scales
    "a4": [5, 5, *[None] * (len(ITEMS) - 2), 6, None, None],
    "a5": answer(2, 3),
    "mb": answer(4, 8, ready=3),
    "b1": answer(3, 9),
    "b3": answer(2, 0),
}
AFTER = {
    "ma": answer(5, 10, ready=5),
    "a1": answer(4, 9),
    "a2": answer(5, 9),
    "a3": answer(3, 8),
    "mb": answer(4, 9, ready=3),
    "b1": answer(3, 6),
    "b2": answer(3, 6),
    "n1": answer(1, 0),  # hired after the kick-off: not of the study
}


def goal(number, who, due, status, set_by, priority=None, submitted=None) -> dict:
    return {
        "event": "goal", "id": f"g{number}", "employee_id": who, "due": due, "status": status, "set_by": set_by,
        "priority": priority, "submitted": submitted,
    }  # fmt: skip


def meeting(number, who, due, led_by=None, agenda=None, minutes=None, reviewed=None, status="held") -> dict:
    return {
        "event": "checkin", "id": f"c{number}", "employee_id": who, "due": due, "status": status, "led_by": led_by,
        "agenda_by": agenda, "minutes": minutes, "reviewed": f"{reviewed} 08:00:00" if reviewed else None,
    }  # fmt: skip


EVENTS = [
    goal(1, "a1", "2026-02-28", "met", "team", "Customers", "2026-02-27"),
    goal(2, "a1", "2026-02-28", "missed", "manager"),
    goal(3, "a2", "2026-02-28", "met", "person", None, "2026-03-05"),
    goal(4, "b1", "2026-02-28", "met", "manager", "Customers", "2026-02-28"),
    goal(5, "b2", "2026-02-28", "missed", "manager"),
    goal(6, "b3", "2026-02-28", "missed", "manager"),
    goal(7, "a1", "2026-04-30", "met", "team", "Customers", "2026-04-30"),
    goal(8, "a1", "2026-05-31", "met", "team", "Safety", "2026-05-30"),
    goal(9, "a2", "2026-04-30", "met", "manager", None, "2026-04-29"),
    goal(10, "b1", "2026-04-30", "missed", "manager"),
    goal(11, "b2", "2026-04-30", "missed", "manager"),
    meeting(1, "a1", "2026-02-03", "ma", "team", 30, "2026-02-05"),
    meeting(2, "a1", "2026-02-17", "ma", "manager", 30, "2026-02-28"),
    meeting(3, "a1", "2026-03-03", status="skipped"),
    meeting(4, "a1", "2026-03-17", "a1", "manager", 60),
    meeting(5, "a2", "2026-02-03", "a1", "person", 20, "2026-02-04"),
    meeting(6, "b1", "2026-02-03", "mb", "manager", 45, "2026-02-05"),
    meeting(7, "b1", "2026-02-17", status="skipped"),
    meeting(8, "b2", "2026-03-02", "mb", "manager", 30),
    meeting(9, "b2", "2026-03-12", "b2", "manager", 30, "2026-03-13"),
    meeting(10, "a1", "2026-04-07", "a1", "team", 30, "2026-04-08"),
    meeting(11, "a1", "2026-04-21", "a1", "team", 30, "2026-04-22"),
    meeting(12, "b1", "2026-04-07", "mb", "manager", 30),
    meeting(13, "somebody", "2026-09-30", status="skipped"),  # of nobody there: the log reaches the last month
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    import json

    made = Small(tmp_path_factory.mktemp("tiny"), STUDY + "".join(f"  - {{metric: {name}}}\n" for name in ASKED))
    for month in range(1, 10):
        made.drop("hris", f"hris_2026-{month:02d}.csv", snapshot(month))
    made.drop("survey", "pulse_2026-02-10.csv", qualtrics(BEFORE, ALL_ITEMS, day=date(2026, 2, 12)))
    made.drop("survey", "pulse_2026-05-12.csv", qualtrics(AFTER, ALL_ITEMS, day=date(2026, 5, 14)))
    made.drop("checkins", "log.jsonl", "".join(json.dumps(event) + "\n" for event in EVENTS))
    head = "Team ID,Wave,Arm,Kick-off,Coach Employee ID,Training completed,Variant,Nomination rank"
    coached = ("TA", "wave_1", "Pilot", "2026-04-01", "ma", "2026-03-18", "human", 2)
    made.drop("roster", "roster.csv", csv(head, [coached, ("TB", None, "Control", None, "mb", None, None, None)]))
    made.drop("roster", "lms_2026.csv", csv("Employee ID,Email,Course,Status,Completed On", [
        ("ma", "ma@example.invalid", "Coach", "Completed", "2026-03-18"),
        ("mb", "mb@example.invalid", "Coach", "Withdrawn", None),
    ]))  # fmt: skip
    made.build(date(2026, 12, 1))
    return made


# metric → (pilot before, control before, pilot after, control after); None: nobody has a value.
BY_HAND = {
    # ma 75, a1 50, a2 100, a5 25 · mb 75, b1 50, b3 25 | ma 100, a1 75, a2 100, a3 50 · mb 75, b1 50, b2 50
    "engagement_score": (Fraction(250, 4), Fraction(150, 3), Fraction(325, 4), Fraction(175, 3)),
    "engagement_favourable": (Fraction(2, 4), Fraction(1, 3), Fraction(3, 4), Fraction(1, 3)),
    # +100 0 +100 −100 −100 · 0 +100 −100 | +100 +100 +100 0 · +100 −100 −100
    "enps": (Fraction(0), Fraction(0), Fraction(75), Fraction(-100, 3)),
    "psychological_safety_score": (Fraction(250, 4), Fraction(150, 3), Fraction(325, 4), Fraction(175, 3)),
    "manager_support_score": (Fraction(250, 4), Fraction(150, 3), Fraction(325, 4), Fraction(175, 3)),
    "alignment_score": (Fraction(250, 4), Fraction(150, 3), Fraction(325, 4), Fraction(175, 3)),
    "autonomy_score": (Fraction(250, 4), Fraction(150, 3), Fraction(325, 4), Fraction(175, 3)),
    "innovation_score": (Fraction(250, 4), Fraction(150, 3), Fraction(325, 4), Fraction(175, 3)),
    # a1 1 of 2, a2 1 of 1 · b1 1, b2 0, b3 0 of 1 | a1 2 of 2, a2 1 of 1 · b1 0, b2 0 of 1
    "goals_met_share": (Fraction(3, 4), Fraction(1, 3), Fraction(1), Fraction(0)),
    # a2's goal was reported five days late
    "goals_on_time_share": (Fraction(1, 4), Fraction(1, 3), Fraction(1), Fraction(0)),
    # a1 and b1 work half time: 1 ÷ 0.5, 1 ÷ 1 · 1 ÷ 0.5, 0, 0 | 2 ÷ (0.5 + 0.5), 1 ÷ 1 · 0, 0
    "goals_met_per_fte_month": (Fraction(3, 2), Fraction(2, 3), Fraction(3, 2), Fraction(0)),
    "goals_aligned_share": (Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(0)),
    "goals_self_set_share": (Fraction(3, 4), Fraction(0), Fraction(1, 2), Fraction(0)),
    # a1 10, a2 20 · b1 6, b2 20 a month | a2 26
    "output_value": (Fraction(15), Fraction(13), Fraction(18), Fraction(13)),
    "output_per_fte_month": (Fraction(20), Fraction(16), Fraction(23), Fraction(16)),
    # b3's hire in the first quarter stayed, n1 left after 70 days
    "new_hire_attrition_90d": (None, Fraction(0), Fraction(1), None),
    # a1 3 of 4, a2 1 of 1 · b1 1 of 2, b2 2 of 2 | a1 2 of 2 · b1 1 of 1
    "checkins_held_share": (Fraction(7, 8), Fraction(3, 4), Fraction(1), Fraction(1)),
    # a1 14 and 28 days · b2 10 | a1 21 (since 17 March) and 14 · b1 63 (since 3 February)
    "checkin_gap_days": (Fraction(21), Fraction(10), Fraction(35, 2), Fraction(63)),
    # a1 120 ÷ 3, a2 20 · b1 45, b2 30 | 30 · 30
    "checkin_minutes": (Fraction(30), Fraction(75, 2), Fraction(30), Fraction(30)),
    # a1 1 of 3, a2 the person · nobody | a1 2 of 2 · nobody
    "team_agenda_share": (Fraction(2, 3), Fraction(0), Fraction(1), Fraction(0)),
    "led_by_others_share": (Fraction(2, 3), Fraction(1, 4), Fraction(1), Fraction(0)),
    # within 7 days: a1 1 of 3, a2 1 · b1 1, b2 1 of 2 | a1 2 of 2 · b1 0 of 1
    "reviewed_on_time_share": (Fraction(2, 3), Fraction(3, 4), Fraction(1), Fraction(0)),
    # TA 0 0 0 0 2 2 · TB 0 0 1 2 | TA seven times 0, 2 (n1 and b3 are members) · TB 0 0 0 1
    "leading_gini": (Fraction(16, 24), Fraction(7, 12), Fraction(14, 16), Fraction(3, 4)),
    # ma 5, t 2 (a tie of ma and mb: TA by name) · mb 3 | ma 6 then 5, t 2 and 2 · mb 3, 3, 2 then 2
    "span_of_control": (Fraction(7, 2), Fraction(3), Fraction(15, 4), (Fraction(8, 3) + 2) / 2),
    # ma ½ and five fifths, · mb ½ and three thirds | quarter by quarter, see managers_after
    "managers_per_person": (Fraction(3, 2) / 6, Fraction(3, 2) / 4, None, None),
    # ma 75 · mb 75 | ma 100 · mb 75
    "manager_engagement_score": (Fraction(75), Fraction(75), Fraction(100), Fraction(75)),
    # led by themselves, in the two months of the log: ma 60 · mb 75 minutes | in April none and 30
    "manager_checkin_hours": (Fraction(60, 120), Fraction(75, 120), Fraction(0), Fraction(30, 60)),
    "manager_attrition": (Fraction(0), Fraction(0), Fraction(0), Fraction(0)),
    "layers": (Fraction(17, 6), Fraction(11, 4), Fraction(31, 11), Fraction(11, 4)),
}


def managers_after() -> tuple[Fraction, Fraction]:
    """Second quarter: ma's 6 reports; b3 is one of them in June only. Third: ma's 5, mb's 2."""
    pilot = Fraction(1, 2) + 5 * Fraction(1, 6), Fraction(1, 2) + 4 * Fraction(1, 5)
    two = (Fraction(1, 3) + Fraction(1, 3) + Fraction(1, 2)) / 3
    control = (
        Fraction(1, 2) + 2 * two + (Fraction(1, 3) + Fraction(1, 3) + Fraction(1, 6)) / 3,
        Fraction(1, 2) + 2 * Fraction(1, 2) + Fraction(1, 5),
    )
    return sum(pilot) / 11, sum(control) / 8


def test_every_metric_of_the_catalogue_is_counted_here():
    from study.catalogue import catalogue

    assert set(catalogue()) == set(BY_HAND) | {"retention", "retention_voluntary"} == {"engagement_score", *ASKED}


@pytest.mark.parametrize("metric", BY_HAND)
def test_means_by_hand(tiny, metric):
    expected = list(BY_HAND[metric])
    if metric == "managers_per_person":
        expected[2:] = managers_after()
    rows = tiny.rows(
        "select time_window, mean_pilot, mean_control from comparisons.cmp_outcomes "
        f"where metric = '{metric}' and segment = 'all'"
    )
    found = {
        (window, arm): mean for window, *means in rows for arm, mean in zip(("pilot", "control"), means, strict=True)
    }
    places = [(window, arm) for window in ("before", "after") for arm in ("pilot", "control")]
    for place, by_hand in zip(places, expected, strict=True):
        if by_hand is None:
            assert found.get(place) is None, place
        else:
            assert found[place] == pytest.approx(float(by_hand), abs=1e-11), place


def test_retention_by_hand_with_its_causes(tiny):
    """Six coached people, one of whom leaves in the second month; four in the control, b3 of them not yet before."""
    found = tiny.rows(
        "select phase, comparison_arm, month_number, sum(n_at_risk), sum(n_events), sum(n_voluntary), "
        "sum(n_involuntary), sum(n_regretted) from cells.cell_life_tables "
        "where metric = 'retention' and segment = 'all' and month_number <= 3 "
        "and (month_number = 3 or phase = 'after' and comparison_arm = 'pilot') group by all order by all"
    )
    assert found == [
        ("after", "control", 3, 4, 0, 0, 0, 0),
        ("after", "pilot", 1, 6, 0, 0, 0, 0),
        ("after", "pilot", 2, 6, 1, 1, 0, 1),
        ("after", "pilot", 3, 5, 0, 0, 0, 0),
        ("before", "control", 3, 3, 0, 0, 0, 0),
        ("before", "pilot", 3, 6, 0, 0, 0, 0),
    ]
    assert tiny.rows(
        "select time_window, mean_pilot, mean_control from comparisons.cmp_outcomes "
        "where metric = 'retention' and segment = 'all' order by all"
    ) == [("after", pytest.approx(5 / 6), 1.0), ("before", 1.0, 1.0)]


def test_who_was_observed_missing_or_left_out(tiny):
    flows = tiny.rows(
        "select cohort, period_start::varchar, status, reason, n_observations from cells.cell_flows "
        "where metric = 'engagement_score' order by all"
    )
    assert flows == [
        ("control", "2026-01-01", "missing", "did not answer", 1),
        ("control", "2026-01-01", "observed", "", 3),
        ("control", "2026-04-01", "missing", "did not answer", 1),
        ("control", "2026-04-01", "observed", "", 3),
        ("not in the study", "2026-01-01", "excluded", "unit is not in the study", 1),
        ("not in the study", "2026-04-01", "excluded", "unit is not in the study", 1),
        ("wave_1", "2026-01-01", "missing", "answered too few of the items", 1),
        ("wave_1", "2026-01-01", "missing", "did not answer", 1),
        ("wave_1", "2026-01-01", "observed", "", 4),
        ("wave_1", "2026-04-01", "excluded", "hired after the first kick-off", 1),
        ("wave_1", "2026-04-01", "missing", "did not answer", 2),
        ("wave_1", "2026-04-01", "observed", "", 4),
    ]


def test_the_bridge_of_june_by_hand(tiny):
    """TA: ma, a1–a4 and n1 at the start; b3 comes, n1 leaves. TB: mb, b1, b2, b3, who goes."""
    june = tiny.rows(
        "select cohort, n_opening, n_hires, n_transfers_in, n_leavers, n_transfers_out, n_closing "
        "from comparisons.cmp_headcounts where month = '2026-06-01' order by cohort"
    )
    assert june == [
        ("control", 4, 0, 0, 0, 1, 3),
        ("not in the study", 1, 0, 0, 0, 0, 1),
        ("wave_1", 6, 0, 1, 1, 0, 6),
    ]


def test_turnover_of_a_quarter_under_every_formula_by_hand(tiny):
    """a5 and n1 leave TA in the second quarter. Employed on the first and last day of its months: 6 7, 7 6, 7 6."""
    found = dict(
        tiny.rows(
            "select formula, turnover from comparisons.cmp_turnovers "
            "where span_start = '2026-04-01' and population = 'wave_1'"
        )
    )
    days = (6 * 30 + 25) + (5 * 31 + 31 + 20) + (6 * 30 + 15)  # a last day is counted; b3 belongs to TA in June
    assert found == pytest.approx(
        {
            "opening_headcount": 2 / 6,
            "last_month": 3 * 1 / 6.5,
            "start_and_end": 2 / 6,
            "monthly_means": 2 / 6.5,
            "person_years": 2 / (days / 91),
        }
    )


def test_the_programme_by_hand(tiny):
    cohorts = tiny.rows(
        "select cohort, n_units, n_people, n_movers, n_coaches, n_coaches_trained_in_time, n_coaches_withdrawn "
        "from comparisons.cmp_cohorts order by cohort"
    )
    assert cohorts == [("control", 1, 4, 1, 0, 0, 0), ("wave_1", 1, 6, 0, 1, 1, 0)]
    assert tiny.rows(
        "select who, from_cohort, to_cohort, n_people, first_month::varchar from comparisons.cmp_crossings"
    ) == [("people", "control", "wave_1", 1, "2026-06-01")]
    assert tiny.rows("select depth, n_trained, n_trainers, n_people_reached from comparisons.cmp_cascade") == [
        ("1", 1, 0, 6)
    ]
    moves = tiny.rows(
        "select assessed_date::varchar, cohort, readiness_before, readiness from cells.cell_readiness order by all"
    )
    assert moves == [
        ("2026-02-10", "control", "first assessed", "neutral"),
        ("2026-02-10", "wave_1", "first assessed", "resistant"),
        ("2026-05-12", "control", "neutral", "neutral"),
        ("2026-05-12", "wave_1", "resistant", "driver"),
    ]
    # a1 2, the others none; over 5 × 6 months and a5's 2 · b1 1 over 4 × 6 months
    doses = tiny.rows("select cohort, n_people, n_without, n_held, n_person_months from cells.cell_doses")
    assert sorted(doses) == [("control", 4, 3, 1, 24), ("wave_1", 6, 5, 2, 32)]
    assert tiny.rows(
        "select n_layers, n_people, n_managers, mean_span, n_without_layer from comparisons.cmp_structures "
        "where month = '2026-01-01'"
    ) == [(3, 11, 3, 10 / 3, 0)]
    assert tiny.rows(
        "select n_coaches, mean_load, n_people_in_study, n_coaches_needed from comparisons.cmp_coach_loads"
    ) == [(1, 6.0, 10, 2)]


def test_segments_by_hand(tiny):
    """Job levels and tenure are people's; the others are the coached unit's, and control is in each of them."""
    found = tiny.rows(
        "select segment, mean_pilot, mean_control, n_pilot, n_control from comparisons.cmp_outcomes "
        "where metric = 'engagement_score' and time_window = 'before' order by segment"
    )
    assert found == [
        ("all", 62.5, 50.0, 4, 3),
        ("cascade_depth: 1", 62.5, 50.0, 4, 3),
        ("job_level: L1", pytest.approx(175 / 3), 37.5, 3, 2),
        ("job_level: L2", 75.0, 75.0, 1, 1),
        ("nomination_rank: 2", 62.5, 50.0, 4, 3),
        ("readiness: resistant", 62.5, 50.0, 4, 3),
        ("tenure: 3 and more years", 62.5, 62.5, 4, 2),
        ("tenure: under 3 years", None, 25.0, 0, 1),
        ("variant: human", 62.5, 50.0, 4, 3),
    ]


def test_items_and_cronbachs_alpha_by_hand(tiny):
    """Everybody gave the same answer to all items: they vary together, alpha is 1. Of one item there is none."""
    items = tiny.rows(
        "select item, arm, n_respondents, n_answered, mean_score, favourable_share from comparisons.cmp_items "
        "where launched_date = '2026-02-10' and item in ('engagement_5', 'autonomy_1') order by all"
    )
    assert items == [
        ("autonomy_1", "control", 3, 3, 50.0, pytest.approx(1 / 3)),
        ("autonomy_1", "pilot", 4, 4, 62.5, 0.5),
        ("engagement_5", "control", 3, 3, 50.0, pytest.approx(1 / 3)),
        ("engagement_5", "pilot", 4, 4, 62.5, 0.5),
    ]
    alphas = dict(
        tiny.rows(
            "select scale, cronbach_alpha from comparisons.cmp_scales "
            "where launched_date = '2026-02-10' and arm = 'all'"
        )
    )
    assert alphas["engagement"] == pytest.approx(1) and alphas["recommendation"] is None


def test_changes_within_people_by_hand(tiny):
    """Engagement: ma 75 → 100, a1 50 → 75, a2 100 → 100; mb 75 → 75, b1 50 → 50."""
    cells = tiny.rows(
        "select unit_id, n_people, change_sum, centred_sum_of_squares from cells.cell_differences "
        "where metric = 'engagement_score' order by unit_id"
    )
    mean = 50 / 3
    assert cells == [
        ("TA", 3, 50.0, pytest.approx(2 * (25 - mean) ** 2 + mean**2)),
        ("TB", 2, 0.0, 0.0),
    ]
    # fte of all ten: eight 1 and two 0.5, mean 0.9; a1 is at −0.4 with a change of 25, ma at 0.1 with 25, a2 at 0.1
    [(total,)] = tiny.rows(
        "select product_sum from cells.cell_covariates where metric = 'engagement_score' and unit_id = 'TA' "
        "and covariate = 'fte' and times = 'change'"
    )
    assert total == pytest.approx(-0.4 * 25 + 0.1 * 25)
    squares = tiny.rows(
        "select times, n_people, product_sum from cells.cell_covariates where metric = 'engagement_score' "
        "and unit_id = 'TA' and covariate = 'fte' and times in ('fte', 'one') order by times"
    )
    assert squares == [("fte", 3, pytest.approx(0.16 + 0.01 + 0.01)), ("one", 3, pytest.approx(-0.2))]

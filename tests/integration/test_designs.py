"""What was assigned may be a team, a site, a manager or a person, in strata or not, and a survey may know nobody."""

from datetime import date

import pytest

from tests.integration.small import Small, csv

STUDY = """
programme: small
title: Small
assignment: {{unit: {unit}, source: roster, design: randomised}}
retention_months: 3
min_group_size: 5
outcomes:
  - {{metric: output_per_fte_month, role: primary, minimum_important_difference: 1}}
  - {{metric: engagement_score}}
  - {{metric: retention}}
"""
HEAD = "Employee ID,Hire Date,Termination Date,Department,Site,Team ID,Manager ID,Cases Closed"
PEOPLE = {"p1": "m1", "p2": "m1", "p3": "m1", "p4": "m2", "p5": "m2", "p6": "m2"}


def organisation(root, unit: str, roster: tuple[str, str]) -> Small:
    """Two managers with three people each; coached people close 12 cases from April on, everybody else 10."""
    made = Small(root, STUDY.format(unit=unit))
    for month in range(1, 7):
        rows = [("top", "01/01/2020", None, "D", "HQ", "TOP", "NO_MANAGER", None)]
        rows += [(m, "01/01/2020", None, "D", "HQ", "LEAD", "top", None) for m in ("m1", "m2")]
        for who, first_manager in PEOPLE.items():
            # p3 gets the other manager in June
            manager = "m2" if who == "p3" and month == 6 else first_manager
            coached = month >= 4 and who in ("p1", "p2", "p3")
            site = "north" if who in ("p1", "p4") else "south"
            rows.append((who, "01/01/2020", None, "D", site, f"T{manager}", manager, 12 if coached else 10))
        made.drop("hris", f"hris_2026-{month:02d}.csv", csv(HEAD, rows))
    made.drop("roster", roster[0], roster[1])
    return made


def arms(made: Small) -> list[tuple]:
    return made.rows(
        "select time_window, mean_pilot, mean_control, n_pilot, n_control, n_units_pilot, n_units_control "
        "from comparisons.cmp_outcomes where metric = 'output_per_fte_month' and segment = 'all' "
        "order by time_window desc"
    )


def test_managers_were_assigned_and_their_people_stay_with_them(tmp_path):
    roster = csv("Employee ID,Stratum,Arm,Kick-off", [("m1", "s", "Pilot", "2026-04-01"), ("m2", "s", "Control", None)])
    made = organisation(tmp_path, "manager", ("managers_2026.csv", roster))
    made.build(date(2026, 9, 1))
    assert arms(made) == [("before", 10.0, 10.0, 3, 3, 1, 1), ("after", 12.0, 10.0, 3, 3, 1, 1)]
    # p3 was m1's when the programme began, and is still counted there; the coach is the manager.
    assert made.rows("select from_cohort, to_cohort, n_people from comparisons.cmp_crossings where who = 'people'") == [
        ("pilot", "control", 1)
    ]
    [(n_coaches, n_people)] = made.rows("select n_coaches, n_people_coached from comparisons.cmp_coach_loads")
    assert (n_coaches, n_people) == (1, 3)


def test_people_were_assigned_in_strata_and_no_cell_is_a_person(tmp_path):
    rows = [
        (who, site, "Pilot" if who in ("p1", "p2", "p3") else "Control", "2026-04-01" if who < "p4" else None)
        for who, site in (
            ("p1", "north"), ("p4", "north"), ("p2", "south"), ("p3", "south"), ("p5", "south"), ("p6", "south"),
        )
    ]  # fmt: skip
    made = organisation(tmp_path, "person", ("people_2026.csv", csv("Employee ID,Stratum,Arm,Kick-off", rows)))
    made.build(date(2026, 9, 1))
    assert arms(made) == [("before", 10.0, 10.0, 3, 3, 2, 2), ("after", 12.0, 10.0, 3, 3, 2, 2)]
    units = made.rows(
        "select distinct unit_id, n_people from cells.cell_means where metric = 'output_per_fte_month' order by all"
    )
    assert units == [("control / north", 1), ("control / south", 2), ("pilot / north", 1), ("pilot / south", 2)]
    # Moments of the change within people, per arm and stratum: what person-level assignment needs (decision 15).
    changes = made.rows(
        "select unit_id, n_people, change_sum, centred_sum_of_squares from cells.cell_differences "
        "where metric = 'output_per_fte_month' and period_start = '2026-04-01' order by unit_id"
    )
    assert changes == [
        ("control / north", 1, 0.0, 0.0),
        ("control / south", 2, 0.0, 0.0),
        ("pilot / north", 1, 2.0, 0.0),
        ("pilot / south", 2, 4.0, 0.0),
    ]
    # Head-counts stay with the organisation: a person is no unit of a bridge.
    assert {unit for (unit,) in made.rows("select distinct unit_id from intermediate.int_headcount_movements")} == {"D"}
    strata = made.rows("select cohort, stratum, n_units, n_people from comparisons.cmp_cohorts order by all")
    assert strata == [
        ("control", "north", 1, 1),
        ("control", "south", 2, 2),
        ("pilot", "north", 1, 1),
        ("pilot", "south", 2, 2),
    ]


@pytest.fixture
def by_team(tmp_path):
    roster = csv("Team ID,Wave,Arm,Kick-off", [("Tm1", "one", "Pilot", "2026-04-01"), ("Tm2", None, "Control", None)])
    return organisation(tmp_path, "team", ("roster.csv", roster))


def test_an_anonymous_survey_is_compared_as_cross_sections(by_team):
    """Before: one of Tm1 answers 3 (50 points) in all items, two of Tm2 answer 4; after: two of Tm1 answer 5."""
    mapping = """
name: survey_secret
source: survey
files: ["secret_*.csv"]
anonymous: true
final_newline: required
snapshot:
  filename: '(?P<year>\\d{4})-(?P<month>\\d{2})-(?P<day>\\d{2})'
columns:
  team: {from: Team}
items:
  pride: {from: Pride, scale: engagement}
"""
    (by_team.root / "sources").mkdir()
    (by_team.root / "sources" / "survey_secret.yml").write_text(mapping)
    by_team.drop("survey", "secret_2026-02-10.csv", csv("Team,Pride", [("Tm1", 3), ("Tm2", 4), ("Tm2", 4)]))
    by_team.drop("survey", "secret_2026-05-10.csv", csv("Team,Pride", [("Tm1", 5), ("Tm1", 5), ("Tm2", 4), ("T9", 1)]))
    by_team.build(date(2026, 9, 1))
    found = by_team.rows(
        "select unit_id, period_start::varchar, n_eligible, n_observed, value_sum from cells.cell_means "
        "where metric = 'engagement_score' order by all"
    )
    assert found == [
        ("Tm1", "2026-01-01", 3, 1, 50.0),
        ("Tm1", "2026-04-01", 3, 2, 200.0),
        ("Tm2", "2026-01-01", 3, 2, 150.0),
        ("Tm2", "2026-04-01", 3, 1, 75.0),
    ]
    assert by_team.rows(
        "select arm, n_observed / n_eligible from comparisons.cmp_trends "
        "where scope = 'arm' and metric = 'engagement_score' and period_start = '2026-04-01' order by arm"
    ) == [("control", pytest.approx(1 / 3)), ("pilot", pytest.approx(2 / 3))]
    # Nobody can be followed from wave to wave.
    assert by_team.rows("select count(*) from cells.cell_differences where metric = 'engagement_score'") == [(0,)]
    assert by_team.rows(
        "select arm, n_respondents, mean_score from comparisons.cmp_items "
        "where launched_date = '2026-05-10' order by arm"
    ) == [("control", 1, 75.0), ("pilot", 2, 100.0)]


def test_a_roster_that_comes_after_the_kickoff_moves_nobody(by_team):
    """The unit stays in the cohort that exposed it, and the table of cohorts says that it was moved."""
    for day, arm in (("2026-03-15", "Pilot"), ("2026-05-15", "Control")):
        start = "2026-04-01" if arm == "Pilot" else None
        rows = [("Tm1", "one", arm, start), ("Tm2", None, "Control", None)]
        by_team.drop("roster", f"roster_{day}.csv", csv("Team ID,Wave,Arm,Kick-off", rows))
    (by_team.root / "inbox" / "roster" / "roster.csv").unlink()
    (by_team.root / "sources").mkdir()
    (by_team.root / "sources" / "roster_dated.yml").write_text(
        "name: roster_dated\nextends: roster_table\nfiles: ['roster_*.csv']\n"
        "snapshot:\n  filename: '(?P<year>\\d{4})-(?P<month>\\d{2})-(?P<day>\\d{2})'\n"
    )
    by_team.build(date(2026, 9, 1))
    assert by_team.rows("select cohort, n_units, n_units_reassigned from comparisons.cmp_cohorts order by cohort") == [
        ("control", 1, 0),
        ("one", 1, 1),
    ]
    assert arms(by_team)[1] == ("after", 12.0, 10.0, 3, 3, 1, 1)


def test_two_surveys_of_one_day_are_two_waves(by_team):
    """The same people answer both; one knows them, the other does not."""
    (by_team.root / "sources").mkdir()
    for name, scale, who in (
        ("open", "engagement", "person_id: {from: Who}"),
        ("secret", "autonomy", "team: {from: Who}"),
    ):
        anonymous = "anonymous: true\n" if name == "secret" else ""
        response = "" if name == "secret" else "  response_id: {from: Who}\n"
        (by_team.root / "sources" / f"survey_{name}.yml").write_text(
            f"name: survey_{name}\nsource: survey\nfiles: ['{name}_*.csv']\nfinal_newline: required\n{anonymous}"
            "snapshot:\n  filename: '(?P<year>\\d{4})-(?P<month>\\d{2})-(?P<day>\\d{2})'\n"
            f"columns:\n{response}  {who}\nitems:\n  only: {{from: Only, scale: {scale}}}\n"
        )
    study = by_team.root / "study.yml"
    study.write_text(study.read_text() + "  - {metric: autonomy_score}\n")
    by_team.drop("survey", "open_2026-02-10.csv", csv("Who,Only", [("p1", 3), ("p2", 5), ("p4", 4)]))
    by_team.drop("survey", "secret_2026-02-10.csv", csv("Who,Only", [("Tm1", 2), ("Tm2", 4), ("Tm2", 5)]))
    by_team.build(date(2026, 9, 1))
    found = by_team.rows(
        "select metric, unit_id, n_eligible, n_observed, value_sum from cells.cell_means "
        "where metric in ('engagement_score', 'autonomy_score') order by all"
    )
    assert found == [
        ("autonomy_score", "Tm1", 3, 1, 25.0),
        ("autonomy_score", "Tm2", 3, 2, 175.0),
        ("engagement_score", "Tm1", 3, 2, 150.0),
        ("engagement_score", "Tm2", 3, 1, 75.0),
    ]


def test_what_later_files_and_other_tools_say_about_goals_and_people(by_team):
    """A goal that was moved is not missed, two tools number alike, a blank team is no move, a short stint counts."""
    goals = "event,id,employee_id,due,status,set_by"
    by_team.drop("checkins", "checkins_2026-03.csv", csv(goals, [("goal", 1, "p1", "2026-03-31", "missed", "team")]))
    moved = [("goal", 1, "p1", "2026-09-30", "missed", "team"), ("goal", 2, "p1", "2026-03-31", "met", "team")]
    by_team.drop("checkins", "checkins_2026-05.csv", csv(goals, moved))
    by_team.drop(
        "checkins",
        "log.jsonl",
        '{"event": "goal", "id": "2", "employee_id": "p4", "due": "2026-03-31", "status": "missed"}\n',
    )
    # p2 has no team in May; quick was hired on 3 February, left on the 20th, as the March file says
    may = by_team.root / "inbox" / "hris" / "hris_2026-05.csv"
    lines = may.read_text().splitlines()
    blanked = [line.replace(",Tm1,", ",,") if line.startswith("p2,") else line for line in lines]
    may.write_text("\n".join(blanked) + "\n")
    march = by_team.root / "inbox" / "hris" / "hris_2026-03.csv"
    march.write_text(march.read_text() + "quick,02/03/2026,02/20/2026,D,north,Tm1,m1,\n")
    study = by_team.root / "study.yml"
    study.write_text(study.read_text() + "  - {metric: goals_met_share}\n  - {metric: new_hire_attrition_90d}\n")
    by_team.build(date(2026, 9, 1))
    found = by_team.rows(
        "select metric, unit_id, n_observed, value_sum from cells.cell_means "
        "where metric in ('goals_met_share', 'new_hire_attrition_90d') and n_observed > 0 order by all"
    )
    assert found == [
        ("goals_met_share", "Tm1", 1, 1.0),
        ("goals_met_share", "Tm2", 1, 0.0),
        ("new_hire_attrition_90d", "Tm1", 1, 1.0),
    ]
    crossings = "select from_cohort, to_cohort, n_people from comparisons.cmp_crossings where who = 'people'"
    assert by_team.rows(crossings) == [("one", "control", 1)]  # p3, who moves in June


def test_nothing_is_known_of_days_after_the_one_looked_from(by_team):
    by_team.build(date(2026, 6, 10))
    [(through,)] = by_team.rows("select observed_through_date::varchar from intermediate.int_observation_window")
    assert through == "2026-06-10"
    # The second quarter is not over: it is not there.
    assert by_team.rows(
        "select distinct period_start::varchar from cells.cell_means where metric = 'output_per_fte_month'"
    ) == [("2026-01-01",)]

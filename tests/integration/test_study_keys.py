"""Every key of study.yml changes what it says: one organisation under three studies."""

from typing import get_args

import pytest

from simulation import Design, simulate
from study.model import Study
from tests.integration.small import Small

DESIGN = Design(people=200, months=12, seed=3)
PLAIN = """
programme: plain
title: Plain
outcomes:
  - {metric: engagement_score, role: primary}
  - {metric: retention}
  - {metric: enps}
segments: [tenure, coach_load]
"""
SET = """
programme: set
title: Set
assignment: {unlisted_units: control, joiners: included, anticipation_months: 4, employment_types: [Employee]}
outcomes:
  - {metric: engagement_score, role: guardrail, margin: 1, period: month}
  - {metric: retention, role: primary, minimum_important_difference: 0.05}
  - {metric: enps, role: placebo}
  - {metric: cases}
retention_months: 3
outputs:
  - {metric: cases, attribute: output_value, label: Cases, unit: cases per month, direction: down, per: person_month}
scales:
  - {scale: trust, label: Trust, direction: down, link: noticed}
segments: [tenure, coach_load, site]
covariates: [age_years]
tenure_bands: [2, 5]
coach_load_bands: [8]
checkins: {per_month: 3, review_days: 0}
favour: {favourable_from: 50, enps_lowest: 0, enps_highest: 10, enps_detractors_to: 2, enps_promoters_from: 5}
readiness: {resistant_below: 1, driver_from: 2}
turnover_formula: person_years
top_layer: 0
survey_open_days: 0
"""


LISTED = """
programme: listed
title: Listed
assignment: {unit: department, source: listed, design: randomised, strata: {one: [Finance, Operations]}}
cohorts:
  - {cohort: first, kickoff_date: 2024-05-01, units: [Finance]}
control_units: [Operations]
readiness: {scale: autonomy}
outcomes:
  - {metric: engagement_score, role: primary}
"""
# What the three studies are asked, and what they must answer: by default, and as set. A key stands in the question
# that it changes.
QUESTIONS = {
    "programme": ("select programme from staging.stg_study__programmes", [("plain",)], [("set",)]),
    "assignment.unlisted_units": (
        "select arm, count(*)::int from intermediate.int_unit_assignments group by 1 order by 1",
        [("control", 6), ("pilot", 10)],
        [("control", 15), ("pilot", 10)],
    ),
    "assignment.joiners assignment.employment_types": (
        "select distinct reason from intermediate.int_excluded order by 1",
        [("hired after the first kick-off",), ("unit is not in the study",)],
        [("employment type is not in the study",)],
    ),
    "outcomes.metric outcomes.role outcomes.period assignment.anticipation_months": (
        "select metric, role, period, anticipation from staging.stg_study__outcomes where metric <> 'cases' order by 1",
        [
            ("engagement_score", "primary", "quarter", 0),
            ("enps", "secondary", "quarter", 0),
            ("retention", "secondary", "quarter", 0),
        ],
        [
            ("engagement_score", "guardrail", "month", 4),
            ("enps", "placebo", "quarter", 2),
            ("retention", "primary", "quarter", 2),
        ],
    ),
    "retention_months": ("select max(months_followed) from panels.pnl_retention", [(6,)], [(3,)]),
    "outputs.metric outputs.attribute outputs.label outputs.unit outputs.direction outputs.per": (
        "select label, unit, direction, of_what, (select count(*) > 0 from panels.pnl_activity where metric = 'cases') "
        "from staging.stg_study__outcomes where metric = 'cases'",
        [],
        [("Cases", "cases per month", "down", "person_months", True)],
    ),
    "scales.scale scales.label scales.direction scales.link": (
        "select metric, label, direction, link from staging.stg_study__metrics where metric like 'trust%' order by 1",
        [],
        [
            ("trust_favourable", "Trust, favourable", "down", None),
            ("trust_net_promoter", "Trust, net score", "down", None),
            ("trust_score", "Trust", "down", "noticed"),
        ],
    ),
    "segments tenure_bands coach_load_bands": (
        "select distinct dimension, word from intermediate.int_segments order by 1, 2",
        [
            ("coach_load", "10 to under 15 people"),
            ("coach_load", "under 10 people"),
            ("tenure", "1 to under 3 years"),
            ("tenure", "3 to under 6 years"),
            ("tenure", "6 and more years"),
            ("tenure", "under 1 year"),
        ],
        [
            ("coach_load", "8 and more people"),
            *(("site", name) for name in ("Centre", "East", "North", "South", "West")),
            ("tenure", "2 to under 5 years"),
            ("tenure", "5 and more years"),
            ("tenure", "under 2 years"),
        ],
    ),
    "covariates": ("select distinct covariate from cells.cell_covariates", [], [("age_years",)]),
    "checkins.per_month": (
        "select sum(checkins_expected) = 3 * count(*) from intermediate.int_person_months",
        [(False,)],
        [(True,)],
    ),
    "checkins.review_days": (
        "select sum(reviews_on_time) > 0.8 * sum(reviews_due) from intermediate.int_person_months",
        [(True,)],
        [(False,)],
    ),
    "favour.favourable_from": (
        "select avg(favourable) > 0.8 from intermediate.int_scale_scores where scale = 'engagement'",
        [(False,)],
        [(True,)],
    ),
    "favour.enps_lowest favour.enps_highest favour.enps_detractors_to favour.enps_promoters_from": (
        "select avg(net_promoter) > 0 from intermediate.int_scale_scores where scale = 'recommendation'",
        [(False,)],
        [(True,)],
    ),
    "readiness.resistant_below readiness.driver_from": (
        "select distinct readiness from intermediate.int_readiness order by 1",
        [("driver",), ("neutral",), ("resistant",)],
        [("driver",)],
    ),
    "survey_open_days": (
        "select avg(is_late::int) > 0.5 from intermediate.int_respondents",
        [(False,)],
        [(True,)],
    ),
    "turnover_formula": (
        "select distinct formula from comparisons.cmp_turnovers where is_chosen",
        [("monthly_means",)],
        [("person_years",)],
    ),
    "top_layer": ("select min(layer) from intermediate.int_reporting_lines", [(1,)], [(0,)]),
}
LISTED_ANSWERS = {
    "assignment.unit assignment.source assignment.strata cohorts.cohort cohorts.kickoff_date cohorts.units "
    "control_units": (
        "select unit_id, cohort, arm, stratum, cast(kickoff_date as varchar) from intermediate.int_unit_assignments "
        "order by 1",
        [("Finance", "first", "pilot", "one", "2024-05-01"), ("Operations", "control", "control", "one", None)],
    ),
    "readiness.scale": (
        "select count(*) > 0, count(*) filter (readiness <> case when score < 40 then 'resistant' "
        "when score >= 70 then 'driver' else 'neutral' end)::int from intermediate.int_readiness as managers "
        "inner join intermediate.int_scale_scores as scores on managers.person_id = scores.person_id "
        "and managers.assessed_date = scores.launched_date and scores.scale = 'autonomy'",
        [(True, 0)],
    ),
    "assignment.design": ("select design from staging.stg_study__programmes", [("randomised",)]),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What each question is answered by each study of one simulated organisation."""
    root = tmp_path_factory.mktemp("study")
    made = Small(root, PLAIN)
    simulate(DESIGN, root / "inbox", truth_path=root / "truth.json")
    made.load(faults=6)
    found = {}
    for study in (PLAIN, SET, LISTED):
        made.declare(study)
        made.compute(DESIGN.closed_on)
        asked = LISTED_ANSWERS if study is LISTED else QUESTIONS
        found[study] = {keys: made.rows(question[0]) for keys, question in asked.items()}
    return found


@pytest.mark.parametrize("keys", QUESTIONS)
def test_a_key_changes_what_it_says(answers, keys):
    _, plain, changed = QUESTIONS[keys]
    assert answers[PLAIN][keys] == plain
    assert answers[SET][keys] == changed


@pytest.mark.parametrize("keys", LISTED_ANSWERS)
def test_units_may_be_listed_in_the_study_and_no_roster_is_read(answers, keys):
    assert answers[LISTED][keys] == LISTED_ANSWERS[keys][1]


# Keys that no model of dbt reads: the test that shows what each does.
IN_THE_RELEASE = {
    *(
        "title",
        "contact",
        "time_zone",
        "alpha",
        "planned_until",
        "min_group_size",
        "sensitive_facts",
        "stale_after_days",
        "money",
    )
}
ELSEWHERE = {
    "keep_until": "tests/e2e/test_deletion.py",
    "coaches": "tests/e2e/test_study_settings.py",
    "restatements": "tests/e2e/test_late_facts.py",
    "outcomes.minimum_important_difference": "tests/unit/inference/test_money_and_decisions.py",
    "outcomes.margin": "tests/unit/inference/test_money_and_decisions.py",
    **{f"waivers.{key}": "tests/e2e/test_gate_refuses.py" for key in ("check", "value", "who", "why", "until")},
}


def keys_of(model: type, prefix: str = "") -> set[str]:
    """Every key of a model and of the models inside it, with dots."""
    found = set()
    for name, field in model.model_fields.items():
        inner = next(
            (one for one in (field.annotation, *get_args(field.annotation)) if hasattr(one, "model_fields")), None
        )
        found |= keys_of(inner, f"{prefix}{name}.") if inner and name != "money" else {prefix + name}
    return found


def test_no_key_is_without_a_test(request):
    shown = {key for keys in (*QUESTIONS, *LISTED_ANSWERS) for key in keys.split()}
    assert keys_of(Study) == shown | IN_THE_RELEASE | set(ELSEWHERE)
    for key, path in ELSEWHERE.items():
        assert key.rpartition(".")[2] in (request.config.rootpath / path).read_text(encoding="utf-8"), key

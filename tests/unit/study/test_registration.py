"""The registration text, and what was changed since."""

import json
from datetime import UTC, date, datetime

import yaml

from orchestration.workspace import PROJECT_ROOT
from study.model import Study
from study.registration import Amendment, amendments, document, is_before, questions, text

TEMPLATE = yaml.safe_load((PROJECT_ROOT / "orchestration" / "templates" / "study.yml").read_text(encoding="utf-8"))
LOT = {
    "at": "2026-01-05T10:00:00+00:00",
    "seed": 7,
    "file_sha256": "ab" * 32,
    "drawn_within": {"strata": "site", "pairs": ["engagement_score"]},
    "lot": {
        "T1": ["2026-02-01", "1"],
        "T2": ["2026-02-01", "1"],
        "T3": ["2026-05-01", "2"],
        "T4": ["", "1"],
        "T5": ["", "2"],
    },
}


def study(**changes) -> Study:
    return Study(**(TEMPLATE | changes))


def test_the_text_has_what_registries_ask_for():
    written = text(study(), LOT)
    headings = [line[3:] for line in written.splitlines() if line.startswith("## ")]
    assert headings[:6] == [
        "Title",
        "Research question and hypotheses",
        "Intervention",
        "Experimental design and arms",
        "Primary outcomes",
        "Secondary outcomes",
    ]
    for said in (
        "It raises Engagement (points (0–100)); worth having from 2",
        "Retention (`retention`), share retained; minimum important difference 0.02\n",
        "Goals met (`goals_met_share`), share of goals due; minimum important difference 0.03; by quarter",
        "Drawn by lot on 2026-01-05 (seed 7), within site, engagement_score.",
        "Coached: 2 from 2026-02-01, 1 from 2026-05-01. 2 in the hold-out.",
        f"sha256 `{'ab' * 32}`",
        "Alignment (`alignment_score`), points (0–100); margin 2; by month or quarter, as its waves come",
        "rests on parallel trends",
        study().questions_digest,
    ):
        assert said in written, said


def test_every_outcome_of_every_role_is_named():
    written = text(study(), None)
    assert all(f"(`{outcome['metric']}`)" in written for outcome in TEMPLATE["outcomes"])
    drawn = text(study(assignment=TEMPLATE["assignment"] | {"design": "randomised"}), None)
    assert "ANCOVA" in drawn and "parallel trends" not in drawn


def test_the_same_study_has_the_same_text_and_no_amendment():
    one, other = (json.loads(document(study(), LOT, datetime(2026, 1, day, tzinfo=UTC))) for day in (6, 7))
    assert one["text_sha256"] == other["text_sha256"] and one["at"] != other["at"]
    assert amendments(one["questions"], study()) == []
    assert amendments(one["questions"], study(title="Other words", contact="a mailbox", stale_after_days=3)) == []


def test_amendments_name_the_setting_what_it_was_and_what_it_is():
    changed = [dict(outcome) for outcome in TEMPLATE["outcomes"]]
    changed[0]["minimum_important_difference"] = 1.5
    changed[1] = {"metric": "retention"}
    changed.reverse()  # the order asks nothing
    now = study(outcomes=changed[1:], segments=["tenure"], alpha=0.1)
    last = TEMPLATE["outcomes"][-1]["metric"]
    found = amendments(questions(study()), now)
    assert Amendment("alpha", "0.05", "0.1") in found
    assert Amendment("outcomes[engagement_score].minimum_important_difference", "2.0", "1.5") in found
    assert Amendment("outcomes[retention].role", "primary", "secondary") in found
    assert Amendment("outcomes[retention].minimum_important_difference", "0.02", "not set") in found
    assert Amendment("segments", f"a list of {len(TEMPLATE['segments'])}", "a list of 1") in found
    assert Amendment(f"outcomes[{last}].metric", last, "not set") in found
    assert {one.setting.partition("[")[0] for one in found} == {"alpha", "segments", "outcomes"}


def test_names_of_units_are_in_no_amendment():
    listed = {"assignment": TEMPLATE["assignment"] | {"source": "listed"}}
    cohorts = [{"cohort": "first", "kickoff_date": date(2026, 5, 1), "units": ["Secret team"]}]
    more = [cohorts[0] | {"units": ["Secret team", "Other team"]}]
    before, now = (study(**listed, cohorts=one, control_units=["Third team"]) for one in (cohorts, more))
    assert amendments(questions(before), now) == [Amendment("cohorts[first].units", "a list of 1", "a list of 2")]


def test_a_registration_is_before_the_first_kick_off_or_not():
    kickoffs = [date(2026, 5, 1), date(2026, 2, 1)]
    assert is_before("2026-01-31T23:00:00+00:00", kickoffs) is True
    assert is_before("2026-02-01T00:00:00+00:00", kickoffs) is False
    assert is_before("2026-02-01T00:00:00+00:00", []) is None

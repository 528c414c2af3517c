"""Keys under their names of the last version are read, with a warning that says the new name."""

import pytest
import yaml

from ingest.mapping.documents import mapping_from
from study.model import Study
from study.strict_yaml import RenamedKey

STUDY = {"programme": "p", "title": "t", "outcomes": [{"metric": "retention", "role": "primary"}]}
MAPPING = {
    "name": "hris_ours",
    "source": "hris",
    "files": ["*.csv"],
    "snapshot": {"fixed": "2026-01-01"},
    "columns": {"person_id": {"from": "id"}},
}
DAYS = ["2026-06-30", "2026-12-31"]
WAIVER = {"check": "c", "value": "v", "who": "HR", "why": "a reason of ten letters", "until": "2026-12-31"}


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [("accepted", "waivers", [WAIVER])],
)
def test_an_old_key_of_the_study_is_read_and_the_new_one_is_named(old, new, value):
    with pytest.warns(RenamedKey, match=f"the key {old} is called {new} now"):
        found = Study.model_validate(STUDY | {old: value})
    assert found == Study.model_validate(STUDY | {new: value})


def test_an_old_key_of_an_outcome_is_read():
    outcome = {"metric": "retention", "role": "primary"}
    with pytest.warns(RenamedKey, match="called minimum_important_difference now"):
        found = Study.model_validate(STUDY | {"outcomes": [outcome | {"worthwhile": 0.02}]})
    assert found.outcomes[0].minimum_important_difference == 0.02


def test_both_names_of_a_key_are_refused():
    with pytest.raises(ValueError, match="accepted is the old name of waivers; keep waivers only"):
        Study.model_validate(STUDY | {"accepted": [WAIVER], "waivers": [WAIVER]})


@pytest.mark.parametrize("old", ["looks", "interim_analyses"])
def test_declared_days_become_the_end_of_the_plan(old):
    with pytest.warns(RenamedKey, match=f"the key {old} is gone: every wave is an analysis"):
        found = Study.model_validate(STUDY | {old: DAYS})
    assert str(found.planned_until) == DAYS[-1]
    with pytest.raises(ValueError, match="keep planned_until only"):
        Study.model_validate(STUDY | {old: DAYS, "planned_until": DAYS[-1]})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("absence: ended", "on_missing_person: ended"),
        ("delivery: delta\nblank: keeps", "delivery: delta\non_blank: keeps"),
        (
            "repeat: [{fte: {from: a, times: 0.01}}, {fte: {from: b, other: refused, times: 0.01}}]",
            "unpivot: [{fte: {from: a, multiply_by: 0.01}}, {fte: {from: b, on_unmapped: refused, multiply_by: 0.01}}]",
        ),
        (
            "vintages: [{vintage: v2, columns: {fte: {from: FTE, times: 0.01}}}]",
            "vintages: [{vintage: v2, columns: {fte: {from: FTE, multiply_by: 0.01}}}]",
        ),
        (
            "attributes: {site_code: {from: Site, values: {A: a}, other: kept}}",
            "attributes: {site_code: {from: Site, values: {A: a}, on_unmapped: kept}}",
        ),
    ],
)
def test_an_old_key_of_a_mapping_is_read_and_the_new_one_is_named(old, new):
    names = {word for word in ("on_missing_person", "on_blank", "unpivot", "multiply_by", "on_unmapped") if word in new}
    with pytest.warns(RenamedKey) as seen:
        found = mapping_from(MAPPING | yaml.safe_load(old))
    assert found.digest == mapping_from(MAPPING | yaml.safe_load(new)).digest
    assert all(any(f"is called {name} now" in str(one.message) for one in seen) for name in names)


def test_a_mapping_may_extend_one_with_the_old_key():
    base = MAPPING | {"columns": MAPPING["columns"] | {"fte": {"from": "FTE", "times": 0.01}}}
    ours = {"extends": "base", "columns": {"fte": {"multiply_by": 0.025}}}
    with pytest.warns(RenamedKey):
        found = mapping_from(ours, find=lambda _: base)
    assert found.columns["fte"].multiply_by == 0.025

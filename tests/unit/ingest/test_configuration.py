"""Mappings and the study: what is wrong is said by name, floors cannot be lowered."""

import pytest
import yaml

from ingest.mapping.registry import BUILT_IN, candidates, load_mapping, load_mappings
from study.model import load_study
from study.strict_yaml import ConfigError

STUDY = {
    "programme": "p",
    "title": "t",
    "outcomes": [{"metric": "retention", "role": "primary"}],
}


def study(tmp_path, **changes):
    path = tmp_path / "study.yml"
    path.write_text(yaml.safe_dump(STUDY | changes))
    return load_study(path)


def test_every_built_in_mapping_is_valid():
    assert {mapping.source for mapping in load_mappings(BUILT_IN.parent / "none")} == {
        "hris",
        "survey",
        "checkins",
        "roster",
    }


def test_the_customers_mapping_wins_by_name_and_is_asked_first(tmp_path):
    own = (BUILT_IN / "hris_report.yml").read_text().replace("name: hris_report", "name: ours")
    (tmp_path / "ours.yml").write_text(own)
    found = candidates(load_mappings(tmp_path), "hris", "hris_2026-01.csv")
    assert found[0].name == "ours"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("person_id:", "personid:"), "no such field"),
        (("files:", "fils:"), "fils"),
        (("  hired_date: {from: Hire Date", "  birth_year: {from: Hire Date"), "stands twice"),
        (("source: hris", "source: hros"), "source"),
        (("(?P<year>", "(?P<jahr>"), "named groups"),
        (("(?P<year>", "(?P<year"), "regular expression"),
        (("source: hris", "source: hris\ntime_zone: Europe/Berln"), "IANA"),
        (("{from: Team ID}", "{from: Employee ID}"), "in the clear"),
        (("null_words:", "null_words: !!int abc #"), "not valid YAML"),
    ],
)
def test_a_wrong_mapping_names_file_and_fault(tmp_path, change, says):
    path = tmp_path / "hris_report.yml"
    path.write_text((BUILT_IN / "hris_report.yml").read_text().replace(*change))
    with pytest.raises(ConfigError, match=says) as caught:
        load_mapping(path)
    assert "hris_report.yml" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"min_group_size": 4}, "greater than or equal to 5"),
        ({"time_zone": "Europe/Atlantis"}, "IANA"),
        ({"outcomes": []}, "outcomes"),
        ({"outcomes": [{"metric": "retention"}, {"metric": "retention"}]}, "twice"),
        ({"assignment": {"source": "listed"}}, "list cohorts"),
        ({"alpha": 0.5}, "alpha"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_study_names_file_and_fault(tmp_path, changes, says):
    with pytest.raises(ConfigError, match=says) as caught:
        study(tmp_path, **changes)
    assert "study.yml" in str(caught.value)


def test_a_unit_in_two_cohorts_is_refused(tmp_path):
    cohorts = [
        {"cohort": "one", "kickoff_date": "2026-01-01", "units": ["T1"]},
        {"cohort": "two", "kickoff_date": "2026-04-01", "units": ["T1"]},
    ]
    with pytest.raises(ConfigError, match="T1"):
        study(tmp_path, assignment={"source": "listed"}, cohorts=cohorts)


def test_comments_do_not_change_the_studys_hash_and_a_threshold_does(tmp_path):
    before = study(tmp_path).digest
    path = tmp_path / "study.yml"
    path.write_text("# a comment\n" + path.read_text())
    assert load_study(path).digest == before
    assert study(tmp_path, min_group_size=12).digest != before

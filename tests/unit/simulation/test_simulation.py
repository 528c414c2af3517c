import hashlib
import json

import pytest

from simulation import Design, simulate


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".xlsx"  # a workbook carries the time of its making
    }


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(Design(people=300, months=12, seed=seed), tmp_path / name, truth_path=tmp_path / f"{name}.json")
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b") != hashes(tmp_path / "c")


def test_people_are_obviously_synthetic_and_the_truth_lies_outside_the_inbox(tmp_path):
    simulate(Design(people=300, months=12), tmp_path / "inbox", truth_path=tmp_path / "truth.json")
    text = (tmp_path / "inbox" / "hris" / "hris_2024-03.csv").read_text()
    assert "Synthetic,Person  00000" in text and "@example.invalid" in text
    truth = json.loads((tmp_path / "truth.json").read_text())
    asked = {"engagement_score", "goals_met_share", "retention", "innovation_score", "output_per_fte_month"}
    assert set(truth) == asked
    assert all(metric["simple"] > 0 for metric in truth.values())
    assert not [path for path in (tmp_path / "inbox").rglob("*") if "truth" in path.name]


@pytest.mark.parametrize("wrong", [{"people": 10}, {"months": 13}, {"months": 6}])
def test_impossible_designs_are_refused(wrong):
    with pytest.raises(ValueError):
        Design(**wrong)

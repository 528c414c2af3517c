"""Which released headlines are pooled, and which are named and left out."""

import json
import re
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from inference.meta_analysis import pool
from publish.meta_analysis import CannotPool, pool_releases

OUTCOME = {
    "metric": "engagement_score",
    "label": "Engagement",
    "role": "primary",
    "unit": "points (0–100)",
    "written_as": "points",
    "direction": "up",
    "measure": "score",
    "scale": "engagement",
    "period": "quarter",
}
RETENTION = OUTCOME | {
    "metric": "retention",
    "label": "Retention",
    "unit": "share retained",
    "written_as": "share",
    "measure": "still_employed",
    "scale": None,
    "period": None,
}
HEADLINE = {"status": "estimated", "reason": None, "suppressed": None, "is_headline": True}


def release(
    folder: Path, estimate: float, /, *, months: int | None = 6, outcomes=(OUTCOME,), people=None, **changes
) -> Path:
    """A release as far as pooling reads it; `changes` are of the headlines."""
    place = len(list(folder.iterdir()))
    people = 100 + place if people is None else people
    made = folder / f"pilot_{place}" / "releases" / "first"
    (made / "parquet").mkdir(parents=True)
    manifest = {"content_hash": f"{estimate} {months} {changes} {outcomes}", "design": "randomised"}
    (made / "manifest.json").write_text(json.dumps(manifest))
    numbers = {"estimate": estimate, "std_error": 1.0, "df": 10.0}
    headlines = [{"metric": one["metric"]} | numbers | HEADLINE | changes for one in outcomes]
    tables = {
        "pub_outcomes": pl.DataFrame(list(outcomes), schema_overrides={"scale": pl.String, "period": pl.String}),
        "pub_estimates": pl.DataFrame(
            headlines,
            schema_overrides={
                "reason": pl.String,
                "suppressed": pl.String,
                "estimate": pl.Float64,
                "std_error": pl.Float64,
            },
        ),
        "pub_retention": pl.DataFrame({"n_months": [months]}, schema={"n_months": pl.Int64}),
        "pub_cohorts": pl.DataFrame(
            [("cohort", "wave", date(2026, 1, 1), 12, people), ("arm", "control", None, 12, 120)],
            schema=("scope", "group_name", "kickoff_date", "n_units", "n_people"),
            orient="row",
        ),
    }
    for name, table in tables.items():
        table.write_parquet(made / "parquet" / f"{name}.parquet")
    return made


def test_headlines_are_pooled_as_they_were_released(tmp_path):
    (found,) = pool_releases([release(tmp_path, effect) for effect in (1.0, 2.0, 4.5)])
    assert (found.label, found.left_out) == ("Engagement", ())
    assert found.pilots["estimate"].to_list() == [1.0, 2.0, 4.5]
    assert found.pooled == pool([1.0, 2.0, 4.5], [1.0, 1.0, 1.0])


def test_an_outcome_that_is_primary_in_one_of_them_is_pooled(tmp_path):
    first = release(tmp_path, 1.0, outcomes=(OUTCOME, RETENTION | {"role": "secondary"}))
    second = release(tmp_path, 2.0, outcomes=(RETENTION, OUTCOME | {"role": "guardrail"}))
    assert {one.metric: one.pooled.n for one in pool_releases([first, second])} == {
        "engagement_score": 2,
        "retention": 2,
    }


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ({"outcomes": (RETENTION,)}, "does not ask for it"),
        ({"outcomes": (OUTCOME | {"unit": "points (0–10)"},)}, r"unit points \(0–10\) instead of points \(0–100\)"),
        ({"outcomes": (OUTCOME | {"scale": "mood"},)}, "scale mood instead of engagement"),
        ({"status": "not_estimable", "reason": "one wave", "estimate": None}, "has no estimate: one wave"),
        ({"suppressed": "protected", "estimate": None}, "does not show it"),
        ({"std_error": 0.0}, "without an error"),
        ({"outcomes": (OUTCOME | {"period": "month"},)}, "period month instead of quarter"),
    ],
)
def test_a_release_that_asks_something_else_or_does_not_show_it_is_named_and_left_out(tmp_path, odd, why):
    folders = [release(tmp_path, 1.0), release(tmp_path, 2.0), release(tmp_path, 3.0, **odd)]
    found = pool_releases(folders)[0]
    ((number, words),) = found.left_out
    assert number == 3
    assert re.search(why, words)
    assert found.pooled.n == 2


def test_retention_over_six_and_over_twelve_months_are_two_things(tmp_path):
    folders = [release(tmp_path, 0.1, months=months, outcomes=(RETENTION,)) for months in (6, 12)]
    (found,) = pool_releases(folders)
    assert found.left_out == ((2, "asks for something else: months 12 instead of 6"),)
    assert found.pooled is None


def test_what_is_asked_is_said_by_a_release_that_has_an_answer(tmp_path):
    """Of the first nobody was followed long enough yet: the others are pooled all the same, in any order."""
    asked = {"outcomes": (RETENTION,)}
    early = release(tmp_path, 0.0, months=None, status="not_estimable", reason="too early", std_error=None, **asked)
    others = [release(tmp_path, effect, **asked) for effect in (0.1, 0.2)]
    (found,) = pool_releases([early, *others])
    assert (found.pooled.n, [number for number, _ in found.left_out]) == (2, [1])


def test_an_outcome_without_any_estimate_is_said_and_not_pooled(tmp_path):
    nothing = {"status": "not_estimable", "reason": "too few units", "std_error": None}
    (found,) = pool_releases([release(tmp_path, 1.0, **nothing), release(tmp_path, 2.0, **nothing)])
    assert (found.pooled, found.pilots.height, len(found.left_out)) == (None, 0, 2)
    assert found.pilots.columns[:2] == ["release", "design"]


def test_an_exports_own_unit_is_never_pooled(tmp_path):
    own = OUTCOME | {"written_as": "own", "unit": "the export's own unit"}
    (found,) = pool_releases([release(tmp_path, effect, outcomes=(own,)) for effect in (1.0, 1000.0)])
    assert found.pooled is None
    assert "own unit" in found.left_out[0][1]


def test_intervals_are_of_one_level_whatever_the_studies_read_at(tmp_path):
    (found,) = pool_releases([release(tmp_path, effect) for effect in (1.0, 2.0)])
    assert found.pilots["ci_high"][0] == pytest.approx(1.0 + 2.2281388519649385)  # t of 10 degrees of freedom


def test_one_release_no_release_and_the_same_people_twice_are_refused(tmp_path):
    one, other = release(tmp_path, 1.0), release(tmp_path, 2.0)
    with pytest.raises(CannotPool, match="two releases at least"):
        pool_releases([one])
    with pytest.raises(CannotPool, match="is no release"):
        pool_releases([one, tmp_path])
    later = release(tmp_path, 1.5, people=100)  # another release of the first pilot
    with pytest.raises(CannotPool, match="of the same people"):
        pool_releases([one, other, later])
    copy = tmp_path / "elsewhere" / "first"
    shutil.copytree(one, copy)
    with pytest.raises(CannotPool, match="of the same people"):
        pool_releases([one, copy])


def test_pilots_that_were_collected_in_one_folder_are_pooled(tmp_path):
    folder = tmp_path / "collected"
    folder.mkdir()
    for name, effect in (("north", 1.0), ("south", 2.0)):
        release(tmp_path, effect).rename(folder / name)
    assert pool_releases([folder / "north", folder / "south"])[0].pooled.n == 2

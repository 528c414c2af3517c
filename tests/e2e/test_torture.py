"""A part of `benchmarks/torture.py`: the run killed before steps of every kind, and some of its other troubles."""

import os

import pytest

from benchmarks import torture, troubles
from orchestration.workspace import PROJECT_ROOT
from tests.conftest import study_of_few_questions
from tests.models import without_dbt

pytestmark = pytest.mark.slow
SILENTLY = torture._silently


def without_dbt_silently(work, arguments) -> None:
    """What a child does; the models are not the subject here, and the campaign runs them by dbt."""
    with without_dbt():
        SILENTLY(work, arguments)


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torture")
    os.environ["COACHING_PSEUDONYM_KEY"] = os.environ.get("COACHING_PSEUDONYM_KEY") or "k" * 40
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torture, "_silently", without_dbt_silently)
        torture.begin_server(folder, "tests.models")
        template = (PROJECT_ROOT / "orchestration" / "templates" / "study.yml").read_text(encoding="utf-8")
        made = torture.Ground(folder, study_of_few_questions(template))
        made.prepare()
        yield made


def chosen(steps: list[str], kinds: tuple[str, ...]) -> list[int]:
    """The first step whose name begins so, from 1."""
    return [next(n for n, step in enumerate(steps, start=1) if step.startswith(kind)) for kind in kinds]


@pytest.mark.parametrize(
    ("part", "kinds"),
    [
        ("front", ("append ledger", "rename content", "commit")),
        ("back", ("write pub_", "point current")),
    ],
)
def test_a_killed_run_leaves_the_old_or_the_new_release_and_ends_like_a_clean_one(ground, part, kinds):
    ground.n_steps(part)
    steps = (ground.folder / f"steps_{part}").read_text().splitlines()
    for n in chosen(steps, kinds):
        found = torture.one(ground, part, n)
        assert found["killed"], found
        assert found["wrong"] == [], found


@pytest.mark.parametrize(
    ("name", "moment"),
    [("disk full", ["front", 4]), ("disk full", ["back", 6]), ("orphan", 1), ("pair", 0), ("readers", 2)],
)
def test_a_run_in_trouble_leaves_the_old_or_the_new_release_and_ends_like_a_clean_one(ground, name, moment):
    found = troubles.meet(ground, name, moment)
    if "skipped" in found:
        pytest.skip(f"this machine cannot make it: {found['skipped']}")
    assert found["wrong"] == [], found
    assert found["killed"], "the trouble did not strike"

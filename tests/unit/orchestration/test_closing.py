"""When closed periods are computed again, and from what."""

from datetime import date

import pytest

from orchestration.closing import due
from orchestration.restating import link
from orchestration.workspace import PROJECT_ROOT
from publish.closed import Batch
from study.model import load_study
from study.validation import definitions

DAY = date(2026, 1, 31)


def test_a_metric_that_comes_back_as_something_else_is_restated():
    study = load_study(PROJECT_ROOT / "orchestration" / "templates" / "study.yml")
    now = definitions(study)
    name = sorted(now)[0]
    first = Batch(1, "one", "2025-12-31", now | {name: "other"})
    without = Batch(2, "two", "2026-01-01", {key: value for key, value in now.items() if key != name})
    assert due(study, [first, without], DAY) == f"what is measured has changed: {name}"
    assert due(study, [Batch(1, "one", "2025-12-31", now), without], DAY) == ""


def test_a_link_never_writes_over_a_file(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("2")
    link(one, tmp_path / "there")
    with pytest.raises(FileExistsError):
        link(two, tmp_path / "there")
    assert one.read_text() == "1"

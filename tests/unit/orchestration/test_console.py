"""What the terminal shows while a run goes on."""

import io

from rich.console import Console

from orchestration import progress
from orchestration.cli.console import Progress


def test_a_long_step_says_how_far_it_is():
    shown = Progress(Console(file=io.StringIO()))
    stop = progress.watch(shown)
    progress.report("transform", "41 of 97 models")
    assert shown.status.status == "staging … comparisons (dbt) · 41 of 97 models done"
    shown("transform", "ASSET_MATERIALIZATION", "")
    assert shown.status.status == "staging … comparisons (dbt) · 1 tables, 0 checks done"
    stop()
    progress.report("transform", "97 of 97 models")
    assert shown.tables == 1

"""What a command waits for before its first word: it imports what it needs and no more."""

import subprocess
import sys

import pytest

from orchestration.cli.workspaces import lay_out
from orchestration.workspace import Workspace
from publish import ledger

SCRIPT = """
import sys
from orchestration.cli.commands import main
try:
    main()
except SystemExit:  # the doctor may have found something
    pass
heavy = {"dagster", "dagster_dbt", "great_expectations", "altair"} & sys.modules.keys()
print("imported:", sorted(heavy))
"""


@pytest.mark.parametrize("command", ["status", "doctor", "releases"])
def test_a_command_that_only_looks_imports_neither_dagster_nor_what_runs_need(tmp_path, command):
    there = Workspace(tmp_path / "workspace")
    lay_out(there)
    ledger.append(there.ledger, "drawn", run_id="assign", file="drawn.csv", lot={}, kickoffs=[])
    words = [sys.executable, "-c", SCRIPT, command, "-w", str(tmp_path / "workspace")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("imported: []\n"), done.stdout + done.stderr

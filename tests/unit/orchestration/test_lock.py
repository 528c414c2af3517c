import subprocess
import sys

import pytest

from orchestration.lock import LockLost, WorkspaceBusy, hold


def test_a_second_run_is_turned_away_at_once_and_said_who_holds_it(tmp_path):
    second = hold(tmp_path / ".lock", run_id="second")
    with hold(tmp_path / ".lock", run_id="first"), pytest.raises(WorkspaceBusy, match="first"), second:
        pass


def test_tokens_grow_and_an_overtaken_run_notices(tmp_path):
    with hold(tmp_path / ".lock", run_id="first") as first:
        first.check()
    with hold(tmp_path / ".lock", run_id="second") as second:
        assert second.token == first.token + 1
        second.check()
        with pytest.raises(LockLost, match="overtaken"):
            first.check()


def test_a_killed_holder_leaves_no_lock_behind(tmp_path):
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from orchestration.lock import hold\n"
        "with hold(Path(sys.argv[1]), run_id='doomed'): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = str(__import__("pathlib").Path(__file__).parents[3])
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / ".lock"), root], check=False)
    assert done.returncode == -9
    with hold(tmp_path / ".lock", run_id="next") as held:
        assert held.token == 2

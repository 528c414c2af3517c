"""Nobody is asked beyond this machine: runs are watched by the fixture `published`; here is the watch itself."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from orchestration.assets.transform import DBT, PROJECT
from tests import no_network


@pytest.fixture
def attempts(tmp_path, monkeypatch):
    path = tmp_path / "attempts"
    monkeypatch.setenv(no_network.ATTEMPTS, str(path))
    return path


def test_the_watch_sees_this_process_and_those_that_it_starts(attempts):
    with pytest.raises(OSError, match="no network in tests"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    code = "import socket; socket.create_connection(('example.invalid', 80), timeout=1)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode
    assert attempts.read_text().split("\n")[:2] == ["192.0.2.1", "example.invalid"]


def test_the_watch_sees_that_dbt_asks_for_its_own_version(attempts):
    # Why orchestration/assets/transform.py does not let dagster-dbt ask `dbt --version` before every build.
    subprocess.run([str(DBT), "--version"], check=False, capture_output=True)
    assert "pypi.org" in attempts.read_text()


def test_models_fetch_no_extension_and_keep_to_the_memory_and_threads_that_were_asked():
    # The watch does not see DuckDB's own downloads. Where we open the warehouse nothing outside it can be reached;
    # dbt has to read its project.
    settings = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": "2.7 GiB",  # 3 GB
        "threads": 3,
    }
    asked = "select " + ", ".join(f"current_setting('{name}') as {name}" for name in settings)
    command = [str(DBT), "--quiet", "show", "--inline", asked, "--output", "json"]
    with tempfile.TemporaryDirectory() as target:
        command += ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        command += ["--target-path", target, "--log-path", target]
        env = os.environ | {"COACHING_MEMORY": "3GB", "COACHING_THREADS": "3"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    assert json.loads(done.stdout)["show"] == [settings]


def test_loopback_stays_open(attempts):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    assert not Path(os.environ[no_network.ATTEMPTS]).exists()

"""Nobody is asked beyond this machine: nights are watched by the fixture `published`; here is the watch itself."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.defs.transform import DBT
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
    # Why orchestration/defs/transform.py does not let dagster-dbt ask `dbt --version` before every build.
    subprocess.run([str(DBT), "--version"], check=False, capture_output=True)
    assert "pypi.org" in attempts.read_text()


def test_loopback_stays_open(attempts):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    assert not Path(os.environ[no_network.ATTEMPTS]).exists()

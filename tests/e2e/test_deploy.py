"""The runbook, executed: nginx serves releases and nothing else, the units are ones that systemd takes."""

import base64
import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from orchestration.doctor import _modes
from orchestration.workspace import Workspace
from tests.conftest import COACHING

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DEPLOY = (PROJECT_ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
NGINX = shutil.which("nginx") or (sbin if (sbin := "/usr/sbin/nginx") and Path(sbin).exists() else None)
READER, READERS, STRANGERS = "nobody", "nogroup", "daemon"  # an account, the group that reads releases, another group


def block(pattern: str) -> str:
    """The code block of the runbook that has these words."""
    [found] = [text for text in re.findall(r"^```\n(.*?)^```", DEPLOY, flags=re.M | re.S) if pattern in text]
    return found


@pytest.fixture
def served(published):
    """The published workspace below folders that anybody may pass, as `/srv/coaching` is; its group are the readers."""
    with tempfile.TemporaryDirectory(prefix="srv-") as folder:
        top = Path(folder)
        top.chmod(0o711)
        made = top / "hr"
        shutil.copytree(published.root, made, symlinks=True)
        subprocess.run(["chgrp", "-R", READERS, str(made)], check=True)
        yield Workspace(made)


@contextlib.contextmanager
def nginx(workspace: Workspace, group: str):
    """The runbook's location in a server of its own; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="nginx-") as folder:
        passwords = Path(folder) / "passwords"
        hashed = subprocess.run(["openssl", "passwd", "-apr1", "secret"], check=True, capture_output=True, text=True)
        passwords.write_text(f"leader:{hashed.stdout}")
        passwords.chmod(0o644)  # whatever the umask is that a test before left
        Path(folder).chmod(0o755)
        location = block("location /coaching/").replace("/etc/nginx/coaching.htpasswd", str(passwords))
        location = location.replace("/srv/coaching/hr", str(workspace.root))
        temporary = "".join(
            f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/errors; user {READER} {group};\nevents {{}}\n"
            f"http {{ access_log off; {temporary}\nserver {{ listen 127.0.0.1:{port};\n{location}}} }}\n"
        )
        process = subprocess.Popen([NGINX, "-c", str(configuration)], stderr=subprocess.PIPE)
        try:
            until = time.monotonic() + 20
            while True:
                assert process.poll() is None and time.monotonic() < until, process.stderr.read()
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/coaching/"
        finally:
            process.terminate()
            process.wait()


def status(address: str, password: str = "secret") -> int:
    request = urllib.request.Request(address)
    request.add_header("Authorization", f"Basic {base64.b64encode(f'leader:{password}'.encode()).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


needs_nginx = pytest.mark.skipif(
    NGINX is None or os.getuid() != 0, reason="nginx and root are needed to serve releases as another account"
)


@needs_nginx
def test_nginx_as_the_runbook_has_it_serves_releases_and_nothing_else(served):
    with nginx(served, READERS) as address:
        assert status(f"{address}index.html") == 200
        assert status(f"{address}csv/pub_outcomes.csv") == 200
        assert status(f"{address}index.html", password="wrong") == 401
        for elsewhere in ("../../study.yml", "..%2f..%2fwarehouse.duckdb", "../../../hr/ledger.jsonl"):
            assert status(address + elsewhere) in (400, 401, 403, 404), elsewhere
    assert [finding.level for finding in _modes(served)] == ["ok"]


@needs_nginx
def test_an_account_outside_the_group_reads_no_release(served):
    with nginx(served, STRANGERS) as address:
        assert status(f"{address}index.html") == 403


@pytest.mark.skipif(os.getuid() != 0, reason="root is needed to look as another account")
def test_a_reader_of_releases_reads_nothing_else_of_the_workspace(served):
    """What an account in the group can open, tried file by file."""
    tried = "import os, sys\nfor path in sys.stdin.read().split('\\0'):\n    try: open(path).close(); print(path)\n"
    tried += "    except OSError: pass\n"
    files = [path for path in served.root.rglob("*") if path.is_file()]
    done = subprocess.run(
        ["setpriv", f"--reuid={READER}", f"--regid={READERS}", "--clear-groups", "/usr/bin/python3", "-c", tried],
        input="\0".join(map(str, files)),
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    opened = {Path(line) for line in done.stdout.splitlines()}
    assert opened == {path for path in files if served.releases in path.parents}


def test_the_doctor_lets_the_groups_way_to_releases_be_and_its_repair_keeps_it(served):
    served.warehouse.chmod(0o644)
    [finding] = _modes(served)
    subprocess.run(["bash", "-c", finding.says.split("; run: ")[1]], check=True)
    assert [finding.level for finding in _modes(served)] == ["ok"]
    assert served.root.stat().st_mode & 0o777 == 0o710
    assert served.releases.stat().st_mode & 0o777 == 0o750


@pytest.mark.skipif(shutil.which("setfacl") is None, reason="setfacl is absent")
def test_a_folder_with_an_access_list_is_named_and_no_error(served):
    done = subprocess.run(["setfacl", "-m", "u:nobody:wx", served.inbox / "hris"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this file system has no access lists")
    [finding] = _modes(served)
    assert (finding.level, "1 in the inbox with an access list" in finding.says) == ("ok", True)


@pytest.mark.skipif(shutil.which("setfacl") is None, reason="setfacl is absent")
def test_an_access_list_on_the_key_is_an_error(served):
    key = next((served.root / "secrets").iterdir())
    if subprocess.run(["setfacl", "-m", "u:nobody:r", key], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no access lists")
    [finding] = _modes(served)
    assert (finding.level, "secrets/" in finding.says) == ("error", True)


def test_a_link_out_of_the_workspace_is_named(served, tmp_path):
    shutil.move(served.landing, tmp_path / "landing")
    served.landing.symlink_to(tmp_path / "landing")
    [finding] = _modes(served)
    assert (finding.level, "landing is a link" in finding.says) == ("warning", True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is absent")
def test_systemd_takes_the_units_of_the_runbook(tmp_path):
    program = "/srv/coaching/program/.venv/bin/coaching"
    units = {
        "coaching.service": "OnFailure=coaching-failed.service",
        "coaching-failed.service": "outcomes: the run failed",
        "coaching.timer": "[Timer]",
    }
    for name, words in units.items():
        (tmp_path / name).write_text(block(words).replace(program, str(COACHING)))
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in (done.stdout + done.stderr).splitlines() if str(tmp_path) in line]
    assert done.returncode == 0 and complaints == [], done.stderr

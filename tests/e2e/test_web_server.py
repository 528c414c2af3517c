"""`coaching dev` under attack: other pages, other hosts, other accounts and viewers, each against the real server."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from orchestration.cli.workspaces import lay_out
from orchestration.lock import hold
from orchestration.workspace import Workspace
from publish import ledger
from simulation import Design, simulate
from tests import no_network
from tests.conftest import COACHING, KEY
from tests.models import lay_manifest

EVIL = "http://evil.example"
MARK = "COACHING_TEST_SERVER"  # in the environment of the server and of everything that it starts
MUTATION = "mutation { setNuxSeen }"
BY_ADDRESS = "/graphql?query=mutation%7BsetNuxSeen%7D"
JSON_MUTATION = json.dumps({"query": MUTATION})
JSON_QUERY = json.dumps({"query": "{ version }"})
LAUNCH = """mutation ($run: ExecutionParams!) { launchRun(executionParams: $run) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on RunConfigValidationInvalid { errors { message } } } }"""
FOLLOW = """query ($run: ID!) { runOrError(runId: $run) {
    ... on Run { status eventConnection { events { ... on LogsCapturedEvent { fileKey } } } } } }"""
ALL_WORDS = """query ($run: ID!) { runOrError(runId: $run) { ... on Run { runConfigYaml eventConnection { events {
    ... on MessageEvent { message } ... on RunFailureEvent { error { message stack causes { message stack } } }
    ... on ExecutionStepFailureEvent { error { message stack causes { message stack } } } } } } } }"""
LOGS = "query ($key: [String!]!) { capturedLogs(logKey: $key) { stdout stderr } }"
SUBSCRIPTION = 'subscription { pipelineRunLogs(runId: "none") { __typename } }'  # of no run: answered at once
LOAD_LOG = [{"path": ["raw", "load_log"]}]
NOBODY = 65534


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


class Server:
    """`coaching dev` in a process of its own, with a terminal so that Enter can be pressed."""

    def __init__(self, workspace: Path, *options: str):
        self.port, self.mark = free_port(), uuid.uuid4().hex
        self.temporary = Path(tempfile.mkdtemp(prefix="web-"))  # short: sockets lie in it
        self.temporary.chmod(0o755)  # what keeps others out is the server's doing
        self.log, self.attempts = self.temporary / "log", self.temporary / "attempts"
        self.terminal, given = os.openpty()
        environment = os.environ | {
            MARK: self.mark,
            "TMPDIR": str(self.temporary),
            no_network.ATTEMPTS: str(self.attempts),
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [str(COACHING), "dev", "--workspace", str(workspace), "--port", str(self.port), *options],
                stdin=given,
                stdout=log,
                stderr=log,
                env=environment,
            )
        os.close(given)
        self.authority = self.origin = self.cookie = ""

    def addresses(self) -> list[str]:
        return re.findall(r"^http://\S+$", self.log.read_text(), re.M)

    def wait_for_address(self, number: int, seconds: float) -> str:
        until = time.monotonic() + seconds
        while len(found := self.addresses()) < number:
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            time.sleep(0.1)
        return found[number - 1]

    def login_path(self, address: str) -> str:
        return address.removeprefix(self.origin)

    def press_enter(self) -> str:
        """The path of the next one-time address."""
        n_known = len(self.addresses())
        os.write(self.terminal, b"\n")
        return self.login_path(self.wait_for_address(n_known + 1, seconds=10))

    def let_in(self) -> None:
        """Log in with the first address."""
        first = self.wait_for_address(1, seconds=300)
        self.authority = first.split("/")[2]
        self.origin = f"http://{self.authority}"
        status, headers, _ = self.ask("GET", self.login_path(first), {"Cookie": None})
        assert (status, headers["location"]) == (303, "/")
        self.cookie, *flags = headers["set-cookie"].split("; ")
        assert flags == ["Path=/", "HttpOnly", "SameSite=Strict"]

    def ask(self, method: str, path: str, headers: dict | None = None, body: str | None = None, at: str = "127.0.0.1"):
        """One request as the page itself would send it, except for the given headers; None leaves one out."""
        sent = {"Host": self.authority, "Cookie": self.cookie, "Sec-Fetch-Site": "same-origin"}
        if body is not None:
            sent |= {"Origin": self.origin, "Content-Type": "application/json", "Content-Length": str(len(body))}
        connection = http.client.HTTPConnection(at, self.port, timeout=120)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (sent | (headers or {})).items():
            for each in value if isinstance(value, list) else [value]:
                if each is not None:
                    connection.putheader(name, each)
        connection.endheaders(body.encode() if body is not None else None)
        with contextlib.closing(connection):
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")

    def status(self, *arguments, **more) -> int:
        return self.ask(*arguments, **more)[0]

    def graphql(self, query: str, **variables) -> dict:
        status, _, text = self.ask("POST", "/graphql", body=json.dumps({"query": query, "variables": variables}))
        assert status == 200, text
        return json.loads(text)["data"]

    def launch(self, config: dict, assets: list | None = None) -> dict:
        selector = {"repositoryName": "__repository__", "repositoryLocationName": "orchestration.definitions"}
        selector |= {"pipelineName": "pipeline"} | ({"assetSelection": assets} if assets else {})
        return self.graphql(LAUNCH, run={"selector": selector, "runConfigData": config, "mode": "default"})["launchRun"]

    def websocket(self, query: str, *, origin: str | None, cookie: str | None, host: str = "", path: str = "/graphql"):
        """The status that refused the websocket, else the type of the first answer and all of the second."""
        there = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        try:
            with connect(
                f"ws://{host or self.authority}{path}",
                origin=origin,
                subprotocols=["graphql-ws"],
                additional_headers={"Cookie": cookie} if cookie else {},
                sock=there,
                proxy=None,
            ) as opened:
                opened.send(json.dumps({"type": "connection_init"}))
                hello = json.loads(opened.recv(timeout=20))["type"]
                opened.send(json.dumps({"type": "start", "id": "1", "payload": {"query": query}}))
                return hello, json.loads(opened.recv(timeout=20))
        except InvalidStatus as refused:
            return refused.response.status_code
        finally:
            there.close()

    def code_socket(self) -> Path:
        [found] = self.temporary.glob("coaching-*/code.sock")
        return found

    def processes(self) -> dict[int, str]:
        """Every process that has the mark in its environment, with its command."""
        found = {}
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"{MARK}={self.mark}".encode() in (place / "environ").read_bytes():
                    found[int(place.name)] = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def stop(self, number: int) -> tuple[int, float]:
        """Its exit code and how long it took."""
        since = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(timeout=60), time.monotonic() - since

    def clear(self) -> None:
        """Whatever a failed test left."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stop(signal.SIGTERM)
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()
        os.close(self.terminal)
        shutil.rmtree(self.temporary)


@pytest.fixture(scope="module")
def organisation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "workspace"
    lay_out(Workspace(folder))
    simulate(Design(people=200, months=12), folder / "inbox", truth_path=folder / "truth.json")
    lay_manifest(Workspace(folder))
    return folder


@pytest.fixture(scope="module")
def both(organisation):
    """The server and, at the same time and of the same workspace, one for viewers."""
    with contextlib.ExitStack() as stack:
        yield [start(stack, organisation, *options) for options in ((), ("--read-only",))]


def start(stack: contextlib.ExitStack, workspace: Path, *options: str) -> Server:
    """A server that has let us in, until the stack is closed."""
    started = Server(workspace, *options)
    stack.callback(started.clear)
    started.let_in()
    return started


@pytest.fixture
def server(both):
    return both[0]


@pytest.fixture
def viewer(both):
    return both[1]


def test_without_the_cookie_nothing_is_answered(server):
    for cookie in (None, "", f"{server.cookie}x", f"{server.cookie.partition('=')[0]}=", f"other; {server.cookie}=2"):
        without = {"Cookie": cookie}
        assert server.status("GET", "/", without) == 403
        assert server.status("GET", "/server_info", without) == 403
        assert server.status("HEAD", "/", without) == 403
        assert server.status("GET", BY_ADDRESS, without) == 403
        assert server.status("POST", "/graphql", without, JSON_QUERY) == 403
    assert server.status("GET", "/", {"Cookie": f"{server.cookie.partition('=')[0]}=a; {server.cookie}"}) == 403
    assert server.status("GET", "/", {"Cookie": [server.cookie, server.cookie]}) == 400


def test_with_the_cookie_the_page_is_answered_and_closed_to_frames(server):
    status, headers, text = server.ask("GET", "/")
    assert status == 200 and "<html" in text
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_the_same_page_is_answered_at_the_other_loopback_address(server):
    try:
        assert server.status("GET", "/server_info", at="::1") == 200
    except OSError:
        with pytest.raises(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass  # no IPv6 here: then nobody can listen there


def test_an_address_lets_in_once_and_an_earlier_one_no_longer(server):
    used = server.login_path(server.addresses()[0])
    assert server.status("GET", used) == 403
    earlier, later = server.press_enter(), server.press_enter()
    assert server.status("GET", earlier) == 403
    assert server.status("GET", later) == 303
    assert server.status("GET", later) == 403


def test_a_wrong_token_lets_nobody_in_and_does_not_use_up_the_right_one(server):
    right = server.press_enter()
    for wrong in ("/login", "/login?token=", "/login?token=x", f"{right}x", right[:-1], "/login?token=%ff%fe"):
        assert server.status("GET", wrong) == 403
    for headers in (
        {"Host": f"127.0.0.1:{server.port}"}, {"Origin": EVIL}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    ):  # fmt: skip
        assert server.status("GET", right, headers) == 403
    assert server.status("HEAD", right) == 403
    assert server.status("POST", right, body="{}") == 403
    assert server.status("GET", right, {"Cookie": None}) == 303


def test_foreign_host_names_are_refused(server):
    name, _, port = server.authority.partition(":")
    foreign = [f"{host}:{port}" for host in ("evil.example", "127.0.0.1", "localhost", "[::1]", f"{name}.")]
    for host in (*foreign, name, f"{server.authority}.evil.example", server.authority.upper(), ""):
        assert server.status("GET", "/", {"Host": host}) == 403, host
        assert server.status("POST", "/graphql", {"Host": host}, JSON_QUERY) == 403, host
    assert server.status("POST", "/graphql", {"Host": [server.authority, "evil.example"]}, JSON_QUERY) == 400


def test_foreign_and_missing_origins_are_refused(server):
    others = [f"http://localhost:{server.port}", f"{server.origin}.evil.example", server.origin[:-1], ""]
    for origin in (EVIL, "null", None, f"https://{server.authority}", *others):
        assert server.status("POST", "/graphql", {"Origin": origin}, JSON_QUERY) == 403, origin
    for origin in (EVIL, "null"):
        assert server.status("GET", "/server_info", {"Origin": origin}) == 403, origin
    assert server.status("POST", "/graphql", {"Origin": [server.origin, EVIL]}, JSON_QUERY) == 400


def test_requests_that_other_pages_caused_are_refused(server):
    for site in ("cross-site", "same-site", "", "nonsense"):
        assert server.status("GET", "/", {"Sec-Fetch-Site": site}) == 403, site
        assert server.status("POST", "/graphql", {"Sec-Fetch-Site": site}, JSON_QUERY) == 403, site
    assert server.status("GET", "/", {"Sec-Fetch-Site": "none"}) == 200  # typed by the person
    assert server.status("GET", "/", {"Sec-Fetch-Site": None}) == 200  # a browser from before 2023


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_methods_reach_no_graphql(server, method):
    encoded = "/%67raphql?query=mutation%7BsetNuxSeen%7D"
    for path in (BY_ADDRESS, encoded, "/graphql/?query=mutation%7BsetNuxSeen%7D", "/graphql"):
        assert server.status(method, path) == 405, path
        assert server.status(method, path, {"Accept": "text/html"}) == 405, path


def test_other_methods_and_reports_from_outside_are_refused(server):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert server.status(method, "/graphql", body="") == 405, method
    for what in ("materialization", "check", "observation"):
        assert server.status("POST", f"/report_asset_{what}/release", body="{}") == 405, what
    assert server.status("GET", "/notebook?path=/etc/x.ipynb&repoLocName=orchestration.definitions") == 403


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql",
        "text/plain; application/json", "application/jsonx", "", None,
    ],
)  # fmt: skip
def test_only_json_is_accepted(server, content_type):
    for body in (MUTATION, JSON_MUTATION):
        assert server.status("POST", BY_ADDRESS, {"Content-Type": content_type}, body) == 415


def test_two_content_types_are_refused(server):
    assert server.status("POST", "/graphql", {"Content-Type": ["application/json", "text/plain"]}, JSON_QUERY) == 400


def test_websockets_are_for_the_page_alone(both):
    for each in both:
        right = {"origin": each.origin, "cookie": each.cookie}
        hello, answer = each.websocket(SUBSCRIPTION, **right)
        assert (hello, answer["type"]) == ("connection_ack", "data")
        for wrong in (
            {"cookie": None}, {"cookie": f"{each.cookie}x"}, {"origin": EVIL}, {"origin": "null"}, {"origin": None},
            {"host": f"localhost:{each.port}"}, {"path": "/elsewhere"},
        ):  # fmt: skip
            assert each.websocket(SUBSCRIPTION, **(right | wrong)) == 403, wrong
        hello, answer = each.websocket(MUTATION, **right)
        assert (hello, answer["type"]) == ("connection_ack", "error")


def test_the_cookie_of_one_server_is_none_for_the_other(server, viewer):
    assert server.cookie.partition("=")[0] != viewer.cookie.partition("=")[0]
    assert server.status("GET", "/server_info", {"Cookie": viewer.cookie}) == 403
    assert viewer.status("GET", "/server_info", {"Cookie": server.cookie}) == 403
    both = f"{server.cookie}; {viewer.cookie}"
    assert [each.status("GET", "/server_info", {"Cookie": both}) for each in (server, viewer)] == [200, 200]


def test_mutations_are_for_those_who_may_start_something(server, viewer):
    beside = json.dumps({"query": f"query a {{ version }} {MUTATION.replace('{', 'b {', 1)}", "operationName": "a"})
    for body, of_server in ((JSON_MUTATION, 200), (beside, 200), (JSON_QUERY, 200)):
        assert server.status("POST", "/graphql", body=body) == of_server
        assert viewer.status("POST", "/graphql", body=body) == (200 if body == JSON_QUERY else 403)
    twice = '{"query": "{ version }", "query": "mutation { setNuxSeen }"}'
    assert viewer.status("POST", "/graphql", body=twice) == 403
    subscription = json.dumps({"query": "subscription { locationStateChangeEvents { __typename } }"})
    assert viewer.status("POST", "/graphql", body=subscription) == 403
    for broken in ("", "[]", "{}", '{"query": 1}', '{"query": "{"}', f"[{JSON_MUTATION}]", "[" * 100_000):
        assert viewer.status("POST", "/graphql", body=broken) == 400, broken[:20]


@pytest.mark.parametrize("written", ["application/json", "Application/JSON", "APPLICATION/JSON"])
def test_viewers_cannot_hide_a_mutation_in_the_address(viewer, written):
    # Dagster looks for lower case only, and else reads the query from the address.
    status, _, text = viewer.ask("POST", BY_ADDRESS, {"Content-Type": written}, JSON_QUERY)
    assert status == 415 or "setNuxSeen" not in text, text


def test_run_config_cannot_change_where_the_run_works(server, tmp_path):
    for resources in (
        {"run": {"config": {"workspace_path": str(tmp_path)}}},
        {"run": {"config": {"root": str(tmp_path)}}},
        {"dbt": {"config": {"project_dir": str(tmp_path)}}},
        {"dbt": {"config": {"profiles_dir": str(tmp_path)}}},
        {"dbt": {"config": {"target": "other"}}},
        {"dbt": {"config": {"dbt_executable": str(tmp_path / "dbt")}}},
    ):
        answer = server.launch({"resources": resources})
        assert answer["__typename"] == "RunConfigValidationInvalid", answer
        assert "unexpected config entry" in answer["errors"][0]["message"]


@pytest.mark.slow
def test_what_is_no_day_that_has_come_fails_the_run_and_shows_no_variable(server, organisation):
    # A variable in place of a day; of words and days to come the walks of test_commands have steps.
    days = ("2999-01-01", {"env": "COACHING_PSEUDONYM_KEY"})
    runs = [server.launch({"resources": {"run": {"config": {"as_of": day}}}})["run"]["runId"] for day in days]
    for run in runs:  # started at once: none gets as far as the workspace's lock
        assert finished(server, run)["status"] == "FAILURE"
        _, _, text = server.ask("POST", "/graphql", body=json.dumps({"query": ALL_WORDS, "variables": {"run": run}}))
        assert "as_of" in text or "has not come yet" in text
        assert KEY not in text + (organisation / "ledger.jsonl").read_text()


def finished(server: Server, run: str) -> dict:
    until = time.monotonic() + 180
    while (seen := server.graphql(FOLLOW, run=run)["runOrError"])["status"] not in ("SUCCESS", "FAILURE", "CANCELED"):
        assert time.monotonic() < until, seen
        time.sleep(0.5)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL], ids=lambda one: one.name)
def test_whatever_ends_it_ends_a_run_in_progress_and_leaves_no_process(organisation, tmp_path, number):
    shutil.copytree(organisation, tmp_path / "workspace", symlinks=True)
    known = Workspace(tmp_path / "workspace")
    with contextlib.ExitStack() as stack:
        one = start(stack, known.root)
        run = one.launch({})["run"]["runId"]
        until = time.monotonic() + 120
        while not [event for event in ledger.read(known.ledger) if event.get("run_id") == run]:
            assert time.monotonic() < until
            time.sleep(0.2)
        since = time.monotonic()
        one.process.send_signal(number)
        one.process.wait(timeout=40)
        while one.processes():
            assert time.monotonic() - since < 30, one.processes()
            time.sleep(0.2)
        with hold(known.lock, run_id="the next one"):
            assert not list(known.releases.glob("2*"))


@pytest.mark.slow
def test_the_page_can_start_a_run_and_viewers_see_how_it_ended_but_not_what_it_printed(server, viewer, organisation):
    run = server.launch({}, assets=LOAD_LOG)["run"]["runId"]
    seen = finished(server, run)
    assert seen["status"] == "SUCCESS"
    assert run in (organisation / "ledger.jsonl").read_text()
    assert viewer.graphql(FOLLOW, run=run)["runOrError"]["status"] == "SUCCESS"
    [key] = [event["fileKey"] for event in seen["eventConnection"]["events"] if "fileKey" in event]
    for printed in (f"/logs/{run}/compute_logs/{key}/err", f"/download_debug/{run}"):
        assert (server.status("GET", printed), viewer.status("GET", printed)) == (200, 403)
    log_key = [run, "compute_logs", key]
    asked = json.dumps({"query": LOGS, "variables": {"key": log_key}})
    said, seen_by_viewer = (each.ask("POST", "/graphql", body=asked)[2] for each in (server, viewer))
    assert "STEP_START" in said and "STEP_START" not in seen_by_viewer
    subscription = f"subscription {{ capturedLogs(logKey: {json.dumps(log_key)}) {{ stderr }} }}"
    said, seen_by_viewer = (
        str(each.websocket(subscription, origin=each.origin, cookie=each.cookie)) for each in (server, viewer)
    )
    assert "STEP_START" in said and "STEP_START" not in seen_by_viewer


def test_files_of_the_machine_cannot_be_read_by_climbing_out(server):
    for path in ("/logs/..%2f..%2fsecrets/pseudonym.key", "/../../etc/passwd", "/%2e%2e/%2e%2e/secrets/pseudonym.key"):
        _, _, text = server.ask("GET", path)
        assert "a key for tests" not in text and "root:" not in text, path
    climbing = {"key": ["..", "..", "..", "secrets", "pseudonym"]}
    status, _, text = server.ask("POST", "/graphql", body=json.dumps({"query": LOGS, "variables": climbing}))
    assert (status, json.loads(text)["data"]) == (500, None)


def test_the_back_end_lies_in_a_closed_folder_and_on_no_port(both):
    for each in both:
        assert each.code_socket().parent.stat().st_mode & 0o777 == 0o700
        assert each.code_socket().stat().st_mode & 0o077 == 0
        commands = each.processes().values()
        assert sum("dagster api grpc" in command for command in commands) == 1
        listening = listening_ports(each.processes())
        assert listening == {each.port}


def listening_ports(processes) -> set[int]:
    """The TCP ports that these processes listen on."""
    sockets = set()
    for process in processes:
        for handle in Path(f"/proc/{process}/fd").glob("*"):
            with contextlib.suppress(OSError):
                sockets.add(str(handle.readlink()))
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                parts = line.split()
                if parts[3] == "0A" and f"socket:[{parts[9]}]" in sockets:
                    found.add(int(parts[1].rpartition(":")[2], 16))
    return found


def as_nobody(action) -> str:
    """What another account of this machine meets: the name of the error, or "done"."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "done"
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            action()
        except BaseException as error:
            said = type(error).__name__
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as another account")
def test_another_account_reaches_neither_the_back_end_nor_a_port_beside_ours(both):
    for each in both:
        assert as_nobody(each.code_socket) == "ValueError"  # it sees the folder, and nothing in it
        back_end = str(each.code_socket())
        assert as_nobody(lambda to=back_end: socket.socket(socket.AF_UNIX).connect(to)) == "PermissionError"
        for address in ("127.0.0.1", "0.0.0.0"):
            assert as_nobody(lambda at=(address, each.port): socket.create_server(at)) == "OSError"


def test_a_port_that_is_taken_is_said_plainly(server, organisation):
    done = subprocess.run(
        [str(COACHING), "dev", "--workspace", str(organisation), "--port", str(server.port)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert f"port {server.port}" in done.stderr and "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_of_the_workspace_is_not_blamed_on_the_port(tmp_path):
    folder = tmp_path / "workspace"
    lay_out(Workspace(folder))
    (folder / "dagster").write_text("in the way of a folder\n")
    done = subprocess.run(
        [str(COACHING), "dev", "--workspace", str(folder), "--port", str(free_port())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert str(folder / "dagster") in done.stderr and "port" not in done.stderr


@pytest.mark.slow
def test_first_starts_at_once_leave_the_history_whole(tmp_path):
    # In turn, so that one makes what it needs while the other is anywhere else in its start.
    folder = tmp_path / "workspace"
    lay_out(Workspace(folder))
    started = []
    try:
        for _ in range(2):
            started.append(Server(folder, "--read-only"))
            time.sleep(1.5)
        for each in started:
            each.let_in()
        assert [each.graphql("{ runsOrError { __typename } }")["runsOrError"] for each in started] == (
            [{"__typename": "Runs"}] * 2
        )
    finally:
        for each in started:
            each.clear()


# The last one: it ends both servers.
@pytest.mark.parametrize(("which", "number"), [(0, signal.SIGINT), (1, signal.SIGTERM)], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_ends_it_soon_and_leaves_nothing(both, which, number):
    one = both[which]
    assert len(one.processes()) >= 2 + (which == 0)
    code, seconds = one.stop(number)
    assert (code, one.processes()) == (0, {})
    assert seconds < 15
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError) if family == socket.AF_INET6 else contextlib.nullcontext():
            socket.create_server((address, one.port), family=family).close()
    assert not list(one.temporary.glob("coaching-*"))
    assert not one.attempts.exists(), f"looked beyond this machine: {one.attempts.read_text()}"

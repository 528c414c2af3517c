"""`coaching dev`: Dagster's web UI for the browser that opens the printed address, and for nobody else.

The code server listens on a socket in a folder of mode 0700, the daemon and the web server reach it there. The web
server runs in this process behind `orchestration.guard`. Stops everything together.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from orchestration.child import GRACE
from orchestration.guard import Guard
from orchestration.workspace import WORKSPACE_VARIABLE, Workspace, open_history

MODULE = "orchestration.definitions"
START_SECONDS = 300  # seconds for the code to load (a first start parses the dbt project)


class PortTaken(Exception):
    """Another process holds the port."""


def take_port(port: int) -> list[socket.socket]:
    """The port at both loopback addresses: browsers try ::1 first, where another account must not listen.

    Raises PortTaken where another process holds either.
    """
    taken: list[socket.socket] = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            one = socket.socket(family, socket.SOCK_STREAM)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, port))
            one.listen(128)
        except OSError as error:
            if family == socket.AF_INET6 and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                continue  # this machine has no IPv6
            raise PortTaken(
                f"port {port} of the loopback address cannot be used: {error.strerror}; give --port"
            ) from None
        port = one.getsockname()[1]
        taken.append(one)
    return taken


def start(*arguments: str) -> subprocess.Popen:
    """A dagster process in a group of its own: Ctrl-C in the terminal reaches this process alone, which ends it."""
    command = [sys.executable, "-m", "orchestration.child", *arguments]
    return subprocess.Popen(command, start_new_session=True, stdin=subprocess.PIPE)


@contextlib.contextmanager
def children() -> Iterator[list[subprocess.Popen]]:
    """A list for processes; at the end all are asked to stop at once, then everything of their groups has to go."""
    processes: list[subprocess.Popen] = []
    try:
        yield processes
    finally:
        for one in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGINT)  # a run in progress too: it records that it was interrupted
        until = time.monotonic() + GRACE
        for one in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(timeout=max(0, until - time.monotonic()))
        for one in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()


def wait_for(path: Path, process: subprocess.Popen) -> None:
    """Until the code server listens."""
    until = time.monotonic() + START_SECONDS
    while not path.is_socket():
        if process.poll() is not None:
            raise RuntimeError("the code could not be loaded; see above")
        if time.monotonic() > until:
            raise RuntimeError("the code server does not answer")
        time.sleep(0.2)


async def answer(app, sockets: list[socket.socket], processes: list[subprocess.Popen], on_start) -> None:
    """Answer until Ctrl-C or until one of the processes is gone."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=3,
            ws="websockets-sansio",
        )
    )

    async def watch() -> None:
        while not server.started:
            await asyncio.sleep(0.05)
        on_start()
        while not server.should_exit:
            if any(one.poll() is not None for one in processes):
                print("A dagster process ended by itself; stopping.", file=sys.stderr)
                server.should_exit = True
            await asyncio.sleep(1)

    watching = asyncio.create_task(watch())
    await server.serve(sockets=sockets)
    watching.cancel()


def serve(there: Workspace, *, port: int, read_only: bool) -> None:
    """Start the code server, the daemon (not where nothing may be started) and the web UI, until Ctrl-C.

    Raises PortTaken where the port is taken, RuntimeError where the code cannot be loaded.
    """
    os.umask(0o077)
    for name in [name for name in os.environ if name.startswith(("DAGSTER_GRPC_", "DAGSTER_WEBSERVER_", "DAGIT_"))]:
        del os.environ[name]  # they would change the sockets below
    os.environ[WORKSPACE_VARIABLE] = str(there.root)
    os.environ["DAGSTER_HOME"] = str(there.prepare_dagster_home())
    # Also where a shell started this in the background, which ignores SIGINT and hands that down to the children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)  # the terminal was closed
    sockets = take_port(port)
    authority = f"coaching-{secrets.token_hex(8)}.localhost:{sockets[0].getsockname()[1]}"
    with contextlib.ExitStack() as stack:
        # 0700, and short: a socket's path holds about 100 bytes, which a workspace's own may exceed.
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coaching-")))
        os.environ["TMPDIR"] = tempfile.tempdir = str(private)  # where dagster would put sockets of its own
        processes, guard = _start(stack, there, private, authority, read_only=read_only)

        has_terminal = sys.stdin is not None and sys.stdin.isatty()

        def show_address() -> None:
            more = "; Enter prints a new one" if has_terminal else ""
            print(f"Open (works once{more}):\n{guard.new_address()}", flush=True)

        def renew() -> None:
            for _ in sys.stdin:
                show_address()

        if has_terminal:
            threading.Thread(target=renew, daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(answer(guard, sockets, processes, show_address))


def _start(
    stack: contextlib.ExitStack, there: Workspace, private: Path, authority: str, *, read_only: bool
) -> tuple[list[subprocess.Popen], Guard]:
    processes = stack.enter_context(children())
    code = private / "code.sock"
    # The location's name is what `dagster dev -m` gives: the switches of schedules and sensors are kept under it.
    known = private / "workspace.yaml"
    server = {"grpc_server": {"host": "localhost", "socket": str(code), "location_name": MODULE}}
    known.write_text(json.dumps({"load_from": [server]}), encoding="utf-8")  # JSON is YAML
    quiet = ("--log-level", "warning")
    api = ("dagster", "api", "grpc", "-m", MODULE, "--socket", str(code), "--location-name", MODULE, *quiet)
    instance = stack.enter_context(open_history(there))  # before a child does, each of which opens it too
    processes.append(start(*api))
    wait_for(code, processes[0])
    if not read_only:  # schedules, sensors and the run queue
        processes.append(start("dagster._daemon", "run", "--workspace", str(known), *quiet))

    # Not public: what the command dagster-webserver itself is made of (pinned below 1.14; test_web_server attacks it).
    from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import GrpcServerTarget
    from dagster_webserver.app import create_app_from_workspace_process_context

    if read_only:  # what a run printed is not for viewers, by whichever query or subscription
        instance._compute_log_manager = NoOpComputeLogManager()
    target = GrpcServerTarget(host="localhost", port=None, socket=str(code), location_name=MODULE)
    context = stack.enter_context(WorkspaceProcessContext(instance, workspace_load_target=target, read_only=read_only))
    app = create_app_from_workspace_process_context(context, live_data_poll_rate=2000)
    return processes, Guard(app, authority=authority, read_only=read_only)

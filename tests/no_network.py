"""Refuses and writes down every look beyond this machine, here and in every Python that is started from here.

Its copy named sitecustomize.py, in a folder on PYTHONPATH, is loaded by each of them.
"""

import os
import socket
from pathlib import Path

ATTEMPTS = "COACHING_NETWORK_ATTEMPTS"  # the file that they are written to
LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "", None, socket.gethostname())


def _refuse(what) -> None:
    with Path(os.environ[ATTEMPTS]).open("a", encoding="utf-8") as file:
        file.write(f"{what}\n")
    raise OSError(f"no network in tests: {what}")


def install() -> None:
    """From now on."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOCAL:
            _refuse(address)
        return connect(self, address)

    def guarded_look_up(host, *arguments, **settings):
        if (host.decode() if isinstance(host, bytes) else host) not in LOCAL:
            _refuse(host)
        return look_up(host, *arguments, **settings)

    socket.socket.connect, socket.getaddrinfo = guarded_connect, guarded_look_up


if ATTEMPTS in os.environ and __name__ == "sitecustomize":
    install()

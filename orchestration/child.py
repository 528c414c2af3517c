"""`python -m orchestration.child MODULE …`: a dagster process that ends when `coaching dev` does, however that ends."""

import os
import runpy
import signal
import sys
import threading
import time

GRACE = 20  # seconds between the request to stop and the end


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # returns when the parent is gone, which held the other end and wrote nothing
    os.killpg(0, signal.SIGINT)
    time.sleep(GRACE)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Run the module as `python -m` does; Ctrl-C ends it without a traceback."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = sys.argv[1:]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

"""Errors without what people wrote: an error's kind and place always, its words only if they are ours.

A reader's error may quote a record (one of polars' had 270 MB of it), and the orchestrator keeps, prints and mails
what is reported. So every step is wrapped: errors of our own classes, of DuckDB and of dbt speak, as the warehouse
holds no personal word; of all others only the kind and the place are reported.

A step is tried again only where that can help: somebody reads the warehouse and holds its lock, a mount stutters. No
step doubles anything when it runs twice: loads are keyed by content, tables are replaced, a release has its id.
"""

from __future__ import annotations

import errno
import functools
import inspect
import traceback
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
from dagster_dbt.errors import DagsterDbtError

from ingest.warehouse import WarehouseBusy
from orchestration.workspace import PROJECT_ROOT

MAX_ERROR_TEXT = 2_000
INTERRUPTED = "it was asked to stop (Ctrl-C, a closed terminal, or the system)"
OWN_PACKAGES = ("ingest", "inference", "expectations", "publish", "orchestration")


TRANSIENT = {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
RETRIES, WAIT = 2, 20  # seconds


class StepFailed(RuntimeError):
    """A step failed. `kind` is the error's class."""

    def __init__(self, text: str, kind: str):
        super().__init__(text)
        self.kind = kind


def redact_errors(step: Callable) -> Callable:
    """`step`, whose errors become StepFailed without words that are not ours."""

    @functools.wraps(step)
    def plain(*arguments, **named):
        try:
            return step(*arguments, **named)
        except Exception as error:
            answer = _answer(error)
            raise answer from answer.__cause__

    @functools.wraps(step)
    def generator(*arguments, **named):
        try:
            yield from step(*arguments, **named)
        except Exception as error:
            answer = _answer(error)
            raise answer from answer.__cause__

    return generator if inspect.isgeneratorfunction(step) else plain


def _answer(error: Exception) -> Exception:
    """What Dagster gets: try again, or that the step failed."""
    if isinstance(error, WarehouseBusy) or (isinstance(error, OSError) and error.errno in TRANSIENT):
        again = dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=WAIT)
        again.__cause__ = _scrubbed(error)
        return again
    return _scrubbed(error)


def _scrubbed(error: Exception) -> Exception:
    if isinstance(error, StepFailed):
        return error
    kind = type(error).__name__
    if kind == "RuntimeError" and str(error) == "Query interrupted":  # what DuckDB makes of a signal
        return StepFailed(INTERRUPTED, kind)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(PROJECT_ROOT)
    ]
    ours = [frame for frame in frames if Path(frame.filename).relative_to(PROJECT_ROOT).parts[0] in OWN_PACKAGES]
    place = ""
    if ours:
        last = ours[-1]
        place = f" at {Path(last.filename).relative_to(PROJECT_ROOT)}:{last.lineno} in {last.name}"
    speaks = type(error).__module__.split(".")[0] in OWN_PACKAGES or isinstance(error, duckdb.Error | DagsterDbtError)
    words = str(error)[:MAX_ERROR_TEXT] if speaks else "its words may quote a record and are withheld"
    return StepFailed(f"{kind}{place}: {words}", kind)

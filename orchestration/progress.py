"""Progress of a run in the terminal: a Dagster logger that hands each step's events to whoever watches."""

from __future__ import annotations

import logging
from collections.abc import Callable

import dagster as dg

Watcher = Callable[[str, str, str], None]  # (step, kind of event, message)
_watchers: list[Watcher] = []
SHOWN = ("STEP_START", "STEP_SUCCESS", "STEP_FAILURE", "ASSET_MATERIALIZATION", "ASSET_CHECK_EVALUATION")


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        facts = getattr(record, "dagster_meta", None) or {}
        event = facts.get("dagster_event")
        step = facts.get("step_key") or ""
        if event is not None and event.event_type_value in SHOWN:
            kind, message = event.event_type_value, ""
        elif event is None and record.levelno >= logging.WARNING and facts.get("op_name"):  # our own words only
            kind, message = record.levelname, facts.get("orig_message") or record.getMessage()
        else:
            return
        for watcher in _watchers:
            watcher(step, kind, message)


@dg.logger(description="Hands events to the terminal's progress display; silent otherwise.")
def progress_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """A logger with the one handler that forwards."""
    return _logger()


def _logger() -> logging.Logger:
    log = logging.Logger("coaching.progress", level=logging.DEBUG)  # most events are DEBUG records
    log.addHandler(_Forward())
    return log


def report(step: str, words: str) -> None:
    """Say how far a step is."""
    for watcher in _watchers:
        watcher(step, "PROGRESS", words)


def watch(watcher: Watcher) -> Callable[[], None]:
    """Call `watcher` with every event from now on; returns what ends it."""
    _watchers.append(watcher)
    return lambda: _watchers.remove(watcher)

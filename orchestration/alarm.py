"""A run that fails reaches a person: the ledger says so, and a command of the operator's is run.

`COACHING_NOTIFY` is that command, as a shell would read it: `mail -s "coaching: the run failed" hr@…`, or
`curl --json @- https://…`. It gets one JSON object on stdin: workspace, event, run_id, reasons. No person is in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess

import dagster as dg

from orchestration.faults import INTERRUPTED
from orchestration.workspace import Workspace
from publish import ledger

COMMAND = "COACHING_NOTIFY"
NOTIFY_SECONDS = 30  # seconds
MAX_REASON = 2_000
NEARLY_FULL = 100_000_000  # bytes free: fewer are named beside every failure, whichever program met it first
NO_REASON = "no reason was recorded"


def notify(workspace: Workspace, event: str, *, run_id: str, reasons: list[str]) -> None:
    """Run the operator's command, if there is one. That it fails is noted and stops nothing."""
    command = os.environ.get(COMMAND, "")
    if not command:
        return
    message = {"workspace": workspace.root.name, "event": event, "run_id": run_id, "reasons": reasons}
    text = json.dumps(message, ensure_ascii=False)
    try:
        done = subprocess.run(
            shlex.split(command), input=text, text=True, capture_output=True, timeout=NOTIFY_SECONDS, check=False
        )
        trouble = f"exit code {done.returncode}" if done.returncode else ""
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        trouble = type(error).__name__
    if trouble:
        with contextlib.suppress(OSError):
            ledger.append(workspace.ledger, "notify_failed", run_id=run_id, reason=trouble)


def report_broken_configuration(workspace: Workspace, reason: str) -> None:
    """A run that never began because of study.yml, a mapping, the key or the inbox: noted, and reported."""
    _note(workspace, "failed", run_id="", reason=reason)
    notify(workspace, "broken_configuration", run_id="", reasons=[reason[:MAX_REASON]])


def report_failed_steps(workspace: Workspace, instance: dg.DagsterInstance, run_id: str) -> None:
    """Note in the ledger that steps of a run failed, however it was started, and notify; a refusal by the gate was
    reported already. What leaves the machine names the kind of the error and the step: its text may quote a record."""
    failures = [
        (record.event_log_entry.dagster_event.step_key, record.event_log_entry.dagster_event.step_failure_data.error)
        for record in instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    ]
    mine = [event for event in ledger.read(workspace.ledger) if event.get("run_id") == run_id]
    if not failures or any(event["event"] in ("refused", "failed") for event in mine):
        return
    step, error = failures[0]
    text = first_cause(error) if error else NO_REASON
    report_broken_run(workspace, run_id=run_id, reason=f"{step}: {text}", kind=f"{_kind(text)} in {step}")


def first_cause(error) -> str:
    """The words of the error (dagster's SerializableErrorInfo) that began it."""
    while error.cause is not None:
        error = error.cause
    return INTERRUPTED if error.cls_name == "DagsterExecutionInterruptedError" else error.message.strip()


def report_turned_away(workspace: Workspace, *, run_id: str, reason: str) -> None:
    """A run that could not begin because another program has the warehouse open."""
    _note(workspace, "turned_away", run_id=run_id, reason=reason)
    notify(workspace, "turned_away", run_id=run_id, reasons=[reason[:MAX_REASON]])


def report_broken_run(workspace: Workspace, *, run_id: str, reason: str, kind: str) -> None:
    """A run that did not come to its end: `reason` for the ledger, `kind` for the notification."""
    disk = full_disk(workspace)
    _note(workspace, "failed", run_id=run_id, reason=reason[: MAX_REASON - len(disk)] + disk)
    notify(workspace, "failed", run_id=run_id, reasons=[f"{kind}; see: coaching status{disk}"])


def full_disk(workspace: Workspace) -> str:
    """What to add to the words of a failure where the workspace's disk is nearly full; else nothing. Programs word a
    full disk differently (SQLite: "disk I/O error"), so the disk is asked and not the error."""
    free = shutil.disk_usage(workspace.root).free
    return f" (the disk of {workspace.root} has {free / 1e6:.0f} MB left)" if free < NEARLY_FULL else ""


def _note(workspace: Workspace, event: str, *, run_id: str, reason: str) -> None:
    """A line of the ledger; one that cannot be written (a full disk) keeps nobody from being notified."""
    with contextlib.suppress(OSError):
        ledger.append(workspace.ledger, event, run_id=run_id, reason=reason[:MAX_REASON])


def _kind(text: str) -> str:
    """`orchestration.faults.StepFailed: OSError at …: words` → OSError."""
    found = re.match(r"(?:[\w.]*StepFailed: )?(\w+)", text)
    return found[1] if found else "error"

"""A night that fails reaches a person: the ledger says so, and a command of the operator's is run.

`COACHING_NOTIFY` is that command, as a shell would read it: `mail -s "coaching: the night failed" hr@…`, or
`curl --json @- https://…`. It gets one JSON object on stdin: workspace, event, run_id, reasons. No person is in it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess

import dagster as dg

from orchestration.workspace import Workspace
from publish import ledger

COMMAND = "COACHING_NOTIFY"
PATIENCE = 30  # seconds


def notify(workspace: Workspace, event: str, *, run_id: str, reasons: list[str]) -> None:
    """Run the operator's command, if there is one. That it fails is noted and stops nothing."""
    command = os.environ.get(COMMAND, "")
    if not command:
        return
    message = {"workspace": workspace.root.name, "event": event, "run_id": run_id, "reasons": reasons}
    text = json.dumps(message, ensure_ascii=False)
    try:
        done = subprocess.run(
            shlex.split(command), input=text, text=True, capture_output=True, timeout=PATIENCE, check=False
        )
        trouble = f"exit code {done.returncode}" if done.returncode else ""
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        trouble = type(error).__name__
    if trouble:
        ledger.append(workspace.ledger, "notify_failed", run_id=run_id, reason=trouble)


@dg.failure_hook(required_resource_keys={"night"})
def tell_of_failure(context: dg.HookContext) -> None:
    """Note in the ledger that the run broke off and tell; a refusal by the gate has told already."""
    night = context.resources.night
    mine = [event for event in ledger.read(night.workspace.ledger) if event.get("run_id") == context.run_id]
    if any(event["event"] in ("refused", "broke_off") for event in mine):
        return
    # The kind of the error and where it was; its text may quote a record, and this leaves the machine.
    error = context.op_exception
    kind = getattr(error, "kind", type(error).__name__)
    reason = f"{kind} in {context.op.name}; see dagster/night.log in the workspace"
    night.record("broke_off", reason=reason)
    notify(night.workspace, "broke_off", run_id=context.run_id, reasons=[reason])

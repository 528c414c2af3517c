"""The end of a study's records: after `keep_until` no run uses them, and `coaching delete-records` takes them away.

Records are kept as a whole or not at all: who is still there is counted from each person's kick-off, so a study whose
early records are gone would answer something else (docs/decisions/0014-erasure-and-what-is-kept.md).
"""

from __future__ import annotations

from datetime import datetime

import durable
from ingest.erase.people import TOMBSTONES
from orchestration.erasure import remove_copies, remove_what_is_made
from orchestration.lock import hold
from orchestration.workspace import PLANNING, REPRODUCING, RESTATING, Workspace
from publish import ledger
from publish.recipe import RECIPES
from study.model import Study
from study.strict_yaml import ConfigError

DELETED = "records_deleted"


class RecordsOverdue(ConfigError):
    """The last day on which records of people may be kept is over."""


def is_over(study: Study) -> bool:
    """Whether the study's `keep_until` lies before today (in the study's time zone)."""
    return study.keep_until is not None and datetime.now(study.zone).date() > study.keep_until


def check_kept(workspace: Workspace, study: Study) -> None:
    """Raise RecordsOverdue where records may not be used any more."""
    if not is_over(study):
        return
    if any(event["event"] == DELETED for event in ledger.read(workspace.ledger)):
        raise RecordsOverdue("the study has ended and the records of people were deleted; stop the nightly run")
    raise RecordsOverdue(
        f"records of people may be kept until {study.keep_until} (keep_until): delete them, coaching delete-records -w "
        f"{workspace.root}; releases stay"
    )


def delete_records(workspace: Workspace) -> int:
    """Take away everything that holds people, or says what files about them were like, and the key; returns the number
    of files. Releases, closed cells, study, mappings and ledger stay.

    What is left of pseudonyms (units of closed cells that are managers, looks at coaches in the ledger) leads to nobody
    without the key. Raises WorkspaceBusy.
    """
    with hold(workspace.lock, run_id="delete-records"):
        n_before = _n_files(workspace)
        remove_copies(workspace, RESTATING, REPRODUCING, PLANNING)
        for folder in (workspace.inbox, workspace.landing, workspace.root / RECIPES, workspace.key_file.parent):
            durable.remove(folder)
        remove_what_is_made(workspace)
        (workspace.root / TOMBSTONES).unlink(missing_ok=True)
        n_files = n_before - _n_files(workspace)
        ledger.append(workspace.ledger, DELETED, run_id="delete-records", n_files=n_files)
    return n_files


def _n_files(workspace: Workspace) -> int:
    return sum(path.is_file() for path in workspace.root.rglob("*"))

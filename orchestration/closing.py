"""When closed periods are computed again: on days that study.yml announces, and when what is measured changes."""

from __future__ import annotations

from datetime import date

from publish.closed import Batch
from study.model import Study
from study.validation import definitions


def last_day(known: list[Batch]) -> str:
    """The as-of date of the last restatement, or of the first release."""
    return next((one.as_of for one in reversed(known) if one.restates), known[0].as_of)


def due(study: Study, known: list[Batch], day: date) -> str:
    """Why closed periods are to be computed again by `study.yml`, in words; empty where they are not."""
    if not known:
        return ""
    for declared in study.restatements:
        if last_day(known) < str(declared) <= str(day):
            return f"study.yml announced it for {declared}"
    now, then = definitions(study), {}
    for batch in known:  # as last measured: what a study left out for a while may come back as something else
        then |= batch.definitions
    changed = sorted(name for name in now.keys() & then.keys() if now[name] != then[name])
    return f"what is measured has changed: {', '.join(changed)}" if changed else ""


def next_restatement(study: Study, day: date) -> date | None:
    """The next day that `study.yml` announces."""
    return next((declared for declared in sorted(study.restatements) if declared > day), None)

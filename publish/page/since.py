"""What a page says, as its manifest keeps it, and what changed since the release that readers saw before.

Words are compared and not tables: those of a release that other code made may mean something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from publish.page.wording import Finding


class Shown(Protocol):
    """What is kept of an outcome."""

    metric: str
    label: str
    role: str
    estimate: str
    finding: Finding


def said(outcomes: Iterable[Shown], answer: str | None) -> dict:
    """What a page says of scaling up (None: nothing) and of each outcome."""
    return {
        "answer": answer,
        "outcomes": [
            {
                "metric": one.metric,
                "label": one.label,
                "role": one.role,
                "says": f"{one.estimate} ({one.finding.verdict})",
                "is_suppressed": one.finding.kind == "suppressed",
            }
            for one in outcomes
        ],
    }


def changes(then: dict, now: dict) -> list[str]:
    """Sentences: the answer, each primary outcome, and others of which something else is said. What is suppressed now
    is not repeated as it was."""
    before = {one["metric"]: one for one in then["outcomes"]}
    found = []
    if now["answer"] is not None:
        found.append(f"Should it be scaled up? {_moved(then['answer'], now['answer'])}")
    for one in now["outcomes"]:
        earlier = before.pop(one["metric"], None)
        if earlier is None:
            found.append(f"{one['label']}: not asked before; now {one['says']}.")
        elif one["is_suppressed"]:
            if not earlier["is_suppressed"]:
                found.append(f"{one['label']}: not shown any more, to protect people.")
        elif "primary" in (one["role"], earlier["role"]) or one["says"] != earlier["says"]:
            role = "" if one["role"] == earlier["role"] else f" It was {earlier['role']} and is {one['role']}."
            found.append(f"{one['label']}: {_moved(earlier['says'], one['says'])}{role}")
    return found + [f"{one['label']}: not asked any more." for one in before.values()]


def _moved(then: str | None, now: str) -> str:
    if then is None:
        return f"{now} now; nothing was said before."
    return f"{now}, as before." if then == now else f"{then} before, {now} now."

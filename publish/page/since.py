"""What the page says about the release that readers saw before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from publish.page.sheets.sheet import Tables
from publish.page.wording import Finding

COMPARED = ("pub_outcomes", "pub_estimates", "pub_answer", "pub_decisions", "pub_diagnostics", "pub_cohorts")


@dataclass(frozen=True)
class Earlier:
    """A release: its manifest and its tables."""

    manifest: dict
    tables: Tables

    def is_comparable(self, tables: Tables) -> bool:
        """Whether what is compared has the same columns in both, and its level is known."""
        return {"design", "alpha"} <= self.manifest.keys() and all(
            name in self.tables and self.tables[name].columns == tables[name].columns for name in COMPARED
        )


class Shown(Protocol):
    """What is compared of an outcome."""

    metric: str
    label: str
    role: str
    estimate: str
    finding: Finding


def changes(then: Sequence[Shown], now: Sequence[Shown], words_then: str, words_now: str) -> list[str]:
    """Sentences: the answer (`words_…`), each primary outcome, and others of which something else is said."""
    before = {one.metric: one for one in then}
    found = [f"Should it be scaled up? {_moved(words_then, words_now)}"] if words_now else []
    for one in now:
        earlier = before.get(one.metric)
        said_now = f"{one.estimate} ({one.finding.verdict})"
        if earlier is None:
            found.append(f"{one.label}: not asked before; now {said_now}.")
            continue
        said_then = f"{earlier.estimate} ({earlier.finding.verdict})"
        if one.role == "primary" or earlier.finding.verdict != one.finding.verdict:
            found.append(f"{one.label}: {_moved(said_then, said_now)}")
    asked = {one.metric for one in now}
    found += [f"{one.label}: not asked any more." for one in then if one.metric not in asked]
    return found


def _moved(then: str, now: str) -> str:
    return f"{now}, as before." if then == now else f"{then} before, {now} now."

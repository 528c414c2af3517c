"""Is there anything new? The run, the sensor and the command line ask the same question."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from ingest import land
from ingest.mapping.model import Mapping
from ingest.mapping.registry import load_mappings
from orchestration.closing import due
from orchestration.configuration import checked_study
from orchestration.deletion import check_kept
from orchestration.workspace import Workspace, code_version
from publish import ledger
from publish.closed import batches
from publish.recipe import NoRecipe, Recipe
from publish.release import current_release, list_releases, manifest_of, newest_release
from study.model import Study, load_study
from study.strict_yaml import ConfigError
from study.validation import metrics_of


class DayToCome(ConfigError):
    """The as-of date that is asked for has not come yet."""


class HistoryLost(ConfigError):
    """There is a release, and nobody knows what it was made of."""


class NothingToLoad(ConfigError):
    """There is nothing yet from which anything could be computed."""


NO_HRIS = (
    "an HR export is needed in {inbox}/hris: without it nobody knows who belonged to which unit, who could answer a "
    "survey, or who left. Where there is none, a list with a line per person and month will do: employee id, day of "
    "hire and unit (docs/reference/sources.md)"
)


NO_ROSTER = (
    "no list says which units are coached, so there is nothing to compare: put the programme's list in {inbox}/roster "
    "(docs/reference/sources/roster_table.md has its columns; coaching assign draws one), or write the units in "
    "study.yml (assignment.source: listed)"
)


def taken_back(workspace: Workspace, landed: Iterable[land.Landed], inbox: land.Inbox) -> frozenset[str]:
    """Loads whose file left the inbox before any release used it: whoever sent it has changed their mind."""
    used = set().union(*(used_loads(workspace, identity) for identity in list_releases(workspace.releases)))
    return frozenset({one.load_id for one in landed} - used - set(inbox.files))


def used_loads(workspace: Workspace, identity: str) -> set[str]:
    """The loads that a release was made of. Raises HistoryLost where that is not known any more."""
    try:
        return {item["load_id"] for item in Recipe.of(workspace.root, identity).inputs}
    except NoRecipe as error:
        raise HistoryLost(error.args[0]) from None


def sources_digest(mappings: list[Mapping]) -> str:
    """Changes when any mapping means something else."""
    text = "|".join(sorted(f"{mapping.name}:{mapping.digest}" for mapping in mappings))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class PendingChanges:
    """Why a run would find something new; nothing where it would not. `fingerprint` names the state that was seen,
    `files` the files of the inbox that no release knows, below it, and `unanswered` the sources of which no file ever
    came, each with the outcomes that need it."""

    reasons: tuple[str, ...]
    fingerprint: str
    newest_release: str | None
    waiting: tuple[tuple[Path, str], ...] = ()
    unanswered: tuple[tuple[str, tuple[str, ...]], ...] = ()
    files: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.reasons)


def find_pending_changes(workspace: Workspace, *, as_of: date | None = None) -> PendingChanges:
    """Compare inbox, study, mappings and code with what the newest release (of the as-of date, if there is one) was
    made of.

    The date is compared only if it is given: a new day alone brings no new records.
    """
    study = checked_study(workspace)
    check_kept(workspace, study)
    if not workspace.inbox.is_dir():
        raise ConfigError(f"{workspace.inbox} is not there (not mounted?); nothing can be said about what is new")
    digest = sources_digest(load_mappings(workspace.sources))
    inbox_now = land.scan(workspace.inbox, seen=workspace.seen)
    files, waiting = inbox_now.files, inbox_now.waiting
    inbox = set(files)
    text = "|".join([*sorted(inbox), study.digest, digest, code_version(), str(as_of)])
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]
    newest = newest_release(workspace.releases)
    if newest is None:
        if not files and not any(workspace.landing.glob("*")):
            raise NothingToLoad(f"{workspace.inbox} is empty; drop exports into its folders (see the README there)")
        there = {one.source for one in (*files.values(), *land.landed_files(workspace.landing))}
        if "hris" not in there and not waiting:
            raise NothingToLoad(NO_HRIS.format(inbox=workspace.inbox))
        if study.assignment.source == "roster" and "roster" not in there and not waiting:
            raise NothingToLoad(NO_ROSTER.format(inbox=workspace.inbox))
        unanswered = tuple(_unanswered(study, there))
        new = _names(files.values())
        return PendingChanges(("there is no release yet",), fingerprint, None, waiting, unanswered, new)
    if as_of is not None:
        newest = _newest_of(workspace.releases, as_of) or newest
    manifest = manifest_of(workspace.releases / newest)
    unseen = inbox - used_loads(workspace, newest)
    today = datetime.now(study.zone).date()
    restates = "" if manifest["is_as_of_run"] else due(study, batches(workspace.closed), as_of or today)
    reasons = [
        reason
        for holds, reason in (
            (unseen, f"{len(unseen)} new file(s) in the inbox"),
            (not was_served(workspace, newest), f"the run that wrote {newest} was interrupted before it was served"),
            (not workspace.warehouse.exists(), "the warehouse was taken away"),
            (study.digest != manifest["study_hash"], "study.yml has changed"),
            (digest != manifest["sources_hash"], "a source mapping has changed"),
            (code_version() != manifest["code_version"], "the code has changed"),
            (as_of is None and manifest["is_as_of_run"], f"the newest release is an as-of run of {manifest['as_of']}"),
            (as_of is not None and str(as_of) != manifest["as_of"], "another day is asked for"),
            (restates, f"closed periods are to be computed again: {restates}"),
        )
        if holds
    ]
    new = _names(files[load_id] for load_id in unseen)
    return PendingChanges(tuple(reasons), fingerprint, newest, waiting, files=new)


def _names(arrivals: Iterable[land.Arrival]) -> tuple[str, ...]:
    return tuple(sorted(f"{one.source}/{one.file_name}" for one in arrivals))


def _unanswered(study: Study, there: Collection[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Sources without a file, and the outcomes that cannot be answered without them."""
    known = metrics_of(study)
    sources = {outcome.metric: known[outcome.metric].source for outcome in study.outcomes}
    for source in dict.fromkeys(sources.values()):
        if source not in there:
            yield source, tuple(metric for metric, needs in sources.items() if needs == source)


def _newest_of(releases: Path, as_of: date) -> str | None:
    found = [name for name in list_releases(releases) if manifest_of(releases / name)["as_of"] == str(as_of)]
    return found[-1] if found else None


def check_day(workspace: Workspace, as_of: date | None) -> None:
    """Raise DayToCome for a day that has not come: what is published as of it could not be renewed until then."""
    today = datetime.now(load_study(workspace.study).zone).date()
    if as_of is not None and as_of > today:
        raise DayToCome(f"{as_of} has not come yet (today is {today}): a run looks from today or from a day before")


def was_served(workspace: Workspace, identity: str) -> bool:
    """Whether the run that wrote a release came to its end: else periods that it closed may not be kept."""
    served = current_release(workspace.releases)
    if served and served.name == identity:
        return True
    return any(
        event["event"] == "published" and event["release"] == identity for event in ledger.read(workspace.ledger)
    )


def n_closed(workspace: Workspace) -> int:
    """How many batches of closed periods were published: by the ledger, and by the release that is served.

    Raises HistoryLost where nobody knows what the served one was made of.
    """
    served = current_release(workspace.releases)
    found = [event.get("n_closed", 0) for event in ledger.read(workspace.ledger) if event["event"] == "published"]
    if served:
        try:
            recipe = Recipe.of(workspace.root, served.name)
        except NoRecipe as error:
            raise HistoryLost(error.args[0]) from None
        found.append(recipe.n_closed + recipe.closes)
    return max(found, default=0)

"""A person out of a workspace: files, warehouse, what the orchestrator and the gate kept, the ledger's words.

Releases and the cells of closed periods stay as they were: they hold no person, and a period that was computed again
without one person would disclose that person's answer by subtraction (0014). Where a unit is a manager, the unit gets a
name that leads nowhere.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import durable
from ingest import land
from ingest.erase.files import cleanse, find_traces, learn_words, redact, redact_names
from ingest.erase.people import Erased, Rewritten
from ingest.mapping.model import Mapping
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import NORMAL_FORMS, Pseudonyms
from orchestration.lock import hold
from orchestration.workspace import PLANNING, REPRODUCING, RESTATING, Workspace
from publish import closed, ledger
from publish.recipe import RECIPES, follow_erasure, new_names


@dataclass(frozen=True)
class Found:
    """Where a person stands in the files, in numbers; `sought` is what was looked for, and knows what was read."""

    n_files: int
    n_records: int
    n_mentions: int
    sought: Erased = field(repr=False, compare=False)


def find_person(
    workspace: Workspace, *, ids: Iterable[str] = (), emails: Iterable[str] = (), names: Iterable[str] = ()
) -> Found:
    """What an erasure of these words would take out of inbox and landing. Changes nothing.

    Raises CannotErase, and ValueError where they stand nowhere, or an id or address is missing or empty.
    """
    _check_words(ids, emails)
    pseudonyms = Pseudonyms.from_environment(workspace.key_file)
    mappings = load_mappings(workspace.sources)
    sought = Erased(pseudonyms)
    sought.add(pseudonyms_of(pseudonyms, mappings, ids, emails, names))
    learned = learn_words(workspace.inbox, workspace.landing, mappings, sought)
    words = frozenset({*ids, *emails, *names, *learned})
    found = find_traces(workspace.inbox, workspace.landing, mappings, sought, words)
    before = Erased.of(workspace.root, pseudonyms)
    known = any(before.covers(one) for one in pseudonyms_of(pseudonyms, mappings, ids, emails, []))
    known = known or bool(_closed_units(workspace, sought))
    n_records, n_mentions = (sum(getattr(one, name) for one in found) for name in ("n_records", "n_mentions"))
    if not found and not known:
        raise ValueError(
            "no file names anybody so: write the id or address as the exports write it; nothing was changed"
        )
    return Found(len(found), n_records, n_mentions, sought)


def _check_words(ids: Iterable[str], emails: Iterable[str]) -> None:
    given = {"id": list(ids), "email": list(emails)}
    if not any(given.values()):
        raise ValueError("an id or an e-mail address is needed: two people may have one name")
    empty = [form for form, words in given.items() if not all(NORMAL_FORMS[form](word) for word in words)]
    if empty:
        raise ValueError(f"an empty --{empty[0]} names nobody; nothing was changed")


@dataclass(frozen=True)
class Done:
    """What was erased, in numbers."""

    files: list[Rewritten]
    n_units: int


def erase_person(
    workspace: Workspace,
    found: Found | None = None,
    *,
    ids: Iterable[str] = (),
    emails: Iterable[str] = (),
    names: Iterable[str] = (),
) -> Done:
    """Erase whoever these words name, and keep them out from now on. `found`: by these words, a moment ago.

    Raises CannotErase (nothing else was done but files before it), WorkspaceBusy, ValueError without an id or address.
    """
    _check_words(ids, emails)
    pseudonyms = Pseudonyms.from_environment(workspace.key_file)
    mappings = load_mappings(workspace.sources)
    with hold(workspace.lock, run_id="erase"):
        erased = Erased.of(workspace.root, pseudonyms)
        known = set(pseudonyms_of(pseudonyms, mappings, ids, emails, names))
        erased.add(known)
        if found is not None:
            erased.go_on_from(found.sought)
        erased.searched.clear()
        learned = learn_words(workspace.inbox, workspace.landing, mappings, erased)
        words = frozenset({*ids, *emails, *names, *learned})
        remove_copies(workspace, RESTATING, REPRODUCING, PLANNING)
        erased.keep(workspace.root)  # first of all: a crash from here on leaves files that the next run cleanses
        files = cleanse(workspace.inbox, workspace.landing, mappings, erased, words)
        redact_names(workspace.inbox, workspace.landing, words)
        known |= set(pseudonyms_of(pseudonyms, mappings, learned, learned, learned))
        ghosts = {unit: secrets.token_hex(16) for unit in _closed_units(workspace, erased)}
        closed.rename(workspace.closed, "unit_id", ghosts)
        follow(workspace)
        remove_what_is_made(workspace)
        for path in (workspace.ledger, *(workspace.root / RECIPES).glob("*.json")):
            _redact(path, {*known, *words})
        erased.keep(workspace.root)
        ledger.append(workspace.ledger, "erased", files=[one.new for one in files], run_id="erase")
    return Done(files, len(ghosts))


def pseudonyms_of(
    pseudonyms: Pseudonyms, mappings: list[Mapping], ids: Iterable[str], emails: Iterable[str], names: Iterable[str]
) -> Iterable[str]:
    """Every pseudonym that these words can have, in all number spaces of the mappings."""
    spaces = {""} | {column.namespace for mapping in mappings for _, column in mapping.all_columns}
    for form, words in (("id", ids), ("email", emails), ("name", names)):
        for word in words:
            if NORMAL_FORMS[form](word):
                for space in spaces if form == "id" else {""}:
                    yield pseudonyms.hash(word, form=form, namespace=space)


def is_word_of_erased(erased: Erased, mappings: list[Mapping], word: str) -> bool:
    """Whether a word is the id, the address or the name of somebody who was erased."""
    addresses, names = [word] if "@" in word else [], [re.sub(r"[\W_]+", " ", word)]
    return any(map(erased.covers, pseudonyms_of(erased.pseudonyms, mappings, [word], addresses, names)))


def remove_copies(workspace: Workspace, *prefixes: str) -> None:
    """Remove what a killed restatement or reproduction left: workspaces with files as they were."""
    for prefix in prefixes:
        for path in workspace.root.glob(f"{prefix}*"):
            durable.remove(path)


def remove_what_is_made(workspace: Workspace) -> None:
    """Remove what the next run makes anew from the files, and what past runs said of them."""
    for path in (workspace.dagster_home, workspace.gate, workspace.restricted):
        durable.remove(path)
    for path in [workspace.seen, *workspace.root.glob(f"{workspace.warehouse.name}*")]:
        durable.remove(path) if path.is_dir() else path.unlink(
            missing_ok=True
        )  # DuckDB's temporary files lie in a folder


def follow(workspace: Workspace) -> None:
    """Recipes and closed periods name files as they are now: no digest of what was erased stays anywhere."""
    landed = [asdict(one) for one in land.landed_files(workspace.landing)]
    if names := new_names(workspace.root, landed):
        # Recipes come last: after a crash they alone know the former names.
        closed.rename(workspace.closed, "load_id", names)
        follow_erasure(workspace.root, landed, names)


def _closed_units(workspace: Workspace, erased: Erased) -> list[str]:
    """Units of closed periods that are the erased (where a unit is a manager)."""
    return sorted(unit for unit in closed.units(workspace.closed) if erased.covers(unit))


def _redact(path: Path, words: Iterable[str]) -> None:
    """The ledger only grows and a recipe never changes, but for this: what stood there of the person is gone."""
    if not path.exists():
        return
    old = path.read_text(encoding="utf-8")
    text = redact(old, words)
    if text != old:
        durable.replace_text(path, text)

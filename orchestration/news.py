"""Is there anything new? The night, the sensor and the command line ask the same question."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from ingest import land
from ingest.spec import Mapping, load_mappings
from ingest.study import load_study
from orchestration.workspace import Workspace, code_version
from publish.release import list_releases, manifest_of


def sources_digest(mappings: list[Mapping]) -> str:
    """Changes when any mapping means something else."""
    text = "|".join(sorted(f"{mapping.name}:{mapping.digest}" for mapping in mappings))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class News:
    """Why a run would find something new; nothing where it would not. `fingerprint` names the state that was seen."""

    reasons: tuple[str, ...]
    fingerprint: str
    newest_release: str | None

    def __bool__(self) -> bool:
        return bool(self.reasons)


def look(workspace: Workspace, *, as_of: date | None = None) -> News:
    """Compare inbox, study, mappings and code with what the newest release was made of.

    A day is compared only if it is asked for: a new day alone brings no new records.
    """
    study = load_study(workspace.study)
    digest = sources_digest(load_mappings(workspace.sources))
    inbox = set(land.scan(workspace.inbox).files)
    text = "|".join([*sorted(inbox), study.digest, digest, code_version(), str(as_of)])
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]
    releases = list_releases(workspace.releases)
    if not releases:
        return News(("there is no release yet",), fingerprint, None)
    manifest = manifest_of(workspace.releases / releases[-1])
    unseen = inbox - {item["load_id"] for item in manifest["inputs"]}
    reasons = [
        reason
        for holds, reason in (
            (unseen, f"{len(unseen)} new file(s) in the inbox"),
            (study.digest != manifest["study_hash"], "study.yml has changed"),
            (digest != manifest["sources_hash"], "a source mapping has changed"),
            (code_version() != manifest["code_version"], "the code has changed"),
            (as_of is not None and str(as_of) != manifest["as_of"], "another day is asked for"),
        )
        if holds
    ]
    return News(tuple(reasons), fingerprint, releases[-1])

"""What a release was made of beside its files, kept in the workspace so that it can be made again.

Files lie in `landing/` under the names that stand here; study and mappings are edited in place, so their text is kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import durable

FOLDER = "recipes"


class NoRecipe(KeyError):
    """It is not known what this release was made of."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """`served`: the release that was read until then; `n_closed`: how many batches of closed periods there
    were, `closes` whether the release added one,
    `restates` whether that one holds everything, computed again; `landed`: the files that
    had arrived, as `landing/` noted them; `inputs`: source, file_name, load_id and mapping of those that the release
    was made of; `study` and `sources` (by file name) are texts."""

    as_of: str
    served: str | None
    n_closed: int
    closes: bool
    restates: bool
    landed: list[dict]
    inputs: list[dict]
    study: str
    sources: dict[str, str] = field(default_factory=dict)

    def keep(self, workspace: Path, identity: str) -> None:
        """Write it down, unless that was done by a run that was killed before it ended."""
        path = workspace / FOLDER / f"{identity}.json"
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.replace_text(path, json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def of(cls, workspace: Path, identity: str) -> Recipe:
        """The recipe of a release. Raises NoRecipe where none is kept."""
        path = workspace / FOLDER / f"{identity}.json"
        if not path.exists():
            raise NoRecipe(
                f"{workspace / FOLDER} does not know what release {identity} was made of. Restore the folder from a "
                "backup, or begin a new workspace"
            )
        return cls(**json.loads(path.read_text(encoding="utf-8")))

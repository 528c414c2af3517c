"""What a release was made of beside its files, kept in the workspace so that it can be made again.

Files lie in `landing/` under the names that stand here; study and mappings are edited in place, so their text is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import durable

RECIPES = "recipes"


class NoRecipe(KeyError):
    """It is not known what this release was made of."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """`served`: the release that was read until then; `n_closed`: how many batches of closed periods there were,
    `closes` whether the release added one, `restates` whether that one holds everything, computed again; `landed`: the
    files that had arrived, as `landing/` noted them; `inputs`: source, file_name, load_id and mapping of those that the
    release was made of; `study`, `sources` (by file name) and
    `registration` (empty: there was none) are texts; `is_rewritten`: an erasure changed some of the
    files since, and they stand here as they are now."""

    as_of: str
    served: str | None
    n_closed: int
    closes: bool
    restates: bool
    landed: list[dict]
    inputs: list[dict]
    study: str
    sources: dict[str, str] = field(default_factory=dict)
    registration: str = ""
    is_rewritten: bool = False

    def keep(self, workspace: Path, identity: str) -> None:
        """Write it down, unless that was done by a run that was killed before it ended."""
        path = workspace / RECIPES / f"{identity}.json"
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.replace_text(path, json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def of(cls, workspace: Path, identity: str) -> Recipe:
        """The recipe of a release. Raises NoRecipe where none is kept."""
        path = workspace / RECIPES / f"{identity}.json"
        if not path.exists():
            raise NoRecipe(
                f"{workspace / RECIPES} does not know what release {identity} was made of. Restore the folder from a "
                "backup, or begin a new workspace"
            )
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def new_names(workspace: Path, landed: Iterable[Mapping]) -> dict[str, str]:
    """Load ids of files that an erasure changed, by those that recipes know. `landed`: notes of all in landing."""
    notes = list(landed)
    known = {one["load_id"] for one in notes}
    by_arrival = {(one["source"], one["sequence"]): one["load_id"] for one in notes}
    recipes = [json.loads(path.read_text(encoding="utf-8")) for path in (workspace / RECIPES).glob("*.json")]
    former = [one for recipe in recipes for one in recipe["landed"] if one["load_id"] not in known]
    arrivals = {one["load_id"]: (one["source"], one["sequence"]) for one in former}
    return {
        load_id: by_arrival.get(arrival) or f"erased {arrival[0]} {arrival[1]}" for load_id, arrival in arrivals.items()
    }


def follow_erasure(workspace: Path, landed: Iterable[Mapping], names: Mapping[str, str]) -> None:
    """Let recipes name the files as they are after an erasure, so that nothing keeps a digest of what was erased.
    `landed`: notes of all files in landing; `names`: new load ids by former ones."""
    known = {one["load_id"]: dict(one) for one in landed}
    for path in sorted((workspace / RECIPES).glob("*.json")):
        recipe = json.loads(path.read_text(encoding="utf-8"))
        former = {one["load_id"] for one in recipe["landed"]} - known.keys()
        if not former:
            continue
        found = {one["load_id"]: one for one in recipe["landed"] if one["load_id"] in known}
        found |= {names[one]: known[names[one]] for one in former if names[one] in known}
        recipe["landed"] = sorted(found.values(), key=lambda one: one["sequence"])
        for item in recipe["inputs"]:
            item["load_id"] = names.get(item["load_id"], item["load_id"])
        recipe["is_rewritten"] = True
        durable.replace_text(path, json.dumps(recipe, ensure_ascii=False, indent=1) + "\n")

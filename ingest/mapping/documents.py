"""Mapping documents: `extends` and `vintages` are resolved before the model reads them.

Both merge key by key; null takes a key away.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ingest.mapping.model import Mapping
from study.strict_yaml import ConfigError, load, rename_keys

BUILT_IN = Path(__file__).parents[1] / "sources"
# Of these a mapping gives one: another is instead of it, not in addition.
ALTERNATIVES = (
    ("from", "any_of", "first_of", "file_name", "constant", "row_number"),
    ("column", "filename", "title", "fixed"),
)


def merge_documents(base: Any, change: Any, path: tuple[str, ...] = ()) -> Any:
    """`base` with `change` laid over it: dictionaries key by key, null takes a key away, all else is replaced."""
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    result = dict(base)
    for key, value in change.items():
        group = next((group for group in ALTERNATIVES if key in group and _has_alternatives(path)), None)
        if value is None:
            result.pop(key, None)
        elif group:
            result = {other: there for other, there in result.items() if other not in group} | {key: value}
        else:
            result[key] = merge_documents(result.get(key), value, (*path, str(key)))
    return result


def _has_alternatives(path: tuple[str, ...]) -> bool:
    """Where a field, an attribute, an item or the snapshot is described, not where one is named."""
    return path == ("snapshot",) or (len(path) == 2 and path[0] in ("columns", "attributes", "items"))


# Old key → new one; both are read for one version.
RENAMED = {"absence": "on_missing_person", "blank": "on_blank", "repeat": "unpivot"}
RENAMED_OF_COLUMNS = {"times": "multiply_by", "other": "on_unmapped"}


def with_new_keys(document: Any) -> Any:
    """The document with keys of the last version under their new names, before anything is merged."""
    if not isinstance(document, dict):
        return document
    document = dict(rename_keys(document, RENAMED))
    for group in ("columns", "attributes", "items"):
        if isinstance(document.get(group), dict):
            document[group] = _with_new_column_keys(document[group])
    if isinstance(document.get("unpivot"), list):
        document["unpivot"] = list(map(_with_new_column_keys, document["unpivot"]))
    if isinstance(document.get("vintages"), list):
        document["vintages"] = list(map(with_new_keys, document["vintages"]))
    return document


def _with_new_column_keys(columns: Any) -> Any:
    if not isinstance(columns, dict):
        return columns
    return {name: rename_keys(one, RENAMED_OF_COLUMNS) for name, one in columns.items()}


def mapping_from(document: Any, *, find: Callable[[str], dict] | None = None) -> Mapping:
    """The mapping that a document describes, `extends` and `vintages` worked out.

    Raises ValueError (pydantic's ValidationError or ConfigError) that names key and fault.
    """
    document = _resolve_extends(with_new_keys(document), find or built_in_document, seen=())
    if isinstance(document, dict) and "earlier" in document:
        raise ConfigError("earlier: versions of an export stand under `vintages`")
    if not isinstance(document, dict) or "vintages" not in document:
        return Mapping.model_validate(document)
    blocks = document["vintages"]
    if not isinstance(blocks, list) or not blocks or not all(isinstance(b, dict) and "vintage" in b for b in blocks):
        raise ConfigError("vintages: a list of blocks, oldest first, each with a name under `vintage`")
    names = [str(block["vintage"]) for block in blocks]
    if len(set(names)) != len(names):
        raise ConfigError("vintages: two blocks have the same name")
    current = {key: value for key, value in document.items() if key != "vintages"}
    chain = [current] if _is_mapping(current) else []
    for block in blocks:
        if "source" in block or "name" in block or "extends" in block:
            raise ConfigError(f"vintage {block['vintage']}: name, source and extends belong to the mapping")
        current = merge_documents({key: value for key, value in current.items() if key != "since"}, block)
        chain.append(current)
    earlier: tuple[Mapping, ...] = ()
    for one in chain:
        newest = Mapping.model_validate(one)
        earlier, mapping = (newest, *earlier), newest.model_copy(update={"earlier": earlier})
    return mapping


def _is_mapping(document: dict) -> bool:
    """The part above `vintages` is an oldest vintage of its own where it can be read as a mapping."""
    try:
        Mapping.model_validate(document)
    except ValidationError:
        return False
    return True


def _resolve_extends(document: Any, find: Callable[[str], dict], *, seen: tuple[str, ...]) -> Any:
    if not isinstance(document, dict) or "extends" not in document:
        return document
    base_name = str(document["extends"])
    if base_name in seen:
        raise ConfigError(f"extends: {base_name} extends itself")
    base = _resolve_extends(with_new_keys(find(base_name)), find, seen=(*seen, base_name))
    return merge_documents(base, {key: value for key, value in document.items() if key != "extends"})


def built_in_document(name: str) -> dict:
    """The document of a built-in mapping. Raises ConfigError where there is none of this name."""
    path = BUILT_IN / f"{name}.yml"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not path.exists():
        known = ", ".join(sorted(found.stem for found in BUILT_IN.glob("*.yml")))
        raise ConfigError(f"extends: no mapping {name!r}; built in are {known}")
    return load(path)

"""The mappings in force: built-in ones, and the customer's own, which replace or extend them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ingest.mapping.documents import BUILT_IN, built_in_document, mapping_from
from ingest.mapping.model import Mapping
from study.strict_yaml import ConfigError, as_model, load


def load_mapping(path: Path, *, folder: Path | None = None) -> Mapping:
    """The mapping in `path`; it may extend those in `folder` and the built-in ones.

    Raises ConfigError that names file, key and fault.
    """

    def find(name: str) -> dict:
        for own in sorted(folder.glob("*.y*ml")) if folder else []:
            if own != path:
                document = load(own)
                if isinstance(document, dict) and document.get("name") == name:
                    return document
        return built_in_document(name)

    try:
        return as_model(path, lambda: mapping_from(load(path), find=find))
    except ConfigError as error:
        raise error if str(error).startswith(str(path)) else ConfigError(f"{path}: {error}") from None


def load_mappings(folder: Path) -> list[Mapping]:
    """All mappings in force: the built-in ones, replaced and extended by those in `folder`.

    The customer's come first, so that they also win where the globs of two mappings fit the same file.
    """
    own: dict[str, Mapping] = {}
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else []:
        mapping = load_mapping(path, folder=folder)
        if mapping.name in own:
            raise ConfigError(f"{path}: the name {mapping.name} is taken by another mapping; rename one")
        own[mapping.name] = mapping
    return [*own.values(), *(mapping for mapping in built_in_mappings() if mapping.name not in own)]


def number_attributes(mappings: Iterable[Mapping]) -> set[str]:
    """The attributes of HR mappings that hold a number as it is, and so can be summed."""
    return {
        name
        for mapping in mappings
        for layout in mapping.versions
        if layout.source == "hris"
        for name, one in layout.attributes.items()
        if one.kind == "number" and not one.bands
    }


def survey_scales(mappings: Iterable[Mapping]) -> set[str]:
    """The scales that the items of the mappings belong to."""
    return {item.scale for mapping in mappings for layout in mapping.versions for item in layout.items.values()}


@cache
def built_in_mappings() -> tuple[Mapping, ...]:
    """The mappings beside this module, those with the most specific globs first."""
    found = map(load_mapping, sorted(BUILT_IN.glob("*.yml")))
    return tuple(sorted(found, key=lambda mapping: -max(map(len, mapping.files))))


def candidates(mappings: list[Mapping], source: str, file_name: str) -> list[Mapping]:
    """The mappings of `source` that a file of this name (below the source's folder) may be read with, best first.

    A file in a sub-folder that has a mapping's name is read with that mapping; else the globs decide.
    """
    folder, _, _ = file_name.rpartition("/")
    named = [m for m in mappings if m.source == source and folder.split("/")[0] == m.name]
    if named:
        return named
    path = Path(file_name)
    return [m for m in mappings if m.source == source and any(path.match(glob) for glob in m.files)]

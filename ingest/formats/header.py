"""The names of a file's columns, and where those stand that the mapping wants."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from ingest.formats.records import FileRefused
from ingest.mapping.headers import normalise_name
from ingest.mapping.model import DELIMITERS, Mapping

MAX_COLUMNS = 500
WORD_OF = {mark: word for word, mark in DELIMITERS.items()}


def wanted_headers(mapping: Mapping) -> dict[str, bool]:
    """Header → may be absent, for every header that the mapping names."""
    headers: dict[str, bool] = {}
    readings = [*(column for _, column in mapping.all_columns), *mapping.attributes.values()]
    for one in [*readings, *([] if mapping.long else mapping.items.values())]:
        for header in one.headers:
            headers[header] = headers.get(header, True) and (one.optional or bool(one.any_of or one.first_of))
    rules = [rule.column for rule in mapping.set_aside if rule.column is not None]
    if mapping.snapshot and mapping.snapshot.column:
        rules.append(mapping.snapshot.column)
    if mapping.long:
        rules += [mapping.long.question, mapping.long.answer]
    return headers | {normalise_name(name): False for name in rules}


def _other_delimiter(names: list[str], wanted: dict[str, bool], mapping: Mapping) -> str | None:
    """What separates the columns, where it is not the mapping's mark: most of the names that are needed stand in the
    header line, and not by themselves. Of names that are read, tabs have become blanks."""
    line = mapping.delimiter.join(names)
    needed = [name for name, optional in wanted.items() if not optional]
    is_split = 2 * len(names) > len(needed)
    if (
        is_split
        or mapping.format not in ("csv", "by_ending")
        or 2 * sum(name in line for name in needed) <= len(needed)
    ):
        return None
    return next((mark for mark in WORD_OF if mark != mapping.delimiter and mark in line), "\t")


def find_columns(names: list[str], mapping: Mapping) -> dict[str, int]:
    """Where each wanted header stands. The message lists what is missing and what the file has instead."""
    if len(names) > MAX_COLUMNS:
        raise FileRefused(f"{len(names):,} columns; at most {MAX_COLUMNS} can be an export")
    named = numbered(names)
    wanted = wanted_headers(mapping)
    missing = missing_headers(wanted, set(named), mapping)
    few = len(missing) > 1 and 2 * len(missing) > sum(not optional for optional in wanted.values())
    if missing and (few or not wanted.keys() & named.keys()):
        if mark := _other_delimiter(names, wanted, mapping):
            raise FileRefused(
                f"columns are separated by {WORD_OF[mark]} here, and the mapping {mapping.label} says "
                f"{WORD_OF.get(mapping.delimiter, repr(mapping.delimiter))}: export it so, or give the mapping "
                f"delimiter: {WORD_OF[mark]} (sources/{mapping.name}.yml)"
            )
        # What stands there instead may be people's data (an export without a header row): it is not repeated.
        raise FileRefused(
            f"most of the expected columns are missing ({quote_names(missing[:20])}); is the header row there, "
            f"and is this the export that the mapping {mapping.label} describes?"
        )
    if missing:
        unused = [name for name in names if name not in wanted]
        raise FileRefused(
            f"column {quote_names(missing)} is not in the file; it also has "
            f"{quote_names(unused[:20]) or 'no other columns'}. "
            f"If it was renamed, add a vintage with the new name to the mapping {mapping.label} "
            f"(sources/{mapping.name}.yml, under {', '.join(_mapping_keys(missing, mapping))})"
        )
    doubled = [name for name in wanted if names.count(name) > 1 and name not in named]
    if doubled:
        raise FileRefused(
            f"column {quote_names(doubled)} stands more than once; it is not clear which one is meant. "
            f'Name it by its number: "{doubled[0]} [1]" or "{doubled[0]} [2]"'
        )
    return {name: named[name] for name in wanted if name in named}


def numbered(names: list[str]) -> dict[str, int]:
    """Name → position; a name that stands n times is known as `name [1]` … `name [n]` only."""
    result: dict[str, int] = {}
    counts: dict[str, int] = {}
    for position, name in enumerate(names):
        counts[name] = counts.get(name, 0) + 1
        result[name if names.count(name) == 1 else f"{name} [{counts[name]}]"] = position
    return result


def missing_headers(wanted: dict[str, bool], there: set[str], mapping: Mapping, *, at_end: bool = False) -> list[str]:
    """Headers that must be there and are not; `at_end`: after all records were seen."""
    bare = {re.sub(r" \[\d+\]$", "", name) for name in there}
    # An element of a list in JSON (teams[0].name) is there where the list is.
    if not at_end:
        bare |= {name for name in wanted if "[" in name and name.split("[")[0] in there}
    missing = [name for name, optional in wanted.items() if not optional and name not in there | bare]
    columns = [column for _, column in mapping.all_columns]
    for one in [*columns, *mapping.attributes.values(), *mapping.items.values()]:
        if (one.any_of or one.first_of) and not one.optional and not (there | bare) & set(one.headers):
            missing.append(" or ".join(one.headers))
    return missing


def _mapping_keys(missing: list[str], mapping: Mapping) -> list[str]:
    groups = (
        ("columns", mapping.all_columns),
        ("attributes", mapping.attributes.items()),
        ("items", mapping.items.items()),
    )
    places = [
        f"{group}.{name}"
        for group, readings in groups
        for name, one in readings
        if set(one.headers) & set(missing) or " or ".join(one.headers) in missing
    ]
    return places[:20] or ["set_aside or snapshot"]


def quote_names(names: Iterable[str]) -> str:
    """Names for a message, quoted and shortened."""
    return ", ".join(f'"{name[:80]}"' for name in names)


def column_names(rows: list[list[str]], mapping: Mapping, width: int) -> list[str]:
    """Column names from the header rows, as the mapping says."""
    if mapping.names_from == "position":
        return [str(number) for number in range(1, width + 1)]
    if mapping.names_from == "joined":
        return join_headers(rows)
    if mapping.names_from == "import_id":
        return _import_ids(rows[-1], mapping)
    row = {"header": 0, "second": 1, "third": 2}[mapping.names_from]
    # A column without a name is known by its place.
    return [normalise_name(name) or f"column {place}" for place, name in enumerate(rows[row], start=1)]


def join_headers(rows: list[list[str]]) -> list[str]:
    """`first | second` of two rows: a blank first cell goes on with the question to its left, as in a multi-select."""
    names, question = [], ""
    for first, *others in zip(*rows, strict=True):
        question = normalise_name(first) or question
        names.append(" | ".join([question, *(normalise_name(cell) for cell in others if normalise_name(cell))]))
    return names


def _import_ids(cells: list[str], mapping: Mapping) -> list[str]:
    try:
        names = [json.loads(cell)["ImportId"] for cell in cells]
        if not all(isinstance(name, str) for name in names):
            raise ValueError
        return [normalise_name(name) for name in names]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FileRefused(
            f'header row {mapping.header_rows} should hold {{"ImportId":…}} in every column; '
            "export with three header rows, or map by header"
        ) from None

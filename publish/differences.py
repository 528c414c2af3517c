"""What two releases say differently, and which of data, study and code were other when they were made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from publish.catalogue import published_tables
from publish.release import manifest_of, released_tables

CHANGED = {"table": pl.String, "row": pl.String, "column": pl.String, "before": pl.String, "after": pl.String}
# Names that no published column has: tables have columns called row and value.
ROW, COLUMN, VALUE = ".row", ".column", ".value"
PLACES = 9  # published numbers have no more decimals that mean anything


@dataclass(frozen=True)
class Difference:
    """Rows of a table that came, went, and say something else; `changed` has a row per cell (CHANGED)."""

    table: str
    n_came: int
    n_went: int
    changed: pl.DataFrame

    @property
    def n_changed(self) -> int:
        """Rows that are in both releases and differ."""
        return self.changed["row"].n_unique()

    def __bool__(self) -> bool:
        return bool(self.n_came or self.n_went or self.changed.height)


def differences(before: Path, after: Path) -> list[Difference]:
    """All tables that differ between two releases (their folders)."""
    old, new = released_tables(before), released_tables(after)
    found = [_difference(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())]
    return [one for one in found if one]


def _difference(name: str, old: pl.DataFrame | None, new: pl.DataFrame | None) -> Difference:
    if old is None or new is None:
        there = new if old is None else old
        came, went = (there.height, 0) if old is None else (0, there.height)
        return Difference(name, came, went, pl.DataFrame(schema=CHANGED))
    known = published_tables().get(name)
    keys = list(known.grain) if known else []
    if not set(keys) <= set(old.columns) & set(new.columns) or _repeats(old, keys) or _repeats(new, keys):
        keys = sorted(set(old.columns) & set(new.columns))  # rows are compared whole
    row = pl.concat_str([pl.col(key).cast(pl.String).fill_null("–") for key in keys], separator=" · ")
    old, new = (_as_text(frame, row if keys else pl.lit("the only row")) for frame in (old, new))
    both = old.join(new, on=[ROW, COLUMN], suffix="_after")
    changed = both.filter(pl.col(VALUE).ne_missing(pl.col(f"{VALUE}_after")))
    return Difference(
        name,
        new.join(old, on=ROW, how="anti")[ROW].n_unique(),
        old.join(new, on=ROW, how="anti")[ROW].n_unique(),
        changed.select(table=pl.lit(name), row=ROW, column=COLUMN, before=VALUE, after=f"{VALUE}_after").sort(
            "row", "column"
        ),
    )


def _repeats(frame: pl.DataFrame, keys: list[str]) -> bool:
    return frame.height != (frame.select(keys).n_unique() if keys else 1)


def _as_text(frame: pl.DataFrame, row: pl.Expr) -> pl.DataFrame:
    """One line per row and column, values as text."""
    rounded = [pl.col(name).round(PLACES) for name, kind in frame.schema.items() if kind.is_float()]
    texts = frame.with_columns(rounded).with_columns(row.alias(ROW)).cast(pl.String)
    return texts.unpivot(index=ROW, variable_name=COLUMN, value_name=VALUE)


@dataclass(frozen=True)
class Cause:
    """Something that was other: `kind` is data, study or code."""

    kind: str
    says: str


def causes(before: Path, after: Path, files: tuple[list[dict], list[dict]]) -> list[Cause]:
    """What the two releases were not made of alike, by their manifests and by the files that they were made of (items
    of Recipe.inputs). None: nothing that a release depends on."""
    old, new = manifest_of(before), manifest_of(after)
    found = list(_files(*files))
    if old["as_of"] != new["as_of"]:
        found.append(Cause("data", f"looked at from {old['as_of']}, then from {new['as_of']}"))
    if old["study_hash"] != new["study_hash"]:
        questions = ": it asks something else" if old["questions_hash"] != new["questions_hash"] else ""
        found.append(Cause("study", f"study.yml was changed{questions}"))
    if old["sources_hash"] != new["sources_hash"]:
        found.append(Cause("study", "a source mapping was changed: files are read otherwise"))
    if old["code_version"] != new["code_version"]:
        found.append(Cause("code", f"{old['code_version']}, then {new['code_version']}"))
    return found


def _files(old: list[dict], new: list[dict]):
    """Files that came, went, or came again under their name with other content."""
    contents = [{(item["source"], item["file_name"], item["load_id"]) for item in items} for items in (old, new)]
    came, went = contents[1] - contents[0], contents[0] - contents[1]
    again = {key[:2] for key in came} & {key[:2] for key in contents[0]}
    for says, names in (
        ("came", {key[:2] for key in came} - again),
        ("came again with other content", again),
        ("no longer used", {key[:2] for key in went} - {key[:2] for key in contents[1]}),
    ):
        if names:
            listed = sorted(f"{source}/{name}" for source, name in names)
            rest = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
            yield Cause("data", f"{len(listed)} file(s) {says}: {', '.join(listed[:5])}{rest}")


def attribution(found: list[Cause]) -> str:
    """Whether data, study or code changed the numbers, as far as that can be known without making one of them anew."""
    kinds = list(dict.fromkeys(cause.kind for cause in found))
    if not kinds:
        return "Data, study and code are the same."
    if len(kinds) == 1:
        return f"All of it comes from the {kinds[0]}: nothing else was other."
    return (
        f"{' and '.join([', '.join(kinds[:-1]), kinds[-1]])} were other: which of them moved a number only making one "
        "again can show: `coaching reproduce ID --anyway` makes the older release with today's code."
    )

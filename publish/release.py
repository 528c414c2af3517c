"""A release: a new directory with everything a reader needs, then one atomic swap of the link `current`.

Readers are never blocked and never see half a release; a rollback is the same swap. Nothing is published without a
passing verdict for exactly the content that is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

import durable
from publish.content import content_hash
from publish.disclosure import KEYS, at_least
from publish.files import seal, write_manifest, write_table
from publish.page import render
from publish.protect import NAMED, NOT_NAMED, Audited, People, protected, suppressed

CURRENT = "current"
# DuckDB 2 files cannot be opened by older clients; this version can be by every client since 1.0.
READERS_STORAGE_VERSION = "v1.0.0"


Tables = dict[str, pl.DataFrame]
Inspect = Callable[[Tables, Tables, float], dict]


class NotAllowed(RuntimeError):
    """There is no passing verdict for this content, so it is not published."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be released, and the facts that its manifest cites."""

    title: str
    programme: str
    design: str
    alpha: float
    min_group_size: int
    as_of: date
    observed_through: date | None
    study_hash: str
    code_version: str
    inputs: list[dict]
    data_issues: list[dict]
    restatements: list[dict]
    sources_hash: str
    questions_hash: str
    due: date | None = None  # when a newer release should be there
    looks_back: bool = False
    is_remembered: bool = True  # else it is audited by itself and must not be served

    @property
    def study(self) -> dict:
        """What the page needs of the study."""
        return {"design": self.design, "alpha": self.alpha, "min_group_size": self.min_group_size}


def release_id(order: Order, content: dict[str, pl.DataFrame]) -> str:
    """The day looked from and a hash of content, study and code: the same inputs give the same id."""
    text = "|".join([content_hash(content), order.study_hash, order.code_version, str(order.as_of)])
    return f"{order.as_of}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def publish(
    content: dict[str, pl.DataFrame],
    *,
    verdict: dict,
    order: Order,
    people: People,
    inspect: Inspect,
    releases: Path,
    before_swap: Callable[[str, pl.DataFrame | None], None] = lambda *_: None,
) -> Path:
    """Write the release and make it current. `before_swap` gets its id and the equations that it is the first to tell
    (None: it was told before), keeps them, and may raise to stop a run that lost its lock.

    `people` are those behind the figures: what gives a few of them away, beside all that was told before, is refused.
    `inspect` gives the gate's verdict on the tables as they would be written (with those of the served release and the
    share of rows that they show); it must pass and name their hash too.

    What is not remembered (a look back beside a release that knows more) is written and never served. A folder of this
    id that memory does not know was left by a run that broke off: nobody has read it, and it is written anew.

    Raises NotAllowed unless `verdict` has passed and names the hash of `content`.
    """
    check_verdict(verdict, content)
    target = releases / release_id(order, content)
    is_known = target.name in people.told_by and (target / "manifest.json").exists()
    told_first = None if is_known else _write(content, verdict, order, people, inspect, target)
    before_swap(target.name, told_first)
    if order.is_remembered:
        make_current(releases, target.name)
    return target


def check_verdict(verdict: dict, judged: dict[str, pl.DataFrame]) -> None:
    """Raise NotAllowed unless the verdict has passed and is about exactly these tables."""
    if verdict.get("passed") is not True:
        raise NotAllowed("the gate did not pass; nothing is published and the last release stays")
    there = content_hash(judged)
    if verdict.get("content_hash") != there:
        raise NotAllowed(
            f"the verdict is about content {str(verdict.get('content_hash'))[:12]}, this is {there[:12]}: "
            "something changed after it was judged; run again"
        )


def _write(
    content: Tables, verdict: dict, order: Order, people: People, inspect: Inspect, target: Path
) -> pl.DataFrame:
    last = {} if not order.is_remembered else released_tables(current_release(target.parent))
    guarded, audit = protected(content, order.min_group_size, people, last, order.as_of)
    tables = {name: part.table for name, part in guarded.items()}
    tables["pub_suppressed"] = suppressed(guarded, order.min_group_size)
    tables["pub_power"] = content["est_power"]
    tables["pub_outcomes"] = content["outcomes"]
    told = _told(audit, tables)
    candidate = inspect(tables, last, told["share_of_rows_shown"])
    check_verdict(candidate, tables)
    for left in target.parent.glob(".*.tmp"):  # by a run that was killed; whoever writes here holds the workspace
        durable.remove(left)
    temporary = target.with_name(f".{target.name}.tmp")
    folders = {name: temporary / name for name in ("parquet", "csv")}
    for folder in folders.values():
        folder.mkdir(mode=0o750, parents=True)
    facts = {name: write_table(table, name, **folders) for name, table in tables.items()}
    _write_duckdb(tables, temporary / "metrics.duckdb")
    manifest = _manifest(content, facts, verdict, order, target.name)
    number = 1 + max((number for number, name in _numbered(target.parent) if name != target.name), default=0)
    manifest |= {"number": number, "candidate": candidate, "disclosure": told}
    page = render(
        content, guarded, title=order.title, manifest=manifest, study=order.study, suppressed=tables["pub_suppressed"]
    )
    (temporary / "index.html").write_text(page, encoding="utf-8")
    write_manifest(manifest, temporary)
    seal(temporary, file_mode=0o440, folder_mode=0o750)
    if target.exists():  # left by a run that broke off
        durable.remove(target)
    durable.rename(temporary, target)
    return audit.constraints


def _told(audit: Audited, tables: dict[str, pl.DataFrame]) -> dict:
    """What the audit did, in numbers."""
    return {
        "share_of_rows_shown": round(
            1
            - tables["pub_suppressed"].filter(pl.col("row") != NOT_NAMED).height
            / sum(tables[name].height for name in NAMED),
            3,
        ),
        "people_covered": round(audit.people_covered, 3),
        "n_figures_audited": audit.n_figures,
        "n_figures_refused": sum(map(len, audit.refused.values())),
        "n_figures_carried": sum(
            tables[name].filter(pl.col("told_on") < pl.col("told_on").max()).height for name in KEYS
        ),
    }


def _write_duckdb(tables: dict[str, pl.DataFrame], path: Path) -> None:
    """The same bytes each time. Compressed text ends in whatever the process had in memory there (duckdb#23382), which
    is not ours to publish."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set force_compression = 'uncompressed'")
        quoted = str(path).replace("'", "''")
        connection.execute(f"attach '{quoted}' as out (storage_version '{READERS_STORAGE_VERSION}')")
        for name, table in tables.items():
            connection.register("incoming", table.to_arrow())
            connection.execute(f"create table out.{name} as select * from incoming")
            connection.unregister("incoming")
        connection.execute("checkpoint out")
        connection.execute("detach out")
    if path.with_name(path.name + ".wal").exists():
        raise RuntimeError(f"{path.name} was not closed cleanly (a .wal is left); nothing is published")


def _manifest(content: Tables, facts: dict, verdict: dict, order: Order, identity: str) -> dict:
    def total(key: str) -> int:
        return sum(item[key] for item in order.inputs)

    return {
        "id": identity,
        "programme": order.programme,
        "design": order.design,
        "alpha": order.alpha,
        "as_of": str(order.as_of),
        "looks_back": order.looks_back,
        "is_remembered": order.is_remembered,
        "due": str(order.due) if order.due else None,
        "observed_through": str(order.observed_through) if order.observed_through else "no snapshot",
        "study_hash": order.study_hash,
        "sources_hash": order.sources_hash,
        "questions_hash": order.questions_hash,
        "code_version": order.code_version,
        "content_hash": content_hash(content),
        "min_group_size": order.min_group_size,
        "n_records": total("n_records"),
        "n_loaded": total("n_loaded"),
        "n_faulty": total("n_faulty"),
        "n_set_aside": total("n_set_aside"),
        # Counts per file would give back head-counts that the tables hide; the sums are above.
        "inputs": [
            {key: item[key] for key in ("source", "file_name", "sha256", "load_id", "mapping") if key in item}
            for item in order.inputs
        ],
        "data_issues": [
            {
                "issue": item["issue"],
                "about": item["about"],
                # Units are no persons: their number may be told.
                "count": at_least(item["n"], order.min_group_size if item["about"] == "people" else 0),
            }
            for item in order.data_issues
        ],
        # By file and month in the warehouse (int_restatements), where small numbers may be read.
        "restatements": [
            {key: item[key] for key in ("restatement", "n_files", "first_month", "last_month")}
            | {"count": at_least(item["n"], order.min_group_size)}
            for item in order.restatements
        ],
        "verdict": verdict,
        "tables": facts,
    }


def make_current(releases: Path, identity: str) -> None:
    """Point `current` at a release that is there, in one step. Raises KeyError for an unknown id."""
    if identity not in list_releases(releases):
        raise KeyError(identity)
    durable.point(releases / CURRENT, identity)


def list_releases(releases: Path) -> list[str]:
    """Ids of complete releases, oldest first: by the number in their manifests, which no clock that is set back and no
    restored backup can change."""
    return [identity for _, identity in sorted(_numbered(releases))]


def _numbered(releases: Path) -> list[tuple[int, str]]:
    if not releases.is_dir():
        return []
    found = [path for path in releases.iterdir() if not path.is_symlink() and not path.name.startswith(".")]
    return [(manifest_of(path)["number"], path.name) for path in found if (path / "manifest.json").exists()]


def current_release(releases: Path) -> Path | None:
    """The release that readers see, if there is one."""
    link = releases / CURRENT
    return link.resolve() if link.is_symlink() and (link / "manifest.json").exists() else None


def newest_release(releases: Path) -> str | None:
    """The id of the newest release; one that looks back counts only where there is no other."""
    found = list_releases(releases)
    whole = [identity for identity in found if not manifest_of(releases / identity)["looks_back"]]
    return (whole or found or [None])[-1]


def manifest_of(release: Path) -> dict:
    """A release's manifest."""
    return json.loads((release / "manifest.json").read_text(encoding="utf-8"))


def released_tables(release: Path | None) -> dict[str, pl.DataFrame]:
    """The published tables of a release, by name."""
    return {path.stem: pl.read_parquet(path) for path in (release / "parquet").glob("*.parquet")} if release else {}

"""A release: a new directory with everything a reader needs, then one atomic swap of the link `current`.

Readers are never blocked and never see half a release; a rollback is the same swap. Nothing is published without a
passing verdict for exactly the content that is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from publish.content import content_hash
from publish.disclosure import at_least, guard_tables
from publish.page import render

CURRENT = "current"
# DuckDB 2 files cannot be opened by older clients; this version can be by every client since 1.0.
READERS_STORAGE_VERSION = "v1.0.0"
FORMULA = ("=", "+", "-", "@", "\t", "\r")


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
    accepted: list[dict]
    sources_hash: str
    looks_back: bool = False

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
    releases: Path,
    before_swap: Callable[[], None] = lambda: None,
) -> Path:
    """Write the release and make it current. `before_swap` may raise to stop a run that lost its lock.

    A look back (records go on after the day it looks from) is written but does not take the place of a release that
    knows more.

    Raises NotAllowed unless `verdict` has passed and names the hash of `content`.
    """
    judged = content_hash(content)
    if not verdict.get("passed"):
        raise NotAllowed("the gate did not pass; nothing is published and the last release stays")
    if verdict.get("content_hash") != judged:
        raise NotAllowed(
            f"the verdict is about content {str(verdict.get('content_hash'))[:12]}, this is {judged[:12]}: "
            "something changed after it was judged; run again"
        )
    target = releases / release_id(order, content)
    if not (target / "manifest.json").exists():
        _write(content, verdict, order, target)
    before_swap()
    if not (order.looks_back and current_release(releases)):
        make_current(releases, target.name)
    return target


def _write(content: dict[str, pl.DataFrame], verdict: dict, order: Order, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    for folder in ("parquet", "csv"):
        (temporary / folder).mkdir(mode=0o750, parents=True)
    guarded = guard_tables(content, order.min_group_size)
    tables = {name: part.table for name, part in guarded.items()}
    tables["pub_power"] = content["est_power"]
    tables["pub_outcomes"] = content["outcomes"]
    for name, table in tables.items():
        table.write_parquet(temporary / "parquet" / f"{name}.parquet")
        harmless(table).write_csv(temporary / "csv" / f"{name}.csv")
    _write_duckdb(tables, temporary / "metrics.duckdb")
    manifest = _manifest(content, tables, verdict, order, target.name, temporary)
    page = render(content, guarded, title=order.title, manifest=manifest, study=order.study)
    (temporary / "index.html").write_text(page, encoding="utf-8")
    text = json.dumps(manifest, indent=2, default=str, ensure_ascii=False) + "\n"
    (temporary / "manifest.json").write_text(text, encoding="utf-8")
    _seal(temporary)
    if target.exists():  # left by a crash before its manifest was there
        shutil.rmtree(target)
    temporary.rename(target)
    _sync(target.parent)


def harmless(table: pl.DataFrame) -> pl.DataFrame:
    """Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    texts = [name for name, kind in table.schema.items() if kind == pl.String]
    return table.with_columns(
        pl.when(pl.col(name).str.slice(0, 1).is_in(FORMULA))
        .then("'" + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    )


def _write_duckdb(tables: dict[str, pl.DataFrame], path: Path) -> None:
    with duckdb.connect() as connection:
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


def _manifest(content, tables, verdict, order: Order, identity: str, folder: Path) -> dict:
    def total(key: str) -> int:
        return sum(item[key] for item in order.inputs)

    return {
        "id": identity,
        "programme": order.programme,
        "design": order.design,
        "alpha": order.alpha,
        "as_of": str(order.as_of),
        "looks_back": order.looks_back,
        "observed_through": str(order.observed_through) if order.observed_through else "no snapshot",
        "study_hash": order.study_hash,
        "sources_hash": order.sources_hash,
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
        "accepted": order.accepted,
        "verdict": verdict,
        "tables": {
            name: {
                "rows": table.height,
                "sha256": hashlib.sha256((folder / "parquet" / f"{name}.parquet").read_bytes()).hexdigest(),
            }
            for name, table in tables.items()
        },
    }


def _seal(folder: Path) -> None:
    """Files read-only and on disk, directories closed to others."""
    for path in sorted(folder.rglob("*")):
        path.chmod(0o750 if path.is_dir() else 0o440)
        _sync(path)
    folder.chmod(0o750)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_current(releases: Path, identity: str) -> None:
    """Point `current` at a release that is there, in one step. Raises KeyError for an unknown id."""
    if identity not in list_releases(releases):
        raise KeyError(identity)
    link = releases / f".{CURRENT}.{os.getpid()}.tmp"
    link.unlink(missing_ok=True)
    link.symlink_to(identity, target_is_directory=True)
    link.replace(releases / CURRENT)
    _sync(releases)


def list_releases(releases: Path) -> list[str]:
    """Ids of complete releases, oldest first."""
    if not releases.is_dir():
        return []
    found = [path for path in releases.iterdir() if not path.is_symlink() and not path.name.startswith(".")]
    complete = [path for path in found if (path / "manifest.json").exists()]
    return [path.name for path in sorted(complete, key=lambda path: (path.stat().st_mtime, path.name))]


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


def released_estimates(release: Path | None) -> pl.DataFrame | None:
    """What a release said, for the gate to compare with."""
    return pl.read_parquet(release / "parquet" / "pub_estimates.parquet") if release else None

"""A release: a new directory with everything a reader needs, then one atomic swap of the link `current`.

Readers are never blocked and never see half a release; a rollback is the same swap. Nothing is written without a
passing verdict for exactly the tables that are written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

import durable
from publish.catalogue import describe_code, dictionary, published_tables, share_shown
from publish.content import content_hash
from publish.contract import contract
from publish.files import seal, write_csv, write_manifest, write_table
from publish.page.render import render, said_on_page
from publish.readme import facts_of, readme
from publish.workbook import write_workbook

CURRENT = "current"
# DuckDB 2 files cannot be opened by older clients; this version can be by every client since 1.0.
READERS_STORAGE_VERSION = "v1.0.0"

Tables = dict[str, pl.DataFrame]


class NotAllowed(RuntimeError):
    """There is no passing verdict for this content, so it is not published."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be released, and the facts that its manifest cites. `sources` are counts and periods by source."""

    title: str
    contact: str
    programme: str
    design: str
    alpha: float  # the study's level
    min_group_size: int
    as_of: date
    observed_through: date | None
    study_hash: str
    code_version: str
    sources: list[dict]
    data_issues: list[dict]
    corrections: list[dict]
    late_records: list[dict]
    closing_rules: list[dict]
    restated: dict | None = None
    registration: dict | None = None  # day, hash, whether before kick-off, amendments since
    next_restatement: date | None = None
    sources_hash: str
    questions_hash: str
    due: date | None = None  # when a newer release should be there
    is_as_of_run: bool = False
    is_in_history: bool = True  # else it must not be served

    @property
    def study(self) -> dict:
        """What the page needs of the study."""
        return {
            "design": self.design,
            "alpha": self.alpha,
            "min_group_size": self.min_group_size,
            "contact": self.contact,
        }


def release_id(order: Order, content: str) -> str:
    """The as-of date and a hash of content (its hash), study and code: the same inputs give the same id."""
    text = "|".join([content, order.study_hash, order.code_version, str(order.as_of)])
    return f"{order.as_of}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def write_release(tables: Tables, *, verdict: dict, order: Order, releases: Path) -> Path:
    """Write the release; nobody reads it before `make_current`. One of the same id that is there is the same.

    Raises NotAllowed unless `verdict` has passed and names the hash of `tables`.
    """
    content = check_verdict(verdict, tables)
    if not releases.exists():
        releases.mkdir(parents=True)
        releases.chmod(0o750)  # whatever the umask is: the account's group reads what is published
    target = releases / release_id(order, content)
    if (target / "manifest.json").exists():
        return target
    for left in releases.glob(".*.tmp"):  # by a run that was killed; whoever writes here holds the workspace
        durable.remove(left)
    temporary = target.with_name(f".{target.name}.tmp")
    folders = {name: temporary / name for name in ("parquet", "csv")}
    for folder in folders.values():
        folder.mkdir(mode=0o750, parents=True)
    written = {name: write_table(table, name, **folders) for name, table in tables.items()}
    write_csv(dictionary(tables), temporary / "dictionary.csv")
    _write_duckdb(tables, temporary / "metrics.duckdb")
    number = 1 + max((number for number, name in _numbered(releases) if name != target.name), default=0)
    served = current_release(releases) if order.is_in_history else None
    earlier = manifest_of(served) if served else None
    manifest = _manifest(written, verdict, order) | {
        "id": target.name,
        "number": number,
        "content_hash": content,
        "share_of_rows_shown": round(share_shown(tables), 3),
        "said": said_on_page(tables, order.study),
        "compared_with": earlier["id"] if earlier else None,
    }
    facts = facts_of(tables, manifest, title=order.title, contact=order.contact)
    write_workbook(tables, facts, temporary / "release.xlsx")
    texts = {
        "release.odcs.yaml": contract(tables, manifest, facts),
        "README.md": readme(facts),
        "index.html": render(tables, title=order.title, manifest=manifest, study=order.study, earlier=earlier),
    }
    for name, text in texts.items():
        (temporary / name).write_text(text, encoding="utf-8")
    write_manifest(manifest, temporary)
    seal(temporary, file_mode=0o440, folder_mode=0o750)
    if target.exists():  # left by a run that was interrupted
        durable.remove(target)
    durable.rename(temporary, target)
    return target


def check_verdict(verdict: dict, judged: Tables) -> str:
    """The hash of the tables. Raise NotAllowed unless the verdict has passed and is about exactly these."""
    if verdict.get("passed") is not True:
        raise NotAllowed("the gate did not pass; nothing is published and the last release stays")
    there = content_hash(judged)
    if verdict.get("content_hash") != there:
        raise NotAllowed(
            f"the verdict is about content {str(verdict.get('content_hash'))[:12]}, this is {there[:12]}: "
            "something changed after it was judged; run again"
        )
    return there


LABELS = ("label", "unit")  # of an outcome


def _views(tables: Tables) -> Iterator[tuple[str, str, str]]:
    """(view, table, query) of the tables about outcomes with the outcome's label and unit, which a reader would join
    first."""
    for name, table in tables.items():
        joined = [column for column in LABELS if column not in table.columns]
        if "metric" in table.columns and joined:
            columns = ", ".join(f"outcomes.{column}" for column in joined)
            query = f"select {columns}, found.* from {name} as found left join pub_outcomes as outcomes using (metric)"
            yield name.removeprefix("pub_"), name, query


def _write_duckdb(tables: Tables, path: Path) -> None:
    """The same bytes each time. Compressed text ends in whatever the process had in memory there (duckdb#23382), which
    is not ours to publish."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set force_compression = 'uncompressed'")
        connection.execute(f"attach {_quoted(str(path))} as out (storage_version '{READERS_STORAGE_VERSION}')")
        for name, table in tables.items():
            connection.register("incoming", table.to_arrow())
            connection.execute(f"create table out.{name} as select * from incoming")
            connection.unregister("incoming")
        connection.execute("use out")  # else a view would look for its tables under this name
        for view, name, query in _views(tables):
            connection.execute(f"create view {view} as {query}")
            _comment(
                connection, f"view {view}", f"{name} with label and unit of each outcome.", _described(name, *LABELS)
            )
        for name in tables:
            _comment(connection, f"table {name}", published_tables()[name].description, _described(name))
        connection.execute("use memory")
        connection.execute("checkpoint out")
        connection.execute("detach out")
    if path.with_name(path.name + ".wal").exists():
        raise RuntimeError(f"{path.name} was not closed cleanly (a .wal is left); nothing is published")


def _described(name: str, *of_outcomes: str) -> dict[str, str]:
    """Column → what it is, of a published table; with these of `pub_outcomes`, where it lacks them."""
    table = published_tables()[name]
    found = {one.name: one for one in published_tables()["pub_outcomes"].columns if one.name in of_outcomes}
    found |= {column.name: column for column in table.columns}
    return {
        column.name: f"{column.description} Unit: {column.unit}." if column.unit else column.description
        for column in found.values()
    } | {code: describe_code(code, table) for code in table.codes}


def _comment(connection: duckdb.DuckDBPyConnection, what: str, text: str, columns: dict[str, str]) -> None:
    """Describe a table or view ("table pub_money") and its columns."""
    connection.execute(f"comment on {what} is {_quoted(text)}")
    for column, words in columns.items():
        connection.execute(f"comment on column {what.split()[1]}.{column} is {_quoted(words)}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _manifest(facts: dict, verdict: dict, order: Order) -> dict:
    return {
        "programme": order.programme,
        "design": order.design,
        "alpha": order.alpha,
        "as_of": str(order.as_of),
        "is_as_of_run": order.is_as_of_run,
        "is_in_history": order.is_in_history,
        "due": str(order.due) if order.due else None,
        "observed_through": str(order.observed_through) if order.observed_through else "no snapshot",
        "study_hash": order.study_hash,
        "sources_hash": order.sources_hash,
        "questions_hash": order.questions_hash,
        "code_version": order.code_version,
        "min_group_size": order.min_group_size,
        "sources": order.sources,
        "data_issues": [
            {
                "issue": item["issue"],
                "about": item["about"],
                # Units are no persons: their number may be published.
                "count": at_least(item["n"], order.min_group_size if item["about"] == "people" else 0),
            }
            for item in order.data_issues
        ],
        # By file and month in the warehouse (int_restatements), where small numbers may be read.
        "corrections": [
            {key: item[key] for key in ("correction", "first_month", "last_month")}
            | {"count": at_least(item["n"], order.min_group_size)}
            for item in order.corrections
        ],
        "closing_rules": order.closing_rules,
        "late_records": [
            {key: item[key] for key in ("source", "first_month", "last_month")}
            | {"count": at_least(item["n"], order.min_group_size)}
            for item in order.late_records
        ],
        "registration": order.registration,
        "restated": order.restated,
        "next_restatement": str(order.next_restatement) if order.next_restatement else None,
        "verdict": verdict,
        "tables": facts,
    }


def at_least(n: int, minimum: int) -> str:
    """A number of people in words that do not give it exactly; with a minimum of 0 the number itself."""
    if not minimum:
        return f"{n:,}"
    return f"fewer than {minimum}" if n < minimum else f"at least {n // minimum * minimum:,}"


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
    """The id of the newest release; an as-of run counts only where there is no other."""
    found = list_releases(releases)
    whole = [identity for identity in found if not manifest_of(releases / identity)["is_as_of_run"]]
    return (whole or found or [None])[-1]


def manifest_of(release: Path) -> dict:
    """A release's manifest."""
    return json.loads((release / "manifest.json").read_text(encoding="utf-8"))


def released_tables(release: Path | None) -> dict[str, pl.DataFrame]:
    """The published tables of a release, by name."""
    return {path.stem: pl.read_parquet(path) for path in (release / "parquet").glob("*.parquet")} if release else {}

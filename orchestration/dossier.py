"""`coaching dossier`: what a works council and a data protection officer ask, answered from the workspace itself.

The outline follows the record of processing (GDPR, article 30), the impact assessment (article 35 (7)) and the notice
to the persons concerned (articles 13 and 14). What only the organisation can know is left as a line to be filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from ingest.erase.people import Erased
from ingest.mapping.columns import Column
from ingest.mapping.model import Mapping
from ingest.mapping.registry import load_mappings
from ingest.pseudonyms import Pseudonyms
from ingest.warehouse import warehouse
from orchestration.configuration import checked_study
from orchestration.workspace import Workspace, code_version
from publish import ledger
from publish.catalogue import KNOWN_FACTS, MIN_UNITS_SHOWN
from publish.readme import plain
from publish.release import current_release, manifest_of
from study.validation import metrics_of

TEMPLATE = Path(__file__).parent / "templates" / "dossier.md.j2"
HASHED, YEAR, BANDED, KEPT = "hashed with the key", "its year only", "its band only", "as it is"
OF_KIND = {"person": HASHED, "name": HASHED, "email": HASHED, "birth_year": YEAR}
LOADS_QUERY = """
    select mapping, any_value(source), count(*)::int, min(file_date), max(file_date) from raw.load_log
    where status = 'loaded' group by mapping order by 2, 1
"""
PAGE_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 60rem; padding: 0 1rem; color: #1f2933; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; break-inside: avoid; }
th, td { border: 1px solid #cbd2d9; padding: .25rem .5rem; text-align: left; vertical-align: top; }
h2 { break-after: avoid; margin-top: 2rem; } code { overflow-wrap: anywhere; }
@page { margin: 2cm; }
</style>"""


@dataclass(frozen=True)
class Read:
    """A column of an export that is read: where it stands, what it becomes, and how much of it is kept."""

    headers: str
    field: str
    kept: str


@dataclass(frozen=True)
class System:
    """A kind of export as it was loaded: its mapping, its files, what is read of it and what never is.

    Both are empty where the mapping is not there any more.
    """

    name: str
    source: str
    n_files: int
    first: date | None
    last: date | None
    read: tuple[Read, ...]
    dropped: tuple[str, ...]


def _headers(column: Column) -> str:
    return (" + " if column.from_ else " or ").join(column.headers)


def _how_kept(kind: str, column: Column) -> str:
    if column.personal or kind in OF_KIND:
        return OF_KIND.get(kind, HASHED)
    return BANDED if getattr(column, "bands", ()) else KEPT


def _read_by(mapping: Mapping) -> tuple[Read, ...]:
    """Of all versions of the export."""
    return tuple(dict.fromkeys(one for version in mapping.versions for one in _read_by_version(version)))


def _read_by_version(mapping: Mapping) -> list[Read]:
    kinds = mapping.record.fields
    found = [
        Read(_headers(column), name, _how_kept(kinds[name], column))
        for name, column in mapping.all_columns
        if column.headers
    ]
    found += [
        Read(_headers(column), f"attribute {name}", _how_kept(column.kind, column))
        for name, column in mapping.attributes.items()
    ]
    if mapping.items or mapping.long:
        n_items = f"{len(mapping.items)} survey items" if mapping.items else "survey items"
        found.append(Read(n_items, "answers", KEPT))
    return found


def systems(workspace: Workspace) -> list[System]:
    """What was loaded, from the load log of the warehouse; [] before the first run."""
    if not workspace.warehouse.exists():
        return []
    with warehouse(workspace.warehouse) as connection:
        loads = connection.execute(LOADS_QUERY).fetchall()
    known = {mapping.name: mapping for mapping in load_mappings(workspace.sources)}
    return [
        System(
            name, *facts, _read_by(known[name]) if name in known else (), known[name].dropped if name in known else ()
        )
        for name, *facts in loads
    ]


def dossier(workspace: Workspace) -> str:
    """The dossier in Markdown. Raises ConfigError where the study is broken, KeyMissing without a key."""
    study = checked_study(workspace)
    served = current_release(workspace.releases)
    events = ledger.read(workspace.ledger)
    erased = Erased.of(workspace.root, Pseudonyms.from_environment(workspace.key_file))
    metrics = metrics_of(study)
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["plain"] = plain
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        study=study,
        systems=systems(workspace),
        outcomes=[(metrics[outcome.metric].label, outcome.role) for outcome in study.outcomes],
        manifest=manifest_of(served) if served else None,
        min_units=MIN_UNITS_SHOWN,
        known_facts=[fact for fact in KNOWN_FACTS if fact not in study.sensitive_facts],
        n_erased=len(erased.tombstones),
        n_looks=sum(event["event"] == "restricted_read" for event in events),
        n_refused=sum(event["event"] == "refused" for event in events),
        code=code_version(),
    )


def as_page(markdown: str) -> str:
    """The same as a page of its own that prints well and needs no network."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    head = f"<meta charset=utf-8><title>Data protection dossier</title>{PAGE_STYLE}"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>\n"

"""The docs say what the code does: pages of sources and the lists of fields are made from it and compared."""

import json
import os
import re
from datetime import date
from typing import Literal, get_args, get_origin

import polars as pl
import pytest
import yaml

from ingest.fields import MEANING
from ingest.mapping.registry import built_in_mappings, candidates
from ingest.tables import RECORD_TABLES
from publish.catalogue import published_tables
from simulation import Design, simulate
from simulation.exports import DIALECTS
from study.model import Study
from study.strict_yaml import Strict

MARK = (
    "<!-- below: made from the mapping and the simulation; "
    "COACHING_ACCEPT=docs .venv/bin/pytest tests/unit/test_docs.py -->\n"
)
DESIGN = Design(people=200, months=12, seed=3)


@pytest.fixture(scope="module")
def docs(request):
    return request.config.rootpath / "docs" / "reference"


def same_or_accepted(path, made: str, *, mark: str = MARK) -> None:
    """The text below the mark is the made one; COACHING_ACCEPT=docs writes it."""
    said = path.read_text(encoding="utf-8")
    hand, mark, _ = said.partition(mark)
    assert mark, f"{path.name} has no mark below which it is made"
    if os.environ.get("COACHING_ACCEPT") == "docs":
        path.write_text(hand + mark + made, encoding="utf-8")
        said = hand + mark + made
    assert said == hand + mark + made, f"{path.name} is out of date: COACHING_ACCEPT=docs .venv/bin/pytest {__file__}"


def table(heads: list[str], rows: list[tuple]) -> str:
    cells = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |\n" for row in cells)


def where(one) -> str:
    """Where a field stands."""
    if one.constant is not None:
        return f"always `{one.constant}`"
    names = [f"`{name}`" for name in one.headers]
    return (" + " if one.from_ else " or ").join(names)


def how(one) -> str:
    """How it is read, in a few words."""
    said = []
    if formats := getattr(one, "formats", ()):
        said.append("written " + " or ".join(f"`{form}`" for form in formats))
    if one.values:
        said.append(", ".join(f"{word} → {ours}" for word, ours in one.values.items()))
    if one.extract:
        said.append(f"the part that `{one.extract}` finds")
    if one.if_empty:
        said.append(f"empty → {one.if_empty}")
    if one.optional:
        said.append("may be missing")
    return "; ".join(said)


WRITTEN = ("format", "encoding", "delimiter", "decimal_mark", "skip_rows", "header_rows", "names_from", "records")
WRITTEN += ("final_newline", "time_zone", "rows", "delivery", "on_missing_person", "anonymous", "null_words")


def written(mapping) -> str:
    """How the file is written and meant, where it is not the default."""
    fields = type(mapping).model_fields
    said = {key: getattr(mapping, key) for key in WRITTEN if getattr(mapping, key) != fields[key].default}
    return "".join(f"`{key}: {json.dumps(value, ensure_ascii=False)}` " for key, value in said.items()) + "\n\n"


def page(mapping, samples: dict[str, str]) -> str:
    """Everything below the mark."""
    text = f"\nFiles: {', '.join(f'`{mapping.source}/{glob}`' for glob in mapping.files)}. Mapping: "
    text += f"[`{mapping.name}.yml`](../../../ingest/sources/{mapping.name}.yml), fills `{mapping.record.name}`.\n"
    newest: set[tuple] = set()
    for version in mapping.versions:
        vintage_words = f", vintage {version.vintage or 'first'}" if mapping.earlier else ""
        text += f"\n## What is read{vintage_words}\n\n"
        rows = [(f"`{name}`", where(one), how(one)) for name, one in version.columns.items()]
        rows += [(f"attribute `{name}`", where(one), how(one)) for name, one in version.attributes.items()]
        rows += [
            (f"item `{name}` of {one.scale}{', reversed' if one.reverse else ''}", where(one), how(one))
            for name, one in version.items.items()
        ]
        text += written(version)
        rows_here = [row for row in rows if row not in newest]
        text += table(["Field", "Stands in", "Read as"], rows_here) if rows_here else ""
        if newest:
            text += "\nAll else as above.\n"
            continue
        newest = set(rows)
        if version.set_aside:
            text += (
                "\nSet aside: " + "; ".join(f"{rule.reason} (`{rule.column}`)" for rule in version.set_aside) + ".\n"
            )
        if version.dropped:
            text += "\nKnown and never read: " + ", ".join(f"`{name}`" for name in version.dropped) + ".\n"
    if mapping.name in samples:
        text += f"\n## It looks like\n\n```\n{samples[mapping.name]}```\n"
    return text


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Mapping → the beginning of an export that simulation/ writes."""
    found = {}
    for source, names in DIALECTS.items():
        for dialect in names:
            root = tmp_path_factory.mktemp(f"{source}_{dialect}")
            simulate(DESIGN, root, truth_path=root / "truth.json", dialects={source: dialect})
            for folder in (source, "roster"):
                for path in sorted((root / folder).iterdir()):
                    fitting = candidates(list(built_in_mappings()), folder, path.name)
                    found.setdefault(fitting[0].name, beginning(path))
    return found


def beginning(path) -> str:
    if path.suffix == ".xlsx":
        grid = pl.read_excel(path, engine="calamine", has_header=False, read_options={"dtypes": "string"})
        return grid.head(3).write_csv(include_header=False)
    raw = path.read_bytes()[:4_000]
    text = raw.decode("utf-8", "replace")
    if path.suffix == ".json":
        return text[:600] + " …\n"
    lines = text.splitlines()[:4]
    return "".join(line[:240] + (" …" if len(line) > 240 else "") + "\n" for line in lines)


@pytest.mark.parametrize("mapping", built_in_mappings(), ids=lambda mapping: mapping.name)
def test_every_built_in_mapping_has_a_page_that_says_what_it_reads(docs, samples, mapping):
    path = docs / "sources" / f"{mapping.name}.md"
    assert path.exists(), f"write {path}: how to export it and its peculiarities"
    same_or_accepted(path, page(mapping, samples))
    assert f"(sources/{mapping.name}.md)" in (docs / "sources.md").read_text(encoding="utf-8")


def test_no_page_is_about_a_mapping_that_is_gone(docs):
    assert {path.stem for path in (docs / "sources").glob("*.md")} == {one.name for one in built_in_mappings()}


def test_the_fields_of_every_table_are_explained(docs):
    text = "\n"
    for source, tables in RECORD_TABLES.items():
        for word, record in tables.items():
            needed = {*record.required, *record.required_where_mapped}
            text += f"\n### `source: {source}`, `table: {word}`\n\n"
            rows = []
            for name, kind in record.fields.items():
                alternatives = next((group for group in record.one_of if name in group), ())
                must = "yes" if name in needed else f"one of {', '.join(alternatives)}" if alternatives else ""
                words = f" ({', '.join(record.words[name])})" if name in record.words else ""
                rows.append((f"`{name}`", kind, must, MEANING[name] + words))
            text += table(["Field", "Kind", "Needed", "Meaning (and its only words)"], rows)
    same_or_accepted(docs / "mappings.md", text)
    fields = {name for tables in RECORD_TABLES.values() for record in tables.values() for name in record.fields}
    assert set(MEANING) == fields


METRIC_MARK = "<!-- below: made from the catalogue; COACHING_ACCEPT=docs .venv/bin/pytest tests/unit/test_docs.py -->\n"
GOOD = {"up": "up", "down": "down", "none": "neither way"}


def catalogue(docs) -> list[dict]:
    return pl.read_csv(docs.parents[1] / "study" / "metrics.csv", infer_schema=False).to_dicts()


def test_every_metric_of_the_catalogue_has_a_page_that_says_what_it_is(docs):
    rows = catalogue(docs)
    pages = {path.stem for path in (docs / "metrics").glob("*.md")}
    assert pages == {row["metric"] for row in rows}, "each metric has a page in docs/reference/metrics: copy one"
    for row in rows:
        span = " to ".join(row[end] or "any" for end in ("lowest", "highest"))
        made = "\n" + table(
            ["Label", "Unit", "Good is", "Range", "Kind", "Made by", "Needs"],
            [
                (
                    row["label"],
                    row["unit"],
                    GOOD[row["direction"]],
                    span,
                    row["kind"],
                    f"`{row['panel']}`: {row['measure']} of {row['of_what']}",
                    row["source"],
                )
            ],
        )
        path = docs / "metrics" / f"{row['metric']}.md"
        same_or_accepted(path, made, mark=METRIC_MARK)
        said = path.read_text(encoding="utf-8")
        for part in ("**Who counts:**", "**What would fool us:**"):
            assert part in said, f"{path.name} lacks {part}"


def test_the_catalogue_names_panels_that_become_cells_and_measures_that_are_there(docs):
    """A metric whose panel nobody unites, or whose measure nobody counts, would be silently empty."""
    project = docs.parents[1] / "dbt_project"
    united = set(yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]["panels"])
    rows = catalogue(docs)
    assert {row["panel"] for row in rows if row["kind"] == "mean"} == united
    made_of_panels = {"pnl_values", "pnl_calendar", "pnl_pairs", "pnl_changes", "pnl_kickoffs"}
    panels = {path.stem for path in (project / "models" / "marts" / "panels").glob("*.sql")}
    assert panels - made_of_panels == united | {"pnl_retention", "pnl_employment"}
    macro = (project / "macros" / "measures.sql").read_text(encoding="utf-8")
    measures = set(re.findall(r"'(\w+)'", macro.partition("{%- endmacro %}")[0]))
    asked = {row[key] for row in rows if row["panel"] == "pnl_activity" for key in ("measure", "of_what")}
    assert asked <= measures
    assert {row["measure"] for row in rows if row["panel"] == "pnl_surveys"} == {"score", "favourable", "net_promoter"}


STUDY_MARK = "<!-- below: made from study/model.py; COACHING_ACCEPT=docs .venv/bin/pytest tests/unit/test_docs.py -->\n"
TABLES_MARK = (
    "<!-- below: made from publish/tables.yml; COACHING_ACCEPT=docs .venv/bin/pytest tests/unit/test_docs.py -->\n"
)


def parts(annotation) -> list:
    """The annotation and all that stands inside it."""
    return [annotation, *(inner for one in get_args(annotation) for inner in parts(one))]


def kind(annotation) -> str:
    """A key's type in words: the words that it may be, or what it holds."""
    found = parts(annotation)
    words = [word for one in found if get_origin(one) is Literal for word in get_args(one)]
    several = any(get_origin(one) is tuple and get_args(one)[-1:] == (Ellipsis,) for one in found)
    if words:
        return ("a list of " if several else "") + ", ".join(f"`{word}`" for word in words)
    names = {str: "text", float: "number", int: "whole number", bool: "true or false", date: "day"}
    plain = next((names[one] for one in names if one in found), "")
    if dict in map(get_origin, found):
        return "a name → a list of names"
    pair = any(get_origin(one) is tuple and get_args(one)[-1:] != (Ellipsis,) for one in found)
    return f"[low, high], {plain}s" if pair else f"a list of {plain}s" if several else plain


def keys(model, path: str = "") -> list[tuple]:
    """(key, type, default, meaning) of every key of study.yml, nested ones by their path."""
    rows = []
    for name, field in model.model_fields.items():
        inner = next(
            (one for one in parts(field.annotation) if isinstance(one, type) and issubclass(one, Strict)), None
        )
        is_list = inner is not None and any(get_origin(one) is tuple for one in parts(field.annotation))
        if inner is not None:
            meaning = " ".join((inner.__doc__ or "").split("\n\n")[0].split())
            rows.append((f"`{path}{name}`", "a list of blocks" if is_list else "a block", "", meaning))
            rows += keys(inner, f"{path}{name}{'[]' if is_list else ''}.")
            continue
        default = field.get_default(call_default_factory=True)
        shown = "**needed**" if field.is_required() else "" if default in (None, (), {}) else json_of(default)
        rows.append((f"`{path}{name}`", kind(field.annotation), shown, field.description or ""))
    return rows


def json_of(value) -> str:
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`".replace('"', "")


def test_every_key_of_the_study_stands_in_its_reference(docs):
    rows = keys(Study)
    assert [key for key, *_, meaning in rows if not meaning] == [], "each key has a description in study/"
    made = "\n" + table(["Key", "Type", "Default", "Meaning"], rows)
    same_or_accepted(docs / "study.md", made, mark=STUDY_MARK)


def test_every_published_column_stands_in_its_reference(docs):
    made = ""
    for one in published_tables().values():
        made += f"\n## {one.name}\n\n{one.description} One row per {', '.join(one.grain) or 'study'}.\n\n"
        rows = [
            (f"`{c.name}`", c.kind + (f" ({c.fact})" if c.fact else ""), c.unit, c.description) for c in one.columns
        ]
        made += table(["Column", "Is", "Unit", "Meaning"], rows)
    same_or_accepted(docs / "published-tables.md", made, mark=TABLES_MARK)


def test_links_between_the_docs_lead_somewhere(docs):
    root = docs.parents[1]
    for path in (root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"

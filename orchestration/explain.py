"""Where a published number comes from: its rows, the query, the models behind it, rules, files, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from orchestration.workspace import PROJECT_ROOT, Workspace
from publish.catalogue import published_tables
from publish.page.wording import why_not
from publish.recipe import Recipe
from publish.release import manifest_of, released_tables
from study.model import load_study
from study.validation import metrics_of

LAYERS = ("raw", "closed", "staging", "intermediate", "panels", "cells", "comparisons", "estimates")
EXPLAINED_TABLES = ("pub_decisions", "pub_estimates", "pub_levels", "pub_diagnostics")
FIGURES = ("estimate", "ci_low", "ci_high", "p_value", "mean", "value")
WHAT = ("estimator", "aggregation", "diagnostic", "verdict", "period_start", "group_name")
COUNTS = ("n_pilot", "n_control", "n_units_pilot", "n_units_control")
MANY = 12


class UnknownMetric(KeyError):
    """The release has nothing about this metric or segment; the message lists those that it has."""


def explained(workspace: Workspace, identity: str, metric: str, segment: str = "all") -> dict[str, list[str]]:
    """Titles and lines. Raises UnknownMetric, and ConfigError where study.yml cannot be read."""
    release = workspace.releases / identity
    manifest, tables = manifest_of(release), released_tables(release)
    there = tables["pub_outcomes"]["metric"].to_list()
    if metric not in there:
        raise UnknownMetric(f"release {identity} has no {metric}; it has {', '.join(sorted(there))}")
    segments = tables["pub_estimates"].filter(pl.col("metric") == metric)["segment"].unique().sort().to_list()
    if segment not in segments:
        raise UnknownMetric(f"release {identity} has no segment {segment!r} of {metric}; it has {', '.join(segments)}")
    entry = metrics_of(load_study(workspace.study))[metric]
    models = _models(workspace, entry.panel)
    sources = sorted({key.path[1].removeprefix("raw_").split("__")[0] for key in models if key.path[0] == "raw"})
    quoted = segment.replace("'", "''")
    return {
        f"{entry.label} ({entry.unit}), {segment}": list(_rows(tables, metric, segment)),
        "The rows": [
            f"duckdb -readonly {release / 'metrics.duckdb'} "
            f"\"from pub_estimates where metric = '{metric}' and segment = '{quoted}'\"",
        ],
        "How it is made": [
            f"docs/reference/metrics/{metric}.md: definition; panel {entry.panel}",
            *sorted(_methods(tables, metric, segment)),
        ],
        "Models, in the order of the data": [
            f"{layer}: {', '.join(names)}"
            for layer in LAYERS
            if (names := [key.path[1] for key in models if key.path[0] == layer])
        ],
        "Rules": list(_rules(manifest, tables, metric)),
        "Input files": _files(Recipe.of(workspace.root, identity).inputs, sources),
        "Verdict": list(_verdict(workspace, manifest)),
        "Made of": [
            f"study.yml {manifest['study_hash'][:16]} (text: recipes/{identity}.json), mappings "
            f"{manifest['sources_hash']}, code {manifest['code_version']}, looked at from {manifest['as_of']}",
            f"check it: coaching reproduce {identity} -w {workspace.root}",
        ],
    }


def _graph(workspace: Workspace):
    from orchestration.definitions import graph

    return graph(workspace).resolve_asset_graph()


def _models(workspace: Workspace, panel: str) -> list:
    """Everything between the files and the estimates that this panel's numbers pass through."""
    import dagster as dg

    assets = _graph(workspace)
    start, end = dg.AssetKey(["panels", panel]), dg.AssetKey(["estimates", "est_estimates"])

    def reached(keys: Iterable, step: str) -> set:
        found, waiting = set(), list(keys)
        while waiting:
            if (key := waiting.pop()) not in found:
                found.add(key)
                waiting += getattr(assets.get(key), step)
        return found

    on_the_way = reached([start], "parent_keys") | (reached([start], "child_keys") & reached([end], "parent_keys"))
    return sorted(on_the_way, key=lambda key: key.path)


def _rows(tables: dict[str, pl.DataFrame], metric: str, segment: str) -> Iterable[str]:
    """What the release publishes, a line per row of importance."""
    for name in EXPLAINED_TABLES:
        table = tables[name].filter(pl.col("metric") == metric)
        if "segment" in table.columns:
            table = table.filter(pl.col("segment") == segment)
        elif segment != "all":  # a decision is about everybody
            continue
        if name == "pub_estimates":
            table = table.filter(pl.col("aggregation").is_in(["simple", "all"]) | pl.col("is_headline"))
        for row in table.head(MANY).iter_rows(named=True):
            figures = [f"{key} {row[key]:.4g}" for key in FIGURES if row.get(key) is not None]
            figures += [f"{key} {row[key]:,}" for key in COUNTS if row.get(key) is not None]
            what = [row.get(key) for key in WHAT]
            words = [row[key] for key in ("says", "status", "reason") if row.get(key) and row[key] != "estimated"]
            words += [why_not(row)] if row.get("suppressed") else []
            yield f"{name}: " + "; ".join(
                part
                for part in (
                    " ".join(str(one) for one in what if one is not None),
                    ", ".join(figures),
                    " – ".join(words),
                )
                if part
            )
    if not any(tables[name].filter(pl.col("metric") == metric).height for name in EXPLAINED_TABLES):
        yield "nothing: see the reasons below"


def _methods(tables: dict[str, pl.DataFrame], metric: str, segment: str) -> set[str]:
    figures = tables["pub_estimates"].filter((pl.col("metric") == metric) & (pl.col("segment") == segment))
    pairs = figures.filter(pl.col("method") != "").select("estimator", "method").unique().iter_rows()
    return {f"{estimator}: {method}" for estimator, method in pairs}


def _rules(manifest: dict, tables: dict[str, pl.DataFrame], metric: str) -> Iterable[str]:
    minimum = manifest["min_group_size"]
    n_suppressed = sum(
        tables[name].filter(pl.col("metric") == metric, table.is_suppressed).height
        for name, table in published_tables().items()
        if "metric" in tables[name].columns
    )
    yield f"design {manifest['design']}, alpha {manifest['alpha']}, groups of {minimum} or more people"
    yield f"{n_suppressed:,} row(s) of this metric are suppressed; their column `suppressed` says why"
    yield "docs/decisions/0006-disclosure.md: what is suppressed, and why"
    for item in manifest["corrections"]:
        yield f"corrected by later files: {item['correction']} ({item['count']} rows)"


def _files(inputs: list[dict], sources: list[str]) -> list[str]:
    used = [item for item in inputs if item["source"] in sources]
    lines = [f"{item['source']}/{item['file_name']} ({item['load_id'][:16]}) by {item['mapping']}" for item in used]
    return [f"{len(used)} of {len(inputs)} files, of {', '.join(sources)}", *lines]


def _verdict(workspace: Workspace, manifest: dict) -> Iterable[str]:
    verdict = manifest["verdict"]
    yield (
        f"{'passed' if verdict['passed'] else 'did not pass'}, {verdict['n_evaluated']} of {verdict['n_declared']} "
        f"expectations evaluated, content {verdict['content_hash'][:16]}"
    )
    yield from (f"warned: {warning}" for warning in verdict["warnings"])
    for item in verdict["waivers"]:
        yield f"passed by signature: {item['check']}, {item['who']} until {item['until']}: {item['why']}"
    docs = verdict.get("docs")
    if docs and (workspace.root / docs).exists():
        yield f"Data Docs: {docs}"
    yield f"all checks in words: coaching gate explain; code in {(PROJECT_ROOT / 'expectations').name}/"

"""The study against the catalogues of metrics and checks: what nobody can ask or accept is an error."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping

from expectations.suites import acceptable
from ingest.spec import load_mappings
from ingest.strict_yaml import ConfigError
from ingest.study import Study, load_study
from orchestration.workspace import HOUSE, Workspace

CATALOGUE = HOUSE / "dbt_project" / "seeds" / "metrics.csv"


def metrics(study: Study | None = None) -> dict[str, dict[str, str]]:
    """The metrics that can be asked for: their rows of the catalogue by name, and those that the study declares."""
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        found = {row["metric"]: row for row in csv.DictReader(file)}
    return found | {row["metric"]: row for row in (study.declared_metrics if study else [])}


def definitions(study: Study) -> dict[str, str]:
    """A digest of what each outcome measures, and of what all cells are made by. Where one changes, cells that closed
    before and cells after it are of different things: closed periods are restated (docs/decisions/0006)."""
    known = metrics(study)
    common = study.model_dump(
        mode="json",
        include={"segments", "tenure_bands", "covariates", "checkins", "favour", "readiness", "survey_open_days"},
    ) | {
        "assignment": study.assignment.model_dump(
            mode="json", exclude={"design", "strata", "source", "anticipation_months"}
        )
    }
    texts = {"people, segments or covariates": common} | {
        outcome.metric: [sorted(known[outcome.metric].items(), key=str), outcome.period] for outcome in study.outcomes
    }
    return {
        name: hashlib.sha256(json.dumps(text, default=str, sort_keys=True).encode()).hexdigest()[:16]
        for name, text in texts.items()
    }


def of_one_count(asked: Iterable[str], known: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """Pairs of asked metrics that divide the same count by two things. Told together they tell of those whose two
    denominators are unlike the others', and these are few (part-timers, of goals met per goal and per full-time month).
    """
    ratios = [name for name in asked if known[name]["panel"] == "pnl_activity"]
    return [
        (one, other)
        for one, other in itertools.combinations(ratios, 2)
        if known[one]["measure"] == known[other]["measure"]
    ]


def checked_study(workspace: Workspace) -> Study:
    """The study, with outcomes that the catalogue knows. Raises ConfigError."""
    study = load_study(workspace.study)
    declared = [row["metric"] for row in study.declared_metrics]
    taken = sorted({name for name in declared if name in metrics() or declared.count(name) > 1})
    if taken:
        raise ConfigError(
            f"{workspace.study}: outputs, scales: the name {', '.join(taken)} is taken; choose another one"
        )
    asked, known = [outcome.metric for outcome in study.outcomes], metrics(study)
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise ConfigError(
            f"{workspace.study}: outcomes: {', '.join(unknown)} is no metric; there are {', '.join(known)}"
        )
    for outcome in study.outcomes:
        if outcome.period and known[outcome.metric]["panel"] == "pnl_retention":
            raise ConfigError(
                f"{workspace.study}: outcomes: {outcome.metric} is counted from each kick-off over retention_months; "
                "it has no `period`"
            )
    for one, other in of_one_count(asked, known):
        raise ConfigError(
            f"{workspace.study}: outcomes: {one} and {other} count the same per different things; told together they "
            "would tell of the few whose working time (or number of goals) is unlike the others': ask for one of them"
        )
    may = acceptable()
    for item in study.accepted:
        if item.check not in may:
            raise ConfigError(
                f"{workspace.study}: accepted: nobody can accept {item.check}; what can be is {', '.join(sorted(may))}"
            )
    if study.outputs or study.scales:
        _check_mapped(workspace, study)
    return study


def _check_mapped(workspace: Workspace, study: Study) -> None:
    """Raise ConfigError for a declared metric that no mapping reads anything for."""
    layouts = [layout for mapping in load_mappings(workspace.sources) for layout in mapping.versions]
    numbers = {
        name
        for layout in layouts
        if layout.source == "hris"
        for name, one in layout.attributes.items()
        if one.kind == "number" and not one.bands
    }
    scales = {item.scale for layout in layouts for item in layout.items.values()}
    for key, what, asked, there in (
        ("outputs", "no HR mapping has the number attribute", {one.attribute for one in study.outputs}, numbers),
        ("scales", "no survey mapping has an item of the scale", {one.scale for one in study.scales}, scales),
    ):
        if unread := sorted(asked - there):
            raise ConfigError(
                f"{workspace.study}: {key}: {what} {', '.join(unread)}; there are {', '.join(sorted(there)) or 'none'} "
                f"(add it to a mapping in {workspace.sources})"
            )

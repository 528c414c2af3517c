"""A study against the catalogue of metrics and what the mappings read: what nobody can ask or waive is an error."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from study.catalogue import Metric, catalogue
from study.model import Study
from study.strict_yaml import ConfigError, closest

MEASURED_BY = {"kind", "panel", "source", "measure", "of_what", "lowest", "highest"}  # columns of the catalogue


@dataclass(frozen=True)
class Readable:
    """What the mappings of a workspace read, and which checks of the gate somebody may sign for."""

    attributes: Collection[str]
    scales: Collection[str]
    checks: Collection[str]


def metrics_of(study: Study) -> dict[str, Metric]:
    """The metrics that a study can ask for, by name: those of the catalogue, and those that it declares."""
    return catalogue() | {row.metric: row for row in study.declared_metrics}


def definitions(study: Study) -> dict[str, str]:
    """A digest of what each outcome measures, and of what all cells are made by. Where one changes, cells that closed
    before and cells after it are of different things: closed periods are restated (docs/decisions/0017)."""
    known = metrics_of(study)
    common = study.model_dump(
        mode="json",
        include={"segments", "tenure_bands", "covariates", "checkins", "favour", "readiness", "survey_open_days"},
    ) | {
        "assignment": study.assignment.model_dump(
            mode="json", exclude={"design", "strata", "source", "anticipation_months"}
        )
    }
    texts = {"people, segments or covariates": common} | {
        outcome.metric: [known[outcome.metric].model_dump(include=MEASURED_BY), outcome.period]
        for outcome in study.outcomes
    }
    return {
        name: hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest()[:16] for name, text in texts.items()
    }


def of_one_count(asked: Iterable[str], known: Mapping[str, Metric]) -> list[tuple[str, str]]:
    """Pairs of asked metrics that divide the same count by two things. Published together they disclose those whose two
    denominators are unlike the others', and these are few (part-timers, of goals met per goal and per full-time month).
    """
    ratios = [name for name in asked if known[name].panel == "pnl_activity"]
    return [
        (one, other) for one, other in itertools.combinations(ratios, 2) if known[one].measure == known[other].measure
    ]


def check(study: Study, readable: Readable) -> None:
    """Raise ConfigError, without the file's name, for what the study cannot ask."""
    declared = [row.metric for row in study.declared_metrics]
    if taken := sorted({name for name in declared if name in catalogue() or declared.count(name) > 1}):
        raise ConfigError(f"outputs, scales: the name {', '.join(taken)} is taken; choose another one")
    asked, known = [outcome.metric for outcome in study.outcomes], metrics_of(study)
    if unknown := sorted(set(asked) - set(known)):
        words = "; ".join(f"{name} is no metric{closest(name, known)}" for name in unknown)
        raise ConfigError(f"outcomes: {words}; there are {', '.join(known)}")
    for outcome in study.outcomes:
        if outcome.period and known[outcome.metric].kind == "time_to_event":
            raise ConfigError(
                f"outcomes: {outcome.metric} is counted from each kick-off over retention_months; it has no `period`"
            )
    for one, other in of_one_count(asked, known):
        raise ConfigError(
            f"outcomes: {one} and {other} divide the same count by different things; published together they would "
            "disclose the few whose divisor is unlike the others' (working time, number of goals): ask for one of them"
        )
    for item in study.waivers:
        if item.check not in readable.checks:
            raise ConfigError(
                f"waivers: nobody can waive {item.check}; what can be is {', '.join(sorted(readable.checks))}"
            )
    attributes, scales = {one.attribute for one in study.outputs}, {one.scale for one in study.scales}
    for key, what, names, there in (
        ("outputs", "no HR mapping has the number attribute", attributes, readable.attributes),
        ("scales", "no survey mapping has an item of the scale", scales, readable.scales),
    ):
        if unread := sorted(names - set(there)):
            raise ConfigError(
                f"{key}: {what} {', '.join(unread)}; there are {', '.join(sorted(there)) or 'none'} (add it to a "
                "mapping in sources/)"
            )

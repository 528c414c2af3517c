"""A study written down before its results: as a text for a registry, and what was changed in it since.

Headings are what the AEA RCT Registry and OSF's preregistration template ask for, so that each part can be pasted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib import metadata
from typing import Any

from study.catalogue import Metric, catalogue
from study.model import Study
from study.sections import Outcome

# Settings that ask nothing: changing them is no amendment.
NOT_ASKED = frozenset({"waivers", "title", "contact", "stale_after_days", "restatements"})
NAMES = ("metric", "cohort", "scale")  # of the parts of a list, by which they are known again


@dataclass(frozen=True)
class Amendment:
    """A setting that is not what was registered, both in words. Of a list there is its length: units have names."""

    setting: str
    registered: str
    now: str


def questions(study: Study) -> dict[str, Any]:
    """What the study asks, as plain values."""
    return json.loads(study.model_dump_json(exclude=set(NOT_ASKED)))


def document(study: Study, lot: Mapping[str, Any] | None, at: datetime) -> str:
    """What a registration keeps (JSON): the day, the text and its sha256, and what is asked."""
    written = text(study, lot)
    digest = hashlib.sha256(written.encode()).hexdigest()
    kept = {
        "at": at.isoformat(timespec="seconds"),
        "text": written,
        "text_sha256": digest,
        "questions": questions(study),
    }
    return json.dumps(kept, ensure_ascii=False, indent=1) + "\n"


def amendments(registered: Mapping[str, Any], study: Study) -> list[Amendment]:
    """What is asked otherwise than was registered (`questions` of then), by setting."""
    before, now = dict(_flat(registered)), dict(_flat(questions(study)))
    return [
        Amendment(setting, _words(before.get(setting)), _words(now.get(setting)))
        for setting in sorted(before.keys() | now.keys())
        if before.get(setting) != now.get(setting)
    ]


def _words(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their path: outcomes[retention].role. A part of a list is known by its name, or by its place."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _flat(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and all(isinstance(part, Mapping) for part in value):
        for place, part in enumerate(value):
            name = next((part[one] for one in NAMES if one in part), place)
            yield from _flat(part, f"{path}[{name}]")
    else:
        yield path, value


def text(study: Study, lot: Mapping[str, Any] | None) -> str:
    """The registration in Markdown. `lot` is the ledger's newest event `drawn`, where a lot was drawn."""
    by_role: dict[str, list[Outcome]] = {}
    for outcome in study.outcomes:
        by_role.setdefault(outcome.role, []).append(outcome)
    parts = [
        ("Title", [study.title]),
        ("Research question and hypotheses", _hypotheses(study, by_role)),
        ("Intervention", ["Managers of the units in the pilot are trained and coach their people; the control waits."]),
        ("Experimental design and arms", _design(study, lot)),
        ("Primary outcomes", _outcomes(study, by_role.get("primary", []))),
        ("Secondary outcomes", _outcomes(study, by_role.get("secondary", []))),
        ("Outcomes that must not become worse", _outcomes(study, by_role.get("guardrail", []))),
        ("Outcomes that coaching cannot move", _outcomes(study, by_role.get("placebo", []))),
        ("Who is in the study, and exclusions", _exclusions(study)),
        ("Analysis", _analysis(study)),
        ("Interim analyses and stopping", _plan(study)),
        (
            "What is read as scale, stop, not yet",
            [f"docs/reference/methods/decision.md of coaching-outcomes {metadata.version('coaching-outcomes')}."],
        ),
    ]
    lines = [f"# Registration: {study.programme}\n"]
    for heading, points in parts:
        if points:
            lines += [f"## {heading}\n", *(f"- {point}" for point in points), ""]
    lines.append(
        f"Hash of what is asked: `{study.questions_digest}` (`questions_hash` in each release's manifest.json).\n"
    )
    return "\n".join(lines)


def _metric(study: Study, name: str) -> Metric:
    return (catalogue() | {one.metric: one for one in study.declared_metrics})[name]


def _hypotheses(study: Study, by_role: Mapping[str, list[Outcome]]) -> list[str]:
    points = ["Does it pay to make managers coaches: for whom, how sure is it, and should it be scaled up?"]
    for outcome in by_role.get("primary", []):
        metric, worth = _metric(study, outcome.metric), outcome.minimum_important_difference
        moves = {"up": "raises", "down": "lowers", "none": "changes"}[metric.direction]
        points.append(
            f"It {moves} {metric.label} ({metric.unit})"
            + (f"; worth having from {worth:g}" if worth is not None else "")
        )
    return points


def _outcomes(study: Study, outcomes: list[Outcome]) -> list[str]:
    points = []
    for outcome in outcomes:
        metric = _metric(study, outcome.metric)
        words = [f"{metric.label} (`{outcome.metric}`), {metric.unit}"]
        if outcome.minimum_important_difference is not None:
            words.append(f"minimum important difference {outcome.minimum_important_difference:g}")
        if outcome.margin is not None:
            words.append(f"margin {outcome.margin:g}")
        if metric.kind == "mean":
            usual = "by month or quarter, as its waves come" if metric.source == "survey" else "by quarter"
            words.append(f"by {outcome.period}" if outcome.period else usual)
        points.append("; ".join(words))
    return points


def _design(study: Study, lot: Mapping[str, Any] | None) -> list[str]:
    assignment = study.assignment
    points = [f"Unit of assignment: {assignment.unit}; design: {assignment.design}."]
    if lot is not None:
        coached = [at for at, _ in lot["lot"].values() if at]
        days = ", ".join(f"{coached.count(day)} from {day}" for day in sorted(set(coached)))
        within = [*filter(None, [lot["drawn_within"]["strata"]]), *lot["drawn_within"]["pairs"]]
        points += [
            f"Drawn by lot on {lot['at'][:10]} (seed {lot['seed']}), within {', '.join(within) or 'no strata'}.",
            f"Coached: {days}. {len(lot['lot']) - len(coached)} in the hold-out.",
            f"The list is sealed: sha256 `{lot['file_sha256']}`.",
        ]
    elif study.cohorts:
        points += [f"Cohort {one.cohort}: {len(one.units)} from {one.kickoff_date}." for one in study.cohorts]
    else:
        points.append("Cohorts and their kick-offs are those of the programme's roster.")
    return points


def _exclusions(study: Study) -> list[str]:
    assignment = study.assignment
    who = ", ".join(assignment.employment_types) or "everybody employed"
    return [
        f"In the study: {who}, in the unit in which the programme first found them, whatever they do later.",
        f"Hired after the first kick-off: {assignment.joiners}. Units that no list names: {assignment.unlisted_units}.",
        f"Figures of fewer than {study.min_group_size} people are not published.",
    ]


def _analysis(study: Study) -> list[str]:
    if study.assignment.design == "randomised":
        main = "difference of units after kick-off, adjusted for the unit's own past (ANCOVA), within strata"
    else:
        main = (
            "difference in differences by cohort and period (Callaway & Sant'Anna 2021), counted from the year before "
            "kick-off, with units not coached yet as controls; rests on parallel trends"
        )
    points = [
        f"{main[0].upper()}{main[1:]}; averaged over cohorts and periods by people.",
        f"Errors: leave-one-unit-out; two-sided, level {study.alpha:g}.",
        "Several outcomes: Holm for the primary ones, Benjamini–Hochberg for the others.",
        f"Retention: share still employed after {study.retention_months} months (Kaplan–Meier), against the same time "
        "before.",
    ]
    if study.covariates:
        points.append(f"Beside the estimate, adjusted for {', '.join(study.covariates)}.")
    if study.segments:
        points.append(f"By {', '.join(study.segments)}: hints, no tests.")
    return points


def _plan(study: Study) -> list[str]:
    end = study.planned_until or "twelve months after the last kick-off"
    return [f"Every wave until {end} is an analysis; alpha is spent over them (Lan & DeMets, O'Brien–Fleming)."]


def is_before(registered_at: str, kickoffs: list[date]) -> bool | None:
    """Whether a registration was made before the first kick-off; None where none is known."""
    return datetime.fromisoformat(registered_at).date() < min(kickoffs) if kickoffs else None

"""From training to results: for all coached units and for each cohort, what is seen at each link and who reports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from inference.chain import Effect, Link, Seen, breaks_at, effects_seen, training_seen
from publish.page.sheets.sheet import ALL, NOTHING, Sheet, Tables, format_effect, words
from publish.page.wording import Unit, is_estimated, unit_of

# Who says so, by the kind of export that it is read from.
REPORTED_BY = {"hris": "HR system", "survey": "team", "checkins": "coach"}
OF_MANAGERS = "lead_score"  # the measure of managers' own answers
BY_PROGRAMME = "programme's list"
TITLES = {Link.TRAINED: "Trained", Link.HELD: "Held", Link.NOTICED: "Noticed", Link.RESULTS: "Results"}


@dataclass(frozen=True, kw_only=True)
class Box:
    """One link of one group: whether it is seen, and the number that says so."""

    title: str
    seen: Seen
    number: str

    @property
    def mark(self) -> str:
        """The class of its frame: seen, worse, or open."""
        return {Seen.YES: "seen", Seen.WORSE: "worse", Seen.MIXED: "worse"}.get(self.seen, "open")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One group: its four boxes, and in a sentence where the chain is not seen any more."""

    group: str
    boxes: tuple[Box, ...]
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The picture's rows and the table of everything behind them."""

    rows: tuple[Row, ...]
    sheet: Sheet
    level: float


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """An outcome that belongs to a link."""

    metric: str
    label: str
    link: Link
    direction: str
    reported_by: str
    unit: Unit
    estimator: str


def chain(tables: Tables, rows: Mapping[str, dict], alpha: float) -> Chain | None:
    """The chain from the published tables; `rows` are headline rows by metric, `alpha` the level of this analysis.
    None where the study asks for no link between training and results."""
    asked = _asked(tables, rows)
    if not any(one.link in (Link.HELD, Link.NOTICED) for one in asked):
        return None
    begun = tables["pub_cohorts"].filter(pl.col("kickoff_date").is_not_null()).sort("kickoff_date", "group_name")
    cohorts = begun.filter(pl.col("scope") == "cohort")
    everybody = begun.filter((pl.col("scope") == "arm") & (pl.col("arm") == "pilot"))
    groups = [*everybody.with_columns(group_name=pl.lit(ALL)).to_dicts(), *cohorts.to_dicts()]
    if cohorts.height < 2:
        groups = groups[:1]
    effects = _effects(tables)
    return Chain(
        rows=tuple(_row(group, asked, effects, alpha) for group in groups),
        sheet=Sheet(
            "Each link by cohort: what is reported, by whom, and how far it moved against the control",
            ("group", "link", "what", "reported by", "effect (interval)"),
            [line for group in groups for line in _lines(group, asked, effects)],
            n_words=4,
        ),
        level=alpha,
    )


def _asked(tables: Tables, rows: Mapping[str, dict]) -> list[_Asked]:
    """Outcomes of the links held and noticed, and the primary ones that are of neither, in the order of the links."""
    found = [
        _Asked(
            metric=one["metric"],
            label=one["label"],
            link=Link(one["link"] or Link.RESULTS),
            direction=one["direction"],
            reported_by="manager" if one["measure"] == OF_MANAGERS else REPORTED_BY[one["source"]],
            unit=unit_of(one["written_as"], one["unit"], error=rows[one["metric"]]["std_error"]),
            estimator=rows[one["metric"]]["estimator"],
        )
        for one in tables["pub_outcomes"].to_dicts()
        if one["metric"] in rows and (one["role"] == "primary" or one["link"])
    ]
    return sorted(found, key=lambda one: list(Link).index(one.link))


def _effects(tables: Tables) -> dict[tuple[str, str, str], dict]:
    """(metric, estimator, cohort) → the effect of a cohort, or of all of them."""
    found = tables["pub_estimates"].filter(
        (pl.col("segment") == ALL)
        & (((pl.col("aggregation") == "simple") & pl.col("is_headline")) | (pl.col("aggregation") == "cohort"))
    )
    return {(row["metric"], row["estimator"], row["cohort"] or ALL): row for row in found.to_dicts()}


def _row(group: dict, asked: list[_Asked], effects: dict, alpha: float) -> Row:
    seen = {Link.TRAINED: training_seen(group["n_coaches_trained"], group["n_coaches"])}
    known = seen[Link.TRAINED] is not Seen.UNKNOWN
    trained = f"{group['n_coaches_trained']} of {group['n_coaches']} coaches" if known else NOTHING
    numbers = {Link.TRAINED: trained}
    for link in (Link.HELD, Link.NOTICED, Link.RESULTS):
        mine = {one.metric: one for one in asked if one.link is link and one.direction != "none"}
        moved = {
            metric: row
            for metric, one in mine.items()
            if (row := effects.get((metric, one.estimator, group["group_name"]))) and is_estimated(row)
        }
        seen[link], clearest = effects_seen(
            [
                Effect(
                    metric=metric,
                    gain=row["estimate"] * (-1 if mine[metric].direction == "down" else 1),
                    p_value=row["p_value"],
                )
                for metric, row in moved.items()
                if row["p_value"] is not None
            ],
            alpha,
        )
        numbers[link] = (
            f"{mine[clearest].label} {mine[clearest].unit.brief(moved[clearest]['estimate'], signed=True)}"
            if clearest
            else NOTHING
        )
    boxes = tuple(Box(title=TITLES[link], seen=seen[link], number=numbers[link]) for link in Link)
    name = "all coached units" if group["group_name"] == ALL else words(group["group_name"])
    return Row(group=name, boxes=boxes, sentence=_sentence(seen))


MISSED = {
    Seen.FEW: "is short: fewer than eight of ten coaches completed it",
    Seen.NOT_SHOWN: "is not shown",
    Seen.WORSE: "moved the wrong way",
    Seen.MIXED: "moved the good way and the wrong way at once",
}
NO_LINK = {
    Seen.NOT_SHOWN: "Results moved: either there is too little to see this link by, or something else moved them.",
    Seen.WORSE: "Results moved nevertheless: something else may have moved them.",
}
NAMES = {Link.TRAINED: "the training", Link.HELD: "coaching held", Link.NOTICED: "what the team notices"}


def _sentence(seen: Mapping[Link, Seen]) -> str:
    broken = breaks_at(seen)
    unknown = [NAMES.get(link, link.value) for link in Link if seen[link] is Seen.UNKNOWN]
    said = ["Each link that is known is seen." if unknown else "Every link is seen."]
    if broken is not None:
        name = NAMES.get(broken, "an effect on the results")
        said = [f"{name[0].upper()}{name[1:]} {MISSED[seen[broken]]}."]
        if broken is not Link.RESULTS and seen[Link.RESULTS] is Seen.YES and seen[broken] in NO_LINK:
            said.append(NO_LINK[seen[broken]])
        if broken is not Link.RESULTS and seen[Link.RESULTS] in (Seen.WORSE, Seen.MIXED):
            said.append(f"Results {MISSED[seen[Link.RESULTS]]}.")
    if unknown:
        said.append(f"Not known: {', '.join(unknown)}.")
    return " ".join(said)


def _lines(group: dict, asked: list[_Asked], effects: dict) -> list[tuple[str, ...]]:
    name = "all" if group["group_name"] == ALL else words(group["group_name"])
    trained = (
        f"{group['n_coaches_trained']} of {group['n_coaches']}"
        if group["n_coaches"] and group["n_coaches_trained"] is not None
        else NOTHING
    )
    lines = [(name, TITLES[Link.TRAINED].lower(), "Coaches with a completed training", BY_PROGRAMME, trained)]
    for one in asked:
        row = effects.get((one.metric, one.estimator, group["group_name"]))
        lines.append(
            (
                name,
                TITLES[one.link].lower(),
                one.label,
                one.reported_by,
                format_effect(row, one.unit, write=one.unit.brief),
            )
        )
    return lines

"""What a release says about itself: the facts that open its workbook, and its README."""

from __future__ import annotations

import html
from collections.abc import Mapping

import polars as pl

from publish.page.sheets.decision import answer
from publish.page.wording import FILES

SUPPRESSION = (
    "No answer, cause of leaving, readiness or amount of coaching is given of fewer than {minimum} people, nor what "
    "could be worked out by subtracting one given figure from another. Such a cell is empty, and the column that ends "
    "in `suppressed` says why."
)
DIGITS = (
    "Errors have two digits (more where p is near the level), estimates end where their error ends, p-values have two "
    "digits. An estimate is in the unit of its outcome (`unit` in `pub_outcomes`); of shares 1 is 100 per cent."
)


OUR_OWN = ("not shown", "digits")  # sentences in Markdown


def facts_of(tables: Mapping[str, pl.DataFrame], manifest: Mapping, *, title: str, contact: str) -> dict[str, str]:
    """Name → words: what the release is, as of when, its answer, how to cite it and whom to ask."""
    said = answer(dict(tables))
    found = {
        "title": title,
        "release": f"{manifest['id']} (number {manifest['number']})",
        "as of": str(manifest["as_of"]),
        "data to": str(manifest["observed_through"]),
        "answer": "The study has no primary outcome." if said is None else f"{said.word}. {said.reason}".strip(),
        "certainty": "" if said is None else "; ".join(filter(None, [said.certainty, said.certainty_reason])),
        "analysis": "" if said is None else said.analysis,
        "not shown": SUPPRESSION.format(minimum=manifest["min_group_size"]),
        "digits": DIGITS,
        "cite as": f"{title}{'' if title[-1:] in '.?!' else '.'} Release {manifest['id']}, as of {manifest['as_of']}.",
        "questions": contact,
    }
    return {name: " ".join(words.split()) for name, words in found.items() if words or name == "title"}


ACTIVE = str.maketrans({sign: f"\\{sign}" for sign in "\\`*[]|"})  # of Markdown: links, images, emphasis, code, cells


def plain(text: str) -> str:
    """Words that a reader of Markdown or HTML sees as they are."""
    return html.escape(text.translate(ACTIVE), quote=False)


def readme(facts: Mapping[str, str]) -> str:
    """The README of a release, in Markdown."""
    lines = [f"# {plain(facts['title'])}", ""]
    lines += [
        f"**{name.capitalize()}**: {words if name in OUR_OWN else plain(words)}  "
        for name, words in facts.items()
        if name != "title"
    ]
    lines += ["", "## Files", "", "| file | what it is |", "|---|---|"]
    lines += [f"| `{name}` | {words} |" for name, words in FILES.items()]
    return "\n".join(lines) + "\n"

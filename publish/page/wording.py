"""Numbers as sentences that can be defended: what changed, how sure, and a null said as a null."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from inference.verdicts import Verdict

NARROW = "\u202f"
MINUS = "−"
MOST_DECIMALS = 6
# What a release has, by file.
FILES = {
    "index.html": "the page: the answer first, on one printed side",
    "release.xlsx": "all tables as a workbook; its first sheet has the answer and what each column is",
    "metrics.duckdb": "all tables as a database (open it with DuckDB 1.0 or newer); views add labels and units",
    "csv/": "a file for each table; UTF-8 with a byte-order mark, so that spreadsheets show it right",
    "parquet/": "the same for programs, with types",
    "dictionary.csv": "what each column is, and its unit",
    "release.odcs.yaml": "the same as a data contract (Open Data Contract Standard 3.1)",
    "manifest.json": "what the release was made of: identities, rows and hashes of the tables, the gate's verdict",
}


@dataclass(frozen=True)
class Unit:
    """How a metric's numbers are written."""

    factor: float
    decimals: int
    word: str
    short: str

    def number(self, value: float, *, signed: bool = False) -> str:
        """`+3.7`, `−0.4`, `12,345`."""
        scaled = value * self.factor
        text = f"{abs(scaled):,.{self.decimals}f}"
        negative = scaled < 0 and float(text.replace(",", "")) != 0
        return (MINUS if negative else "+" if signed else "") + text

    def with_word(self, value: float, *, signed: bool = False) -> str:
        """The number and its unit, for sentences."""
        return f"{self.number(value, signed=signed)} {self.word}".strip()

    def brief(self, value: float, *, signed: bool = False) -> str:
        """The number and its unit's abbreviation, for tables."""
        return f"{self.number(value, signed=signed)} {self.short}".strip()


UNIT_OF = {
    "share": Unit(100, 1, "percentage points", "pp"),
    "points": Unit(1, 1, "points", "points"),
    "index": Unit(1, 3, "", ""),
    "own": Unit(1, 2, "", ""),
    "plain": Unit(1, 2, "", ""),
}


def unit_of(written_as: str, unit: str = "", *, error: float | None = None) -> Unit:
    """Shares are written in percentage points, scales in points, anything else in the words of `unit`. `written_as` is
    the catalogue's word (study/catalogue.py).

    With as many decimals as show the first digit of the standard error `error` (in the metric's own unit): an effect
    on something small is not rounded away.
    """
    written = UNIT_OF[written_as]
    if written_as == "plain":
        written = replace(written, word=unit)
    if not error:
        return written
    needed = -math.floor(math.log10(error * written.factor))
    return replace(written, decimals=min(max(written.decimals, needed), MOST_DECIMALS))


@dataclass(frozen=True)
class Finding:
    """One outcome in words. `kind`: better, worse, changed, null, unknown or suppressed."""

    kind: str
    verdict: str
    sentence: str
    caveat: str = ""


# Why a figure is suppressed, by the code in a published table.
WHY_SUPPRESSED = {
    "few_units": "it would be about too few units",
    "protected": "it would be about too few people, or something about a few could be worked out from it",
}


def is_estimated(row: dict) -> bool:
    """Whether an estimate is there and may be shown."""
    return row["status"] == "estimated" and row["suppressed"] is None


def confidence(alpha: float) -> str:
    """The confidence level in per cent, with the digits that it has: 95, 98.8, 99.995."""
    place = 1 - math.floor(math.log10(100 * alpha))
    text = f"{100 * (1 - alpha):.{max(place, 0)}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{NARROW}%"


def why_not(row: dict) -> str:
    """Why a row has no figure."""
    code = row.get("suppressed")
    return f"not shown: {WHY_SUPPRESSED[code]}" if code else row["reason"] or row["status"]


# How an effect is said at a certainty: as Cochrane's plain-language summaries do with GRADE (Glenton et al. 2010).
SAID_AT = {None: "is", 5: "is", 4: "is", 3: "is probably", 2: "may be", 1: "may be", 0: "may be"}
CONDITION = {"randomised": "", "volunteered": ", if both arms would otherwise have moved alike"}


def finding(
    row: dict,
    *,
    label: str,
    unit: Unit,
    direction: str,
    alpha: float,
    detectable: float | None,
    design: str,
    judged: dict | None = None,
) -> Finding:
    """What the headline row of `pub_estimates` says about one outcome. `alpha` is the level of its interval; of a
    primary outcome, `judged` (its rows of `pub_answer` and `pub_decisions`) has the verdict and its level."""
    if row["suppressed"] is not None:
        return Finding("suppressed", "Not shown, to protect people", f"{label} is {why_not(row)}.")
    if row["status"] != "estimated":
        return Finding("unknown", "Cannot be answered", f"{label} cannot be answered: {row['reason']}.")
    level = confidence(alpha)
    interval = f"{unit.number(row['ci_low'], signed=True)} to {unit.with_word(row['ci_high'], signed=True)}"
    size = unit.with_word(abs(row["estimate"]))
    adjusted = row["p_value_adjusted"]
    p_value = adjusted if adjusted is not None else row["p_value"]
    verdict = judged["verdict"] if judged else None  # of a primary outcome, unless it is suppressed
    if Verdict(verdict).is_effect if verdict else p_value < (judged["alpha"] if judged else alpha):
        rose = row["estimate"] > 0
        good = rose == (direction == "up")
        word = "Changed" if direction == "none" else "Better" if good else "Worse"
        return Finding(
            word.lower(),
            word,
            f"{label} {SAID_AT[judged['certainty'] if judged else None]} {size} {'higher' if rose else 'lower'} "
            "than it would be without the programme "
            f"({level} interval {interval}){CONDITION[design]}.",
            _overstated(judged, row, unit),
        )
    caveat = ""
    if row["p_value"] < alpha:
        caveat = "Its own interval excludes zero, but not once all questions of its kind are counted together."
        if judged and adjusted is not None and adjusted < alpha:
            is_last = judged["analysis"] >= judged["planned_analyses"]
            caveat = (
                f"Its own interval excludes zero. This is analysis {judged['analysis']} of "
                f"{judged['planned_analyses']}, and {'here' if is_last else 'so early'} a verdict needs p below "
                f"{judged['alpha']:.3g}."
            )
    blind = (
        f" This study would have seen an effect of {unit.with_word(detectable)} with 80 % probability; "
        "a smaller one may be there."
        if detectable is not None
        else ""
    )
    return Finding(
        "null",
        "Not certain" if caveat else "No effect shown",
        f"{label}: no effect could be shown. The estimate is {unit.with_word(row['estimate'], signed=True)} "
        f"({level} interval {interval}).{blind}",
        caveat,
    )


def without_luck(judged: dict | None, row: dict, unit: Unit) -> float | None:
    """The corrected estimate, where it is another number on the page than the estimate of the headline's `row`."""
    corrected = judged["corrected_estimate"] if judged else None
    if corrected is None or unit.brief(corrected, signed=True) == unit.brief(row["estimate"], signed=True):
        return None
    return corrected


def _overstated(judged: dict | None, row: dict, unit: Unit) -> str:
    corrected = without_luck(judged, row, unit)
    if corrected is None:
        return ""
    return (
        "A small study that finds something tends to find too much. Corrected for that the estimate is about "
        f"{unit.with_word(corrected, signed=True)}."
    )


@dataclass(frozen=True)
class Before:
    """What was seen before kick-off, where no effect can be. `in_doubt`: what the effect rests on may not hold."""

    sentence: str
    in_doubt: bool


def before_kickoff(
    *,
    p_value: float | None,
    drift: float | None,
    outside: list[int],
    n_periods: int,
    unit: Unit,
    alpha: float,
    p_value_of_slope: float | None = None,
) -> Before | None:
    """In words, by rule: the joint test and that of a steady drift decide, half of `alpha` for each where there are two
    (Bonferroni); of `n_periods` looked at one by one some lie `outside` by chance.

    `p_value` is the joint test's, `drift` what it would have seen per period with a chance of 80 % (None: there is no
    such test). None where no period lies before kick-off.
    """
    if not n_periods:
        return None
    numbers = ", ".join(str(event).replace("-", MINUS) for event in outside)
    if p_value is None:
        if not outside:
            return None
        return Before(
            f"Before kick-off the arms already moved apart (period {numbers}): parallel trends are in doubt.", True
        )
    test = f"joint test over {n_periods} periods, p = {p_value:.2g}"
    level = alpha if p_value_of_slope is None else alpha / 2
    if p_value < level:
        return Before(f"Before kick-off the arms already moved apart ({test}): parallel trends are in doubt.", True)
    if p_value_of_slope is not None and p_value_of_slope < level:
        return Before(
            f"Before kick-off the arms drifted apart steadily (p = {p_value_of_slope:.2g}): "
            "parallel trends are in doubt.",
            True,
        )
    blind = f" It would have seen a steady drift of {unit.with_word(drift)} per period." if drift is not None else ""
    alone = f" By itself period {numbers} would stand out, as one in twenty does by chance." if outside else ""
    return Before(f"Before kick-off no movement apart was seen ({test}).{blind}{alone}", False)


ASSUMPTIONS = {
    "randomised": "Units were assigned at random, so the arms differ by chance and by the programme only.",
    "volunteered": (
        "Units were not assigned at random. Every effect rests on parallel trends: without the programme, pilot and "
        "control would have moved alike."
    ),
}

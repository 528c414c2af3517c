"""What the answers of a survey column are: codes, labelled codes, or labels of a known family; and their range.

The families hold the labels in the languages of common exports; code 1 comes first, `|` separates spellings.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from dataclasses import dataclass

from ingest.mapping.draft.grid import DATE_LIKE, DraftColumn
from ingest.mapping.headers import normalise_name

FAMILIES = {
    "agreement": [
        "strongly disagree|stimme überhaupt nicht zu|trifft überhaupt nicht zu|pas du tout d'accord"
        "|totalmente en desacuerdo",
        "disagree|stimme nicht zu|stimme eher nicht zu|trifft eher nicht zu|pas d'accord|plutôt pas d'accord"
        "|en desacuerdo",
        "neither agree nor disagree|neutral|undecided|teils/teils|teils, teils|weder noch|ni d'accord ni pas d'accord"
        "|ni d'accord, ni pas d'accord|neutre|ni de acuerdo ni en desacuerdo",
        "agree|stimme zu|stimme eher zu|trifft eher zu|d'accord|plutôt d'accord|de acuerdo",
        "strongly agree|stimme voll und ganz zu|stimme voll zu|trifft voll und ganz zu|tout à fait d'accord"
        "|totalmente de acuerdo",
    ],
    "agreement_7": [
        "strongly disagree",
        "disagree",
        "somewhat disagree|slightly disagree",
        "neither agree nor disagree|neutral",
        "somewhat agree|slightly agree",
        "agree",
        "strongly agree",
    ],
    "agreement_4": [
        "strongly disagree|trifft nicht zu|pas du tout d'accord",
        "disagree|trifft eher nicht zu|plutôt pas d'accord",
        "agree|trifft eher zu|plutôt d'accord",
        "strongly agree|trifft zu|tout à fait d'accord",
    ],
    "frequency": [
        "never|nie|jamais|nunca",
        "rarely|selten|rarement|seldom",
        "sometimes|manchmal|parfois|a veces",
        "often|oft|häufig|souvent|a menudo",
        "always|immer|toujours|siempre",
    ],
    "satisfaction": [
        "very dissatisfied|sehr unzufrieden|très insatisfait",
        "dissatisfied|unzufrieden|insatisfait|somewhat dissatisfied",
        "neutral|neither satisfied nor dissatisfied|teils/teils|neutre",
        "satisfied|zufrieden|satisfait|somewhat satisfied",
        "very satisfied|sehr zufrieden|très satisfait",
    ],
    "likelihood": [
        "very unlikely|sehr unwahrscheinlich",
        "unlikely|unwahrscheinlich",
        "neutral|neither likely nor unlikely",
        "likely|wahrscheinlich",
        "very likely|sehr wahrscheinlich",
    ],
}
NO_ANSWER = {
    *("don't know", "do not know", "dont know", "not applicable", "n/a", "na", "no opinion", "prefer not to say"),
    *("prefer not to answer", "can't say", "weiß nicht", "weiss nicht", "keine angabe", "k. a.", "k.a."),
    *(
        "trifft nicht auf mich zu",
        "je ne sais pas",
        "sans avis",
        "sans opinion",
        "non applicable",
        "no sé",
        "no aplica",
    ),
}
MISSING_CODES = {"-99", "-999", "99", "999", "-9", "-1", "98", "-98"}
RECOMMENDS = re.compile(
    r"(?i)recommend us|likely .*recommend|\benps\b|wahrscheinlich.*(empf|weiter)|recommander(iez)?|recomendar"
)
RANGES = ((1, 4), (1, 5), (1, 6), (1, 7), (0, 10), (1, 10))
RUNS_AGAINST = -0.25  # correlation with the rest of its battery from which an item may be reversed
ENOUGH = 20  # responses that a correlation is computed of


def fold(word: str) -> str:
    """A label for comparison, whatever its case, spacing and apostrophes."""
    return normalise_name(word).casefold().replace("\u2019", "'")


@dataclass(frozen=True)
class Answers:
    """`kind` is codes, labelled (10 - Extremely likely), labels (of `families`) or unknown (labels)."""

    kind: str
    words: Counter
    no_answer: list[str]
    families: tuple[str, ...] = ()

    @property
    def codes(self) -> set[int]:
        """The numbers among the answers."""
        return {
            int(float(re.match(r"-?\d+", word)[0]))
            for word in self.words
            if word not in self.no_answer and re.match(r"-?\d", word)
        }


def answers_of(column: DraftColumn) -> Answers | None:
    """What the values are as answers; None where they are none."""
    words = Counter(normalise_name(value) for value in column.present)
    if sum(words.values()) < 2 or len(words) > 15:
        return None
    none = [word for word in words if fold(word) in NO_ANSWER]
    rest = [word for word in words if word not in none]
    codes = {word for word in rest if re.fullmatch(r"-?\d{1,3}(\.0)?", word)}
    if rest and codes == set(rest):
        missing = {word for word in codes if word in MISSING_CODES and not 0 <= float(word) <= 10}
        good = codes - missing
        is_scale = len(good) > 1 and all(0 <= float(word) <= 10 for word in good)
        return Answers("codes", words, none + sorted(missing)) if is_scale else None
    if not rest:
        return None
    if all(_is_labelled_code(word) for word in rest):
        return Answers("labelled", words, none)
    labels = {fold(word) for word in rest} - codes
    fits = tuple(name for name, steps in FAMILIES.items() if labels <= {x for step in steps for x in step.split("|")})
    if fits:
        return Answers("labels", words, none, fits)
    is_few = 2 <= len(rest) <= 7 and len(column.present) >= 4 * len(rest)
    return Answers("unknown", words, none) if is_few else None


def _is_labelled_code(word: str) -> bool:
    found = re.findall(r"\d+", word)
    begins = re.match(r"\d{1,2}(\D|$)", word)
    return bool(begins) and len(found) == 1 and int(found[0]) <= 10 and not DATE_LIKE.match(word)


def find_range(codes: set[int], question: str) -> tuple[tuple[int, int] | None, str]:
    """The range of a scale with its evidence; None with a question where several ranges fit what occurs."""
    low, high = min(codes), max(codes)
    if RECOMMENDS.search(question) and high > 5:
        return (0, 10), f"{low}–{high} occur, and it asks for a recommendation"
    if (low, high) in ((1, 5), (1, 7), (0, 10)):
        return (low, high), f"{low} and {high} both occur, nothing beyond"
    fit = ", ".join(f"[{a}, {b}]" for a, b in RANGES if a <= low and high <= b)
    return None, f"only {low}–{high} occur; {fit or 'no usual range'} fit; look at the questionnaire"


def runs_against(battery: list[tuple[DraftColumn, Answers]], values: dict[str, int]) -> dict[str, float]:
    """Columns whose answers run against those of their battery, with the correlation: worded the other way?"""

    def number(word: str, answers: Answers) -> float | None:
        if not word or word in answers.no_answer:
            return None
        if values:
            return values.get(word)
        return float(re.match(r"\d+", word)[0]) if re.match(r"\d", word) else None

    table = {
        column.name: [number(normalise_name(value), answers) for value in column.values] for column, answers in battery
    }
    if len(table) < 3 or len({len(row) for row in table.values()}) > 1:
        return {}
    found = {}
    for name, mine in table.items():
        others = [row for other, row in table.items() if other != name]
        pairs = [
            (own, statistics.mean(beside))
            for own, *rest in zip(mine, *others, strict=True)
            if own is not None and (beside := [one for one in rest if one is not None])
        ]
        if len(pairs) >= ENOUGH and all(len(set(side)) > 1 for side in zip(*pairs, strict=True)):
            correlation = statistics.correlation(*zip(*pairs, strict=True))
            if correlation < RUNS_AGAINST:
                found[name] = correlation
    return found

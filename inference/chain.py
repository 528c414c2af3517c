"""From training to results, link by link: trained → held → noticed → results, and where it is not seen any more.

A programme's logic, tested link by link (Weiss 1995, "Nothing as practical as good theory"; Funnell & Rogers 2011,
Purposeful Program Theory): what was not delivered cannot have worked, and results without what should bring them about
may have another cause. It describes; it decides nothing and changes no number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inference.multiplicity import holm

# Of the coaches of a group. Eighty per cent is where fidelity is commonly called high: Borrelli (2011), J Public Health
# Dent 71, S52.
TRAINED_SHARE = 0.8


class Link(StrEnum):
    """The links, in their order."""

    TRAINED = "trained"
    HELD = "held"
    NOTICED = "noticed"
    RESULTS = "results"


class Seen(StrEnum):
    """What the data say of a link. Not shown is no proof of absence: the effect may be too small for so few answers."""

    YES = "seen"
    FEW = "too few"
    NOT_SHOWN = "not shown"
    WORSE = "worse"
    MIXED = "better and worse"
    UNKNOWN = "not known"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The effect on one outcome of a link. `gain` is the estimate with its sign turned so that more is better."""

    metric: str
    gain: float
    p_value: float


def training_seen(n_trained: int | None, n_coaches: int | None) -> Seen:
    """Whether enough coaches completed the training."""
    if n_trained is None or not n_coaches:
        return Seen.UNKNOWN
    return Seen.YES if n_trained >= TRAINED_SHARE * n_coaches else Seen.FEW


def effects_seen(effects: Sequence[Effect], alpha: float) -> tuple[Seen, str]:
    """Whether any outcome of a link moved the good way, adjusted for their number (Holm); and which one says so, the
    clearest. Where another one moved the wrong way the link is mixed, and that one is named. Two-sided p-values, level
    `alpha`. Without effects it is not known, and no outcome says so."""
    if not effects:
        return Seen.UNKNOWN, ""
    adjusted = holm([effect.p_value for effect in effects])
    found = sorted(
        (effect for p, effect in zip(adjusted, effects, strict=True) if p < alpha), key=lambda one: one.p_value
    )
    better, worse = ([one.metric for one in found if (one.gain > 0) is good] for good in (True, False))
    if worse:
        return (Seen.MIXED if better else Seen.WORSE), worse[0]
    if better:
        return Seen.YES, better[0]
    return Seen.NOT_SHOWN, min(effects, key=lambda effect: effect.p_value).metric


def breaks_at(links: Mapping[Link, Seen]) -> Link | None:
    """The first link that is known and not seen; None where each known link is seen. Nothing known: None too."""
    return next((link for link in Link if links.get(link, Seen.UNKNOWN) not in (Seen.YES, Seen.UNKNOWN)), None)

"""Go, no go, or not yet: what the primary outcomes and the guardrails say about scaling up, by rule.

**Go**: the effect is there (adjusted p below alpha), in the good direction, not smaller than the minimum important
difference; the same holds of the newest cohorts, and counted from the last period before kick-off alone as well as from
earlier ones alone; no doubt is open (a decline from cohort to cohort, arms that moved apart before kick-off), and no
guardrail is open or broken. **No go**:
the effect is in the bad direction, or its interval lies below the minimum important difference, or a guardrail is
broken. **Not yet**: anything else, with what is missing. How often each is right: benchmarks/results/decisions.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from inference.diagnostic import Diagnostic
from inference.results import Estimate, NotEstimable, Result

# Of a decline, two-sided: missing one leads to scaling what does not work (any more).
DECLINE_ALPHA = 0.1
SMALLEST = "what is worth having"  # the minimum important difference, in the page's words
WORTH = "worth having"


class Decision(StrEnum):
    """What the rule says."""

    GO = "go"
    NO_GO = "no go"
    NOT_YET = "not yet"


@dataclass(frozen=True)
class Trend:
    """A slope and its p-value."""

    value: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Primary:
    """One primary outcome: its headline, its adjusted p-value, and its minimum important difference (in its unit)."""

    metric: str
    result: Result
    p_value_adjusted: float | None
    direction: str  # up or down: which way is good
    minimum_important_difference: float | None
    newest: Result | None = None  # of the newest cohorts; None where there is one cohort
    last_base: Result | None = None  # counted from the last period before kick-off; None where a lot was drawn
    earlier_base: Result | None = None  # counted from the others of the year before
    plain: Result | None = None  # difference after kick-off, of a time that has one window before it
    slope_by_cohort: Trend | None = None  # change of the effect from cohort to cohort
    moved_apart: bool = False  # the arms did, before kick-off
    is_random: bool = False  # a lot was drawn
    is_survey: bool = True
    n_before: int = 0  # periods before kick-off that were observed
    diagnostics: Mapping[str, Diagnostic] = field(default_factory=dict)
    label: str = ""

    @property
    def title(self) -> str:
        """How sentences name it."""
        return self.label or self.metric

    def has(self, name: str) -> bool:
        """Whether a test gave an answer."""
        return name in self.diagnostics and self.diagnostics[name].p_value is not None

    def is_alarm(self, name: str) -> bool:
        """Whether what is no test found trouble."""
        return name in self.diagnostics and self.diagnostics[name].is_alarm

    def is_small(self, result: Result) -> bool:
        """Whether an effect is below the minimum important difference (in the bad direction where there is none)."""
        return _sign(self.direction) * result.estimate < (self.minimum_important_difference or 0.0)


class GuardrailState(StrEnum):
    """Whether a guardrail became worse by more than its margin: excluded, possible, shown (and nothing speaks against
    it), or without an estimate."""

    HOLDS = "holds"
    OPEN = "open"
    BROKEN = "broken"
    UNKNOWN = "not estimable"


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """One guardrail: its headline and by how much it may become worse (in its unit). `evidence` is what stands beside
    its headline: a loss of it has to pass what one of a primary outcome has to."""

    metric: str
    result: Result
    direction: str
    margin: float
    evidence: Primary | None = None
    label: str = ""

    @property
    def title(self) -> str:
        """How sentences name it."""
        return self.label or self.metric

    @property
    def state(self) -> GuardrailState:
        """Whether it became worse by more than its margin."""
        if not isinstance(self.result, Estimate):
            return GuardrailState.UNKNOWN
        low, high = _towards_good(self.result, self.direction)
        if low >= -self.margin:
            return GuardrailState.HOLDS
        is_doubted = self.evidence is not None and any(_doubts_of_harm(self.evidence, limit=-self.margin))
        return GuardrailState.BROKEN if high < -self.margin and not is_doubted else GuardrailState.OPEN


def _sign(direction: str) -> int:
    """What a number is multiplied by so that good is up."""
    return 1 if direction == "up" else -1


def _towards_good(estimate: Estimate, direction: str) -> tuple[float, float]:
    """The interval with good as up."""
    low, high = sorted(_sign(direction) * end for end in (estimate.ci_low, estimate.ci_high))
    return low, high


@dataclass(frozen=True)
class Doubt:
    """Why a result is no decision yet, and what it takes."""

    why: str
    needs: str


def _doubts(primary: Primary) -> Iterator[Doubt]:
    """Why an effect that is there may not be what the next cohort gets, or no effect."""
    sign, is_small = _sign(primary.direction), primary.is_small
    if isinstance(primary.newest, NotEstimable):
        why = f"the newest cohorts' effect is not known: {primary.newest.reason}"
        yield Doubt(why, "an effect of the newest cohorts")
    elif primary.newest is not None and is_small(primary.newest):
        yield Doubt(f"in the newest cohorts it is below {SMALLEST}", f"newest cohorts that reach {SMALLEST}")
    slope = primary.slope_by_cohort
    if slope is not None and sign * slope.value < 0 and slope.p_value < DECLINE_ALPHA:
        yield Doubt("it falls from cohort to cohort", "an effect that does not fall from cohort to cohort")
    if isinstance(primary.earlier_base, NotEstimable):
        why = f"whether units were chosen for their last result cannot be seen: {primary.earlier_base.reason}"
        yield Doubt(why, "more than one period before kick-off")
    if isinstance(primary.last_base, NotEstimable):
        why = f"counted from the last period before kick-off alone it is not known: {primary.last_base.reason}"
        yield Doubt(why, "answers of both arms in the last period before kick-off")
    for base, periods, effect in _of_bases(primary):
        if is_small(effect):
            why = f"counted from {base} it is below {SMALLEST}"
            yield Doubt(why, f"an effect that also shows against {periods}")
    if isinstance(primary.plain, Estimate) and is_small(primary.plain):
        why = f"the plain difference after kick-off is below {SMALLEST}: the effect rests on the window before"
        yield Doubt(why, f"a difference after kick-off that reaches {SMALLEST}")
    yield from _events(primary)
    leak = primary.diagnostics.get("spillover")
    if primary.has("spillover") and sign * leak.value < 0 and leak.p_value < DECLINE_ALPHA:
        why = "control units near the programme may have become worse, which would make it look better"
        yield Doubt(why, "control units near and far that move alike")
    if primary.moved_apart and not primary.is_random:  # of a lot it is chance, and the units' past is adjusted for
        yield APART


def _of_bases(primary: Primary) -> Iterator[tuple[str, str, Estimate]]:
    """(From what, these periods in short, effect) of an effect counted from a part of the year before, where known."""
    bases = (
        ("earlier periods than the last before kick-off", "earlier periods", primary.earlier_base),
        ("the last period before kick-off alone", "the last period before kick-off", primary.last_base),
    )
    yield from ((base, periods, effect) for base, periods, effect in bases if isinstance(effect, Estimate))


APART = Doubt("the arms moved apart before kick-off", "arms that move alike before kick-off")


def _events(primary: Primary) -> Iterator[Doubt]:
    """Of who left: what was decided for people and not by them."""
    if primary.is_alarm("left_together"):
        why = "many left one unit in one month: a closure or layoff, not one by one"
        yield Doubt(why, "a window without closures")
    if primary.is_alarm("left_without_choice"):
        why = "the arms differ in who left without choosing to (layoffs, ends of contracts): see retention_voluntary"
        yield Doubt(why, "retention_voluntary as a primary outcome")


def _doubts_of_nothing(primary: Primary) -> Iterator[Doubt]:
    """Why an effect worth having is not ruled out: it is there from another base, or the arms moved apart."""
    for base, _, effect in _of_bases(primary):
        if not primary.is_small(effect):
            yield Doubt(f"counted from {base} it reaches {SMALLEST}", "an effect that is the same from every base")
    if primary.moved_apart and not primary.is_random:
        yield APART


def _doubts_of_harm(primary: Primary, *, limit: float = 0.0) -> Iterator[Doubt]:
    """Why what looks worse (than `limit`, with good as up) may not be the programme's: it has to be there from every
    base that is known."""
    sign = _sign(primary.direction)
    for base, periods, effect in _of_bases(primary):
        if sign * effect.estimate >= limit:
            yield Doubt(f"counted from {base} it is not worse", f"a loss that also shows against {periods}")
    if isinstance(primary.plain, Estimate) and sign * primary.plain.estimate >= limit:
        why = "the plain difference after kick-off is not worse: the loss rests on the window before"
        yield Doubt(why, "a difference after kick-off that is worse too")
    yield from _events(primary)
    if primary.moved_apart and not primary.is_random:
        yield APART


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What the rule says of one primary outcome, what was not declared or not excluded (`missing`), and what another
    decision takes (`needs`); `is_harm`: it, or a guardrail, became worse."""

    decision: Decision
    reason: str
    missing: list[str]
    needs: list[str] = field(default_factory=list)
    is_harm: bool = False


SHOWN = Doubt("no effect shown", f"an effect that is shown and reaches {SMALLEST}")
ENOUGH = Doubt("too small", f"an estimate that reaches {SMALLEST}")


def decide(primary: Primary, guardrails: list[Guardrail], *, alpha: float) -> Ruling:
    """The rule; `alpha` is the level of the day."""
    unclear = {GuardrailState.OPEN: "its margin is not excluded yet", GuardrailState.UNKNOWN: "not estimable"}
    missing = [f"{each.title}: {unclear[each.state]}" for each in guardrails if each.state in unclear]
    if primary.minimum_important_difference is None:
        missing.append("the study declares no minimum important difference")
    if not guardrails:
        missing.append("the study names no guardrail")
    broken = [guardrail.title for guardrail in guardrails if guardrail.state is GuardrailState.BROKEN]
    if broken:
        reason = f"a guardrail is broken: {', '.join(broken)}"
        return Ruling(decision=Decision.NO_GO, reason=reason, missing=missing, is_harm=True)
    if not isinstance(primary.result, Estimate):
        return Ruling(decision=Decision.NOT_YET, reason=f"no answer: {primary.result.reason}", missing=missing)
    low, high = _towards_good(primary.result, primary.direction)
    is_shown = primary.p_value_adjusted is not None and primary.p_value_adjusted < alpha
    is_worse = is_shown and _sign(primary.direction) * primary.result.estimate < 0
    doubts_of_harm, doubts = list(_doubts_of_harm(primary)), list(_doubts(primary))
    doubts_of_nothing = list(_doubts_of_nothing(primary))
    is_harm = is_worse and not doubts_of_harm
    smallest = primary.minimum_important_difference or 0.0
    below = "" if low >= smallest else "; a smaller one, not worth having, is not excluded"

    def whys(found: list[Doubt]) -> str:
        return "; ".join(doubt.why for doubt in found)

    rules = (
        (is_harm, Decision.NO_GO, "it became worse", []),
        (is_worse, Decision.NOT_YET, f"it looks worse, but {whys(doubts_of_harm)}", doubts_of_harm),
        (
            high < smallest and doubts_of_nothing,
            Decision.NOT_YET,
            f"an effect {WORTH} looks ruled out, but {whys(doubts_of_nothing)}",
            doubts_of_nothing,
        ),
        (high < smallest, Decision.NO_GO, f"an effect {WORTH} is ruled out", []),
        (not is_shown, Decision.NOT_YET, f"no effect shown; one {WORTH} is still possible", [SHOWN]),
        (primary.is_small(primary.result), Decision.NOT_YET, f"there is an effect, but below {SMALLEST}", [ENOUGH]),
        (doubts, Decision.NOT_YET, f"there is an effect, but {whys(doubts)}", doubts),
        (missing, Decision.NOT_YET, "the effect is there, but something is missing", []),
        (True, Decision.GO, f"the effect is there and large enough{below}; no guardrail suffers", []),
    )
    decision, reason, found = next((word, why, because) for holds, word, why, because in rules if holds)
    needs = [doubt.needs for doubt in found]
    return Ruling(decision=decision, reason=reason, missing=missing, needs=needs, is_harm=is_harm)

"""The decisions as a table, and the one answer: scale, not yet, or stop."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import polars as pl
from scipy import stats

from inference.certainty import certainty
from inference.decisions import Decision, Guardrail, GuardrailState, Primary, Ruling, decide
from inference.jackknife import Uncertainty
from inference.power import WAVES_OF_YEAR
from inference.results import Estimate, Result
from inference.verdicts import verdict_on
from study.interim import Analysis

DECISIONS = {
    "metric": pl.String,
    "verdict": pl.String,
    "decision": pl.String,
    "reason": pl.String,
    "estimate": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value_adjusted": pl.Float64,
    "minimum_important_difference": pl.Float64,
    "guardrails": pl.String,
    "missing": pl.String,
    "needs": pl.String,
    "certainty": pl.Int64,
    "certainty_reason": pl.String,
    "chance_of_verdict": pl.Float64,
    "expected_reach": pl.Float64,
    "corrected_estimate": pl.Float64,
}
ANSWERS = {
    "answer": pl.String,
    "reason": pl.String,
    "certainty": pl.Int64,
    "certainty_reason": pl.String,
    "analysis": pl.Int64,
    "planned_analyses": pl.Int64,
    "alpha": pl.Float64,
    "last_wave": pl.Date,
    "next_wave": pl.Date,
}
WEAK = 0.5  # a study whose chance to find the minimum important difference is smaller exaggerates what it finds


class Answer(StrEnum):
    """Should it be scaled up?"""

    SCALE = "scale"
    NOT_YET = "not yet"
    STOP = "stop"


@dataclass(frozen=True, kw_only=True)
class Concluded:
    """A primary outcome at the level of the day, and what follows from it."""

    primary: Primary
    ruling: Ruling
    certainty: int
    certainty_reason: str
    guardrails: str  # each with its state


def conclude_each(
    primaries: list[Primary], guardrails: list[Guardrail], analysis: Analysis, *, alpha: float
) -> list[Concluded]:
    """Of each primary outcome. `alpha` is the study's level; what decides has that of the `analysis`."""
    guarded = [replace(each, result=at_level(each.result, analysis.alpha)) for each in guardrails]
    states = "; ".join(f"{each.title} {each.state}" for each in guarded) or "none"
    broken = [
        certainty(each.evidence, alpha=alpha)
        for each in guarded
        if each.state is GuardrailState.BROKEN and each.evidence
    ]
    concluded = []
    for each in primaries:
        primary = replace(each, result=at_level(each.result, analysis.alpha))
        step, why = max(broken, default=certainty(primary, alpha=alpha))  # a broken guardrail decides alone
        ruling = decide(primary, guarded, alpha=analysis.alpha)
        concluded.append(
            Concluded(primary=primary, ruling=ruling, certainty=step, certainty_reason=why, guardrails=states)
        )
    return concluded


def decision_table(concluded: list[Concluded], analysis: Analysis, *, alpha: float) -> pl.DataFrame:
    """`est_decisions`: one row per primary outcome. `alpha` is the study's level."""
    rows = []
    for each in concluded:
        primary, ruling = each.primary, each.ruling
        numbers = primary.result if isinstance(primary.result, Estimate) else None
        said = verdict_on(
            primary.result,
            p_value_adjusted=primary.p_value_adjusted,
            direction=primary.direction,
            alpha=analysis.alpha,
        )
        rows.append(
            {
                "metric": primary.metric,
                "verdict": str(said),
                "decision": ruling.decision,
                "reason": ruling.reason,
                "estimate": numbers.estimate if numbers else None,
                "ci_low": numbers.ci_low if numbers else None,
                "ci_high": numbers.ci_high if numbers else None,
                "p_value_adjusted": primary.p_value_adjusted,
                "minimum_important_difference": primary.minimum_important_difference,
                "guardrails": each.guardrails,
                "missing": "; ".join(ruling.missing) or None,
                "needs": "; ".join(ruling.needs) or None,
                "certainty": each.certainty,
                "certainty_reason": each.certainty_reason or None,
                "chance_of_verdict": _chance_at_next(primary, numbers, analysis, n_asked=len(concluded)),
                "expected_reach": _reach_at_next(numbers, primary, analysis, alpha),
                "corrected_estimate": _corrected(primary, numbers, analysis.alpha, len(concluded)),
            }
        )
    return pl.DataFrame(rows, schema=DECISIONS).sort("metric")


def at_level(result: Result, alpha: float) -> Result:
    """The same estimate with the interval of this level."""
    if not isinstance(result, Estimate):
        return result
    low, high = Uncertainty(result.std_error, result.df).interval(result.estimate, alpha=alpha)
    return replace(result, ci_low=low, ci_high=high)


def _chance_at_next(primary: Primary, numbers: Estimate | None, analysis: Analysis, *, n_asked: int) -> float | None:
    """Of a verdict at the next analysis, if the effect is what is estimated now and no cohort joins."""
    if numbers is None or analysis.next_alpha is None or not analysis.number or primary.p_value_adjusted is None:
        return None
    if numbers.p_value > 0 and primary.p_value_adjusted < 1:
        n_asked = max(primary.p_value_adjusted / numbers.p_value, 1.0)  # what Holm multiplied by
    return conditional_power(
        numbers.estimate / numbers.std_error,
        growth=information_growth(analysis.number, n_before=primary.n_before, is_random=primary.is_random),
        limit=float(stats.t.isf(analysis.next_alpha / n_asked / 2, numbers.df)),
    )


def _reach_at_next(numbers: Estimate | None, primary: Primary, analysis: Analysis, alpha: float) -> float | None:
    """How far the interval will go to each side at the next analysis, if no cohort joins."""
    if numbers is None or analysis.next_alpha is None or not analysis.number:
        return None
    growth = information_growth(analysis.number, n_before=primary.n_before, is_random=primary.is_random)
    error = numbers.std_error / math.sqrt(growth)
    return float(stats.t.isf(alpha / 2, numbers.df)) * error


ALIKE = 0.5  # of a unit's means in two waves, where nothing better is known


def information_growth(n_waves: int, *, n_before: int = 1, is_random: bool = False) -> float:
    """Information after one more wave since kick-off, in units of that after `n_waves`: the variance of a mean of waves
    less that of b before goes with 1/b + 1/n, b at most WAVES_OF_YEAR; adjusted for one wave before (a lot) with
    r + 1/n, r how alike waves are (Frison & Pocock 1992)."""
    lasting = ALIKE if is_random else 1 / min(max(n_before, 1), WAVES_OF_YEAR)
    return (lasting + 1 / n_waves) / (lasting + 1 / (n_waves + 1))


def conditional_power(z: float, *, growth: float, limit: float) -> float:
    """The chance that |Z| is beyond `limit` when the information has grown by a factor, Z being `z` now and the effect
    what is estimated: Z′ is normal around z√growth with variance 1 − 1/growth (Lan & Wittes 1988). With few degrees of
    freedom the limit is Student's."""
    centre, spread = z * math.sqrt(growth), math.sqrt(1 - 1 / growth)
    return float(stats.norm.sf((limit - centre) / spread) + stats.norm.cdf((-limit - centre) / spread))


def _corrected(primary: Primary, numbers: Estimate | None, alpha: float, n_asked: int) -> float | None:
    """The estimate without the winner's curse, where an effect was found by a study that would have found the minimum
    important difference less than every other time."""
    smallest = primary.minimum_important_difference
    if numbers is None or smallest is None or (primary.p_value_adjusted or 1.0) >= alpha:
        return None
    limit = float(stats.t.isf(alpha / n_asked / 2, numbers.df))
    power = stats.nct.sf(limit, numbers.df, smallest / numbers.std_error)
    if power >= WEAK:
        return None
    return numbers.std_error * without_selection(numbers.estimate / numbers.std_error, limit)


def without_selection(z: float, limit: float) -> float:
    """A `z` corrected for that only those beyond `limit` are looked at: the mean of the maximum of the conditional
    likelihood φ(z − μ)/(Φ(μ − c) + Φ(−μ − c)) and of its centre of gravity, which between them err least over all μ
    (Ghosh, Zou & Wright 2008, American Journal of Human Genetics 82(5): their third estimator)."""
    means = np.linspace(min(0.0, z) - 8, max(0.0, z) + 8, 20_001)
    seen = np.logaddexp(stats.norm.logsf(limit - means), stats.norm.logcdf(-limit - means))
    logged = stats.norm.logpdf(z - means) - seen
    likelihood = np.exp(logged - logged.max())
    centre = float((means * likelihood).sum() / likelihood.sum())
    return (float(means[likelihood.argmax()]) + centre) / 2


def answer_table(concluded: list[Concluded], analysis: Analysis) -> pl.DataFrame:
    """`est_answer`: one row; none where the study has no primary outcome.

    **Stop** where an outcome or a guardrail became worse, or every primary outcome is a no go. **Scale** where one is a
    go. **Not yet** otherwise. Its certainty is that of the surest outcome that carries it; where all are a no go, that
    of the least sure.
    """
    if not concluded:
        return pl.DataFrame(schema=ANSWERS)
    answer, carrying = _answer(concluded)
    is_all = answer is Answer.STOP and not any(each.ruling.is_harm for each in carrying)
    surest = (min if is_all else max)(carrying, key=lambda each: each.certainty)
    row = {
        "answer": answer,
        "reason": "; ".join(f"{each.primary.title}: {each.ruling.reason}" for each in carrying),
        "certainty": surest.certainty,
        "certainty_reason": surest.certainty_reason or None,
        "analysis": analysis.number,
        "planned_analyses": analysis.planned,
        "alpha": analysis.alpha,
        "last_wave": analysis.last_wave,
        "next_wave": analysis.next_wave,
    }
    return pl.DataFrame([row], schema=ANSWERS)


def _answer(concluded: list[Concluded]) -> tuple[Answer, list[Concluded]]:
    """The answer, and what carries it: where it is not yet, the outcome that came nearest."""
    harmed = [each for each in concluded if each.ruling.is_harm]
    go = [each for each in concluded if each.ruling.decision is Decision.GO]
    not_yet = [each for each in concluded if each.ruling.decision is Decision.NOT_YET]
    if harmed:
        return Answer.STOP, harmed
    if go:
        return Answer.SCALE, go
    if not not_yet:
        return Answer.STOP, concluded

    def far(each: Concluded) -> float:
        return 1.0 if each.primary.p_value_adjusted is None else each.primary.p_value_adjusted

    return Answer.NOT_YET, [min(not_yet, key=far)]

"""Who answers: response rates as an outcome, weights for silence, and bounds that assume the least.

That the programme changes *who answers* is the sample-ratio mismatch of survey studies: compare response rates as any
other outcome, weight the answers to those eligible, and say how far selection alone could go (Lee 2009).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, stats

from inference.att import GroupTime
from inference.jackknife import Uncertainty
from inference.panel import Panel, is_control


def response_panel(eligible: np.ndarray, panel: Panel) -> Panel:
    """Response as the outcome: share who answered among those eligible (units × periods)."""
    return replace(panel, n=eligible, total=panel.n)


def weighted_for_response(eligible: np.ndarray, panel: Panel) -> Panel:
    """Each answer stands for as many colleagues as were asked in its unit and period (weighting-class adjustment,
    Little & Rubin 2019, ch. 3). Holds if, within unit and period, who is silent is like who answers."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(panel.n > 0, panel.total / panel.n, 0.0)
    asked = np.where(panel.n > 0, eligible, 0.0)
    return replace(panel, n=asked, total=asked * mean)


@dataclass(frozen=True)
class Bounds:
    """The least and the largest effect on those who would answer in either arm, and how many answers were trimmed."""

    low: float
    high: float
    trimmed_share: float
    n_trimmed: float


def lee_bounds(
    values: np.ndarray,
    pilot: np.ndarray,
    control: np.ndarray,
    *,
    rate_pilot: float,
    rate_control: float,
) -> Bounds:
    """Lee (2009, Rev. Econ. Stud. 76(3)): trim the arm that answers more by the excess, from above and from below.

    `values` are the distinct answers in rising order, `pilot` and `control` how many gave each. Assumes that the
    programme moves everybody's willingness to answer in one direction. Raises ValueError where an arm has no answer.
    """
    if not pilot.sum() or not control.sum() or min(rate_pilot, rate_control) <= 0:
        raise ValueError("both arms need answers")
    order = np.argsort(values)
    values, pilot, control = values[order].astype(float), pilot[order].astype(float), control[order].astype(float)
    excess = 1 - min(rate_pilot, rate_control) / max(rate_pilot, rate_control)
    n_trimmed = excess * float((pilot if rate_pilot >= rate_control else control).sum())
    if rate_pilot >= rate_control:
        rest = float(values @ control / control.sum())
        low, high = (_trimmed(values, pilot, excess, top=top) - rest for top in (True, False))
        return Bounds(low, high, excess, n_trimmed)
    rest = float(values @ pilot / pilot.sum())
    low, high = (rest - _trimmed(values, control, excess, top=top) for top in (False, True))
    return Bounds(low, high, excess, n_trimmed)


def _trimmed(values: np.ndarray, counts: np.ndarray, share: float, *, top: bool) -> float:
    """Mean without this share of the answers from the top or the bottom; part of an answer may be cut."""
    heft = counts[::-1] if top else counts
    gone = np.minimum(np.cumsum(heft), share * counts.sum())
    kept = heft - np.diff(gone, prepend=0.0)
    kept = kept[::-1] if top else kept
    return float(values @ kept / kept.sum())


def interval_of_set(low: float, high: float, uncertainty: Uncertainty, *, alpha: float) -> tuple[float, float]:
    """An interval that holds the effect, wherever in the set it lies, with probability 1 − alpha.

    Imbens & Manski (2004), Econometrica 72(6), equation (6) with Student's t: both ends reach out by c errors, where
    F(c + (high − low)/se) − F(−c) = 1 − alpha: two-sided where the set is a point, one-sided where it is wide, since
    the effect is at one end only. `uncertainty` is that of the ends.
    """
    width = (high - low) / uncertainty.std_error

    def misses(reach: float) -> float:
        return stats.t.cdf(reach + width, uncertainty.df) - stats.t.cdf(-reach, uncertainty.df) - (1 - alpha)

    reach = optimize.brentq(misses, 0.0, float(stats.t.ppf(1 - alpha / 2, uncertainty.df)) + 1e-9)
    return low - reach * uncertainty.std_error, high + reach * uncertainty.std_error


@dataclass(frozen=True)
class Histograms:
    """Answers of each cohort (by first treated period) and period: `counts` (cohorts × periods × values)."""

    values: np.ndarray
    cohorts: np.ndarray
    counts: np.ndarray

    def of(self, cohorts: np.ndarray, t: int) -> np.ndarray:
        """How many people of these cohorts gave each value in period `t`."""
        return self.counts[np.isin(self.cohorts, cohorts), t - 1].sum(axis=0)


def selection_bounds(effects: GroupTime, eligible: np.ndarray, answers: Histograms) -> Bounds:
    """Lee's bounds of the average effect over treated cohort-periods, in a difference in differences.

    In each ATT(g,t) the share of the cohort that would have answered without the programme is its own before, moved as
    the control's moved. If more answer, anybody may be the excess: the pilot's answers are trimmed. If fewer do, those
    who fell silent are to be taken out of what the cohort would have answered, which nobody saw: its mean moves as the
    control's (parallel trends), its shape is taken once from the control now and once from the cohort before, and the
    set holds both. Bounds of a weighted mean are the weighted mean of bounds. A set, without sampling error
    (`interval_of_set`).
    `eligible` (units × periods) are people asked; `n_trimmed` is that of the pair of which the fewest were trimmed.
    Raises ValueError where a pair cannot be bounded.
    """
    panel = effects.panel
    usable = np.flatnonzero((effects.t >= effects.g) & np.isfinite(effects.value))
    if not usable.size:
        raise ValueError("no effect to bound")
    found, weight, n_trimmed = [], [], []
    for pair in usable:
        g, t, base = (int(column[pair]) for column in (effects.g, effects.t, effects.base))
        pilot = panel.cohort == g
        control = is_control(panel, g, max(t, base) + effects.anticipation, effects.control)

        def share(member: np.ndarray, period: int) -> float:
            asked = eligible[member, period - 1].sum()
            return float(panel.n[member, period - 1].sum() / asked) if asked > 0 else 0.0

        def mean(member: np.ndarray, period: int) -> float:
            return float(panel.total[member, period - 1].sum() / panel.n[member, period - 1].sum())

        rates = {
            "rate_pilot": share(pilot, t),
            "rate_control": min(1.0, share(pilot, base) + share(control, t) - share(control, base)),
        }
        if rates["rate_control"] <= 0:
            raise ValueError("by the control's change nobody of a cohort would have answered without the programme")
        now = answers.of(np.array([g]), t)
        shapes = [(answers.of(np.unique(panel.cohort[control]), t), mean(pilot, base) - mean(control, base))]
        if rates["rate_pilot"] < rates["rate_control"]:
            shapes.append((answers.of(np.array([g]), base), mean(control, t) - mean(control, base)))
        pair_bounds = [(lee_bounds(answers.values, now, shape, **rates), moved) for shape, moved in shapes]
        low = min(bounds.low - moved for bounds, moved in pair_bounds)
        high = max(bounds.high - moved for bounds, moved in pair_bounds)
        found.append((low, high, pair_bounds[0][0].trimmed_share))
        n_trimmed.append(min(bounds.n_trimmed for bounds, _ in pair_bounds))
        weight.append(panel.people[pilot].sum())
    low, high, trimmed = np.average(found, axis=0, weights=weight)
    return Bounds(float(low), float(high), float(trimmed), min(n_trimmed))

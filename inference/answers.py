"""Who answers: response rates as an outcome, weights for silence, and bounds that assume the least.

That the programme changes *who answers* is the sample-ratio mismatch of survey studies: compare response rates as any
other outcome, weight the answers to those eligible, and say how far selection alone could go (Lee 2009).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from inference.att import Panel


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
    """The least and the largest effect on those who would answer in either arm."""

    low: float
    high: float
    trimmed_share: float


def lee_bounds(
    values: np.ndarray, pilot: np.ndarray, control: np.ndarray, *, rate_pilot: float, rate_control: float
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
    if rate_pilot >= rate_control:
        rest = float(values @ control / control.sum())
        return Bounds(
            _trimmed(values, pilot, excess, top=True) - rest, _trimmed(values, pilot, excess, top=False) - rest, excess
        )
    rest = float(values @ pilot / pilot.sum())
    return Bounds(
        rest - _trimmed(values, control, excess, top=False), rest - _trimmed(values, control, excess, top=True), excess
    )


def _trimmed(values: np.ndarray, counts: np.ndarray, share: float, *, top: bool) -> float:
    """Mean without this share of the answers from the top or the bottom; part of an answer may be cut."""
    heft = counts[::-1] if top else counts
    gone = np.minimum(np.cumsum(heft), share * counts.sum())
    kept = heft - np.diff(gone, prepend=0.0)
    kept = kept[::-1] if top else kept
    return float(values @ kept / kept.sum())

"""`est_diagnostics`: what stands around the estimates. Each row is a question about a number, its answer, or why none.

A diagnostic never decides: it tells whether what a headline rests on can be believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from inference import answers, associations, att, life_tables, randomised, trends, twfe
from inference.att import Aggregate, GroupTime, Panel
from inference.jackknife import Uncertainty, jackknife
from inference.judging import ALL, Arms, Question, arms_of, judge
from inference.means import (
    Indexed,
    Setting,
    contrasts,
    histograms_of,
    panel_from_cells,
    size_of_values,
    strata_of,
)
from inference.power import intraclass_correlation
from inference.results import NotEstimable
from inference.retention import arms_of_windows, followed, windows

DIAGNOSTICS = {
    "programme": pl.String,
    "metric": pl.String,
    "diagnostic": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value": pl.Float64,
    "df": pl.Float64,
    "n_pilot": pl.Int64,
    "n_control": pl.Int64,
    "says": pl.String,
    "status": pl.String,
    "reason": pl.String,
}
DRAWS = 999
SEED = 20_260_101  # of draws only; the same data give the same digits


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One answer: numbers as far as the question has them, the people behind it, and what follows by rule. The people
    behind selection bounds are those whose answers were trimmed."""

    name: str
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    df: float | None = None
    n_pilot: int | None = None
    n_control: int | None = None
    says: str | None = None
    reason: str | None = None


def _unknown(name: str, reason: str) -> Diagnostic:
    return Diagnostic(name=name, reason=reason)


def _judged(name: str, part: Aggregate, arms, panel: Panel, setting: Setting, words: tuple[str, str]) -> Diagnostic:
    """An effect as a diagnostic: `words` are what it says where zero lies outside its interval, and where not."""
    scale = size_of_values(panel)
    result, _ = judge(part, arms, cohort=panel.cohort, method="", alpha=setting.alpha, scale=scale)
    if isinstance(result, NotEstimable):
        return _unknown(name, result.reason)
    return Diagnostic(
        name=name,
        value=result.estimate,
        ci_low=result.ci_low,
        ci_high=result.ci_high,
        p_value=result.p_value,
        df=result.df,
        n_pilot=result.n_pilot,
        n_control=result.n_control,
        says=words[0] if result.p_value < setting.alpha else words[1],
    )


def mean_diagnostics(
    question: Question, cells: pl.DataFrame, setting: Setting, doses: pl.DataFrame
) -> Iterator[Diagnostic]:
    """Of a mean, from its cells (all segments)."""
    if setting.unit == "person":  # moments of changes tell neither trends nor units
        return
    everybody = cells.filter((pl.col("n_eligible") > 0) & (pl.col("segment") == ALL))
    observed = everybody.filter(pl.col("n_observed") > 0)
    if observed.is_empty():
        return
    indexed = panel_from_cells(observed, question.period)
    panel = indexed.panel
    rng = np.random.default_rng(SEED)
    effects = att.group_time_effects(panel, anticipation=setting.anticipation)
    usable = (effects.t >= effects.g) & np.isfinite(effects.value)
    arms = arms_of(effects, usable)
    found: list[Diagnostic] = [_alike(indexed)]
    simple = att.simple(effects)
    result, uncertainty = judge(
        simple, arms, cohort=panel.cohort, method="", alpha=setting.alpha, scale=size_of_values(panel)
    )
    if uncertainty is None:
        found.append(_unknown("pre_trend", f"the difference in differences is not estimable: {result.reason}"))
    else:
        if question.role == "placebo":
            words = ("what coaching cannot move has moved: the arms differ in something else", "no movement was seen")
            found.append(_judged("placebo_outcome", simple, arms, panel, setting, words))
        found += _trends(effects, uncertainty, setting, rng, is_primary=question.role == "primary")
        # Silent units too: where nobody answers the response rate is zero, and not unknown.
        found += _responses(question, everybody, setting)
        found += _decays(question, cells, effects, setting)
        found += _dose(indexed, doses, setting)
    if question.role == "primary":
        found += _second_opinions(indexed, setting, rng, is_estimable=uncertainty is not None)
    for each in found:
        if each.n_pilot is not None or each.reason is not None:
            yield each
        else:
            yield replace(each, n_pilot=arms.n_pilot, n_control=arms.n_control)


def _responses(question: Question, everybody: pl.DataFrame, setting: Setting) -> Iterator[Diagnostic]:
    indexed = panel_from_cells(everybody, question.period)
    if not np.any(indexed.eligible > indexed.panel.n):
        return
    panel = answers.response_panel(indexed.eligible, indexed.panel)
    effects = att.group_time_effects(panel, anticipation=setting.anticipation)
    usable = (effects.t >= effects.g) & np.isfinite(effects.value)
    words = ("the programme changes who answers", "no change in who answers was seen")
    yield _judged("response_rate", att.simple(effects), arms_of(effects, usable), panel, setting, words)
    if setting.answers.is_empty():
        return
    name = "selection_bounds"
    # Silent units count as asked; a period in which nobody was scored is no base.
    scored = everybody.filter((pl.col("n_observed") > 0).any().over("period_start"))
    seen = panel_from_cells(scored, question.period)
    try:
        bounds = answers.selection_bounds(
            att.group_time_effects(seen.panel, anticipation=setting.anticipation),
            seen.eligible,
            histograms_of(seen, setting.answers),
        )
    except ValueError as problem:
        yield _unknown(name, str(problem))
        return
    holds = "stays" if bounds.low > 0 or bounds.high < 0 else "does not stay"
    yield Diagnostic(
        name=name,
        value=bounds.trimmed_share,
        ci_low=bounds.low,
        ci_high=bounds.high,
        says="identified set (no interval) if those who answer only in one arm are the happiest or the unhappiest; "
        f"the effect {holds} away from zero; value: the share of answers that were trimmed",
        n_pilot=int(bounds.n_trimmed),
        n_control=int(bounds.n_trimmed),
    )


def _alike(indexed: Indexed) -> Diagnostic:
    """Intraclass correlation in the first period, of `value` only."""
    panel = indexed.panel
    first = int(np.flatnonzero(panel.observed)[0])
    found = intraclass_correlation(panel.n[:, first], panel.total[:, first], indexed.centred_squares[:, first])
    name = "intraclass_correlation"
    if found is None:
        return _unknown(name, "no unit has two people in the first period")
    return Diagnostic(name=name, value=found.icc, says="how alike people of one unit are, in the first period")


def _trends(
    effects: GroupTime, uncertainty: Uncertainty, setting: Setting, rng, *, is_primary: bool
) -> Iterator[Diagnostic]:
    events = {e: part for e, part in att.by_event_time(effects).items() if np.isfinite(part.without).all()}
    before = {e: part for e, part in events.items() if e < -effects.anticipation}
    steps = att.steps_by_event_time(effects)
    test = trends.pre_trend(
        list(before.values()), uncertainty.df, steps=np.array([steps[e] for e in before]), alpha=setting.alpha
    )
    if test is None:
        yield _unknown("pre_trend", "no period before kick-off to look at, or too few units for as many periods")
    else:
        apart = test.p_value < setting.alpha
        yield Diagnostic(
            name="pre_trend",
            value=test.statistic,
            p_value=test.p_value,
            df=test.df_denominator,
            says="the arms moved apart before kick-off" if apart else "no movement apart before kick-off was seen",
        )
        yield Diagnostic(
            name="pre_trend_detectable_drift",
            value=test.drift,
            says="the steady drift per period that the test would have seen with a chance of 80 %",
        )
    curve = list(events.values())
    critical = associations.simultaneous_critical_value(curve, uncertainty.df, alpha=setting.alpha, rng=rng)
    if critical is not None:
        says = f"standard errors that a band over the {len(curve)} event times with an error reaches"
        yield Diagnostic(name="band_critical_value", value=critical, says=says)
    curve = att.by_distance(att.group_time_effects(effects.panel, base="universal", anticipation=effects.anticipation))
    curve = {s: part for s, part in curve.items() if np.isfinite(part.without).all()}
    times = np.array(sorted(curve))
    earlier, later = ([curve[s] for s in times if s * sign > 0] for sign in (-1, 1))
    if not earlier or not later:
        yield _unknown("relative_magnitude", "fewer than two periods before kick-off, or none after it")
        return
    weights = np.full(len(later), 1 / len(later))
    size = trends.relative_magnitude(
        np.array([part.value for part in earlier]),
        np.array([part.value for part in later]),
        weights=weights,
        times=times,
    )
    if size is None:
        yield _unknown("relative_magnitude", "nothing moves before kick-off")
    else:
        yield Diagnostic(
            name="relative_magnitude",
            value=size.breakdown,
            ci_low=size.low,
            ci_high=size.high,
            says="identified set (no interval) if drift goes on as before; value: the multiple at which it reaches 0",
        )
    yield _placebo_date(earlier, effects, setting)
    if is_primary:
        yield from _smoothness(earlier, later, times, uncertainty.df, setting)


def _placebo_date(earlier: list[Aggregate], effects: GroupTime, setting: Setting) -> Diagnostic:
    """An effect of a kick-off that was not: the mean of what lies before the last period, against that period."""
    mean = Aggregate(
        -float(np.mean([part.value for part in earlier])),
        -np.mean([part.without for part in earlier], axis=0),
        np.zeros(0),
    )
    words = ("an effect before there was a programme", "no effect of an invented earlier kick-off")
    before = (effects.event_time < -effects.anticipation) & np.isfinite(effects.value)
    return _judged("placebo_date", mean, arms_of(effects, before), effects.panel, setting, words)


def _smoothness(earlier, later, times: np.ndarray, df: float, setting: Setting) -> Iterator[Diagnostic]:
    """Honest intervals of the mean effect: for a straight drift, and for one that bends as much as it did before."""
    parts = [*earlier, *later]
    covariance = trends.jackknife_covariance(parts)
    if covariance is None:
        return
    weights = np.full(len(later), 1 / len(later))
    study = np.array([part.value for part in parts])
    bend = trends.largest_bend(study[: len(earlier)], times[: len(earlier)])
    for name, m, allows in (
        ("smooth_trend_straight", 0.0, "a straight drift"),
        ("smooth_trend_bent", bend, "a drift that bends by no more than it did before kick-off"),
    ):
        if m == 0.0 and name.endswith("bent"):
            yield _unknown(name, "too few periods before kick-off to see how much the drift bends")
            continue
        try:
            low, high = trends.smoothness_interval(
                study, covariance, n_pre=len(earlier), weights=weights, m=m, alpha=setting.alpha, df=df, times=times
            )
        except ValueError as problem:
            yield _unknown(name, str(problem))
            continue
        holds = "stays" if low > 0 or high < 0 else "does not stay"
        yield Diagnostic(
            name=name,
            value=(low + high) / 2,
            ci_low=low,
            ci_high=high,
            says=f"allowing for {allows}, the effect {holds} away from zero",
        )


ORDERED = ("cascade_depth", "coach_load")


def _decays(question: Question, cells: pl.DataFrame, effects: GroupTime, setting: Setting) -> Iterator[Diagnostic]:
    """Does the effect fall from wave to wave, with depth, with load? Change per step, by the units' own errors."""
    words = ("the effect changes as it scales", "no change of the effect as it scales was seen")
    by_wave = [part for part in att.by_cohort(effects).values() if np.isfinite(part.value)]
    post = (effects.t >= effects.g) & np.isfinite(effects.value)
    if len(by_wave) > 1:
        slope = associations.slope_over(by_wave, np.arange(len(by_wave), dtype=float))
        smallest = min(arms_of(effects, post & (effects.g == g)).n_pilot for g in np.unique(effects.g[post]))
        arms = replace(arms_of(effects, post), n_pilot=smallest)
        yield _judged("slope_by_wave", slope, arms, effects.panel, setting, words)
    for dimension in ORDERED:
        found = _of_segments(cells.filter(pl.col("segment").str.starts_with(f"{dimension}:")), setting, question.period)
        if found is None:
            continue
        parts, panel, arms = found
        slope = associations.slope_over(parts, np.arange(len(parts), dtype=float))
        yield _judged(f"slope_by_{dimension}", slope, arms, panel, setting, words)


def _of_segments(cells: pl.DataFrame, setting: Setting, period: str):
    """Simple effects of ordered segments on the units of all of them, or None with fewer than two."""
    observed = cells.filter(pl.col("n_observed") > 0)
    units = observed["unit_id"].unique().sort().to_list()
    place = {unit: index for index, unit in enumerate(units)}
    parts, cohort = [], np.zeros(len(units), int)
    pilot, control = np.zeros((2, len(units)), bool)
    n_pilot, n_control = [], []
    for segment in sorted(observed["segment"].unique(), key=_position):
        indexed = panel_from_cells(observed.filter(pl.col("segment") == segment), period)
        effects = att.group_time_effects(indexed.panel, anticipation=setting.anticipation)
        chosen = (effects.t >= effects.g) & np.isfinite(effects.value)
        if not chosen.any():
            continue
        part = att.simple(effects)
        rows = np.array([place[unit] for unit in indexed.units])
        without = np.full(len(units), part.value)
        without[rows] = part.without
        parts.append(Aggregate(part.value, without, np.zeros(len(units))))
        arms = arms_of(effects, chosen)
        cohort[rows] = np.maximum(cohort[rows], indexed.panel.cohort)
        pilot[rows] |= arms.pilot
        control[rows] |= arms.control
        n_pilot.append(arms.n_pilot)
        n_control.append(arms.n_control)
    if len(parts) < 2:
        return None
    panel = Panel(np.ones((len(units), 1)), np.zeros((len(units), 1)), cohort, np.ones(len(units)))
    # A slope and its other parts give the smallest one away: it counts.
    return parts, panel, Arms(pilot=pilot, control=control, n_pilot=min(n_pilot), n_control=min(n_control))


def _position(segment: str) -> tuple[float, str]:
    """`under 10` before `10 to under 15` before `15 and more`; depths by their number."""
    words = segment.split(": ", 1)[1].split()
    numbers = [float(word) for word in words if word.replace(".", "", 1).isdigit()]
    return (-1.0 if words[0] == "under" else numbers[0] if numbers else float("inf"), segment)


def _dose(indexed: Indexed, doses: pl.DataFrame, setting: Setting) -> Iterator[Diagnostic]:
    """Change of the outcome per check-in held per person and month, among pilot units: an association."""
    if doses.is_empty():
        return
    of_unit = dict(
        doses.filter(pl.col("n_person_months") > 0)
        .select("unit_id", pl.col("n_held") / pl.col("n_person_months"))
        .iter_rows()
    )
    dose = np.array([of_unit.get(unit, np.nan) for unit in indexed.units])
    found = associations.dose_response(indexed.panel, dose)
    name = "dose_response"
    if found is None or found.units.sum() < 10:
        yield _unknown(name, "fewer than ten pilot units with a dose, or all with the same")
        return
    part = found.slope
    moved = jackknife(
        theta=part.value,
        theta_without=part.without[found.units],
        cohort=indexed.panel.cohort[found.units],
        scale=size_of_values(indexed.panel),
    )
    if moved is None:
        yield _unknown(name, "the error cannot be computed: the outcome does not vary, or rests on a single unit")
        return
    low, high = moved.interval(part.value, alpha=setting.alpha)
    yield Diagnostic(
        name=name,
        value=part.value,
        ci_low=low,
        ci_high=high,
        p_value=moved.p_value(part.value),
        df=moved.df,
        says="association per check-in a month, no effect: who meets more differs in other things too",
    )


def _second_opinions(indexed: Indexed, setting: Setting, rng, *, is_estimable: bool) -> Iterator[Diagnostic]:
    panel = indexed.panel
    try:
        if not is_estimable:
            raise ValueError("the difference in differences is not estimable")
        p = twfe.wild_cluster_bootstrap(twfe.of_panel(panel), draws=DRAWS, rng=rng)
        says = "restricted wild cluster bootstrap of the two-way fixed effects coefficient"
        yield Diagnostic(name="wild_cluster_bootstrap", p_value=p, says=says)
    except ValueError as problem:
        yield _unknown("wild_cluster_bootstrap", str(problem))
    if not setting.is_random:
        yield _unknown("randomisation_inference", "assignment was not random: there is no lot to draw again")
        return
    strata = strata_of(indexed, setting)

    def headline(drawn: Panel) -> Aggregate:
        return att.simple(contrasts(drawn, strata))

    try:
        p = randomised.randomisation_p_value(panel, stratum=strata, statistic=headline, draws=DRAWS, rng=rng)
        says = "share of re-drawn lots with a studentised effect at least as large"
        yield Diagnostic(name="randomisation_inference", p_value=p, says=says)
    except ValueError as problem:
        yield _unknown("randomisation_inference", str(problem))


def retention_diagnostics(cells: pl.DataFrame, *, months: int) -> Iterator[Diagnostic]:
    """Of a time: the log-rank test after kick-off, with errors that know that colleagues are alike."""
    observed = cells.filter(pl.col("segment") == ALL)
    if observed.is_empty():
        return
    units = observed["unit_id"].unique().sort()
    cohorts = list(followed(windows(observed, units, months), takes_off=False).values())
    name = "log_rank"
    if not cohorts:
        yield _unknown(name, f"no cohort is covered by snapshots for {months} months after kick-off")
        return
    tests = []
    for after, _ in cohorts:
        involved = after.pilot | after.control
        kept = involved[:, None]
        tests.append(
            life_tables.log_rank(np.where(kept, after.at_risk, 0), np.where(kept, after.events, 0), after.pilot)
        )
    arms = arms_of_windows(cohorts)
    of_unit = dict(observed.select("unit_id", "cohort").unique().iter_rows())
    difference = sum(test.difference for test in tests)
    result, _ = judge(
        Aggregate(difference, np.sum([test.without for test in tests], axis=0), np.zeros(0)),
        arms,
        cohort=np.array([of_unit[unit] for unit in units]),
        method="",
        alpha=0.05,
        scale=max(abs(difference), 1.0),
    )
    if isinstance(result, NotEstimable):
        yield _unknown(name, result.reason)
        return
    yield Diagnostic(
        name=name,
        value=result.estimate,
        p_value=result.p_value,
        df=result.df,
        n_pilot=result.n_pilot,
        n_control=result.n_control,
        says="leavers of the pilot beyond those expected if both arms left alike, after kick-off",
    )


def diagnostic_table(programme: str, found: list[tuple[str, Diagnostic]]) -> pl.DataFrame:
    """`est_diagnostics` from (metric, diagnostic)."""
    rows = [
        {
            "programme": programme,
            "metric": metric,
            "diagnostic": each.name,
            "value": each.value,
            "ci_low": each.ci_low,
            "ci_high": each.ci_high,
            "p_value": each.p_value,
            "df": each.df,
            "n_pilot": each.n_pilot,
            "n_control": each.n_control,
            "says": each.says,
            "status": "not_estimable" if each.reason else "estimated",
            "reason": each.reason,
        }
        for metric, each in found
    ]
    return pl.DataFrame(rows, schema=DIAGNOSTICS).sort("metric", "diagnostic")

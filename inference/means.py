"""The lines of an outcome that is a mean: the headline, its aggregations, and what other estimators say beside it.

Where the lot decided, the headline is the contrast of units after kick-off, adjusted for their own past (ANCOVA); where
units volunteered, ATT(g,t) of Callaway and Sant'Anna. Everything else is named for what it is: a sensitivity, an
adjustment, or a comparison that should not be believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl

from inference import adjusted, answers, att, persons, randomised, twfe
from inference.adjusted import Moments
from inference.att import Aggregate, GroupTime, Panel
from inference.balanced import balanced_effect
from inference.judging import (
    ALL,
    JACKKNIFE,
    Arms,
    Line,
    Question,
    arms_of,
    detectable_by_design,
    detectable_by_error,
    judge,
)
from inference.power import TYPICAL_ICC
from inference.results import NotEstimable

ATT = "ATT(g,t) of Callaway and Sant'Anna (2021)"
CONTRAST = "difference of unit means after kick-off"
AVERAGES = ("dynamic", "dynamic_balanced", "group", "calendar")  # of the curve


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the study says about all its outcomes. `stratum` labels units where the lot was drawn in strata,
    `is_trained` tells whose coach took part, `anticipation` how many periods before kick-off may be moved already;
    `changes`, `products` and `answers` are `cell_differences`, `cell_covariates` and `cell_answers` of one metric
    (empty: nothing to adjust by, or to bound with).
    """

    design: str
    unit: str
    alpha: float
    stratum: Mapping[str, str] = field(default_factory=dict)
    is_trained: Mapping[str, bool] = field(default_factory=dict)
    anticipation: int = 0
    changes: pl.DataFrame = field(default_factory=pl.DataFrame)
    products: pl.DataFrame = field(default_factory=pl.DataFrame)
    answers: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def is_random(self) -> bool:
        """Whether a lot was drawn."""
        return self.design == "randomised"


@dataclass(frozen=True)
class Indexed:
    """A panel with the names behind its numbers (of cohorts by first treated period, of units, of periods), the period
    that each cohort's kick-off cuts, and what else its cells hold (units × periods): people asked, and squares around
    the cell's own mean."""

    panel: Panel
    cohort_names: dict[int, str]
    units: list[str]
    calendar: Calendar
    cut_periods: dict[str, date]
    eligible: np.ndarray
    centred_squares: np.ndarray


def panel_from_cells(cells: pl.DataFrame, period: str = "") -> Indexed:
    """Units × calendar periods from `cell_means`.

    Periods run from the first to the last observed one without a gap (from an earlier kick-off's, if that lies before);
    what was not observed is a column of zeros. The period that a unit's own kick-off cuts (`cut_period_start`) mixes
    before and after: its cell is left out. A pilot unit whose kick-off lies after the last period is not yet treated.
    """
    cut_periods: dict[str, date] = {}
    if "cut_period_start" in cells.columns:
        is_cut = pl.col("period_start") == pl.col("cut_period_start")
        cut_periods = dict(cells.filter(is_cut).select("cohort", "period_start").unique().sort("cohort").iter_rows())
        cells = cells.with_columns(
            pl.when(is_cut).then(0).otherwise(pl.col(name)).alias(name)
            for name in ("n_observed", "n_eligible", "value_sum", "centred_sum_of_squares")
        )
    calendar = calendar_of(cells, period)
    units = (
        cells.group_by("unit_id")
        .agg(
            pl.col("arm").first(),
            pl.col("cohort").first(),
            pl.col("cohort_period_start").first(),
            pl.col("n_people").first(),
        )
        .sort("unit_id")
    )
    placed = cells.with_columns(
        row=pl.col("unit_id").replace_strict(units["unit_id"], np.arange(units.height), return_dtype=pl.Int64),
        column=calendar.index(pl.col("period_start")) - 1,
    )
    n, total, eligible, squares = np.zeros((4, units.height, len(calendar.periods)))
    where = placed["row"].to_numpy(), placed["column"].to_numpy()
    n[where] = placed["n_observed"].to_numpy()
    total[where] = placed["value_sum"].to_numpy()
    eligible[where] = placed["n_eligible"].to_numpy()
    squares[where] = placed["centred_sum_of_squares"].to_numpy()
    first_treated = calendar.first_treated(units)
    names: dict[int, set[str]] = {}
    for g, name in zip(first_treated, units["cohort"], strict=True):
        names.setdefault(int(g), set()).add(name)
    return Indexed(
        Panel(n, total, first_treated, units["n_people"].to_numpy().astype(float)),
        {g: " + ".join(sorted(found)) for g, found in names.items()},
        units["unit_id"].to_list(),
        calendar,
        cut_periods,
        eligible,
        squares,
    )


@dataclass(frozen=True)
class Calendar:
    """Periods without a gap, `months` long each; their index counts from 1."""

    periods: list[date]
    months: int

    def name(self, start: date) -> str:
        """A period as people write it: Q2 2024, May 2024."""
        return f"Q{(start.month + 2) // 3} {start.year}" if self.months == 3 else f"{start:%B %Y}"

    def index(self, starts: pl.Expr) -> pl.Expr:
        """The index of the period that begins on each date."""
        first = self.periods[0]
        months = (starts.dt.year().cast(pl.Int64) - first.year) * 12 + starts.dt.month().cast(pl.Int64) - first.month
        return months // self.months + 1

    def first_treated(self, rows: pl.DataFrame) -> np.ndarray:
        """The first treated period of each row's `arm` and `cohort_period_start`; NEVER for the control, one after the
        last period for a pilot whose first treated period was not observed yet."""
        late = len(self.periods) + 1
        index = pl.col("cohort_period_start").pipe(self.index).fill_null(late).clip(upper_bound=late)
        found = pl.when(pl.col("arm") == "pilot").then(index).otherwise(att.NEVER)
        return rows.with_columns(pl.col("cohort_period_start").cast(pl.Date)).select(found).to_series().to_numpy()


def calendar_of(cells: pl.DataFrame, period: str = "") -> Calendar:
    """The calendar of cells: `period` is month or quarter; not given, quarters where every period begins one."""
    observed = cells["period_start"].unique()
    starts = pl.concat([observed, cells["cohort_period_start"].cast(pl.Date).drop_nulls().unique()])
    is_quarterly = period == "quarter" or (not period and (starts.dt.month() % 3 == 1).all())
    periods = pl.date_range(starts.min(), observed.max(), "3mo" if is_quarterly else "1mo", eager=True)
    return Calendar(periods.to_list(), 3 if is_quarterly else 1)


def histograms_of(indexed: Indexed, found: pl.DataFrame) -> answers.Histograms:
    """`cell_answers` of one metric on the panel's cohorts and periods."""
    calendar = indexed.calendar
    values, cohorts = found["value"].unique().sort(), np.unique(indexed.panel.cohort)
    known = found.filter(pl.col("period_start").is_in(calendar.periods))
    known = known.with_columns(
        cohort_number=pl.Series(calendar.first_treated(known), dtype=pl.Int64),
        period=calendar.index(pl.col("period_start")),
    )
    counts = np.zeros((cohorts.size, len(calendar.periods), values.len()))
    for g, period, value, n in known.select("cohort_number", "period", "value", "n_people").iter_rows():
        if g in cohorts:
            counts[np.searchsorted(cohorts, g), period - 1, values.search_sorted(value)] += n
    return answers.Histograms(values.to_numpy(), cohorts, counts)


def strata_of(indexed: Indexed, setting: Setting) -> np.ndarray | None:
    """The units' strata, in the panel's order; None where there is one."""
    labels = np.array([setting.stratum.get(unit, ALL) for unit in indexed.units])
    return labels if np.unique(labels).size > 1 else None


def mean_lines(question: Question, cells: pl.DataFrame, setting: Setting, *, is_whole: bool = True) -> Iterator[Line]:
    """Lines of one metric, its headline first. Of a segment (`is_whole` false) there is the headline only."""
    observed = cells.filter(pl.col("n_observed") > 0)
    headline = Line(
        metric=question.metric,
        estimator="att_not_yet_treated",
        result=NotEstimable(reason=f"no records from the source {question.source}"),
        is_headline=True,
    )
    if observed.is_empty():
        yield headline
    elif setting.unit == "person":
        if is_whole:
            yield persons.change_line(headline, setting.changes, setting, persons.starts_of(observed))
        else:
            yield replace(headline, estimator="persons_change", result=NotEstimable(reason=persons.NO_SEGMENT))
    else:
        yield from _unit_lines(question, headline, panel_from_cells(observed, question.period), setting, is_whole)


def _unit_lines(
    question: Question, headline: Line, indexed: Indexed, setting: Setting, is_whole: bool
) -> Iterator[Line]:
    panel = indexed.panel
    notes = [
        f"without {indexed.calendar.name(start)} for {cohort}: its kick-off lies inside it"
        for cohort, start in indexed.cut_periods.items()
    ]
    if setting.is_random:
        baseline = _usable_baseline(panel)
        main = randomised.group_time_contrasts(panel, stratum=strata_of(indexed, setting), baseline=baseline.value)
        headline = replace(
            headline, estimator="randomised_difference" if baseline.value is None else "randomised_ancova"
        )
        notes += baseline.notes
    else:
        main = att.group_time_effects(panel, anticipation=setting.anticipation)
    if not main.value.size:
        yield replace(headline, result=NotEstimable(reason="no cohort has a period before and one after its kick-off"))
        return
    left_out = {g: why for g in indexed.cohort_names if (why := _why_left_out(g, panel, setting))}
    notes += [f"without {', '.join(indexed.cohort_names[g] for g in left_out)}"] if left_out else []
    post = main.t >= main.g
    first = _line(headline, main, att.simple(main), post, indexed=indexed, alpha=setting.alpha, note="; ".join(notes))
    yield first
    if not is_whole:
        return
    other = replace(headline, is_headline=False)
    for g, reason in left_out.items():
        cohort = indexed.cohort_names[g]
        yield replace(other, aggregation="cohort", cohort=cohort, result=NotEstimable(reason=reason))
    yield from _curve(other, main, indexed, setting.alpha)
    yield from _beside(other, main, indexed, setting, is_primary=question.role == "primary")


def _curve(line: Line, effects: GroupTime, indexed: Indexed, alpha: float) -> Iterator[Line]:
    """The headline's other aggregations."""
    post = effects.t >= effects.g
    is_staggered = np.unique(effects.g).size > 1
    for name in AVERAGES:
        if name == "dynamic_balanced" and not is_staggered:
            continue
        part = getattr(att, name)(effects)
        yield _line(replace(line, aggregation=name), effects, part, post, alpha=alpha)
    for g, part in att.by_cohort(effects).items():
        cohort = indexed.cohort_names[g]
        yield _line(
            replace(line, aggregation="cohort", cohort=cohort), effects, part, post & (effects.g == g), alpha=alpha
        )
    for e, part in att.by_event_time(effects).items():
        event = replace(line, aggregation="event_time", event_time=e)
        yield _line(event, effects, part, effects.event_time == e, alpha=alpha)


def _beside(line: Line, main: GroupTime, indexed: Indexed, setting: Setting, *, is_primary: bool) -> Iterator[Line]:
    """What other estimators say: simple aggregations, never the headline."""
    panel, alpha = indexed.panel, setting.alpha
    effects = att.group_time_effects(panel, anticipation=setting.anticipation) if setting.is_random else main
    found: dict[str, GroupTime] = {
        "att_never_treated": att.group_time_effects(panel, control="never_treated", anticipation=setting.anticipation)
    }
    if main is not effects:
        found["att_not_yet_treated"] = effects
        found["randomised_difference"] = randomised.group_time_contrasts(panel, stratum=strata_of(indexed, setting))
    if line.estimator in found:
        del found[line.estimator]
    if np.any(indexed.eligible > panel.n):
        found["att_response_weighted"] = att.group_time_effects(
            answers.weighted_for_response(indexed.eligible, panel), anticipation=setting.anticipation
        )
    for name, group_time in found.items():
        simple = replace(line, estimator=name)
        yield _line(simple, group_time, att.simple(group_time), group_time.t >= group_time.g, alpha=alpha)
    yield from _participation_lines(line, effects, indexed, setting)
    yield from _adjusted_lines(line, indexed, setting, is_primary=is_primary)
    yield _twfe_line(replace(line, estimator="twfe"), effects, alpha)


def contrasts(panel: Panel, strata: np.ndarray | None) -> GroupTime:
    """The headline of a randomised study: contrasts of units, adjusted for their past where they have one."""
    return randomised.group_time_contrasts(panel, stratum=strata, baseline=_usable_baseline(panel).value)


@dataclass(frozen=True)
class _Baseline:
    """The past of each unit (C) to adjust for, or None where there is nothing to adjust for; and what is to be said."""

    value: np.ndarray | None
    notes: tuple[str, ...] = ()


def _usable_baseline(panel: Panel) -> _Baseline:
    """The units' own past. A unit without one keeps its place with the mean of the others, which leaves the lot as it
    was drawn and every unit in (White & Thompson 2005, "Adjusting for partially missing baseline measurements in
    randomized trials", Statistics in Medicine 24); where more than half have none, nothing is adjusted for."""
    baseline = randomised.unit_baseline(panel)
    known = np.isfinite(baseline)
    if known.any() and np.std(baseline[known]) <= 1e-12 * size_of_values(panel):
        return _Baseline(None, ("not adjusted for the units' past: it is the same everywhere",))
    if 2 * known.sum() < known.size:
        n_missing = int((~known).sum())
        reason = f"not adjusted for the units' past: {n_missing} of {known.size} units have none"
        return _Baseline(None, (reason,) if known.any() else ())
    if known.all():
        return _Baseline(baseline)
    note = f"{int((~known).sum())} of {known.size} units have no past: the mean of the others stands for it"
    return _Baseline(np.where(known, baseline, baseline[known].mean()), (note,))


def _why_left_out(g: int, panel: Panel, setting: Setting) -> str:
    if g > panel.n_periods:
        return "its first treated period is not observed yet"
    if g != att.NEVER and not setting.is_random and panel.base_period(g, anticipation=setting.anticipation) is None:
        waited = ", or announced," if setting.anticipation else ""
        return f"coached{waited} from the first period on: there is no time before to compare with"
    return ""


CONTROLS = {"not_yet_treated": "not-yet-treated", "never_treated": "never-treated"}
METHODS = {
    "randomised_ancova": f"{CONTRAST}, adjusted for the unit's own past (ANCOVA) within strata",
    "randomised_difference": f"{CONTRAST} within strata",
    "att_response_weighted": f"{ATT}, answers weighted to those asked",
    "att_outcome_regression": f"{ATT}, outcome regression on baseline covariates",
    "att_doubly_robust": f"{ATT}, doubly robust: regression on covariates, assignment of units modelled by logit",
    "att_entropy_balanced": f"{ATT}, control units weighted to the pilot's covariates and size (entropy balancing)",
    "as_treated": f"{ATT}, only units whose coach was trained: a selection, no effect of assignment",
    "complier": f"{ATT}, divided by the share that took part (assignment as instrument)",
    "twfe": "two-way fixed effects: for comparison only, biased where effects differ between cohorts",
}


def _line(
    line: Line,
    effects: GroupTime,
    part: Aggregate,
    chosen: np.ndarray,
    *,
    alpha: float,
    indexed: Indexed | None = None,
    note: str = "",
) -> Line:
    usable = chosen & np.isfinite(effects.value)
    if usable.any() and (chosen & ~usable).any():
        n_lost = int((chosen & ~usable).sum())
        note = "; ".join(filter(None, [note, f"{n_lost} cohort-period(s) lack a base period or a control"]))
    panel = effects.panel
    result, uncertainty = judge(
        part,
        arms_of(effects, usable if usable.any() else chosen),
        cohort=panel.cohort,
        method=f"{METHODS.get(line.estimator, ATT)}, {CONTROLS[effects.control]} control; {JACKKNIFE}",
        alpha=alpha,
        note=note,
        scale=size_of_values(panel),
    )
    found = replace(line, result=result)
    if not line.is_headline:
        return found
    if uncertainty is None and indexed is not None:
        seen = panel.n > 0
        df = float((panel.n[seen] - 1).clip(0).sum())
        sd = float(np.sqrt(indexed.centred_squares.sum() / df / (1 - TYPICAL_ICC))) if df > 0 else None
        return detectable_by_design(found, sd=sd, people_per_unit=float(panel.n[seen].mean()), alpha=alpha)
    return detectable_by_error(found, uncertainty, alpha)


def size_of_values(panel: Panel) -> float:
    """The largest mean of a cell: what rounding is measured by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.nanmax(np.abs(panel.total / panel.n)))


# --- beside the headline -----------------------------------------------------------------------------------------


def _participation_lines(line: Line, effects: GroupTime, indexed: Indexed, setting: Setting) -> Iterator[Line]:
    """Where some pilot units never got a trained coach: those that did, and the effect on those who complied."""
    panel = indexed.panel
    took_part = np.array([bool(setting.is_trained.get(unit, False)) for unit in indexed.units])
    pilot = panel.cohort != att.NEVER
    begun = np.isin(panel.cohort, np.unique(effects.g))
    if not setting.is_trained or not (begun & took_part).any() or took_part[pilot].all():
        return
    kept = ~pilot | took_part
    chosen = att.group_time_effects(
        Panel(panel.n[kept], panel.total[kept], panel.cohort[kept], panel.people[kept]),
        anticipation=setting.anticipation,
    )
    post = chosen.t >= chosen.g
    yield _line(replace(line, estimator="as_treated"), chosen, att.simple(chosen), post, alpha=setting.alpha)
    part, post = complier_effect(effects, took_part), effects.t >= effects.g
    yield _line(replace(line, estimator="complier"), effects, part, post, alpha=setting.alpha)


def complier_effect(effects: GroupTime, took_part: np.ndarray) -> Aggregate:
    """The simple effect divided by the share of pilot people whose unit took part (Wald; Imbens & Angrist 1994).

    `took_part` (C) marks units; no control unit takes part. Holds if assignment acts through taking part only.
    """
    panel = effects.panel
    simple = att.simple(effects)
    pilot = np.isin(panel.cohort, np.unique(effects.g))
    people = np.where(pilot, panel.people, 0.0)
    joined, everybody = float(people @ took_part), float(people.sum())
    share = joined / everybody
    with np.errstate(invalid="ignore", divide="ignore"):
        share_without = (joined - people * took_part) / (everybody - people)
    of_share = np.where(pilot, panel.people * (took_part - share) / everybody, 0.0)
    influence = simple.influence / share - simple.value / share**2 * of_share
    return Aggregate(simple.value / share, simple.without / share_without, influence)


def _adjusted_lines(line: Line, indexed: Indexed, setting: Setting, *, is_primary: bool) -> Iterator[Line]:
    if setting.products.is_empty():
        return
    names = ("att_outcome_regression", "att_doubly_robust", "att_entropy_balanced")[: 3 if is_primary else 2]
    if setting.anticipation:
        reason = "changes are kept from the last period before kick-off only, and the study declares anticipation"
        yield from (replace(line, estimator=name, result=NotEstimable(reason=reason)) for name in names)
        return
    moments = moments_from_cells(indexed, setting.changes, setting.products)
    if isinstance(moments, NotEstimable):
        yield from (replace(line, estimator=name, result=moments) for name in names)
        return
    panel = indexed.panel
    with np.errstate(invalid="ignore", divide="ignore"):  # of the units, over all pairs of periods
        facts = (
            sum(sums.products[:, 0, 1:] for sums in moments.values())
            / sum(sums.n for sums in moments.values())[:, None]
        )
    if is_primary:  # weighing anew without each unit is dear
        yield _weighted_line(replace(line, estimator=names[2]), panel, facts, setting.alpha)
    for name in names[:2]:
        if name == "att_outcome_regression":
            effects = adjusted.outcome_regression(panel, moments)
        else:
            effects = adjusted.doubly_robust(panel, moments)
        post = effects.t >= effects.g
        if not np.isfinite(effects.value[post]).any():
            reason = "covariates do not vary among the controls, or separate the arms: nothing to adjust with"
            yield replace(line, estimator=name, result=NotEstimable(reason=reason))
            continue
        yield _line(replace(line, estimator=name), effects, att.simple(effects), post, alpha=setting.alpha)


def moments_from_cells(
    indexed: Indexed, changes: pl.DataFrame, products: pl.DataFrame
) -> dict[tuple[int, int], Moments] | NotEstimable:
    """Cross-products by (base, period) from `cell_differences` and `cell_covariates`, on the panel's units.

    Not estimable where somebody's covariate is missing: the products would be about other people than the changes.
    """
    covariates = products["covariate"].unique().sort().to_list()
    place = {name: index + 1 for index, name in enumerate(covariates)}
    row = {unit: index for index, unit in enumerate(indexed.units)}
    period = {start: index + 1 for index, start in enumerate(indexed.calendar.periods)}
    shape = (len(row), len(covariates) + 1)
    found: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def of(base, start) -> tuple[np.ndarray, np.ndarray]:
        return found.setdefault((period[base], period[start]), (np.zeros((*shape, shape[1])), np.zeros(shape)))

    keys = ("base_period_start", "period_start", "unit_id")
    for base, start, unit, n, total in changes.select(*keys, "n_people", "change_sum").iter_rows():
        if base in period and start in period and unit in row:
            square, change = of(base, start)
            square[row[unit], 0, 0], change[row[unit], 0] = n, total
    short: set[str] = set()
    columns = (*keys, "covariate", "times", "n_people", "product_sum")
    for base, start, unit, covariate, times, n, total in products.select(columns).iter_rows():
        if base not in period or start not in period or unit not in row:
            continue
        square, change = of(base, start)
        c, x = row[unit], place[covariate]
        if n != square[c, 0, 0]:
            short.add(covariate)
        if times == "change":
            change[c, x] = total
        else:
            y = 0 if times == "one" else place[times]
            square[c, x, y] = square[c, y, x] = total
    if short:
        return NotEstimable(reason=f"covariate(s) {', '.join(sorted(short))} are missing for some people")
    if not found:
        return NotEstimable(reason="nobody was seen in two periods")
    return {pair: Moments(*found[pair]) for pair in sorted(found)}  # sums must not depend on the order of rows


def _weighted_line(line: Line, panel: Panel, facts: np.ndarray, alpha: float) -> Line:
    facts = np.column_stack([facts, panel.people])
    varies = np.nanmax(facts, axis=0) > np.nanmin(facts, axis=0)
    if not varies.any():
        return replace(line, result=NotEstimable(reason="no covariate varies: there is nothing to weigh by"))
    try:
        part, arms = balanced_effect(panel, facts[:, varies])
    except ArithmeticError as problem:
        return replace(line, result=NotEstimable(reason=str(problem)))
    method = f"{METHODS[line.estimator]}, never-treated control; {JACKKNIFE}"
    result, _ = judge(part, arms, cohort=panel.cohort, method=method, alpha=alpha, scale=size_of_values(panel))
    return replace(line, result=result)


def _twfe_line(line: Line, effects: GroupTime, alpha: float) -> Line:
    panel = effects.panel
    try:
        fit = twfe.of_panel(panel)
    except ValueError as problem:
        return replace(line, result=NotEstimable(reason=str(problem)))
    everybody = arms_of(effects, (effects.t >= effects.g) & np.isfinite(effects.value))
    ever = panel.cohort != att.NEVER
    arms = Arms(
        pilot=ever & fit.in_use, control=~ever & fit.in_use, n_pilot=everybody.n_pilot, n_control=everybody.n_control
    )
    result, _ = judge(
        Aggregate(fit.value, fit.without, fit.influence),
        arms,
        cohort=panel.cohort,
        method=f"{METHODS[line.estimator]}; {JACKKNIFE}",
        alpha=alpha,
        scale=size_of_values(panel),
    )
    return replace(line, result=result)

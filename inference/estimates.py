"""All estimates of a study from its cells: one row per metric, estimator, aggregation, cohort and event time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl

from inference import att, life_tables
from inference.att import Aggregate, GroupTime, Panel
from inference.decisions import Guardrail, Primary, decision_table
from inference.jackknife import MIN_UNITS, ROUNDING, Uncertainty, jackknife
from inference.life_tables import LifeTable
from inference.money import Case, money_table
from inference.multiplicity import holm
from inference.power import POWER, TYPICAL_ICC, detectable_effect
from inference.results import Estimate, NotEstimable, Result

ALL = "all"
JACKKNIFE = "leave-one-unit-out jackknife, Satterthwaite df by cohort"
ATT = "ATT(g,t) of Callaway and Sant'Anna (2021)"

ESTIMATES = {
    "programme": pl.String,
    "metric": pl.String,
    "estimator": pl.String,
    "aggregation": pl.String,
    "cohort": pl.String,
    "event_time": pl.Int32,
    "segment": pl.String,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value": pl.Float64,
    "p_value_adjusted": pl.Float64,
    "df": pl.Float64,
    "n_units_pilot": pl.Int64,
    "n_units_control": pl.Int64,
    "n_pilot": pl.Int64,
    "n_control": pl.Int64,
    "method": pl.String,
    "status": pl.String,
    "reason": pl.String,
}
POWERS = {
    "programme": pl.String,
    "metric": pl.String,
    "detectable_effect": pl.Float64,
    "power": pl.Float64,
    "alpha": pl.Float64,
    "basis": pl.String,
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the study asks of one metric."""

    metric: str
    kind: str  # mean or time_to_event
    role: str
    source: str
    direction: str = "up"
    worthwhile: float | None = None  # the smallest effect worth having, in the metric's unit
    margin: float | None = None  # how much worse a guardrail may become


@dataclass(frozen=True, kw_only=True)
class Line:
    """One estimate's place in the table."""

    metric: str
    estimator: str
    aggregation: str
    cohort: str
    event_time: int | None
    result: Result
    is_headline: bool = False
    detectable: float | None = None
    basis: str = ""
    segment: str = ALL


@dataclass(frozen=True)
class Estimated:
    """The tables of the room: `est_estimates`, `est_power`, `est_decisions` and `est_money`."""

    estimates: pl.DataFrame
    power: pl.DataFrame
    decisions: pl.DataFrame
    money: pl.DataFrame


def estimate_study(
    *,
    programme: str,
    design: str,
    questions: list[Question],
    means: pl.DataFrame,
    life: pl.DataFrame,
    retention_months: int,
    alpha: float,
    case: Case | None = None,
) -> Estimated:
    """Estimates of every question, from `cell_means` and `cell_life_tables`, and what follows for money and scaling.

    Every question gets a headline row; where it cannot be answered the row says why. Holm's adjustment runs over the
    headlines of the primary questions, the unanswered ones included. Of a segment there is the headline only: a hint,
    never adjusted and never a decision.
    """
    lines: list[Line] = []
    for question in questions:
        if question.kind == "time_to_event":

            def answer(cells: pl.DataFrame, question: Question = question) -> Iterator[Line]:
                return _retention_lines(question, cells, months=retention_months, design=design, alpha=alpha)

            cells = life.filter(pl.col("metric") == question.metric)
        else:

            def answer(cells: pl.DataFrame, question: Question = question) -> Iterator[Line]:
                return _mean_lines(question, cells, alpha=alpha)

            cells = means.filter(pl.col("metric") == question.metric)
        lines += answer(cells.filter(pl.col("segment") == ALL))
        for segment in cells["segment"].unique().sort():
            if segment != ALL:
                found = answer(cells.filter(pl.col("segment") == segment))
                headline = next(line for line in found if line.is_headline)
                lines.append(replace(headline, segment=segment, is_headline=False))
    return _tables(programme, questions, lines, alpha, retention_months, case)


# --- means: ATT(g,t) ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Indexed:
    """A panel with the names of its cohorts by first treated period."""

    panel: Panel
    cohort_names: dict[int, str]


def panel_from_cells(cells: pl.DataFrame) -> _Indexed:
    """Units × periods from `cell_means`. A pilot unit whose kick-off lies after the last period is not yet treated."""
    periods = cells["period_start"].unique().sort()
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
        column=pl.col("period_start").replace_strict(periods, np.arange(periods.len()), return_dtype=pl.Int64),
    )
    n, total = np.zeros((2, units.height, periods.len()))
    where = placed["row"].to_numpy(), placed["column"].to_numpy()
    n[where] = placed["n_observed"].to_numpy()
    total[where] = placed["value_sum"].to_numpy()
    first_treated = [
        att.NEVER if arm != "pilot" else int((periods < start).sum()) + 1 if start is not None else periods.len() + 1
        for arm, start in units.select("arm", "cohort_period_start").iter_rows()
    ]
    names: dict[int, set[str]] = {}
    for g, name in zip(first_treated, units["cohort"], strict=True):
        names.setdefault(g, set()).add(name)
    return _Indexed(
        Panel(n, total, np.array(first_treated), units["n_people"].to_numpy().astype(float)),
        {g: " + ".join(sorted(found)) for g, found in names.items()},
    )


def _mean_lines(question: Question, cells: pl.DataFrame, *, alpha: float) -> Iterator[Line]:
    observed = cells.filter(pl.col("n_observed") > 0)
    headline = Line(
        metric=question.metric,
        estimator="att_not_yet_treated",
        aggregation="simple",
        cohort=ALL,
        event_time=None,
        result=NotEstimable(reason=f"no records from the source {question.source}"),
        is_headline=True,
    )
    if observed.is_empty():
        yield headline
        return
    indexed = panel_from_cells(observed)
    panel = indexed.panel
    if not panel.cohorts.size:
        yield replace(headline, result=NotEstimable(reason="no cohort has a period before and one after its kick-off"))
        return
    left_out = {g: _why_left_out(g, panel) for g in indexed.cohort_names if _why_left_out(g, panel)}
    for g, reason in left_out.items():
        line = replace(headline, aggregation="cohort", cohort=indexed.cohort_names[g], is_headline=False)
        yield replace(line, result=NotEstimable(reason=reason))
    note = f"without {', '.join(indexed.cohort_names[g] for g in left_out)}" if left_out else ""
    effects = att.group_time_effects(panel, control="not_yet_treated")
    post = effects.t >= effects.g
    yield _att_line(headline, effects, att.simple(effects), post, cells=observed, alpha=alpha, note=note)
    yield _att_line(
        replace(headline, aggregation="dynamic", is_headline=False), effects, att.dynamic(effects), post, alpha=alpha
    )
    for g, part in att.by_cohort(effects).items():
        line = replace(headline, aggregation="cohort", cohort=indexed.cohort_names[g], is_headline=False)
        yield _att_line(line, effects, part, post & (effects.g == g), alpha=alpha)
    for e, part in att.by_event_time(effects).items():
        line = replace(headline, aggregation="event_time", event_time=e, is_headline=False)
        yield _att_line(line, effects, part, effects.event_time == e, alpha=alpha)
    never = att.group_time_effects(panel, control="never_treated")
    line = replace(headline, estimator="att_never_treated", is_headline=False)
    yield _att_line(line, never, att.simple(never), never.t >= never.g, alpha=alpha)


def _why_left_out(g: int, panel: Panel) -> str:
    if g == 1:
        return "coached from the first period on: there is no time before to compare with"
    return "its kick-off lies after the last period" if g > panel.n_periods else ""


def _att_line(
    line: Line,
    effects: GroupTime,
    part: Aggregate,
    chosen: np.ndarray,
    *,
    alpha: float,
    cells: pl.DataFrame | None = None,
    note: str = "",
) -> Line:
    panel = effects.panel
    usable = chosen & np.isfinite(effects.value)
    if usable.any() and (chosen & ~usable).any():
        n_lost = int((chosen & ~usable).sum())
        note = "; ".join(filter(None, [note, f"{n_lost} cohort-period(s) lack a base period or a control"]))
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = float(np.nanmax(np.abs(panel.total / panel.n)))
    control_name = "not-yet-treated" if effects.control == "not_yet_treated" else "never-treated"
    result, uncertainty = judge(
        part,
        _arms(effects, usable if usable.any() else chosen),
        cohort=panel.cohort,
        method=f"{ATT}, {control_name} control; {JACKKNIFE}",
        alpha=alpha,
        note=note,
        scale=scale,
    )
    found = replace(line, result=result)
    if not line.is_headline:
        return found
    if uncertainty is None and cells is not None:
        df = float((cells["n_observed"] - 1).clip(0).sum())
        sd = float(np.sqrt(cells["centred_sum_of_squares"].sum() / df / (1 - TYPICAL_ICC))) if df > 0 else None
        return _detectable_by_design(found, sd=sd, people_per_unit=float(cells["n_observed"].mean()), alpha=alpha)
    return _detectable_by_error(found, uncertainty, alpha)


def _arms(effects: GroupTime, chosen: np.ndarray) -> Arms:
    """Units and people behind the chosen ATT(g,t).

    People are counted in the fullest pair of periods (the smaller of its two counts): never more than there are, so
    that a small group cannot hide behind people who were observed at other times.
    """
    panel = effects.panel
    pilot, control = np.zeros((2, panel.cohort.size), bool)
    n_pilot: dict[int, float] = {}
    n_control = 0.0
    for g, t, base in zip(effects.g[chosen], effects.t[chosen], effects.base[chosen], strict=True):
        both = panel.n[:, [t - 1, base - 1]]
        treated, untreated = panel.cohort == g, att.is_control(panel, g, max(t, base), effects.control)
        pilot |= treated & (both.sum(axis=1) > 0)
        control |= untreated & (both.sum(axis=1) > 0)
        n_pilot[g] = max(n_pilot.get(g, 0.0), both[treated].sum(axis=0).min())
        n_control = max(n_control, both[untreated].sum(axis=0).min())
    return Arms(pilot=pilot, control=control, n_pilot=int(sum(n_pilot.values())), n_control=int(n_control))


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Who stands behind a number: marked units of both arms, and their distinct people."""

    pilot: np.ndarray
    control: np.ndarray
    n_pilot: int
    n_control: int


def judge(
    part: Aggregate, arms: Arms, *, cohort: np.ndarray, method: str, alpha: float, note: str = "", scale: float = 1.0
) -> tuple[Result, Uncertainty | None]:
    """A number with its interval, or the reason why this design gives none.

    `cohort` labels every unit, `scale` is the size of the outcome's values.
    """
    counts = {
        "n_units_pilot": int(arms.pilot.sum()),
        "n_units_control": int(arms.control.sum()),
        "n_pilot": arms.n_pilot,
        "n_control": arms.n_control,
        "method": method,
    }
    if not np.isfinite(part.value):
        reason = "nothing to compare: no control unit, or no values in the base period"
        return NotEstimable(reason=reason, **counts), None
    if min(counts["n_units_pilot"], counts["n_units_control"]) < MIN_UNITS:
        reason = (
            f"too few units: {counts['n_units_pilot']} pilot and {counts['n_units_control']} control; "
            f"at least {MIN_UNITS} each are needed for an interval that holds what it claims"
        )
        return NotEstimable(reason=reason, **counts), None
    involved = arms.pilot | arms.control
    moves = np.abs(part.without - part.value) > ROUNDING * scale
    uncertainty = jackknife(
        theta=part.value, theta_without=part.without[involved], cohort=cohort[involved], scale=scale
    )
    # An arm in which nothing varies adds no error: the interval would be the other arm's alone.
    if uncertainty is None or not moves[arms.pilot].any() or not moves[arms.control].any():
        reason = "the error cannot be computed: the outcome does not vary in an arm, or rests on a single unit"
        return NotEstimable(reason=reason, **counts), None
    low, high = uncertainty.interval(part.value, alpha=alpha)
    lone = [size for size in np.unique(cohort[involved], return_counts=True)[1] if size == 1]
    if lone:
        note = "; ".join(filter(None, [note, f"{len(lone)} cohort(s) of a single unit"]))
    estimate = Estimate(
        estimate=part.value,
        std_error=uncertainty.std_error,
        ci_low=low,
        ci_high=high,
        p_value=uncertainty.p_value(part.value),
        df=uncertainty.df,
        note=note,
        **counts,
    )
    return estimate, uncertainty


def _detectable_by_error(line: Line, uncertainty: Uncertainty | None, alpha: float) -> Line:
    """Add to a headline the smallest effect that this pilot could have seen."""
    if uncertainty is None:
        return line
    size = uncertainty.detectable_effect(alpha=alpha, power=POWER)
    return replace(line, detectable=size, basis="the standard error of this study")


def _detectable_by_design(line: Line, *, sd: float | None, people_per_unit: float, alpha: float) -> Line:
    """The same where there is no error to go by: from the numbers of units and people and a typical correlation."""
    in_sd = detectable_effect(
        units_pilot=line.result.n_units_pilot,
        units_control=line.result.n_units_control,
        people_per_unit=people_per_unit,
        alpha=alpha,
    )
    if not in_sd or not sd:
        return line
    return replace(line, detectable=in_sd * sd, basis=f"the design, with an intraclass correlation of {TYPICAL_ICC}")


# --- retention: life tables --------------------------------------------------------------------------------------


def life_table_from_cells(cells: pl.DataFrame, units: pl.Series, months: int) -> LifeTable:
    """One cohort's window from `cell_life_tables`, on the given order of units, cut at `months`."""
    at_risk, events = np.zeros((2, units.len(), months))
    placed = cells.filter(pl.col("month_number") <= months).with_columns(
        row=pl.col("unit_id").replace_strict(units, np.arange(units.len()), return_dtype=pl.Int64)
    )
    where = placed["row"].to_numpy(), placed["month_number"].to_numpy() - 1
    at_risk[where] = placed["n_at_risk"].to_numpy()
    events[where] = placed["n_events"].to_numpy()
    arms = {
        arm: units.is_in(placed.filter(pl.col("comparison_arm") == arm)["unit_id"].unique().implode()).to_numpy()
        for arm in ("pilot", "control")
    }
    return LifeTable(at_risk, events, arms["pilot"], arms["control"])


def _retention_lines(
    question: Question, cells: pl.DataFrame, *, months: int, design: str, alpha: float
) -> Iterator[Line]:
    # Where assignment was random the plain difference is the effect; else what differed before is taken off.
    estimators = {"life_table_difference": False, "life_table_difference_in_differences": True}
    main = "life_table_difference" if design == "randomised" else "life_table_difference_in_differences"
    units = cells["unit_id"].unique().sort()
    tables = _windows(cells, units, months)
    for estimator, takes_off in estimators.items():
        line = Line(
            metric=question.metric,
            estimator=estimator,
            aggregation="simple",
            cohort=ALL,
            event_time=None,
            result=NotEstimable(reason=f"no records from the source {question.source}"),
            is_headline=estimator == main,
        )
        usable = {
            name: (found["after"], found.get("before") if takes_off else None)
            for name, found in tables.items()
            if "after" in found and ("before" in found or not takes_off)
        }
        if cells.is_empty() or not usable:
            reason = f"no cohort is covered by snapshots for {months} months after{' and before' * takes_off} kick-off"
            yield line if cells.is_empty() else replace(line, result=NotEstimable(reason=reason))
            continue
        labels = _cohort_labels(cells, units)
        left_out = sorted(set(tables) - set(usable))
        yield _life_line(line, list(usable.values()), labels, takes_off, left_out=left_out, alpha=alpha)
        for name, tables_of in usable.items():
            part = replace(line, aggregation="cohort", cohort=name, is_headline=False)
            yield _life_line(part, [tables_of], labels, takes_off, left_out=[], alpha=alpha)


def _windows(cells: pl.DataFrame, units: pl.Series, months: int) -> dict[str, dict[str, LifeTable]]:
    """Cohort → phase → life table, for the windows that were followed to their end in both arms."""
    found: dict[str, dict[str, LifeTable]] = {}
    for (cohort, phase), part in sorted(cells.group_by("comparison_cohort", "phase"), key=lambda item: item[0]):
        table = life_table_from_cells(part, units, months)
        whole = found.setdefault(cohort, {})
        if table.is_whole:
            whole[phase] = table
    return found


def _cohort_labels(cells: pl.DataFrame, units: pl.Series) -> np.ndarray:
    of_unit = dict(cells.select("unit_id", "cohort").unique().iter_rows())
    return np.array([of_unit[unit] for unit in units])


def _life_line(
    line: Line,
    cohorts: list[tuple[LifeTable, LifeTable | None]],
    labels: np.ndarray,
    takes_off: bool,
    *,
    left_out: list[str],
    alpha: float,
) -> Line:
    tables = [table for pair in cohorts for table in pair if table is not None]
    pilot = np.any([table.pilot for table in tables], axis=0)
    control = np.any([table.control for table in tables], axis=0)
    # A control person is watched beside every cohort: counted once, by the largest count of their unit.
    control_people = np.max([np.where(after.control, after.at_risk[:, 0], 0) for after, _ in cohorts], axis=0)
    kind = "difference in differences" if takes_off else "difference"
    result, uncertainty = judge(
        life_tables.pooled_effect(cohorts),
        Arms(
            pilot=pilot,
            control=control,
            n_pilot=sum(after.entered(after.pilot) for after, _ in cohorts),
            n_control=int(control_people.sum()),
        ),
        cohort=labels,
        method=f"Kaplan–Meier {kind} at {cohorts[0][0].months} months; {JACKKNIFE}",
        alpha=alpha,
        note=f"without {', '.join(left_out)}: not covered from the first to the last day" if left_out else "",
    )
    found = replace(line, result=result)
    if not line.is_headline:
        return found
    if uncertainty is None:
        stayed = cohorts[0][0].survival(cohorts[0][0].control)[0]
        per_unit = (result.n_pilot + result.n_control) / max(result.n_units_pilot + result.n_units_control, 1)
        return _detectable_by_design(
            found, sd=float(np.sqrt(stayed * (1 - stayed))), people_per_unit=per_unit, alpha=alpha
        )
    return _detectable_by_error(found, uncertainty, alpha)


# --- tables ------------------------------------------------------------------------------------------------------


def _tables(
    programme: str,
    questions: list[Question],
    lines: list[Line],
    alpha: float,
    months: int,
    case: Case | None,
) -> Estimated:
    primary = [question.metric for question in questions if question.role == "primary"]
    headline = {line.metric: line for line in lines if line.is_headline}
    p_values = [getattr(headline[metric].result, "p_value", None) for metric in primary]
    adjusted = dict(zip(primary, holm(p_values), strict=True))
    rows, power = [], []
    for line in lines:
        row = {
            "programme": programme,
            "metric": line.metric,
            "estimator": line.estimator,
            "aggregation": line.aggregation,
            "cohort": line.cohort,
            "event_time": line.event_time,
            "segment": line.segment,
            "p_value_adjusted": adjusted.get(line.metric) if line.is_headline else None,
            **_result_columns(line.result),
        }
        rows.append(row)
        if line.is_headline and line.detectable is not None:
            power.append((programme, line.metric, line.detectable, POWER, alpha, line.basis))
    order = ["metric", "estimator", "aggregation", "cohort", "event_time", "segment"]
    decisions = decision_table(
        programme=programme,
        primaries=[
            Primary(
                metric=question.metric,
                result=headline[question.metric].result,
                p_value_adjusted=adjusted[question.metric],
                direction=question.direction,
                worthwhile=question.worthwhile,
            )
            for question in questions
            if question.role == "primary"
        ],
        guardrails=[
            Guardrail(
                metric=question.metric,
                result=headline[question.metric].result,
                direction=question.direction,
                margin=question.margin or 0.0,
            )
            for question in questions
            if question.role == "guardrail"
        ],
        alpha=alpha,
    )
    kept = next((headline[q.metric].result for q in questions if q.kind == "time_to_event"), None)
    money = money_table(
        programme=programme,
        retention=kept or NotEstimable(reason="the study does not ask about retention"),
        months=months,
        case=case,
    )
    return Estimated(
        pl.DataFrame(rows, schema=ESTIMATES).sort(order, nulls_last=True),
        pl.DataFrame(power, schema=POWERS, orient="row").sort("metric"),
        decisions,
        money,
    )


def _result_columns(result: Result) -> dict:
    values = asdict(result)
    if isinstance(result, Estimate):
        note = values.pop("note")
        return {**values, "status": "estimated", "reason": note or None}
    return {**values, "status": "not_estimable"}

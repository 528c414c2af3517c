"""People assigned one by one: no cell is a person, so the moments of their changes per arm and stratum must do.

Within each stratum, the mean change since kick-off of the pilot's people less that of the control's, weighted by the
pilot's people; Neyman's variance s₁²/n₁ + s₀²/n₀ with Welch's degrees of freedom. Who is followed over several periods
is the same person: cells do not hold how alike their periods are, so errors of an average over periods add up as if
they were perfectly alike. That is never too short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from inference.jackknife import Uncertainty
from inference.judging import NEWEST, Line, Question, in_order, with_interval
from inference.life_tables import survival_curve
from inference.results import NotEstimable

MIN_PEOPLE = 10  # per arm and stratum: below, the normal approximation of a mean is not to be trusted
NO_SEGMENT = "people were assigned one by one: cells hold the changes of all of them only, not of a segment"
METHOD = "mean within-person change since kick-off, by stratum; Neyman's variance, Welch df"


@dataclass(frozen=True)
class Contrast:
    """A difference of two arms of persons with its error and degrees of freedom."""

    value: float
    std_error: float
    df: float
    n_pilot: int
    n_control: int


def welch(n: tuple[float, float], total: tuple[float, float], squares: tuple[float, float]) -> Contrast:
    """Difference of means (pilot, control) from counts, sums and squares around the own mean (Welch 1947)."""
    variances = [s / (k - 1) / k for k, s in zip(n, squares, strict=True)]
    spread = sum(v**2 / (k - 1) for v, k in zip(variances, n, strict=True))
    total_variance = sum(variances)
    return Contrast(
        total[0] / n[0] - total[1] / n[1],
        float(np.sqrt(total_variance)),
        float(total_variance**2 / spread) if spread > 0 else 1.0,
        int(n[0]),
        int(n[1]),
    )


def pooled(parts: list[Contrast]) -> Contrast:
    """Independent strata, weighted by pilot people (Satterthwaite's df for the sum)."""
    weight = np.array([part.n_pilot for part in parts], float)
    weight /= weight.sum()
    variance = np.array([(w * part.std_error) ** 2 for w, part in zip(weight, parts, strict=True)])
    spread = sum(v**2 / part.df for v, part in zip(variance, parts, strict=True))
    return Contrast(
        float(weight @ np.array([part.value for part in parts])),
        float(np.sqrt(variance.sum())),
        float(variance.sum() ** 2 / spread) if spread > 0 else 1.0,
        sum(part.n_pilot for part in parts),
        sum(part.n_control for part in parts),
    )


@dataclass(frozen=True)
class Start:
    """A cohort's first treated period, and the one before it: what its people's changes are counted from."""

    first: date
    base: date | None


def starts_of(observed: pl.DataFrame) -> dict[str, Start]:
    """Pilot cohort → where it begins, from `cell_means`; a cohort that has not begun is not there. The base lies before
    the period that the kick-off cuts, if it cuts one (as in the model pnl_pairs)."""
    periods = observed["period_start"].unique().sort()
    begun = observed.filter((pl.col("arm") == "pilot") & pl.col("cohort_period_start").is_not_null())
    cut = pl.col("cut_period_start") if "cut_period_start" in observed.columns else pl.lit(None)
    begun = begun.with_columns(mixed=pl.coalesce(cut, "cohort_period_start"))
    starts = begun.group_by("cohort").agg(pl.col("cohort_period_start").min(), pl.col("mixed").min()).sort("cohort")
    return {cohort: Start(first, periods.filter(periods < mixed).max()) for cohort, first, mixed in starts.iter_rows()}


def change_lines(line: Line, changes: pl.DataFrame, setting, starts: Mapping[str, Start]) -> list[Line]:
    """The headline of a study that assigned persons, from `cell_differences` of one metric: of all their pairs of
    periods those from the last one before a cohort's kick-off to every one since; then the newest cohort alone."""
    line = replace(line, estimator="persons_change")

    def none(reason: str) -> list[Line]:
        return [replace(line, result=NotEstimable(reason=reason, method=METHOD))]

    if setting.anticipation:
        return none("changes are kept from the last period before kick-off only, and the study declares anticipation")
    if not any(start.base for start in starts.values()):
        return none("no cohort has a period before and one after its kick-off")
    if changes.is_empty():
        return none("nobody is followed from one period to the next in this metric")
    found: dict[str, list[Contrast]] = {}
    n_left_out = 0
    for cohort, begins in starts.items():
        at_base = changes.filter(
            (pl.col("base_period_start") == begins.base) & (pl.col("period_start") >= begins.first)
        )
        mine = at_base.filter((pl.col("arm") == "pilot") & (pl.col("cohort") == cohort))
        others = at_base.filter(pl.col("arm") == "control")
        for (period,), part in sorted(mine.group_by("period_start"), key=lambda item: item[0]):
            beside = others.filter(pl.col("period_start") == period)
            strata = [_stratum(row, beside, setting.stratum) for row in part.sort("unit_id").iter_rows(named=True)]
            usable = [contrast for contrast in strata if contrast is not None]
            n_left_out = max(n_left_out, len(strata) - len(usable))
            if usable:
                found.setdefault(cohort, []).append(pooled(usable))
    if not found:
        return none(f"no stratum has {MIN_PEOPLE} people of each arm with a change since kick-off that varies")
    left_out = f"without {n_left_out} strata of fewer than {MIN_PEOPLE} people in an arm" if n_left_out else ""
    days = {cohort: start.first for cohort, start in starts.items()}
    return _whole_and_newest(line, found, days, METHOD, setting.alpha, left_out)


def _whole_and_newest(
    line: Line,
    found: Mapping[str, list[Contrast]],
    days: Mapping[str, date],
    method: str,
    alpha: float,
    note: str,
) -> list[Line]:
    """The average of all cohorts, and where they began on several `days` that of the newest."""
    begun = in_order(found, days)
    lines = [_told(line, _average(found), method, alpha, note)]
    if len(begun) > 1:
        newest = {cohort: found[cohort] for cohort in begun[-1]}
        lines.append(_told(replace(line, aggregation=NEWEST, is_headline=False), _average(newest), method, alpha, note))
    return lines


def _average(by_cohort: Mapping[str, list[Contrast]]) -> Contrast:
    """The average of contrasts of the same people (other periods, or the same controls beside another cohort),
    weighted by pilot people. Errors add up as if the parts were perfectly alike, which is never too short; a control
    person counts once beside all cohorts."""
    parts = [part for of_cohort in by_cohort.values() for part in of_cohort]
    weight = np.array([part.n_pilot for part in parts], float)
    weight /= weight.sum()
    return Contrast(
        float(weight @ np.array([part.value for part in parts])),
        float(weight @ np.array([part.std_error for part in parts])),
        min(part.df for part in parts),
        sum(max(part.n_pilot for part in of_cohort) for of_cohort in by_cohort.values()),
        max(part.n_control for part in parts),
    )


def _told(line: Line, whole: Contrast, method: str, alpha: float, note: str = "") -> Line:
    uncertainty = Uncertainty(whole.std_error, whole.df)
    result = with_interval(
        whole.value,
        uncertainty,
        alpha=alpha,
        n_units_pilot=whole.n_pilot,
        n_units_control=whole.n_control,
        n_pilot=whole.n_pilot,
        n_control=whole.n_control,
        method=method,
        note="; ".join(filter(None, ["the units are people", note])),
    )
    return replace(line, result=result)


def _stratum(row: dict, controls: pl.DataFrame, stratum) -> Contrast | None:
    own = stratum.get(row["unit_id"])
    beside = controls.filter(pl.col("unit_id").is_in([unit for unit, name in stratum.items() if name == own]))
    n, total, squares = (float(beside[c].sum()) for c in ("n_people", "change_sum", "centred_sum_of_squares"))
    if min(n, row["n_people"]) < MIN_PEOPLE or not min(squares, row["centred_sum_of_squares"]) > 0:
        return None
    return welch((float(row["n_people"]), n), (row["change_sum"], total), (row["centred_sum_of_squares"], squares))


PERSON_RETENTION = "Kaplan–Meier {} at {} months by stratum; Greenwood's variance (Greenwood 1926)"


def retention_lines(
    question: Question, cells: pl.DataFrame, setting, *, months: int, kickoffs: Mapping[str, date] | None = None
) -> list[Line]:
    """The share retained of a study that assigned persons, from `cell_life_tables`: one row of counts per arm and
    stratum is all that Kaplan and Meier need; then of the newest cohort alone (`kickoffs`: cohort → day).

    Where the lot was drawn, the plain difference after kick-off; else what differed before is taken off (the windows
    follow each other, so their errors add up).
    """
    phases = ("after",) if setting.is_random else ("after", "before")
    method = PERSON_RETENTION.format("difference" if setting.is_random else "difference in differences", months)
    line = Line(metric=question.metric, estimator="persons_retention", result=NotEstimable(reason=""), is_headline=True)
    found: dict[str, list[Contrast]] = {}
    n_left_out = 0
    for cohort in cells["comparison_cohort"].unique().sort():
        mine = cells.filter((pl.col("comparison_cohort") == cohort) & (pl.col("month_number") <= months))
        strata: list[Contrast] = []
        for stratum in sorted(set(setting.stratum.values())):
            units = [unit for unit, name in setting.stratum.items() if name == stratum]
            of_stratum = mine.filter(pl.col("unit_id").is_in(units))
            if of_stratum.filter(pl.col("comparison_arm") == "pilot").is_empty():
                continue
            parts = [_difference(of_stratum.filter(pl.col("phase") == phase), months) for phase in phases]
            if any(part is None for part in parts):
                n_left_out += 1
                continue
            signs = (1, -1)[: len(parts)]
            strata.append(
                Contrast(
                    sum(sign * part.value for sign, part in zip(signs, parts, strict=True)),
                    float(np.sqrt(sum(part.std_error**2 for part in parts))),
                    min(part.df for part in parts),
                    min(part.n_pilot for part in parts),
                    min(part.n_control for part in parts),
                )
            )
        if strata:
            found[cohort] = [pooled(strata)]
    if not found:
        reason = f"no stratum has {MIN_PEOPLE} people of each arm followed for {months} months, some of whom left"
        return [replace(line, result=NotEstimable(reason=reason, method=method))]
    left_out = f"without {n_left_out} strata of few people, or of whom nobody left, in an arm" if n_left_out else ""
    return _whole_and_newest(line, found, kickoffs or {}, method, setting.alpha, left_out)


def _difference(cells: pl.DataFrame, months: int) -> Contrast | None:
    """S_pilot − S_control of one stratum and window; None where an arm is small, not followed, or nobody left it."""
    shares = []
    for arm in ("pilot", "control"):
        counted = (
            cells.filter(pl.col("comparison_arm") == arm)
            .group_by("month_number")
            .agg(pl.col("n_at_risk").sum(), pl.col("n_events").sum())
            .sort("month_number")
        )
        n, d = (counted[name].to_numpy().astype(float) for name in ("n_at_risk", "n_events"))
        if n.size < months or n[0] < MIN_PEOPLE or not d.any() or np.any(d >= n):
            return None
        stayed = float(survival_curve(n, d)[-1])
        shares.append((stayed, stayed**2 * float(np.sum(d / (n * (n - d)))), int(n[0])))
    (pilot, of_pilot, n_pilot), (control, of_control, n_control) = shares
    return Contrast(pilot - control, float(np.sqrt(of_pilot + of_control)), n_pilot + n_control - 2, n_pilot, n_control)

"""Nobody must be visible: no figure about fewer than K people, nor one that gives such a figure away.

K is the study's minimum group size, never below the floor. Where exactly one part of a whole is hidden and the whole
is shown, the next smallest part is hidden too (complementary suppression: the difference would tell). This protects
within one release; what many releases tell together is bounded in docs/decisions/0006-disclosure.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

FLOOR = 5  # in code: configuration can only raise it
WIDTH = 0.05  # of a metric's range: how far everybody's value stays open
HIDDEN = "hidden: it shows, or would give away, fewer than {minimum} people in an arm"


class FloorViolated(ValueError):
    """Somebody asked for groups smaller than the floor."""


@dataclass(frozen=True)
class Guarded:
    """A table fit to be seen, and what was hidden in it."""

    table: pl.DataFrame
    n_hidden: int


def check_floor(minimum: int) -> int:
    """`minimum`, if it is allowed."""
    if minimum < FLOOR:
        raise FloorViolated(
            f"the minimum group size is {minimum}; the floor is {FLOOR}, configuration can only raise it"
        )
    return minimum


def at_least(count: int, minimum: int) -> str:
    """A count of people in words that tell nothing about a small group, today or beside yesterday's: in steps of the
    minimum. Without a minimum the count itself."""
    if not minimum:
        return f"{count:,}"
    return f"at least {count // minimum * minimum:,}" if count >= minimum else f"fewer than {minimum}"


def small(columns: tuple[str, ...], minimum: int) -> pl.Expr:
    """True where any of the counts is below the minimum or missing."""
    return pl.any_horizontal((pl.col(column).fill_null(0) < minimum) for column in columns)


def hide(frame: pl.DataFrame, hidden: pl.Expr | pl.Series, columns: tuple[str, ...]) -> Guarded:
    """Null the given columns in the hidden rows."""
    is_hidden = frame.select(hidden).to_series().fill_null(True)
    table = frame.with_columns(pl.when(~is_hidden).then(pl.col(column)).alias(column) for column in columns)
    return Guarded(table, int(is_hidden.sum()))


def with_complement(
    frame: pl.DataFrame,
    hidden: pl.Expr,
    *,
    parts_of: tuple[str, ...],
    size: str,
    minimum: int,
    usable: pl.Expr | None = None,
) -> pl.DataFrame:
    """Column `_hidden`: the hidden rows, and beside them the smallest others of the same whole.

    At least two rows are hidden, with `minimum` people together: else the whole tells what is hidden. Only `usable`
    rows (those that show something) protect others.
    """
    marked = frame.with_row_index("_row").with_columns(
        hidden.fill_null(True).alias("_small"),
        (usable if usable is not None else pl.lit(True)).fill_null(False).alias("_usable"),
    )
    taken: set[int] = set()
    for _, whole in marked.group_by(parts_of):
        small_rows = whole.filter("_small")
        if small_rows.is_empty():
            continue
        n_hidden, n_people = small_rows.height, small_rows[size].fill_null(0).sum()
        for row in whole.filter(~pl.col("_small") & pl.col("_usable")).sort(size, "_row").iter_rows(named=True):
            if n_hidden > 1 and n_people >= minimum:
                break
            taken.add(row["_row"])
            n_hidden, n_people = n_hidden + 1, n_people + row[size]
    return marked.with_columns((pl.col("_small") | pl.col("_row").is_in(sorted(taken))).alias("_hidden")).drop(
        "_row", "_small", "_usable"
    )


Refused = Mapping[str, set[tuple]]  # table → keys of rows that the audit refused
NOTHING_REFUSED: Refused = MappingProxyType({})
# What names a row of the tables that are audited.
KEYS = {
    "pub_trends": ("metric", "cohort", "period_start"),
    "pub_comparisons": ("metric", "time_window", "segment"),
    "pub_estimates": ("metric", "estimator", "aggregation", "cohort", "event_time", "segment"),
    "pub_balance": ("metric",),
}


def with_refused(frame: pl.DataFrame, table: str, refused: Refused) -> pl.DataFrame:
    """Column `_refused`: the rows whose keys the audit refused."""
    keys = refused.get(table, set())
    if not keys:
        return frame.with_columns(pl.lit(False).alias("_refused"))
    return frame.with_columns(pl.Series("_refused", [row in keys for row in frame.select(KEYS[table]).iter_rows()]))


ALL = "all"
DIMENSION = pl.col("segment").str.split(":").list.first().alias("_dimension")


@dataclass(frozen=True)
class Rule:
    """How a table of counts and figures is guarded: `counts` must each reach the minimum, else `figures` are hidden
    with them; each of `own` is hidden by itself where it is small (zeros too: else "hidden" would say that there is
    somebody). Of `parts_of` one hidden row takes the smallest other one with it."""

    counts: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    parts_of: tuple[str, ...] = ()

    def guard(self, frame: pl.DataFrame, minimum: int) -> Guarded:
        """The guarded table."""
        hidden = small(self.counts, minimum) if self.counts else pl.lit(False)
        if self.parts_of:
            frame = with_complement(frame, hidden, parts_of=self.parts_of, size=self.counts[0], minimum=minimum)
            hidden = pl.col("_hidden")
        first = hide(frame, frame.select(hidden.alias("_")).to_series(), (*self.counts, *self.figures, *self.own))
        table, n_hidden = first.table, first.n_hidden
        for column in self.own:
            one = hide(table, pl.col(column).is_not_null() & small((column,), minimum), (column,))
            table, n_hidden = one.table, n_hidden + one.n_hidden
        return Guarded(table.drop("_hidden", strict=False), n_hidden)


QUANTILES_OF_UNITS = ("low_unit", "median_unit", "high_unit")
# Tables that one rule guards whole; the others have a function of their own below.
RULES = {
    "cmp_cohorts": Rule(
        counts=("n_people",),
        figures=("n_units_with_people",),
        own=("n_movers", "n_coaches", "n_coaches_trained_in_time", "n_coaches_trained", "n_coaches_withdrawn"),
    ),
    "cmp_trainings": Rule(counts=("n_people", "n_records"), figures=("first_completed_date", "last_completed_date")),
    "cmp_coach_loads": Rule(
        counts=("n_coaches", "n_people_coached"),
        figures=(
            *("mean_load", "low_load", "median_load", "high_load", "n_people_in_study"),
            *("n_coaches_needed_low", "n_coaches_needed", "n_coaches_needed_high"),
        ),
    ),
    "cmp_doses": Rule(
        counts=("n_people",),
        figures=("held_per_person_month", "minutes_per_person_month", *QUANTILES_OF_UNITS),
        own=("n_people_without", "n_people_smallest_unit"),
    ),
    "cmp_structures": Rule(
        counts=("n_people", "n_managers"),
        figures=("mean_span", "managers_per_person", "n_layers"),
        own=("n_without_layer",),
    ),
    "cmp_participant_flows": Rule(counts=("n_observations",)),
}


def either_side(share: pl.Expr, count: pl.Expr, minimum: int) -> pl.Expr:
    """True where a share of so many people, or the rest of them, is a small number of people."""
    members = (share * count).round()
    return ((members < minimum) | (count - members < minimum)).fill_null(True)


def guard_characteristics(characteristics: pl.DataFrame, minimum: int) -> Guarded:
    """Numbers of enough people; of shares in a segment also enough people on either side, in both arms."""
    few = pl.any_horizontal(
        either_side(pl.col(f"mean_{arm}"), pl.col(f"n_{arm}"), minimum) for arm in ("pilot", "control")
    )
    is_share = pl.col("characteristic").str.contains(": ")
    hidden = small(("n_pilot", "n_control"), minimum) | (is_share & few)
    dimension = pl.when(is_share).then(pl.col("characteristic").str.split(":").list.first())
    marked = with_complement(
        characteristics.with_columns(dimension.fill_null(pl.col("characteristic")).alias("_dimension")),
        hidden,
        parts_of=("_dimension",),
        size="n_pilot",
        minimum=minimum,
    )
    figures = ("mean_pilot", "mean_control", "standardised_difference", "n_pilot", "n_control")
    guarded = hide(marked, marked["_hidden"], figures)
    return Guarded(guarded.table.drop("_hidden", "_dimension"), guarded.n_hidden)


ITEM_COUNTS = ("n_respondents", "n_complete", "n_answered", "no_answer_share")
ITEM_FIGURES = ("mean_score", "favourable_share")


def guard_items(items: pl.DataFrame, minimum: int) -> Guarded:
    """Items with enough answers, of people of whom enough answered every item; how many did not answer, and who was
    favourable, only with enough on either side; no mean that is nearly everybody's answer."""
    whole = hide(items, small(("n_answered", "n_complete"), minimum), (*ITEM_COUNTS, *ITEM_FIGURES))
    silent = pl.col("n_respondents") - pl.col("n_answered")
    asked = hide(whole.table, silent < minimum, ("n_answered", "no_answer_share"))
    count, mean = pl.col("n_respondents"), pl.col("mean_score")
    unanimous = count * pl.min_horizontal(mean, 100 - mean) < 100 * WIDTH
    open_means = hide(asked.table, unanimous, ("mean_score",))
    favourable = hide(open_means.table, either_side(pl.col("favourable_share"), count, minimum), ("favourable_share",))
    return Guarded(favourable.table, whole.n_hidden + favourable.n_hidden)


def guard_cascade(cascade: pl.DataFrame, minimum: int) -> Guarded:
    """Depths with enough people; breadth only where enough of them trained others: it would tell their number."""
    days = ("first_completed_date", "last_completed_date", "median_days_to_reach")
    counts = ("n_trained", "n_people_reached")
    whole = hide(cascade, small(counts, minimum), (*counts, *days, "n_trainers", "breadth"))
    trainers = hide(whole.table, small(("n_trainers",), minimum), ("n_trainers", "breadth"))
    return Guarded(trainers.table, whole.n_hidden + trainers.n_hidden)


def guard_doses(doses: pl.DataFrame, minimum: int) -> Guarded:
    """By the rule, and quantiles of units only where every unit is large enough: each is the number of one or two."""
    whole = RULES["cmp_doses"].guard(doses, minimum)
    units = hide(whole.table, small(("n_people_smallest_unit",), minimum), QUANTILES_OF_UNITS)
    return Guarded(units.table.drop("n_people_smallest_unit"), whole.n_hidden)


def guard_responses(responses: pl.DataFrame, minimum: int) -> Guarded:
    """Response rates with enough answers, and enough silent people: who was silent is a group as well."""
    silent = pl.col("n_eligible") - pl.col("n_observed")
    hidden = small(("n_eligible", "n_observed"), minimum) | (silent < minimum).fill_null(True)
    return hide(responses.filter(pl.col("segment") == ALL), hidden, ("n_eligible", "n_observed", "response_rate"))


def guard_scales(scales: pl.DataFrame, minimum: int) -> Guarded:
    """Where an arm is hidden the whole is hidden too: the other arm would tell the difference."""
    is_small = small(("n_people",), minimum)
    marked = scales.with_columns(is_small.any().over("launched_date", "scale").alias("_hidden"))
    hidden = is_small | (pl.col("_hidden") & (pl.col("arm") == ALL))
    guarded = hide(marked, hidden, ("n_people", "cronbach_alpha"))
    return Guarded(guarded.table.drop("_hidden"), guarded.n_hidden)


def guard_crossings(crossings: pl.DataFrame, minimum: int) -> Guarded:
    """Who changed sides, by arm: by cohort there are hardly ever enough to be shown."""
    arms = {f"{end}_arm": pl.col(f"{end}_cohort") for end in ("from", "to")}
    pooled = (
        crossings.with_columns(
            **{
                name: pl.when(cohort.is_in(["control", "not in the study"])).then(cohort).otherwise(pl.lit("pilot"))
                for name, cohort in arms.items()
            }
        )
        .group_by("programme", "who", *arms)
        .agg(pl.col("n_people").sum(), pl.col("first_month").min())
        .sort("who", *arms)
    )
    return hide(pooled, small(("n_people",), minimum), ("n_people", "first_month"))


def guard_readiness(readiness: pl.DataFrame, minimum: int) -> Guarded:
    """Managers by assessment, arm and movement; `all` states before are the states themselves."""
    keys = ["programme", "assessed_date", "arm", "readiness_before", "readiness"]
    moves = readiness.group_by(keys).agg(pl.col("n_managers").sum()).sort(keys)
    states = (
        readiness.with_columns(pl.lit(ALL).alias("readiness_before"))
        .group_by(keys)
        .agg(pl.col("n_managers").sum())
        .sort(keys)
    )
    marked = with_complement(
        moves,
        small(("n_managers",), minimum),
        parts_of=("assessed_date", "arm", "readiness"),
        size="n_managers",
        minimum=minimum,
    )
    # A state is shown with some of its movements hidden: they must hide each other, or the state is hidden too.
    guarded = hide(marked, marked["_hidden"], ("n_managers",))
    lone = (
        marked.filter("_hidden")
        .group_by("programme", "assessed_date", "arm", "readiness")
        .agg(pl.len().alias("_n"), pl.col("n_managers").sum().alias("_people"))
        .filter((pl.col("_n") < 2) | (pl.col("_people") < minimum))
    )
    told = states.join(lone, on=["programme", "assessed_date", "arm", "readiness"], how="left")
    whole = hide(told, small(("n_managers",), minimum) | pl.col("_n").is_not_null(), ("n_managers",))
    table = pl.concat([whole.table.drop("_n", "_people"), guarded.table.drop("_hidden")])
    return Guarded(table.sort(keys), guarded.n_hidden + whole.n_hidden)


def thinned(counts: list[int], allowed: list[bool], minimum: int) -> list[bool]:
    """Which of the allowed points of a curve of running counts may be shown: from the last back, apart by enough.

    What lies between two shown points can be subtracted, so it must be about enough people, as must the first one.
    """
    shown, later = [False] * len(counts), None
    for index in range(len(counts) - 1, -1, -1):
        if allowed[index] and counts[index] >= minimum and (later is None or later - counts[index] >= minimum):
            shown[index], later = True, counts[index]
    return shown


EXCLUSIVE = 3  # of the causes; regretted leavers are some of the voluntary ones


def guard_survival(survival: pl.DataFrame, minimum: int) -> Guarded:
    """Shares by month of the window, without the counts they come from: of one month few people leave.

    The last month is shown if enough had left by then and enough stayed, an earlier one if enough left after it.
    """
    window = ["programme", "comparison_cohort", "comparison_arm", "phase"]
    causes = ("voluntary", "involuntary", "other", "regretted")
    left = {"share_retained": "n_events"} | {f"share_left_{cause}": f"n_{cause}" for cause in causes}
    parts = []
    for _, part in (
        survival.filter(pl.col("segment") == ALL).sort(*window, "month_number").group_by(window, maintain_order=True)
    ):
        enough_stay = (part["n_at_risk"] - part["n_events"] >= minimum).to_list()
        masks = {"share_retained": pl.Series(thinned(part["n_events"].cum_sum().to_list(), enough_stay, minimum))}
        # Causes sum to what was not retained: shown together, where each that occurs is about enough people. One that
        # all have is everybody's: then each who is known to have left is known to have left by it.
        so_far = [part[f"n_{cause}"].cum_sum() for cause in causes]
        together = masks["share_retained"] & (sum(running.max() > 0 for running in so_far[:EXCLUSIVE]) > 1)
        for running in so_far:
            together = together & ((running >= minimum) | (running.max() == 0))
        together = together & pl.Series(thinned(so_far[0].to_list(), enough_stay, minimum))
        masks |= {f"share_left_{cause}": together for cause in causes}
        parts.append(
            part.with_columns(
                pl.lit(part["n_at_risk"][0]).alias("n_entered"),
                *(pl.when(mask).then(pl.col(share)).alias(share) for share, mask in masks.items()),
            )
        )
    table = pl.concat(parts) if parts else survival.with_columns(pl.col("n_at_risk").alias("n_entered")).clear()
    n_hidden = int(table.select(pl.any_horizontal(pl.col(share).is_null() for share in left).sum()).item())
    few = hide(table, small(("n_entered",), minimum), ("n_entered",))
    return Guarded(few.table.select(*window, "month_number", "n_entered", *left), n_hidden)


def guard_turnovers(turnovers: pl.DataFrame, minimum: int) -> Guarded:
    """Years of the arms (quarters, cohorts and totals would be subtracted), causes together or not at all."""
    # By arm: cohorts and everybody would be subtracted from the arms.
    years = turnovers.filter((pl.col("span") == "year") & (pl.col("scope") == "arm"))
    counts = ("n_opening", "n_closing", "n_leavers")
    # "The last month × 12" tells the leavers of one month.
    of_a_month = (pl.col("turnover") * pl.col("denominator") / MONTHS_OF_A_YEAR).round()
    few = small(counts, minimum) | ((pl.col("formula") == "last_month") & (of_a_month < minimum)).fill_null(True)
    whole = hide(years, few, (*counts, "denominator", "turnover"))
    causes = ("n_voluntary", "n_involuntary", "n_regretted")
    others = pl.col("n_leavers") - pl.col("n_voluntary") - pl.col("n_involuntary")
    few_others = ((others > 0) & (others < minimum)).fill_null(True)
    parts = hide(whole.table, small(causes, minimum) | few_others, causes)
    return Guarded(parts.table, whole.n_hidden + parts.n_hidden)


def guard_trends(
    trends: pl.DataFrame, outcomes: pl.DataFrame, minimum: int, refused: Refused = NOTHING_REFUSED
) -> Guarded:
    """Means over enough people; of shares of people also enough of them on either side; and no few silent ones."""
    shares = outcomes.filter(pl.col("unit").is_in(SHARES_OF_PEOPLE))["metric"].implode()
    few = pl.col("metric").is_in(shares) & either_side(pl.col("mean"), pl.col("n_observed"), minimum)
    hidden = small(("n_observed",), minimum) | few | pl.col("_refused")
    means = hide(with_refused(trends, "pub_trends", refused), hidden, ("mean", "n_observed", "n_eligible"))
    silent = pl.col("n_eligible") - pl.col("n_observed")
    eligible = hide(means.table, (silent > 0) & (silent < minimum), ("n_eligible",))
    return Guarded(eligible.table.drop("_refused"), means.n_hidden)


def guard_decisions(decisions: pl.DataFrame, estimates: pl.DataFrame) -> Guarded:
    """What rests on a hidden estimate is hidden with it."""
    is_hidden = pl.col("metric").is_in(_metrics_hidden(estimates).implode())
    guarded = hide(
        decisions, is_hidden, ("verdict", "decision", "estimate", "ci_low", "ci_high", "p_value_adjusted", "reason")
    )
    return guarded


def _metrics_hidden(estimates: pl.DataFrame) -> pl.Series:
    """Metrics whose headline is hidden."""
    return estimates.filter((pl.col("status") == "suppressed") & pl.col("is_headline"))["metric"]


def guard_diagnostics(diagnostics: pl.DataFrame, estimates: pl.DataFrame, minimum: int) -> Guarded:
    """What stands around a hidden headline is hidden with it, and so is what rests on too few people of an arm.

    Of a slope over parts (waves, depths) the smallest part counts.
    """
    few = (pl.col("status") == "estimated") & small(("n_pilot", "n_control"), minimum)
    rests = pl.col("metric").is_in(_metrics_hidden(estimates).implode()) | few
    figures = ("value", "ci_low", "ci_high", "p_value", "df", "n_pilot", "n_control", "says")
    hidden = hide(diagnostics, rests, figures)
    table = hidden.table.with_columns(
        pl.when(rests).then(pl.lit("suppressed")).otherwise(pl.col("status")).alias("status"),
        pl.when(rests).then(pl.lit(HIDDEN.format(minimum=minimum))).otherwise(pl.col("reason")).alias("reason"),
    )
    return Guarded(table, hidden.n_hidden)


def guard_money(
    money: pl.DataFrame, content: dict[str, pl.DataFrame], estimates: pl.DataFrame, minimum: int
) -> Guarded:
    """Ranges about enough coaches; those that rest on the effect on retention only while it is shown."""
    loads = content["cmp_coach_loads"]
    few = loads.select(small(("n_coaches", "n_people_coached"), minimum).any()).item() if loads.height else True
    kept = content["outcomes"].filter(pl.col("unit") == SHARES_OF_PEOPLE[0])["metric"].implode()
    is_suppressed = _metrics_hidden(estimates).is_in(kept).any()
    rests = pl.col("item").is_in(["leavers_avoided", "turnover_cost_avoided", "net"])
    return hide(money, pl.lit(bool(few)) | (rests & pl.lit(is_suppressed)), ("low", "central", "high", "basis"))


MONTHS_OF_A_YEAR = 12
# Units of metrics whose mean times people is a number of people: small numbers would show.
SHARES_OF_PEOPLE = ("share retained", "share of new hires")
NUMBERS = ("estimate", "std_error", "ci_low", "ci_high", "p_value", "p_value_adjusted", "df")
COUNTS = ("n_units_pilot", "n_units_control", "n_pilot", "n_control")


def causes_are_shown(survival: pl.DataFrame) -> bool:
    """Whether the guarded curves tell the causes of leaving at the end of every window. Estimates of causes are small
    fractions of whole numbers: whoever knows how many left finds out of which cause, person by person."""
    window = ["programme", "comparison_cohort", "comparison_arm", "phase"]
    last = survival.sort("month_number").group_by(window).last()
    return not last.is_empty() and last["share_left_voluntary"].null_count() == 0


def guard_estimates(
    estimates: pl.DataFrame, minimum: int, refused: Refused = NOTHING_REFUSED, *, with_causes: bool = True
) -> Guarded:
    """Estimates with both arms at or above the minimum; the rest `suppressed`, their counts hidden as well. Those of
    leaving by a cause only `with_causes`: else not even why there is none, since that tells numbers too."""
    estimates = with_refused(_without_few_left_out(estimates, minimum), "pub_estimates", refused)
    few = small(("n_pilot", "n_control"), minimum) | pl.col("_few_left_out")
    of_causes = pl.col("estimator").str.starts_with("left_") & (not with_causes)
    is_small = ((few | pl.col("_refused")) & (pl.col("status") == "estimated")) | of_causes
    counted = (pl.col("status") == "not_estimable") & small(("n_pilot", "n_control"), minimum)
    of_cohorts, of_segments = pl.col("aggregation") == "cohort", pl.col("segment") != ALL
    parts = ("metric", "estimator", "aggregation", "_dimension")
    dimensioned = estimates.with_columns(DIMENSION)
    marked = pl.concat(
        [
            with_complement(
                dimensioned.filter(of_cohorts | of_segments),
                is_small,
                parts_of=parts,
                size="n_pilot",
                minimum=minimum,
                usable=pl.col("status") == "estimated",
            ),
            dimensioned.filter(~(of_cohorts | of_segments)).with_columns(is_small.alias("_hidden")),
        ]
    )
    hidden = pl.col("_hidden")
    table = marked.with_columns(
        *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in NUMBERS),
        *(pl.when(~(hidden | counted)).then(pl.col(name)).alias(name) for name in COUNTS),
        pl.when(hidden).then(pl.lit("suppressed")).otherwise(pl.col("status")).alias("status"),
        pl.when(hidden).then(pl.lit(HIDDEN.format(minimum=minimum))).otherwise(pl.col("reason")).alias("reason"),
    )
    return Guarded(table.drop("_hidden", "_dimension", "_few_left_out", "_refused"), int(marked["_hidden"].sum()))


PARTICIPATION = ("as_treated", "complier")


def _without_few_left_out(estimates: pl.DataFrame, minimum: int) -> pl.DataFrame:
    """Column `_few_left_out`: estimates of those who took part, where the others are few and could be worked out."""
    whole = estimates.filter(
        (pl.col("estimator") == "att_not_yet_treated")
        & (pl.col("aggregation") == "simple")
        & (pl.col("segment") == ALL)
    ).select("metric", _whole=pl.col("n_pilot"))
    part = estimates.filter(pl.col("estimator") == "as_treated").select("metric", _part=pl.col("n_pilot"))
    both = whole.join(part, on="metric").filter(pl.col("_whole") - pl.col("_part") < minimum)["metric"]
    is_few = pl.col("estimator").is_in(PARTICIPATION) & pl.col("metric").is_in(both.implode())
    return estimates.with_columns(is_few.alias("_few_left_out"))


def guard_comparisons(
    comparisons: pl.DataFrame, outcomes: pl.DataFrame, minimum: int, refused: Refused = NOTHING_REFUSED
) -> Guarded:
    """Means of the arms with enough people on both sides; a lone hidden segment takes another one with it."""
    is_small = small(("n_pilot", "n_control"), minimum) | _few_left(comparisons, outcomes, minimum) | pl.col("_refused")
    dimensioned = with_refused(comparisons, "pub_comparisons", refused).with_columns(DIMENSION)
    marked = pl.concat(
        [
            with_complement(
                dimensioned.filter(pl.col("segment") != ALL),
                is_small,
                parts_of=("metric", "time_window", "_dimension"),
                size="n_pilot",
                minimum=minimum,
            ),
            dimensioned.filter(pl.col("segment") == ALL).with_columns(is_small.alias("_hidden")),
        ]
    ).drop("_dimension", "_refused")
    figures = tuple(c for c in comparisons.columns if c.startswith(("mean", "diff", "n_")))
    guarded = hide(marked, marked["_hidden"], figures)
    return Guarded(guarded.table.drop("_hidden"), guarded.n_hidden)


def guard_balance(
    balance: pl.DataFrame, outcomes: pl.DataFrame, minimum: int, refused: Refused = NOTHING_REFUSED
) -> Guarded:
    """Both arms before anybody was coached, with enough people on both sides."""
    mine = with_refused(balance.filter(pl.col("segment") == ALL), "pub_balance", refused)
    pairs = ("n_pilot", "n_control")
    hidden = small(pairs, minimum) | _few_left(mine, outcomes, minimum) | pl.col("_refused")
    guarded = hide(mine, hidden, ("mean_pilot", "mean_control", "standardised_difference", *pairs))
    # Of values without ends the spread tells the largest one: nobody's square is more than all squares together.
    ends = outcomes.filter(pl.col("lowest").is_not_null() & pl.col("highest").is_not_null())["metric"].implode()
    spread = pl.when(pl.col("metric").is_in(ends)).then("standardised_difference").alias("standardised_difference")
    return Guarded(guarded.table.with_columns(spread).drop("_refused"), guarded.n_hidden)


def _few_left(comparisons: pl.DataFrame, outcomes: pl.DataFrame, minimum: int) -> pl.Expr:
    """Rows whose share times people is a small number of people who left (or stayed): the product would tell it."""
    counted = outcomes.filter(pl.col("unit").is_in(SHARES_OF_PEOPLE))["metric"].implode()
    small_counts = [
        (pl.col(f"n_{arm}") * share).round() < minimum
        for arm in ("pilot", "control")
        for share in (pl.col(f"mean_{arm}"), 1 - pl.col(f"mean_{arm}"))
    ]
    return pl.col("metric").is_in(counted) & pl.any_horizontal(small_counts).fill_null(True)


def guard_headcounts(headcounts: pl.DataFrame, minimum: int) -> Guarded:
    """The bridge: where the opening is small nothing is shown; movements are shown together or not at all.

    Head-counts and all movements but one give that one back, and a zero is hidden like any small number: else "hidden"
    would say that somebody moved. Transfers and corrections are mostly few: they are told as one sum.
    """
    counted, moved = ("n_opening", "n_closing"), ("n_hires", "n_leavers")
    other = [name for name in BRIDGE if name not in (*counted, *moved)]
    signs = [-1 if name == "n_transfers_out" else 1 for name in other]
    summed = headcounts.with_columns(
        pl.sum_horizontal(pl.col(name) * sign for name, sign in zip(other, signs, strict=True)).alias("n_other")
    ).drop(other)
    marked = with_complement(summed, small(counted, minimum), parts_of=("month",), size="n_opening", minimum=minimum)
    listed = hide(marked, marked["_hidden"], (*counted, *moved, "n_other"))
    flows = hide(listed.table, small(moved, minimum) & pl.col("n_opening").is_not_null(), (*moved, "n_other"))
    return Guarded(flows.table.drop("_hidden"), listed.n_hidden + flows.n_hidden)


BRIDGE = (
    *("n_opening", "n_hires", "n_transfers_in", "n_leavers", "n_transfers_out"),
    *("n_listed_late", "n_listed_again", "n_not_listed_before_exit", "n_vanished", "n_closing"),
)


def guard_tables(
    content: dict[str, pl.DataFrame], minimum: int, refused: Refused = NOTHING_REFUSED
) -> dict[str, Guarded]:
    """The published tables by name, each with what was hidden: what is small, what would give something small away,
    and what the audit `refused`."""
    check_floor(minimum)
    outcomes = content["outcomes"]
    survival = guard_survival(content["cmp_survival"], minimum)
    estimates = guard_estimates(
        content["est_estimates"], minimum, refused, with_causes=causes_are_shown(survival.table)
    )
    return {
        "pub_estimates": estimates,
        "pub_decisions": guard_decisions(content["est_decisions"], estimates.table),
        "pub_diagnostics": guard_diagnostics(content["est_diagnostics"], estimates.table, minimum),
        "pub_money": guard_money(content["est_money"], content, estimates.table, minimum),
        "pub_comparisons": guard_comparisons(content["cmp_outcomes"], outcomes, minimum, refused),
        "pub_trends": guard_trends(content["cmp_trends"], outcomes, minimum, refused),
        "pub_survival": survival,
        "pub_turnovers": guard_turnovers(content["cmp_turnovers"], minimum),
        "pub_balance": guard_balance(content["cmp_balance"], outcomes, minimum, refused),
        "pub_headcount": guard_headcounts(content["cmp_headcounts"], minimum),
        "pub_responses": guard_responses(content["cmp_responses"], minimum),
        "pub_populations": hide(content["cmp_populations"], small(("n_people",), minimum), ("n_people",)),
        "pub_crossings": guard_crossings(content["cmp_crossings"], minimum),
        "pub_readiness": guard_readiness(content["cmp_readiness"], minimum),
        "pub_characteristics": guard_characteristics(content["cmp_characteristics"], minimum),
        "pub_items": guard_items(content["cmp_items"], minimum),
        "pub_cascade": guard_cascade(content["cmp_cascade"], minimum),
        "pub_scales": guard_scales(content["cmp_scales"], minimum),
        **{name.replace("cmp_", "pub_"): rule.guard(content[name], minimum) for name, rule in RULES.items()},
        "pub_doses": guard_doses(content["cmp_doses"], minimum),
    }

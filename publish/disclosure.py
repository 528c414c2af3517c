"""Nobody must be visible: no figure about fewer than K people, nor one that gives such a figure away.

K is the study's minimum group size, never below the floor. Where exactly one part of a whole is hidden and the whole
is shown, the next smallest part is hidden too (complementary suppression: the difference would tell). This protects
within one release; what many releases tell together is bounded in docs/decisions/0006-disclosure.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

FLOOR = 5  # in code: configuration can only raise it


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
    """A count in words that tells nothing about a small group."""
    return f"{count:,}" if count >= minimum else f"fewer than {minimum}"


def small(columns: tuple[str, ...], minimum: int) -> pl.Expr:
    """True where any of the counts is below the minimum or missing."""
    return pl.any_horizontal((pl.col(column).fill_null(0) < minimum) for column in columns)


def hide(frame: pl.DataFrame, hidden: pl.Expr | pl.Series, columns: tuple[str, ...]) -> Guarded:
    """Null the given columns in the hidden rows."""
    is_hidden = frame.select(hidden).to_series().fill_null(True)
    table = frame.with_columns(pl.when(~is_hidden).then(pl.col(column)).alias(column) for column in columns)
    return Guarded(table, int(is_hidden.sum()))


def with_complement(frame: pl.DataFrame, hidden: pl.Expr, *, parts_of: tuple[str, ...], size: str) -> pl.DataFrame:
    """Column `_hidden`: the hidden rows, and beside a lone one the smallest other row of the same whole."""
    marked = frame.with_row_index("_row").with_columns(hidden.alias("_small"))
    wholes = marked.filter(pl.col("_small")).group_by(parts_of).len("_n").filter(pl.col("_n") == 1)
    partners = (
        marked.filter(~pl.col("_small"))
        .join(wholes, on=list(parts_of), how="semi", nulls_equal=True)
        .sort(size, "_row")
        .group_by(parts_of, maintain_order=True)
        .first()
    )
    return marked.with_columns(
        (pl.col("_small") | pl.col("_row").is_in(partners["_row"].implode())).alias("_hidden")
    ).drop("_row", "_small")


NUMBERS = ("estimate", "std_error", "ci_low", "ci_high", "p_value", "p_value_adjusted", "df")
COUNTS = ("n_units_pilot", "n_units_control", "n_pilot", "n_control")


def guard_estimates(estimates: pl.DataFrame, minimum: int) -> Guarded:
    """Estimates with both arms at or above the minimum; the rest `suppressed`, their counts hidden as well."""
    is_small = small(("n_pilot", "n_control"), minimum) & (pl.col("status") == "estimated")
    counted = (pl.col("status") == "not_estimable") & small(("n_pilot", "n_control"), minimum)
    marked = pl.concat(
        [
            with_complement(
                estimates.filter(pl.col("aggregation") == "cohort"),
                is_small,
                parts_of=("metric", "estimator", "aggregation"),
                size="n_pilot",
            ),
            estimates.filter(pl.col("aggregation") != "cohort").with_columns(is_small.alias("_hidden")),
        ]
    )
    hidden = pl.col("_hidden")
    table = marked.with_columns(
        *(pl.when(~hidden).then(pl.col(name)).alias(name) for name in NUMBERS),
        *(pl.when(~(hidden | counted)).then(pl.col(name)).alias(name) for name in COUNTS),
        pl.when(hidden).then(pl.lit("suppressed")).otherwise(pl.col("status")).alias("status"),
        pl.when(hidden)
        .then(pl.lit(f"hidden: it shows, or would give away, fewer than {minimum} people in an arm"))
        .otherwise(pl.col("reason"))
        .alias("reason"),
    )
    return Guarded(table.drop("_hidden"), int(marked["_hidden"].sum()))


def _few_left(comparisons: pl.DataFrame, outcomes: pl.DataFrame, minimum: int) -> pl.Expr:
    """Rows whose share times people is a small number of people who left (or stayed): the product would tell it."""
    counted = outcomes.filter(pl.col("unit") == "share retained")["metric"].implode()
    small_counts = [
        (pl.col(f"n_{arm}") * share).round() < minimum
        for arm in ("pilot", "control")
        for share in (pl.col(f"mean_{arm}"), 1 - pl.col(f"mean_{arm}"))
    ]
    return pl.col("metric").is_in(counted) & pl.any_horizontal(small_counts).fill_null(True)


def guard_tables(content: dict[str, pl.DataFrame], minimum: int) -> dict[str, Guarded]:
    """The published tables by name, each with what was hidden."""
    check_floor(minimum)
    pairs = ("n_pilot", "n_control")
    outcomes = content["cmp_outcomes"]
    headcount = content["cmp_headcounts"]
    moved = ("n_joiners", "n_leavers")
    is_small = small(("n_listed",), minimum)
    marked = with_complement(headcount, is_small, parts_of=("month",), size="n_listed")
    listed = hide(headcount, marked["_hidden"], ("n_listed", *moved))
    # Joiners and leavers are shown together or not at all (head-counts and one give the other back), and a zero is
    # hidden like any small number: else "hidden" would say that somebody moved.
    few_moved = small(moved, minimum) & pl.col("n_listed").is_not_null()
    flows = hide(listed.table, few_moved, moved)
    return {
        "pub_estimates": guard_estimates(content["est_estimates"], minimum),
        "pub_comparisons": hide(
            outcomes,
            small(pairs, minimum) | _few_left(outcomes, content["outcomes"], minimum),
            tuple(c for c in outcomes.columns if c.startswith(("mean", "diff", "n_"))),
        ),
        "pub_balance": hide(
            content["cmp_balance"],
            small(pairs, minimum),
            ("mean_pilot", "mean_control", "standardised_difference", *pairs),
        ),
        "pub_headcount": Guarded(flows.table, listed.n_hidden + flows.n_hidden),
        "pub_responses": hide(
            content["cmp_responses"],
            # Who was silent is a group as well.
            small(("n_eligible", "n_observed"), minimum)
            | (pl.col("n_eligible") - pl.col("n_observed") < minimum).fill_null(True),
            ("n_eligible", "n_observed", "response_rate"),
        ),
        "pub_populations": hide(content["cmp_populations"], small(("n_people",), minimum), ("n_people",)),
    }

"""The published tables as `tables.yml` declares them, and the candidate of a release: what would be published.

Raises ValueError where an entry contradicts itself: a sensitive column that no block of suppression covers, a figure
that is no sensitive column, a grain that is no key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import polars as pl
import yaml

from publish.rounding import (
    round_diagnostics,
    round_down_to_step,
    round_estimates,
    round_to_error,
    round_up,
    to_digits,
)
from publish.suppression import Block, Need, suppress
from study.model import GROUP_FLOOR

PUBLISHED_TABLES = Path(__file__).with_name("tables.yml")
KEY, FACT, KNOWN, SENSITIVE = KINDS = ("key", "fact", "known", "sensitive")
KNOWN_FACTS = ("membership", "leavers", "coaching")
MIN_UNITS_SHOWN = 3  # a mean over fewer units would be one coach's score
FEW_UNITS, FEW_PER_PERIOD = 30, 5  # enough_units
FLOATS = pl.selectors.float()
ESTIMATES = "pub_estimates"
OVERLAPS = "select group_name, other_group_name, n_differing from cells.cell_overlaps"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A published column: its kind (KINDS), its unit, the known `fact` that it holds, how it is rounded, and of a key
    whether some rows have none."""

    name: str
    kind: str
    description: str
    unit: str = ""
    fact: str = ""
    rounding: Mapping = field(default_factory=dict)
    is_optional: bool = False


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """A table of the release. `suppress` are its blocks as declared; `rounding` names a rounding of whole rows."""

    name: str
    description: str
    query: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]
    suppress: tuple[Mapping, ...] = ()
    rounding: str = ""

    def blocks(self, minimum: int) -> list[Block]:
        """The blocks for a minimum group size."""
        sizes = {"people": minimum, "units": MIN_UNITS_SHOWN}
        return [
            Block(
                figures=tuple(block["figures"]),
                needs=tuple(
                    Need(
                        column=column,
                        minimum=sizes.get(need["at_least"], need["at_least"]),
                        reason=need["reason"],
                        sums=need.get("sums", True),
                    )
                    for column, need in block["needs"].items()
                ),
                weight=block["weight"],
                margins=tuple(block.get("margins", ())),
                group=block.get("group", ""),
                within=tuple(block.get("within", ())),
                code=block.get("code", "suppressed"),
            )
            for block in self.suppress
        ]

    @property
    def key(self) -> dict[str, bool]:
        """Column of the grain → whether it is empty in some rows."""
        optional = {column.name: column.is_optional for column in self.columns}
        return {name: optional[name] for name in self.grain}

    @property
    def codes(self) -> dict[str, tuple[str, ...]]:
        """Column with the reason of a suppression → the figures that it is about."""
        return {block.get("code", "suppressed"): tuple(block["figures"]) for block in self.suppress}

    @property
    def is_suppressed(self) -> pl.Expr:
        """Whether any figure of a published row is suppressed."""
        return pl.any_horizontal(pl.lit(False), *(pl.col(code).is_not_null() for code in self.codes))


@cache
def published_tables() -> dict[str, PublishedTable]:
    """Name → table, in the order of `tables.yml`."""
    declared = yaml.safe_load(PUBLISHED_TABLES.read_text(encoding="utf-8"))
    return {name: _table(name, entry) for name, entry in declared.items()}


ENTRY = {"description", "grain", "query", "suppress", "columns", "round"}
COLUMN = {"is", "description", "unit", "fact", "round", "optional"}


def _check_keys(name: str, entry: Mapping) -> None:
    """Raise ValueError for a key that nobody reads, or that is missing: a misspelt `round` would publish all digits."""
    places = {name: (entry, ENTRY, {"description", "grain", "query", "columns"})}
    for column, declared in entry.get("columns", {}).items():
        places[f"{name}.{column}"] = (declared, COLUMN, {"is", "description"})
    for place, (given, known, needed) in places.items():
        if unknown := sorted(set(given) - known):
            raise ValueError(
                f"{PUBLISHED_TABLES.name}: {place}: {', '.join(unknown)}: no such key; there are {sorted(known)}"
            )
        if missing := sorted(needed - set(given)):
            raise ValueError(f"{PUBLISHED_TABLES.name}: {place}: {', '.join(missing)}: missing")


def _table(name: str, entry: Mapping) -> PublishedTable:
    _check_keys(name, entry)
    columns = tuple(
        Column(
            name=column,
            kind=declared["is"],
            description=declared["description"],
            unit=declared.get("unit", ""),
            fact=declared.get("fact", ""),
            rounding=declared.get("round", {}),
            is_optional=declared.get("optional", False),
        )
        for column, declared in entry["columns"].items()
    )
    table = PublishedTable(
        name=name,
        description=entry["description"],
        query=entry["query"],
        grain=tuple(entry["grain"]),
        columns=columns,
        suppress=tuple(entry.get("suppress", ())),
        rounding=entry.get("round", ""),
    )
    figures = [figure for of_block in table.codes.values() for figure in of_block]
    kinds = {column.name: column.kind for column in columns}
    wrong = (
        [f"{column}: is {kind}" for column, kind in kinds.items() if kind not in KINDS]
        + [
            f"{column}: sensitive, and in no block"
            for column in kinds
            if kinds[column] == SENSITIVE and column not in figures
        ]
        + [f"{figure}: a figure, and not sensitive" for figure in figures if kinds.get(figure) != SENSITIVE]
        + [f"{figure}: in two blocks" for figure in set(figures) if figures.count(figure) > 1]
        + [f"{key}: in the grain, and no key" for key in table.grain if kinds.get(key) != KEY]
        + [f"{c.name}: optional, and no key" for c in columns if c.is_optional and c.kind != KEY]
        + [f"{c.name}: which known fact?" for c in columns if (c.kind == KNOWN) != (c.fact in KNOWN_FACTS)]
    )
    if wrong:
        raise ValueError(f"{PUBLISHED_TABLES.name}: {name}: {'; '.join(wrong)}")
    return table


def check_floor(minimum: int) -> int:
    """The minimum group size. Raises ValueError below the floor."""
    if minimum < GROUP_FLOOR:
        raise ValueError(f"min_group_size {minimum} is below the floor of {GROUP_FLOOR}")
    return minimum


def enough_units(n_periods: int) -> int:
    """From how many units on (both arms) more is published than a headline and its curve: every period is another set
    of equations about the same units (benchmarks/results/errors.md)."""
    return max(FEW_UNITS, FEW_PER_PERIOD * n_periods)


def prepare(connection) -> None:
    """What the queries of `tables.yml` call."""
    connection.execute("create or replace temp table shown_headlines (metric varchar, is_shown bigint)")
    connection.execute(
        f"create or replace temp macro enough_units(n_periods) as greatest({FEW_UNITS}, {FEW_PER_PERIOD} * n_periods)"
    )


def candidate_tables(
    connection, *, minimum: int, alpha: float, withdrawn: Collection[str] = ()
) -> dict[str, pl.DataFrame]:
    """Name → table as it would be published: suppressed, rounded, in the order of its grain.

    `minimum` people are behind every sensitive figure. Estimates and diagnostics keep their side of `alpha`.
    Columns of `withdrawn` facts (KNOWN_FACTS) are left empty.
    """
    check_floor(minimum)
    prepare(connection)
    differing = {(one, other): n for one, other, n in connection.execute(OVERLAPS).fetchall()}
    tables = published_tables()
    found: dict[str, pl.DataFrame] = {}
    for name in sorted(tables, key=lambda name: name != ESTIMATES):  # the others read which headlines are shown
        found[name] = publishable(
            connection.sql(tables[name].query).pl(),
            tables[name],
            minimum=minimum,
            alpha=alpha,
            withdrawn=withdrawn,
            differing=differing,
        )
        if name == ESTIMATES:
            _note_shown_headlines(connection, found[name])
    return {name: found[name] for name in tables}


def _note_shown_headlines(connection, estimates: pl.DataFrame) -> None:
    """Make `shown_headlines`: what is computed from a headline is shown where the headline is."""
    headlines = estimates.filter(pl.col("is_headline") & (pl.col("segment") == "all"))
    shown = headlines.select("metric", pl.col("suppressed").is_null().cast(pl.Int64).alias("is_shown"))
    connection.register("_shown", shown.to_arrow())
    connection.execute("create or replace temp table shown_headlines as from _shown")
    connection.unregister("_shown")


def publishable(
    found: pl.DataFrame,
    table: PublishedTable,
    *,
    minimum: int,
    alpha: float,
    withdrawn: Collection[str] = (),
    differing: Mapping[tuple[str, str], int] | None = None,
) -> pl.DataFrame:
    """The rows of the table's query as they would be published."""
    found = found.sort(table.grain, nulls_last=True)
    shown = suppress(found, table.blocks(minimum), differing, minimum)
    if table.rounding == "estimates":
        shown = round_estimates(shown, alpha)
    elif table.rounding == "diagnostics":
        shown = round_diagnostics(shown, alpha)
    shown = shown.with_columns(_rounded(shown, column) for column in table.columns if column.rounding)
    shown = shown.with_columns(pl.when(FLOATS == 0).then(0.0).otherwise(FLOATS).name.keep())  # no minus zero
    shown = shown.with_columns(
        pl.lit(None, dtype=shown.schema[column.name]).alias(column.name)
        for column in table.columns
        if column.fact in withdrawn
    )
    return shown.select(*(column.name for column in table.columns), *table.codes)


def _rounded(table: pl.DataFrame, column: Column) -> pl.Series:
    values, rule = table[column.name], column.rounding
    if "to_error" in rule:
        return round_to_error(values, table[rule["to_error"]])
    if "step" in rule:
        kind = values.dtype
        return round_down_to_step(values.cast(pl.Float64), rule["step"]).cast(kind).alias(column.name)
    if "decimals" in rule:
        return values.round(rule["decimals"])
    if "nearest" in rule:
        return ((values / rule["nearest"]).round() * rule["nearest"]).round(9)
    size = round_up if rule.get("up") else lambda value: to_digits(value, rule["digits"])
    return pl.Series(column.name, [None if value is None else size(value) for value in values], dtype=pl.Float64)


def dictionary(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """A row per published column: table, column, type, unit, is, description."""
    rows = []
    for name, table in published_tables().items():
        schema = tables[name].schema
        rows += [
            (name, column.name, str(schema[column.name]), column.unit, column.kind, column.description)
            for column in table.columns
        ]
        rows += [(name, code, str(schema[code]), "", "reason", describe_code(code, table)) for code in table.codes]
    return pl.DataFrame(rows, schema=["table", "column", "type", "unit", "is", "description"], orient="row")


def describe_code(code: str, table: PublishedTable) -> str:
    """What a column of suppression reasons says."""
    figures = ", ".join(table.codes[code])
    return f"Why {figures} may not be shown (docs/decisions/0006-disclosure.md); empty where shown or not estimable."


def share_shown(tables: Mapping[str, pl.DataFrame]) -> float:
    """Share of the rows with sensitive figures in which none is suppressed."""
    guarded = {name: table for name, table in published_tables().items() if table.codes}
    n_rows = sum(tables[name].height for name in guarded)
    n_shown = sum(tables[name].filter(~table.is_suppressed).height for name, table in guarded.items())
    return n_shown / max(n_rows, 1)

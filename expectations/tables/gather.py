"""The small tables that the gate judges, from the warehouse."""

from __future__ import annotations

from datetime import date

import pandas as pd

from expectations.tables.loads import (
    COLUMN_OF_UNIT,
    GROUPS_QUERY,
    HEADCOUNTS_QUERY,
    IDENTITIES_QUERY,
    LISTED_QUERY,
    LOADS_QUERY,
    MATCHES_QUERY,
    PROFILES_QUERY,
    UNIT_MATCHES_QUERY,
)
from expectations.tables.results import (
    BALANCE_QUERY,
    BRIDGE_QUERY,
    CELL_UNITS_QUERY,
    CELLS_QUERY,
    DECISIONS_QUERY,
    ESTIMATES_QUERY,
    LIFE_TABLES_QUERY,
    MONEY_QUERY,
    OUTCOMES_QUERY,
    PANELS_QUERY,
    REACHED_QUERY,
    RESPONSES_QUERY,
    RETENTION_QUERY,
    TRENDS_QUERY,
)


def gather(
    connection, *, load_ids: list[str], unit: str, day: date, alpha: float, vanished_group_size: float
) -> dict[str, pd.DataFrame]:
    """Name → table, all bounded by files, units or periods, never by persons.

    `load_ids` are the files that the warehouse is made of (a refused file that was taken away no longer counts), `day`
    is what the run looks from and `alpha` the level of its intervals.
    """
    if unit not in COLUMN_OF_UNIT:
        raise ValueError(f"unit must be one of {', '.join(COLUMN_OF_UNIT)}, got {unit!r}")

    def ask(sql: str, **values) -> pd.DataFrame:
        return connection.execute(sql, values).df() if values else connection.execute(sql).df()

    estimates = ask(ESTIMATES_QUERY, alpha=alpha)
    return {
        "loads": ask(LOADS_QUERY, load_ids=load_ids),
        "profiles": ask(PROFILES_QUERY, load_ids=load_ids),
        "groups": ask(GROUPS_QUERY, vanished_group_size=vanished_group_size),
        "headcounts": ask(HEADCOUNTS_QUERY.format(unit=COLUMN_OF_UNIT[unit], listed=LISTED_QUERY)),
        "identities": ask(IDENTITIES_QUERY),
        "matches": ask(MATCHES_QUERY),
        "units": ask(UNIT_MATCHES_QUERY),
        "reached": ask(REACHED_QUERY, day=day),
        "panel_profiles": ask(PANELS_QUERY, day=day),
        "retention_profiles": ask(RETENTION_QUERY, day=day),
        "cell_means": ask(CELLS_QUERY),
        "cell_units": ask(CELL_UNITS_QUERY),
        "cell_life_tables": ask(LIFE_TABLES_QUERY),
        "response_rates": ask(RESPONSES_QUERY),
        "balance": ask(BALANCE_QUERY),
        "outcomes": ask(OUTCOMES_QUERY),
        "trends": ask(TRENDS_QUERY),
        "headcount_bridge": ask(BRIDGE_QUERY),
        "populations": ask("select cohort, population, is_eligible, n_people from comparisons.cmp_populations"),
        "estimates": estimates,
        "estimated": estimates[estimates["status"] == "estimated"],
        "not_estimable": estimates[estimates["status"] == "not_estimable"],
        "questions": ask(
            "select o.metric, o.role, count(e.metric) as n_rows from staging.stg_study__outcomes as o "
            "left join estimates.est_estimates as e on o.metric = e.metric group by all order by all"
        ),
        "decisions": ask(DECISIONS_QUERY),
        "money": ask(MONEY_QUERY),
    }

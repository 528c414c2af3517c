"""The small tables that the gate judges, from the warehouse."""

from __future__ import annotations

from datetime import date

import pandas as pd

from expectations.tables.loads import (
    GROUPS,
    HEADCOUNTS,
    IDENTITIES,
    LISTED,
    LOADS,
    MATCHES,
    PROFILES,
    UNIT_MATCHES,
    UNITS,
)
from expectations.tables.results import (
    BALANCE,
    BRIDGE,
    CELL_UNITS,
    CELLS,
    DECISIONS,
    ESTIMATES,
    LIFE_TABLES,
    MONEY,
    OUTCOMES,
    PANELS,
    REACHED,
    RESPONSES,
    RETENTION,
    TRENDS,
)


def gather(
    connection, *, load_ids: list[str], unit: str, day: date, alpha: float, vanished_group_size: float
) -> dict[str, pd.DataFrame]:
    """Name → table, all bounded by files, units or periods, never by persons.

    `load_ids` are the files that the warehouse is made of (a refused file that was taken away no longer counts), `day`
    is what the run looks from and `alpha` the level of its intervals.
    """
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")

    def ask(sql: str, **values) -> pd.DataFrame:
        return connection.execute(sql, values).df() if values else connection.execute(sql).df()

    estimates = ask(ESTIMATES, alpha=alpha)
    return {
        "loads": ask(LOADS, load_ids=load_ids),
        "profiles": ask(PROFILES, load_ids=load_ids),
        "groups": ask(GROUPS, vanished_group_size=vanished_group_size),
        "headcounts": ask(HEADCOUNTS.format(unit=UNITS[unit], listed=LISTED)),
        "identities": ask(IDENTITIES),
        "matches": ask(MATCHES),
        "units": ask(UNIT_MATCHES),
        "reached": ask(REACHED, day=day),
        "panel_profiles": ask(PANELS, day=day),
        "retention_profiles": ask(RETENTION, day=day),
        "cell_means": ask(CELLS),
        "cell_units": ask(CELL_UNITS),
        "cell_life_tables": ask(LIFE_TABLES),
        "response_rates": ask(RESPONSES),
        "balance": ask(BALANCE),
        "outcomes": ask(OUTCOMES),
        "trends": ask(TRENDS),
        "headcount_bridge": ask(BRIDGE),
        "populations": ask("select cohort, population, is_eligible, n_people from comparisons.cmp_populations"),
        "estimates": estimates,
        "estimated": estimates[estimates["status"] == "estimated"],
        "not_estimable": estimates[estimates["status"] == "not_estimable"],
        "questions": ask(
            "select o.metric, o.role, count(e.metric) as n_rows from staging.stg_study__outcomes as o "
            "left join estimates.est_estimates as e on o.metric = e.metric group by all order by all"
        ),
        "decisions": ask(DECISIONS),
        "money": ask(MONEY),
    }

"""The small tables that the gate judges: facts of the loads, cells, comparisons and estimates, from the warehouse."""

from __future__ import annotations

import pandas as pd

# What the study assigns → the column of the snapshot that names it.
UNITS = {"team": "team", "department": "department", "site": "site", "manager": "manager_id", "person": "person_id"}

LOADS = """
    select source, file_name, status, reason, n_records, n_loaded, n_faulty, n_set_aside,
        case when n_records > 0 then n_faulty / n_records else 0 end as faulty_share,
        n_records - n_loaded - n_faulty - n_set_aside as n_lost
    from raw.load_log
    where list_contains($load_ids, load_id)
    order by source, file_name, load_id
"""

# A delivery of changes tells each person's month on a day of its own: its people are counted by month.
LISTED = """
    listed as (
        select workers.person_id, workers.department, workers.site, workers.team, workers.manager_id,
            case loads.delivery when 'delta' then workers.snapshot_month else workers.snapshot_date end as snapshot_date
        from staging.stg_hris__workers as workers
        inner join staging.stg_loads as loads on workers.load_id = loads.load_id
    )
"""

# Groups of the organisation by snapshot: who was there before and is missing now, or was missing in between.
GROUPS = f"""
    with {LISTED},
    sized as (
        select snapshot_date, 'department' as kind, department as value, count(distinct person_id) as n
        from listed where department is not null group by all
        union all
        select snapshot_date, 'site' as kind, site as value, count(distinct person_id) as n
        from listed where site is not null group by all
    ),
    dates as (
        select snapshot_date, lag(snapshot_date) over (order by snapshot_date) as previous_date,
            snapshot_date = max(snapshot_date) over () as is_latest
        from (select distinct snapshot_date from listed) as found
    )
    select strftime(dates.snapshot_date, '%Y-%m-%d') as snapshot, before.kind, before.value,
        before.n as n_before, coalesce(now.n, 0) as n_now
    from dates
    inner join sized as before on before.snapshot_date = dates.previous_date
    left join sized as now
        on now.snapshot_date = dates.snapshot_date and now.kind = before.kind and now.value = before.value
    where before.n >= $vanished_group_size
        and (dates.is_latest or exists (
            select 1 from sized as later
            where later.kind = before.kind and later.value = before.value
                and later.snapshot_date > dates.snapshot_date
        ))
    order by all
"""

HEADCOUNTS = """
    with {listed},
    sized as (
        select snapshot_date, count(distinct person_id) as n, avg(case when {unit} is null then 0 else 1 end) as covered
        from listed group by snapshot_date
    )
    select strftime(snapshot_date, '%Y-%m-%d') as snapshot, n, covered as unit_coverage,
        coalesce(n / lag(n) over (order by snapshot_date) - 1, 0) as change
    from sized
    order by snapshot_date
"""

# A column that was mostly filled and suddenly is not: a report without one of its columns. Compared within a mapping,
# in the order of arrival, for sources whose files are alike (logs mix kinds of events).
PROFILES = """
    with shares as (
        select profiles.source, loads.file_name, profiles.table_name, profiles.column_name, profiles.load_id,
            1 - profiles.n_null / nullif(profiles.n_rows, 0) as filled_share,
            lag(1 - profiles.n_null / nullif(profiles.n_rows, 0)) over (
                partition by loads.mapping, profiles.table_name, profiles.column_name order by loads.sequence
            ) as filled_before
        from raw.profile_columns as profiles
        inner join raw.load_log as loads on profiles.load_id = loads.load_id
        where loads.status = 'loaded' and profiles.source in ('hris', 'survey') and loads.delivery = 'full'
    )
    select source, file_name, table_name, column_name, filled_share, filled_before,
        filled_share / filled_before as filled_ratio
    from shares
    where list_contains($load_ids, load_id) and filled_before >= 0.5
    order by all
"""

# Do the other sources find their people in the snapshots, and the lists their units?
MATCHES = """
    select source, strftime(month, '%Y-%m') as month, n_records, n_matched, n_matched / n_records as matched_share
    from intermediate.int_record_matches order by all
"""
UNIT_MATCHES = """
    select arm, count(*) as n_units, count(found.unit_id) as n_found, count(found.unit_id) / count(*) as found_share
    from intermediate.int_unit_assignments as units
    left join (select distinct unit_id from intermediate.int_unit_memberships) as found
        on units.unit_id = found.unit_id
    group by arm order by all
"""

CELLS = """
    select cells.metric, cells.unit_id, cells.period_start, cells.n_eligible, cells.n_observed,
        cells.n_eligible - cells.n_observed as n_silent,
        cells.centred_sum_of_squares,
        case when n_observed > 0 and metrics.lowest is not null
            then value_sum / n_observed - metrics.lowest else 0 end as above_lowest,
        case when n_observed > 0 and metrics.highest is not null
            then metrics.highest - value_sum / n_observed else 0 end as below_highest
    from cells.cell_means as cells
    left join staging.stg_study__metrics as metrics on cells.metric = metrics.metric
"""

LIFE_TABLES = """
    select unit_id, comparison_cohort, phase, month_number, n_at_risk, n_events, n_at_risk - n_events as n_staying
    from cells.cell_life_tables
"""

# What the decision rests on; of hints the page tells the imbalance.
BALANCE = """
    select metric, standardised_difference, n_pilot, n_control from comparisons.cmp_balance
    where segment = 'all'
        and metric in (select metric from raw.raw_study__outcomes where role in ('primary', 'guardrail'))
"""

RESPONSES = """
    select metric, strftime(period_start, '%Y-%m-%d') as period,
        min(rate) as lowest_rate, max(rate) as highest_rate, max(rate) - min(rate) as gap
    from (
        select metric, period_start, arm, sum(n_observed) / sum(n_eligible) as rate
        from comparisons.cmp_responses where segment = 'all' group by metric, period_start, arm
    ) as rates
    group by metric, period_start
    -- A period in which a metric's scale was not asked at all is no response rate.
    having max(rate) > 0
    order by all
"""


def gather(
    connection, *, load_ids: list[str], unit: str, vanished_group_size: float, accepted: dict[str, set[str]]
) -> dict[str, pd.DataFrame]:
    """Name → table, all bounded by files, units or periods, never by persons.

    `load_ids` are the files that lie in the inbox now (a refused file that was taken away no longer counts).
    `accepted` names findings that a person has looked at: check → values.
    """
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, got {unit!r}")

    def ask(sql: str, **values) -> pd.DataFrame:
        return connection.execute(sql, values).df() if values else connection.execute(sql).df()

    groups = ask(GROUPS, vanished_group_size=vanished_group_size)
    groups = groups[~groups["value"].isin(accepted.get("group_vanished", set()))]
    headcounts = ask(HEADCOUNTS.format(unit=UNITS[unit], listed=LISTED))
    headcounts = headcounts[~headcounts["snapshot"].isin(accepted.get("headcount_jump", set()))]
    return {
        "loads": ask(LOADS, load_ids=load_ids),
        "profiles": ask(PROFILES, load_ids=load_ids),
        "groups": groups,
        "headcounts": headcounts,
        "matches": ask(MATCHES),
        "units": ask(UNIT_MATCHES),
        "cell_means": ask(CELLS),
        "cell_life_tables": ask(LIFE_TABLES),
        "response_rates": ask(RESPONSES),
        "balance": ask(BALANCE),
        "outcomes": ask(
            "select metric, time_window, mean_pilot, mean_control, n_pilot, n_control from comparisons.cmp_outcomes"
        ),
        "populations": ask("select cohort, population, is_eligible, n_people from comparisons.cmp_populations"),
        "estimates": ask("select * from estimates.est_estimates"),
        "questions": ask(
            "select o.metric, o.role, count(e.metric) as n_rows from staging.stg_study__outcomes as o "
            "left join estimates.est_estimates as e on o.metric = e.metric group by all order by all"
        ),
    }


def against_last_release(estimates: pd.DataFrame, previous: pd.DataFrame | None) -> pd.DataFrame:
    """The last release's estimates beside the new ones: is each still there, and by how many errors did it move?"""
    keys = ["metric", "estimator", "aggregation", "cohort", "segment"]
    empty = pd.DataFrame({**{key: [] for key in keys}, "is_present": [], "moved_by": []})
    if previous is None or previous.empty:
        return empty
    old = previous[previous["event_time"].isna() & (previous["status"] == "estimated")]
    new = estimates[estimates["event_time"].isna()][[*keys, "estimate"]]
    both = old[[*keys, "estimate", "std_error"]].merge(new, on=keys, how="left", suffixes=("_old", ""), indicator=True)
    both["is_present"] = (both["_merge"] == "both").astype(int)
    both["moved_by"] = ((both["estimate"] - both["estimate_old"]).abs() / both["std_error"]).astype(float)
    return both[[*keys, "is_present", "moved_by"]]

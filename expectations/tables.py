"""The small tables that the gate judges: facts of the loads, cells, comparisons and estimates, from the warehouse."""

from __future__ import annotations

from datetime import date

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
        coalesce(n / lag(n) over (order by snapshot_date) - 1, 0) as change,
        coalesce(snapshot_date - lag(snapshot_date) over (order by snapshot_date), 0) as gap_days
    from sized
    order by snapshot_date
"""

# Each whole snapshot of a system beside the one before it: who of those still employed is found again, who is known by
# e-mail address, or by name and day of hire, under another id, and which new people were hired since. What the ids look
# like says why: zeros that were lost, ids of another number space, or a migration whose crosswalk is missing.
IDENTITIES = """
    with sightings as (
        select workers.person_id, workers.snapshot_date, workers.hired_date, workers.email_key, workers.name_key,
            workers.load_id, loads.mapping || ' ' || loads.part as system, workers.is_gone
                or coalesce(workers.left_date < date_trunc('month', workers.snapshot_date), false) as has_left
        from staging.stg_hris__workers as workers
        inner join staging.stg_loads as loads on workers.load_id = loads.load_id
        where loads.rows_are = 'snapshots' and loads.delivery = 'full'
    ),
    dates as (
        select system, snapshot_date, any_value(load_id) as load_id from sightings group by system, snapshot_date
    ),
    pairs as (
        select *, lag(snapshot_date) over (partition by system order by snapshot_date) as previous_date,
            lag(load_id) over (partition by system order by snapshot_date) as previous_load_id
        from dates
        qualify previous_date is not null
    ),
    earlier as (
        select pairs.system, pairs.snapshot_date, past.person_id, max(past.email_key) as email_key,
            max(past.name_key) as name_key, max(past.hired_date) as hired_date
        from pairs
        inner join sightings as past on past.system = pairs.system and past.snapshot_date = pairs.previous_date
        where not past.has_left
        group by all
    ),
    missing as (
        select earlier.* from earlier
        anti join sightings as now
            on now.system = earlier.system and now.snapshot_date = earlier.snapshot_date
            and now.person_id = earlier.person_id
    ),
    fresh as (
        select now.system, now.snapshot_date, now.person_id, max(now.email_key) as email_key,
            max(now.name_key) as name_key, max(now.hired_date) as hired_date
        from sightings as now
        inner join (select system, person_id, min(snapshot_date) as first_date from sightings group by all) as firsts
            on firsts.system = now.system and firsts.person_id = now.person_id and firsts.first_date = now.snapshot_date
        where not now.has_left
        group by all
    ),
    renumbered as (
        select missing.system, missing.snapshot_date, missing.person_id from missing
        inner join fresh
            on fresh.system = missing.system and fresh.snapshot_date = missing.snapshot_date
            and fresh.email_key = missing.email_key
        union
        select missing.system, missing.snapshot_date, missing.person_id from missing
        inner join fresh
            on fresh.system = missing.system and fresh.snapshot_date = missing.snapshot_date
            and fresh.name_key = missing.name_key and fresh.hired_date = missing.hired_date
    ),
    shapes as (
        select load_id, sum(n_leading_zero) as n_leading_zero, list(shape) as shapes from raw.id_shapes group by load_id
    ),
    of_earlier as (select system, snapshot_date, count(*) as n from earlier group by all),
    of_missing as (select system, snapshot_date, count(*) as n from missing group by all),
    of_renumbered as (select system, snapshot_date, count(*) as n from renumbered group by all),
    of_unhired as (
        select pairs.system, pairs.snapshot_date, count(*) as n from pairs
        inner join fresh
            on fresh.system = pairs.system and fresh.snapshot_date = pairs.snapshot_date
            and fresh.hired_date < pairs.previous_date
        group by all
    ),
    counted as (
        select pairs.system, pairs.snapshot_date, greatest(of_earlier.n, 1) as n_before,
            coalesce(of_missing.n, 0) as n_missing, coalesce(of_renumbered.n, 0) as n_renumbered,
            coalesce(of_unhired.n, 0) as n_unhired,
            coalesce(past.n_leading_zero > 0 and now.n_leading_zero = 0, false) as lost_zeros,
            coalesce(len(list_intersect(now.shapes, past.shapes)) = 0, false) as is_other_space
        from pairs
        left join of_earlier using (system, snapshot_date)
        left join of_missing using (system, snapshot_date)
        left join of_renumbered using (system, snapshot_date)
        left join of_unhired using (system, snapshot_date)
        left join shapes as now on now.load_id = pairs.load_id
        left join shapes as past on past.load_id = pairs.previous_load_id
    ),
    -- A handful is people; from five on it is the export.
    shared as (
        select *, case when n_missing >= 5 then n_missing else 0 end / n_before as missing_share,
            case when n_renumbered >= 5 then n_renumbered else 0 end / n_before as known_share,
            case when n_unhired >= 5 then n_unhired else 0 end / n_before as unhired_share
        from counted
    )
    select strftime(snapshot_date, '%Y-%m-%d') as snapshot, system, n_before, n_missing, n_renumbered, n_unhired,
        1 - missing_share as found_share,
        case when lost_zeros then known_share else 0 end as lost_zeros_share,
        case when is_other_space and not lost_zeros then known_share else 0 end as other_space_share,
        case when not is_other_space and not lost_zeros then known_share else 0 end as renumbered_share,
        unhired_share
    from shared
    order by all
"""

# A column beside that of the file before: mostly filled and suddenly not, in another unit, or a default written over
# everybody. Compared within a mapping, in the order of arrival, for sources whose files are alike (logs mix kinds of
# events), and only where it is about as many rows as that one: six late answers say nothing of a column. Few rows say
# nothing of a mean or of variety either.
PROFILES = """
    with facts as (
        select profiles.*, loads.file_name, 1 - profiles.n_null / nullif(profiles.n_rows, 0) as filled_share,
            case when profiles.n_rows - profiles.n_null >= 30 then profiles.mean end as usual,
            case when profiles.n_rows >= 50 then profiles.n_distinct end as variety,
            loads.mapping, loads.sequence
        from raw.profile_columns as profiles
        inner join raw.load_log as loads on profiles.load_id = loads.load_id
        where loads.status = 'loaded' and profiles.source in ('hris', 'survey') and loads.delivery = 'full'
    ),
    beside as (
        select *, n_rows >= lag(n_rows) over before / 2 as is_comparable,
            lag(filled_share) over before as filled_before, lag(usual) over before as usual_before,
            lag(variety) over before as variety_before
        from facts
        window before as (partition by mapping, table_name, column_name order by sequence)
    )
    select source, file_name, table_name, column_name, filled_share, filled_before,
        filled_share / filled_before as filled_ratio,
        case when usual * usual_before > 0 then greatest(usual / usual_before, usual_before / usual) end as scale_ratio,
        case when filled_before >= 0.5 and variety_before >= 5 then variety / variety_before end as distinct_ratio
    from beside
    where list_contains($load_ids, load_id) and filled_before >= 0.5 and is_comparable
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

# Counts per metric; a value that is no number, lies outside of its metric's range or belongs to nobody shows here.
PANELS = """
    with values_of as (
        select panels.*, metrics.lowest, metrics.highest,
            panels.metric in (
                select metric from raw.raw_study__outcomes where role in ('primary', 'guardrail')
            ) as decides
        from panels.pnl_values as panels
        inner join panels.pnl_calendar as calendar
            on panels.metric = calendar.metric and panels.period_start = calendar.period_start and calendar.is_closed
        left join staging.stg_study__metrics as metrics on panels.metric = metrics.metric
    ),
    -- Of what an earlier release closed its cells count, whatever the files say now.
    expected as (
        select metric, sum(n)::bigint as n from (
            select panels.metric, count(value) as n
            from panels.pnl_values as panels
            inner join panels.pnl_calendar as calendar
                on panels.metric = calendar.metric and panels.period_start = calendar.period_start
                and calendar.is_closed and not calendar.is_kept
            group by panels.metric
            union all
            select kept.metric, sum(n_observed)
            from closed.cell_means as kept
            inner join panels.pnl_calendar as calendar
                on kept.metric = calendar.metric and kept.period_start = calendar.period_start and calendar.is_kept
            where kept.segment = 'all' group by kept.metric
        ) group by metric
    ),
    profiles as (
        select metric, count(*) as n_rows, count(value) as n_values,
            count(*) filter (not isfinite(value)) as n_not_finite,
            count(*) filter (isfinite(value) and value < lowest - 1e-9) as n_below,
            count(*) filter (isfinite(value) and value > highest + 1e-9) as n_above,
            count(*) filter (greatest(period_start, last_observed_date) > $day) as n_future,
            count(*) - count(distinct (subject_kind, subject_id, period_start)) as n_doubled,
            count(*) filter (arm is null or arm not in ('pilot', 'control')) as n_without_arm,
            case when bool_or(decides) and count(value) >= 20 then count(distinct value) end as n_values_that_differ
        from values_of group by metric
    ),
    in_cells as (
        select metric, sum(n_observed)::bigint as n from cells.cell_means where segment = 'all' group by metric
    ),
    in_trends as (select metric, sum(n_observed)::bigint as n from comparisons.cmp_trends
        where scope = 'cohort' group by metric)
    select coalesce(asked.metric, profiles.metric, in_cells.metric, in_trends.metric) as metric,
        profiles.* exclude (metric),
        coalesce(expected.n, 0) - coalesce(in_cells.n, 0) as n_lost_before_cells,
        coalesce(in_cells.n, 0) - coalesce(in_trends.n, 0) as n_lost_before_trends
    from (select metric from staging.stg_study__outcomes) as asked
    full outer join profiles on asked.metric = profiles.metric
    full outer join in_cells on coalesce(asked.metric, profiles.metric) = in_cells.metric
    full outer join in_trends on coalesce(asked.metric, profiles.metric, in_cells.metric) = in_trends.metric
    left join expected on coalesce(asked.metric, profiles.metric, in_cells.metric, in_trends.metric) = expected.metric
    order by all
"""
# Of a source that the study asks about: do its records reach a panel, and what is over the figures?
REACHED = """
    with asked as (
        select source, list(metric) as metrics from staging.stg_study__outcomes
        where source in ('survey', 'checkins') group by source
    ),
    sent as (
        select 'survey' as source, count(*) as n from staging.stg_survey__responses where launched_date <= $day
        union all
        select 'checkins', count(*) from staging.stg_checkins__events where due_date <= $day
    )
    select asked.source, sent.n as n_records,
        (sent.n > 0 and not exists (
            select 1 from panels.pnl_values as panel where list_contains(asked.metrics, panel.metric)
        ))::int as is_unseen,
        (exists (
            select 1 from panels.pnl_calendar as panel where is_closed and list_contains(asked.metrics, panel.metric)
        ) and not exists (
            select 1 from cells.cell_means as panel where list_contains(asked.metrics, panel.metric)
        ))::int as is_untold
    from asked inner join sent on asked.source = sent.source order by asked.source
"""

RETENTION = """
    select metric, count(*) as n_rows, count(*) filter (months_followed < 0) as n_negative,
        count(*) filter (has_left and cause is null) as n_without_cause,
        count(*) filter (entry_date > $day) as n_future,
        count(*) - count(distinct (comparison_cohort, phase, person_id)) as n_doubled
    from panels.pnl_retention group by metric order by all
"""

CELLS = """
    select cells.metric, cells.unit_id, cells.period_start, cells.n_eligible, cells.n_observed,
        cells.n_eligible - cells.n_observed as n_silent,
        cells.centred_sum_of_squares,
        case when n_observed > 0 and metrics.lowest is not null
            then value_sum / n_observed - metrics.lowest + 1e-9 else 0 end as above_lowest,
        case when n_observed > 0 and metrics.highest is not null
            then metrics.highest - value_sum / n_observed + 1e-9 else 0 end as below_highest,
        -- Popoviciu (1935): n values between two limits spread most where half lies at each.
        case when n_observed > 0 and metrics.lowest is not null and metrics.highest is not null
            then n_observed * pow(metrics.highest - metrics.lowest, 2) / 4 * (1 + 1e-9) - centred_sum_of_squares
            else 0 end as spread_left
    from cells.cell_means as cells
    left join staging.stg_study__metrics as metrics on cells.metric = metrics.metric
"""
CELL_UNITS = """
    select arm, count(distinct unit_id) as n_units,
        count(distinct unit_id) filter (
            unit_id in (select unit_id from cells.cell_units group by unit_id having count(distinct arm) > 1)
        ) as n_in_both,
        (
            select count(*) from (select distinct unit_id, arm from cells.cell_means) as there
            where not exists (
                select 1 from cells.cell_units as known
                where known.unit_id = there.unit_id and known.arm = there.arm
            )
        ) as n_foreign_cells
    from cells.cell_units group by arm order by arm
"""

LIFE_TABLES = """
    select unit_id, comparison_cohort, phase, month_number, n_at_risk, n_events, n_at_risk - n_events as n_staying,
        n_events - n_voluntary - n_involuntary - n_other - n_unknown as n_without_cause,
        coalesce(
            lag(n_at_risk - n_events) over (
                partition by metric, unit_id, cohort, comparison_cohort, comparison_arm, phase, segment
                order by month_number
            ) - n_at_risk, 0
        ) as n_dropped
    from cells.cell_life_tables
"""

OUTCOMES = """
    select outcomes.metric, time_window, segment, mean_pilot, mean_control, n_pilot, n_control,
        round(coalesce(abs(difference - (mean_pilot - mean_control)), 0), 9) as off_by,
        least(mean_pilot, mean_control) - coalesce(metrics.lowest, least(mean_pilot, mean_control)) + 1e-9
            as above_lowest,
        coalesce(metrics.highest, greatest(mean_pilot, mean_control)) - greatest(mean_pilot, mean_control) + 1e-9
            as below_highest
    from comparisons.cmp_outcomes as outcomes
    left join staging.stg_study__metrics as metrics on outcomes.metric = metrics.metric
"""
TRENDS = """
    with sums as (
        select metric, cohort, arm, period_start, sum(value_sum) / nullif(sum(n_observed), 0) as of_cells
        from cells.cell_means where segment = 'all' group by all
    )
    select trends.metric, trends.group_name as cohort, strftime(trends.period_start, '%Y-%m-%d') as period, trends.mean,
        round(abs(coalesce(trends.mean, 0) - coalesce(sums.of_cells, 0)) / greatest(1, abs(trends.mean)), 9) as off_by,
        trends.mean - coalesce(metrics.lowest, trends.mean) + 1e-9 as above_lowest,
        coalesce(metrics.highest, trends.mean) - trends.mean + 1e-9 as below_highest
    from comparisons.cmp_trends as trends
    left join sums
        on trends.metric = sums.metric and trends.group_name = sums.cohort and trends.arm = sums.arm
        and trends.period_start = sums.period_start
    left join staging.stg_study__metrics as metrics on trends.metric = metrics.metric
    where trends.scope = 'cohort'
    order by all
"""
SURVIVAL = """
    select comparison_cohort, comparison_arm, phase, segment, month_number, share_retained,
        least(share_retained, share_left_voluntary, share_left_involuntary, share_left_other) as lowest_share,
        greatest(share_retained, share_left_voluntary, share_left_involuntary, share_left_other) as highest_share,
        coalesce(lag(share_retained) over (
            partition by comparison_cohort, comparison_arm, phase, segment order by month_number
        ) - share_retained, 0) as fallen_by
    from comparisons.cmp_survival
"""
BRIDGE = """
    select strftime(month, '%Y-%m') as month, cohort, n_opening + n_hires + n_transfers_in - n_leavers - n_transfers_out
        + n_listed_late + n_listed_again + n_not_listed_before_exit + n_vanished - n_closing as off_by
    from comparisons.cmp_headcounts order by all
"""

# What the decision rests on; of hints the page tells the imbalance.
BALANCE = """
    select metric, standardised_difference, n_pilot, n_control from comparisons.cmp_balance
    where segment = 'all'
        and metric in (select metric from raw.raw_study__outcomes where role in ('primary', 'guardrail'))
"""

RESPONSES = """
    with rates as (
        select metric, period_start, arm, sum(n_observed) as n_observed, sum(n_eligible) as n_eligible
        from comparisons.cmp_responses where segment = 'all' group by metric, period_start, arm
    ),
    waves as (
        select metric, period_start, min(n_observed / n_eligible) as lowest_rate,
            max(n_observed / n_eligible) as highest_rate, sum(n_observed) / sum(n_eligible) as rate
        from rates group by metric, period_start
        -- A period in which a metric's scale was not asked at all is no response rate.
        having max(n_observed / n_eligible) > 0
    )
    select metric, strftime(period_start, '%Y-%m-%d') as period, lowest_rate, highest_rate,
        highest_rate - lowest_rate as gap,
        coalesce(lag(rate) over (partition by metric order by period_start) - rate, 0) as drop
    from waves
    order by all
"""

# The level at which an interval holds zero is the p-value's; both are told, so both must say the same. Units are what
# was assigned: where that was people one by one, a cell holds many of them.
ESTIMATES = """
    with units as (
        select count(distinct assigned_unit_id) filter (arm = 'pilot') as n_pilot,
            count(distinct assigned_unit_id) as n_all
        from intermediate.int_assignments where cohort is not null
    )
    select estimates.*,
        case when std_error > 0 then (p_value < $alpha and ci_low <= 0 and ci_high >= 0)::int
            + (p_value > $alpha and (ci_low > 0 or ci_high < 0))::int else 0 end as n_contradictions,
        coalesce(p_value_adjusted - p_value, 0) + 1e-12 as p_raised_by,
        case when units.n_all > 0
            then greatest(0, n_units_pilot - units.n_pilot, n_units_control - units.n_all) else 0 end
            as n_units_too_many,
        case when estimator like 'att%' then metrics.highest - metrics.lowest - abs(estimate) end as range_left
    from estimates.est_estimates as estimates
    cross join units
    left join staging.stg_study__metrics as metrics on estimates.metric = metrics.metric
"""
DECISIONS = """
    select decisions.metric, decisions.verdict, decisions.estimate,
        case when decisions.estimate is null then 0
            else coalesce(round(abs(decisions.estimate - headline.estimate), 9), 1) end as off_by,
        case when decisions.verdict in ('improved', 'worsened')
            and coalesce(decisions.ci_low <= 0 and decisions.ci_high >= 0, true) then 1 else 0 end as n_unfounded
    from estimates.est_decisions as decisions
    left join (
        select metric, estimate from estimates.est_estimates
        where is_headline and segment = 'all' and status = 'estimated'
    ) as headline on decisions.metric = headline.metric
    order by all
"""
MONEY = "select item, central - low as above_low, high - central as below_high from estimates.est_money order by all"


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
        "survival": ask(SURVIVAL),
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

"""Queries about panels, cells, comparisons and estimates."""

from __future__ import annotations

# Counts per metric; a value that is no number, lies outside of its metric's range or belongs to nobody shows here.
PANELS_QUERY = """
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
REACHED_QUERY = """
    with asked as (
        select source, metric from staging.stg_study__outcomes where source in ('survey', 'checkins')
    ),
    sent as (
        select 'survey' as source, count(*) as n from raw.raw_survey__responses
        where launched_date <= $day and load_id in (select load_id from staging.stg_loads)
        union all
        select 'checkins', count(*) from raw.raw_checkins__events
        where due_date <= $day and load_id in (select load_id from staging.stg_loads)
    ),
    metrics as (
        select source,
            -- Without coalesce a null metric would make the answer null, which breaks no expectation.
            coalesce(bool_or(metric in (select metric from panels.pnl_values)), false) as is_seen,
            coalesce(bool_or(metric in (select metric from panels.pnl_calendar where is_closed)), false) as is_closed,
            coalesce(bool_or(metric in (select metric from cells.cell_means)), false) as is_reported
        from asked group by source
    )
    select metrics.source, sent.n as n_records, (sent.n > 0 and not is_seen)::int as is_unseen,
        (is_closed and not is_reported)::int as is_unreported
    from metrics inner join sent on metrics.source = sent.source order by metrics.source
"""

RETENTION_QUERY = """
    select metric, count(*) as n_rows, count(*) filter (months_followed < 0) as n_negative,
        count(*) filter (has_left and cause is null) as n_without_cause,
        count(*) filter (entry_date > $day) as n_future,
        count(*) - count(distinct (comparison_cohort, phase, person_id)) as n_doubled
    from panels.pnl_retention group by metric order by all
"""

# Of each metric and period the worst cell: as many rows however many units there are.
CELLS_QUERY = """
    with cells as (
        select cells.*, metrics.lowest, metrics.highest, value_sum / nullif(n_observed, 0) as mean
        from cells.cell_means as cells
        left join staging.stg_study__metrics as metrics on cells.metric = metrics.metric
    )
    select metric, period_start, count(*) as n_cells,
        min(n_observed) as n_observed,
        min(n_eligible - n_observed) as n_silent,
        case when count(*) = count(*) filter (isfinite(centred_sum_of_squares))
            then min(centred_sum_of_squares) end as centred_sum_of_squares,
        min(coalesce(mean - lowest + 1e-9, 0)) as above_lowest,
        min(coalesce(highest - mean + 1e-9, 0)) as below_highest,
        -- Popoviciu (1935): n values between two limits spread most where half lies at each.
        min(case when n_observed > 0 and lowest is not null and highest is not null
            then n_observed * pow(highest - lowest, 2) / 4 * (1 + 1e-9) - centred_sum_of_squares
            else 0 end) as spread_left
    from cells group by metric, period_start order by metric, period_start
"""

CELL_UNITS_QUERY = """
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

LIFE_TABLES_QUERY = """
    with lives as (
        select metric, phase, month_number, n_at_risk - n_events as n_staying,
            n_events - n_voluntary - n_involuntary - n_other - n_unknown as n_without_cause,
            coalesce(
                lag(n_at_risk - n_events) over (
                    partition by metric, unit_id, cohort, comparison_cohort, comparison_arm, phase, segment
                    order by month_number
                ) - n_at_risk, 0
            ) as n_dropped
        from cells.cell_life_tables
    )
    select metric, phase, month_number, count(*) as n_cells, min(n_staying) as n_staying,
        count(*) filter (n_without_cause <> 0) as n_without_cause, min(n_dropped) as n_dropped
    from lives group by metric, phase, month_number order by metric, phase, month_number
"""

OUTCOMES_QUERY = """
    select outcomes.metric, time_window, segment, mean_pilot, mean_control, n_pilot, n_control,
        round(coalesce(abs(difference - (mean_pilot - mean_control)), 0), 9) as off_by,
        least(mean_pilot, mean_control) - coalesce(metrics.lowest, least(mean_pilot, mean_control)) + 1e-9
            as above_lowest,
        coalesce(metrics.highest, greatest(mean_pilot, mean_control)) - greatest(mean_pilot, mean_control) + 1e-9
            as below_highest
    from comparisons.cmp_outcomes as outcomes
    left join staging.stg_study__metrics as metrics on outcomes.metric = metrics.metric
"""

TRENDS_QUERY = """
    with sums as (
        select metric, closed_cohort as cohort, closed_arm as arm, period_start,
            sum(value_sum) / nullif(sum(n_observed), 0) as of_cells
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

BRIDGE_QUERY = """
    select strftime(month, '%Y-%m') as month, cohort, n_opening + n_hires + n_transfers_in - n_leavers - n_transfers_out
        + n_listed_late + n_listed_again + n_not_listed_before_exit + n_vanished - n_closing as off_by
    from comparisons.cmp_headcounts order by all
"""

# What the decision rests on; of hints the page shows the imbalance.
BALANCE_QUERY = """
    select name as metric, standardised_difference, n_pilot, n_control from comparisons.cmp_balance
    where kind = 'outcome' and segment = 'all'
        and name in (select metric from raw.raw_study__outcomes where role in ('primary', 'guardrail'))
"""

# Of managers' own answers no rate is judged: they are answers of the same survey, and a few of them make no rate.
RESPONSES_QUERY = """
    with rates as (
        select metric, period_start, arm, n_observed, n_eligible from comparisons.cmp_trends
        where scope = 'arm' and metric in (select metric from staging.stg_study__outcomes where panel = 'pnl_surveys')
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

# The level at which an interval holds zero is the p-value's; both are published and must say the same. Units are
# what was assigned: where that was people one by one, a cell holds many of them.
ESTIMATES_QUERY = """
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
        case when estimator in (
                'att_not_yet_treated', 'att_never_treated', 'att_response_weighted', 'att_outcome_regression',
                'att_doubly_robust', 'att_entropy_balanced'
            ) then metrics.highest - metrics.lowest - abs(estimate) end as range_left
    from estimates.est_estimates as estimates
    cross join units
    left join staging.stg_study__metrics as metrics on estimates.metric = metrics.metric
"""

DECISIONS_QUERY = """
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

MONEY_QUERY = (
    "select item, central - low as above_low, high - central as below_high from estimates.est_money order by all"
)

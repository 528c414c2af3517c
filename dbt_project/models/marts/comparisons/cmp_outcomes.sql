with cells as (
    select * from {{ ref('cell_means') }}
    where n_observed > 0
),

life_tables as (
    select * from {{ ref('cell_life_tables') }}
    where phase in ('before', 'after')
),

first_kickoffs as (
    select
        metric,
        min(cohort_period_start) as first_period_start,
        min(coalesce(cut_period_start, cohort_period_start)) as first_mixed_period_start
    from cells
    group by metric
),

-- Before: no unit was coached yet, not even for a part of the period. After: a pilot unit from its own kick-off on, a
-- control unit from the first one.
windowed as (
    select
        cells.*,
        case
            when cells.period_start < first_kickoffs.first_mixed_period_start then 'before'
            when cells.arm = 'pilot' and cells.period_start >= cells.cohort_period_start then 'after'
            when cells.arm = 'control' and cells.period_start >= first_kickoffs.first_period_start then 'after'
        end as time_window
    from cells
    inner join first_kickoffs on cells.metric = first_kickoffs.metric
),

-- People of a window: those of its fullest period, a number that is never more than there are.
period_people as (
    select
        metric,
        time_window,
        segment,
        arm,
        period_start,
        sum(n_observed) as n_people
    from windowed
    where time_window is not null
    group by metric, time_window, segment, arm, period_start
),

window_people as (
    select
        metric,
        time_window,
        segment,
        arm,
        max(n_people) as n_people
    from period_people
    group by metric, time_window, segment, arm
),

arms as (
    select
        windowed.metric,
        windowed.time_window,
        windowed.segment,
        windowed.arm,
        {{ exact_sum('windowed.value_sum') }} / sum(windowed.n_observed) as mean,
        sum(windowed.n_observed) as n_values,
        count(distinct windowed.unit_id) as n_units,
        max(window_people.n_people) as n_people
    from windowed
    inner join window_people
        on
            windowed.metric = window_people.metric
            and windowed.time_window = window_people.time_window
            and windowed.segment = window_people.segment
            and windowed.arm = window_people.arm
    where windowed.time_window is not null
    group by windowed.metric, windowed.time_window, windowed.segment, windowed.arm
),

-- Share retained, pooled over the cohorts' windows: Kaplan–Meier from the summed life tables.
months as (
    select
        metric,
        phase,
        segment,
        comparison_arm,
        month_number,
        cast(sum(n_events) as double) as n_events,
        cast(sum(n_at_risk) as double) as n_at_risk
    from life_tables
    group by metric, phase, segment, comparison_arm, month_number
),

survival as (
    select
        metric,
        phase,
        segment,
        comparison_arm,
        -- A month in which everybody at risk left makes the product zero; the logarithm cannot say that.
        case
            when max(case when n_events = n_at_risk then 1 else 0 end) = 1 then 0.0
            else round(exp({{ exact_sum('ln(1.0 - n_events / nullif(n_at_risk, n_events))', scale=18) }}), 12)
        end as share_retained
    from months
    group by metric, phase, segment, comparison_arm
),

-- A control person is watched beside every cohort: people are counted beside the largest, windows beside all.
entered as (
    select
        metric,
        phase,
        segment,
        comparison_arm,
        comparison_cohort,
        sum(n_at_risk) as n_people
    from life_tables
    where month_number = 1
    group by metric, phase, segment, comparison_arm, comparison_cohort
),

entries as (
    select
        metric,
        phase,
        segment,
        comparison_arm,
        sum(n_people) as n_windows,
        case comparison_arm when 'pilot' then sum(n_people) else max(n_people) end as n_people
    from entered
    group by metric, phase, segment, comparison_arm
),

unit_counts as (
    select
        metric,
        phase,
        segment,
        comparison_arm,
        count(distinct unit_id) as n_units
    from life_tables
    group by metric, phase, segment, comparison_arm
),

retained as (
    select
        survival.metric,
        survival.phase as time_window,
        survival.segment,
        survival.comparison_arm as arm,
        survival.share_retained as mean,
        entries.n_windows as n_values,
        unit_counts.n_units,
        entries.n_people
    from survival
    inner join entries
        on
            survival.metric = entries.metric
            and survival.phase = entries.phase
            and survival.segment = entries.segment
            and survival.comparison_arm = entries.comparison_arm
    inner join unit_counts
        on
            survival.metric = unit_counts.metric
            and survival.phase = unit_counts.phase
            and survival.segment = unit_counts.segment
            and survival.comparison_arm = unit_counts.comparison_arm
),

pooled as (
    select
        metric,
        time_window,
        segment,
        arm,
        mean,
        n_values,
        n_units,
        n_people
    from arms
    union all
    select
        metric,
        time_window,
        segment,
        arm,
        mean,
        n_values,
        n_units,
        n_people
    from retained
),

paired as (
    select
        metric,
        time_window,
        segment,
        max(case when arm = 'pilot' then mean end) as mean_pilot,
        max(case when arm = 'control' then mean end) as mean_control,
        max(case when arm = 'pilot' then n_people else 0 end) as n_pilot,
        max(case when arm = 'control' then n_people else 0 end) as n_control,
        max(case when arm = 'pilot' then n_values else 0 end) as n_values_pilot,
        max(case when arm = 'control' then n_values else 0 end) as n_values_control,
        max(case when arm = 'pilot' then n_units else 0 end) as n_units_pilot,
        max(case when arm = 'control' then n_units else 0 end) as n_units_control
    from pooled
    group by metric, time_window, segment
)

select
    paired.metric,
    paired.time_window,
    paired.segment,
    cast(paired.mean_pilot as double) as mean_pilot,
    cast(paired.mean_control as double) as mean_control,
    cast(paired.mean_pilot - paired.mean_control as double) as difference,
    cast(paired.n_pilot as bigint) as n_pilot,
    cast(paired.n_control as bigint) as n_control,
    cast(paired.n_values_pilot as bigint) as n_values_pilot,
    cast(paired.n_values_control as bigint) as n_values_control,
    cast(paired.n_units_pilot as bigint) as n_units_pilot,
    cast(paired.n_units_control as bigint) as n_units_control
from paired

with cells as (
    select * from {{ ref('cell_means') }}
    where n_observed > 0
),

programme as (
    select programme from {{ ref('stg_study__programmes') }}
),

first_kickoffs as (
    select
        metric,
        min(coalesce(cut_period_start, cohort_period_start)) as first_period_start
    from cells
    group by metric
),

-- The last period before anybody was coached: one value per person, so that an SD is one of people.
baseline_periods as (
    select
        cells.metric,
        max(cells.period_start) as period_start
    from cells
    inner join first_kickoffs on cells.metric = first_kickoffs.metric
    where cells.period_start < first_kickoffs.first_period_start
    group by cells.metric
),

baseline as (
    select cells.*
    from cells
    inner join baseline_periods
        on
            cells.metric = baseline_periods.metric
            and cells.period_start = baseline_periods.period_start
),

arms as (
    select
        metric,
        segment,
        arm,
        period_start,
        sum(n_observed) as n_people,
        {{ exact_sum('value_sum') }} / sum(n_observed) as mean,
        count(distinct unit_id) as n_units
    from baseline
    group by metric, segment, arm, period_start
),

-- Pooling variances: what varies within cells plus what varies between them.
spreads as (
    select
        baseline.metric,
        baseline.segment,
        baseline.arm,
        {{ exact_sum(
            'baseline.centred_sum_of_squares + baseline.n_observed'
            ~ ' * (baseline.value_sum / baseline.n_observed - arms.mean)'
            ~ ' * (baseline.value_sum / baseline.n_observed - arms.mean)'
        ) }} / nullif(max(arms.n_people) - 1, 0) as variance
    from baseline
    inner join arms
        on
            baseline.metric = arms.metric
            and baseline.segment = arms.segment
            and baseline.arm = arms.arm
    group by baseline.metric, baseline.segment, baseline.arm
),

paired as (
    select
        arms.metric,
        arms.segment,
        arms.period_start,
        max(case when arms.arm = 'pilot' then arms.mean end) as mean_pilot,
        max(case when arms.arm = 'control' then arms.mean end) as mean_control,
        max(case when arms.arm = 'pilot' then spreads.variance end) as variance_pilot,
        max(case when arms.arm = 'control' then spreads.variance end) as variance_control,
        max(case when arms.arm = 'pilot' then arms.n_people else 0 end) as n_pilot,
        max(case when arms.arm = 'control' then arms.n_people else 0 end) as n_control
    from arms
    inner join spreads
        on
            arms.metric = spreads.metric
            and arms.segment = spreads.segment
            and arms.arm = spreads.arm
    group by arms.metric, arms.segment, arms.period_start
)

select
    programme.programme,
    paired.metric,
    paired.segment,
    paired.period_start as baseline_period_start,
    cast(paired.mean_pilot as double) as mean_pilot,
    cast(paired.mean_control as double) as mean_control,
    round(cast(
        (paired.mean_pilot - paired.mean_control)
        / nullif(sqrt((paired.variance_pilot + paired.variance_control) / 2), 0) as double
    ), 2) as standardised_difference,
    cast(paired.n_pilot as bigint) as n_pilot,
    cast(paired.n_control as bigint) as n_control
from paired
cross join programme

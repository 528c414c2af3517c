{# Beside the layer before: what people were like is a fact of their assignment, and no panel or cell holds it. #}
{% set arm_window = 'over (partition by arm, characteristic)' %}
with cells as (
    select * from {{ ref('cell_means') }}
    where n_observed > 0
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

eligible as (
    select
        person_id,
        arm
    from {{ ref('int_eligible') }}
),

segments as (
    select
        member_id as person_id,
        segment
    from {{ ref('int_segments') }}
    where member_kind = 'person'
),

segment_names as (
    select distinct segment from segments
),

-- What people were like: numbers as they are; of a declared segment whether the person is in it.
characteristics as (
    select
        eligible.arm,
        known.characteristic,
        known.value
    from {{ ref('int_characteristics') }} as known
    inner join eligible on known.person_id = eligible.person_id
    union all
    select
        eligible.arm,
        segment_names.segment as characteristic,
        case when segments.person_id is null then 0.0 else 1.0 end as value
    from eligible
    cross join segment_names
    left join segments
        on
            eligible.person_id = segments.person_id
            and segment_names.segment = segments.segment
),

averaged as (
    select
        characteristics.*,
        {{ exact_sum('value', over=arm_window) }} / count(characteristics.value) {{ arm_window }} as arm_mean
    from characteristics
),

described as (
    select
        'outcome' as kind,
        metric as name,
        segment,
        arm,
        period_start,
        n_observed as n_people,
        value_sum,
        centred_sum_of_squares
    from baseline
    union all
    select
        'characteristic' as kind,
        characteristic as name,
        'all' as segment,
        arm,
        cast(null as date) as period_start,
        cast(count(*) as bigint) as n_people,
        {{ exact_sum('value') }} as value_sum,
        {{ exact_sum('(value - arm_mean) * (value - arm_mean)') }} as centred_sum_of_squares
    from averaged
    group by arm, characteristic
),

arms as (
    select
        kind,
        name,
        segment,
        arm,
        max(period_start) as period_start,
        sum(n_people) as n_people,
        {{ exact_sum('value_sum') }} / sum(n_people) as mean
    from described
    group by kind, name, segment, arm
),

-- Pooling variances: what varies within cells plus what varies between them.
spreads as (
    select
        described.kind,
        described.name,
        described.segment,
        described.arm,
        {{ exact_sum(
            'described.centred_sum_of_squares + described.n_people'
            ~ ' * (described.value_sum / described.n_people - arms.mean)'
            ~ ' * (described.value_sum / described.n_people - arms.mean)'
        ) }} / nullif(max(arms.n_people) - 1, 0) as variance
    from described
    inner join arms
        on
            described.kind = arms.kind
            and described.name = arms.name
            and described.segment = arms.segment
            and described.arm = arms.arm
    group by described.kind, described.name, described.segment, described.arm
),

paired as (
    select
        arms.kind,
        arms.name,
        arms.segment,
        max(arms.period_start) as period_start,
        max(case when arms.arm = 'pilot' then arms.mean end) as mean_pilot,
        max(case when arms.arm = 'control' then arms.mean end) as mean_control,
        max(case when arms.arm = 'pilot' then spreads.variance end) as variance_pilot,
        max(case when arms.arm = 'control' then spreads.variance end) as variance_control,
        max(case when arms.arm = 'pilot' then arms.n_people else 0 end) as n_pilot,
        max(case when arms.arm = 'control' then arms.n_people else 0 end) as n_control
    from arms
    inner join spreads
        on
            arms.kind = spreads.kind
            and arms.name = spreads.name
            and arms.segment = spreads.segment
            and arms.arm = spreads.arm
    group by arms.kind, arms.name, arms.segment
)

select
    paired.kind,
    paired.name,
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

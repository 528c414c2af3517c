with observed as (
    select * from {{ ref('int_observed') }}
),

observation as (
    select observed_through_date from {{ ref('int_observation_window') }}
),

outcomes as (
    select
        metric,
        period
    from {{ ref('stg_study__outcomes') }}
),

goals as (
    select
        person_id,
        month,
        count(*) as n_due,
        sum(case when status = 'met' then 1 else 0 end) as n_met
    from {{ ref('int_checkins') }}
    where event = 'goal'
    group by person_id, month
),

-- Numerator and denominator per person and month; a month without a due goal or an output says nothing.
monthly as (
    select
        'goals_met_share' as metric,
        observed.person_id,
        observed.month,
        cast(goals.n_met as double) as numerator,
        cast(goals.n_due as double) as denominator
    from observed
    left join goals
        on
            observed.person_id = goals.person_id
            and observed.month = goals.month
    union all
    select
        'output_value' as metric,
        person_id,
        month,
        output_value as numerator,
        case when output_value is not null then cast(1 as double) end as denominator
    from observed
),

by_period as (
    select
        outcomes.metric,
        outcomes.period,
        monthly.person_id,
        {{ period_of('monthly.month', 'outcomes.period') }} as period_start,
        {{ exact_sum('monthly.numerator') }} / nullif(sum(monthly.denominator), 0) as value
    from monthly
    inner join outcomes on monthly.metric = outcomes.metric
    group by outcomes.metric, outcomes.period, monthly.person_id, {{ period_of('monthly.month', 'outcomes.period') }}
),

closing as (
    select
        by_period.*,
        cast(
            case by_period.period
                when 'month' then {{ dbt.last_day('by_period.period_start', 'month') }}
                else {{ dbt.last_day('by_period.period_start', 'quarter') }}
            end as date
        ) as observed_date
    from by_period
),

people as (
    select
        person_id,
        unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ ref('int_eligible') }}
)

select
    closing.metric,
    closing.person_id,
    people.unit_id,
    people.cohort,
    people.arm,
    people.kickoff_date,
    closing.observed_date,
    closing.period_start,
    closing.value,
    closing.value is not null as is_observed
from closing
inner join people on closing.person_id = people.person_id
cross join observation
-- A quarter that is still running would compare a part with a whole.
where closing.observed_date <= observation.observed_through_date

{# Beside the layer before: check-ins are counted by unit and month; nobody asks for a person's. #}
{# Check-ins of closed months. People count once: in their first month since kick-off, and the first with a check-in. #}
with logs as (
    select max(month) as last_month from {{ ref('int_checkins') }}
),

rule as (
    select max(closing_days) as closing_days from {{ ref('stg_study__metrics') }}
    where source = 'checkins'
),

kept as (
    select * from {{ source('closed', 'cell_dose_months') }}
    where closes_on <= {{ as_of() }}
),

kept_months as (
    select distinct month from kept
),

closing as (
    select
        doses.*,
        cast(
            {{ dbt.dateadd('day', 'rule.closing_days', 'cast(' ~ dbt.last_day('doses.month', 'month') ~ ' as date)') }}
            as date
        ) as closes_on
    from {{ ref('int_doses') }} as doses
    cross join rule
    cross join logs
    where doses.month <= logs.last_month
),

firsts as (
    select
        closing.*,
        min(closing.month) over (partition by closing.person_id, closing.unit_id) as first_month,
        min(case when closing.n_held > 0 then closing.month end) over (
            partition by closing.person_id, closing.unit_id
        ) as first_held_month
    from closing
    where closing.closes_on <= {{ as_of() }}
),

united as (
    select
        firsts.unit_id,
        firsts.month,
        firsts.closes_on,
        cast(sum(case when firsts.month = firsts.first_month then 1 else 0 end) as bigint) as n_first_seen,
        cast(sum(case when firsts.month = firsts.first_held_month then 1 else 0 end) as bigint) as n_first_held,
        cast(count(*) as bigint) as n_person_months,
        cast(sum(firsts.n_held) as bigint) as n_held,
        {{ exact_sum('firsts.n_minutes') }} as n_minutes,
        cast(null as varchar) as closed_cohort,
        cast(null as varchar) as closed_arm
    from firsts
    left join kept_months on firsts.month = kept_months.month
    where kept_months.month is null
    group by firsts.unit_id, firsts.month, firsts.closes_on
    union all
    select
        kept.unit_id,
        kept.month,
        kept.closes_on,
        kept.n_first_seen,
        kept.n_first_held,
        kept.n_person_months,
        kept.n_held,
        kept.n_minutes,
        kept.cohort as closed_cohort,
        kept.arm as closed_arm
    from kept
)

select
    united.unit_id,
    coalesce(united.closed_cohort, units.cohort) as cohort,
    coalesce(united.closed_arm, units.arm) as arm,
    united.month,
    united.closes_on,
    united.n_first_seen,
    united.n_first_held,
    united.n_person_months,
    united.n_held,
    united.n_minutes
from united
inner join {{ ref('cell_units') }} as units on united.unit_id = units.unit_id

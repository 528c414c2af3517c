{# The two largest values of each cell, for metrics without a declared range: what the p % rule asks for. #}
with calendar as (
    select * from {{ ref('pnl_calendar') }}
    where is_closed
),

unbounded as (
    select metric from {{ ref('stg_study__outcomes') }}
    where
        kind = 'mean'
        and (lowest is null or highest is null)
),

ranked as (
    select
        people.metric,
        people.unit_id,
        people.period_start,
        people.value,
        row_number() over (
            partition by people.metric, people.unit_id, people.period_start order by people.value desc
        ) as value_rank
    from {{ ref('pnl_values') }} as people
    inner join unbounded on people.metric = unbounded.metric
    inner join calendar
        on
            people.metric = calendar.metric
            and people.period_start = calendar.period_start
            and not calendar.is_kept
    where people.value is not null
),

united as (
    select
        ranked.*,
        cast(null as varchar) as closed_cohort,
        cast(null as varchar) as closed_arm
    from ranked
    where ranked.value_rank <= 2
    union all
    select
        kept.metric,
        kept.unit_id,
        kept.period_start,
        kept.value,
        kept.value_rank,
        kept.cohort as closed_cohort,
        kept.arm as closed_arm
    from {{ source('closed', 'cell_largest_values') }} as kept
    inner join calendar
        on
            kept.metric = calendar.metric
            and kept.period_start = calendar.period_start
            and calendar.is_kept
)

select
    united.metric,
    united.unit_id,
    coalesce(united.closed_cohort, units.cohort) as cohort,
    coalesce(united.closed_arm, units.arm) as arm,
    united.period_start,
    cast(united.value_rank as integer) as value_rank,
    united.value
from united
inner join {{ ref('cell_units') }} as units on united.unit_id = units.unit_id

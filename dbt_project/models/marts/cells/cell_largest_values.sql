{# The two largest values of each cell, for metrics without a declared range: what the p % rule asks for. #}
with people as (
    select * from {{ ref('pnl_periods') }}
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
        people.cohort,
        people.arm,
        people.period_start,
        people.value,
        row_number() over (
            partition by people.metric, people.unit_id, people.period_start order by people.value desc
        ) as value_rank
    from people
    inner join unbounded on people.metric = unbounded.metric
    where people.value is not null
)

select
    metric,
    unit_id,
    cohort,
    arm,
    period_start,
    cast(value_rank as integer) as value_rank,
    value
from ranked
where value_rank <= 2

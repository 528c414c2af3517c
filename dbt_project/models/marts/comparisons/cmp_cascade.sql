{# Beside the layer before: who trained whom is one chain through the programme, not of a unit. #}
with cascade as (
    select * from {{ ref('int_cascade') }}
),

start as (
    select min(completed_date) as start_date from cascade
)

-- Depth 1 was trained from outside. Breadth is how many were trained by each who trained anybody.
select
    coalesce(cast(cascade.depth as {{ dbt.type_string() }}), 'in a circle') as depth,
    cast(count(*) as bigint) as n_trained,
    cast(sum(case when cascade.n_trained > 0 then 1 else 0 end) as bigint) as n_trainers,
    cast(sum(cascade.n_trained) as double)
    / nullif(sum(case when cascade.n_trained > 0 then 1 else 0 end), 0) as breadth,
    cast(sum(cascade.n_people_reached) as bigint) as n_people_reached,
    min(cascade.completed_date) as first_completed_date,
    max(cascade.completed_date) as last_completed_date,
    cast(
        percentile_cont(0.5) within group (
            order by {{ dbt.datediff('start.start_date', 'cascade.completed_date', 'day') }}
        ) as double
    ) as median_days_to_reach
from cascade
cross join start
group by coalesce(cast(cascade.depth as {{ dbt.type_string() }}), 'in a circle')

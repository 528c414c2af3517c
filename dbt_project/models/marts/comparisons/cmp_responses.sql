with cells as (
    select * from {{ ref('cell_means') }}
),

surveys as (
    select metric from {{ ref('stg_study__outcomes') }}
    where source = 'survey'
)

select
    cells.metric,
    cells.cohort,
    cells.arm,
    cells.period_start,
    cells.segment,
    cast(sum(cells.n_eligible) as bigint) as n_eligible,
    cast(sum(cells.n_observed) as bigint) as n_observed,
    cast(sum(cells.n_observed) as double) / sum(cells.n_eligible) as response_rate
from cells
inner join surveys on cells.metric = surveys.metric
group by cells.metric, cells.cohort, cells.arm, cells.period_start, cells.segment

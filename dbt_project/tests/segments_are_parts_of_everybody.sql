{{ config(meta={'dagster': {'ref': {'name': 'cell_means'}}}) }}
-- Of one dimension a person is in one segment at most: its cells never sum to more than everybody's, per unit and
-- period. (Control units are in every segment that only coached units have: there it is pilot units that sum.)
with cells as (
    select
        metric,
        unit_id,
        period_start,
        arm,
        n_observed,
        segment
    from {{ ref('cell_means') }}
),

dimensions as (
    select distinct
        segment,
        dimension
    from {{ ref('int_segments') }}
),

summed as (
    select
        cells.metric,
        cells.unit_id,
        cells.period_start,
        dimensions.dimension,
        sum(cells.n_observed) as n_parts
    from cells
    inner join dimensions on cells.segment = dimensions.segment
    where
        cells.arm = 'pilot'
        or dimensions.dimension not in ('cascade_depth', 'coach_load', 'readiness', 'variant', 'nomination_rank')
    group by cells.metric, cells.unit_id, cells.period_start, dimensions.dimension
)

select
    summed.metric,
    summed.unit_id,
    summed.period_start,
    summed.dimension
from summed
left join cells
    on
        summed.metric = cells.metric
        and summed.unit_id = cells.unit_id
        and summed.period_start = cells.period_start
        and cells.segment = 'all'
where
    cells.n_observed is null
    or summed.n_parts > cells.n_observed

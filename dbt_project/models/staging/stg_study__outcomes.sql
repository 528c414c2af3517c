with outcomes as (
    select
        metric,
        role,
        period,
        anticipation
    from {{ source('raw', 'raw_study__outcomes') }}
),

metrics as (
    select * from {{ ref('stg_study__metrics') }}
)

select
    outcomes.metric,
    outcomes.role,
    outcomes.period,
    outcomes.anticipation,
    metrics.label,
    metrics.family,
    metrics.unit,
    metrics.kind,
    metrics.panel,
    metrics.source,
    metrics.measure,
    metrics.of_what,
    metrics.direction,
    metrics.lowest,
    metrics.highest
from outcomes
inner join metrics on outcomes.metric = metrics.metric

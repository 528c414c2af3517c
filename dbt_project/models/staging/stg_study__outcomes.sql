with outcomes as (
    select
        metric,
        role,
        period
    from {{ source('raw', 'raw_study__outcomes') }}
),

metrics as (
    select
        metric,
        kind,
        panel,
        source,
        lowest,
        highest
    from {{ ref('metrics') }}
)

select
    outcomes.metric,
    outcomes.role,
    outcomes.period,
    metrics.kind,
    metrics.source,
    metrics.lowest,
    metrics.highest
from outcomes
inner join metrics on outcomes.metric = metrics.metric

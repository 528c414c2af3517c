{{ config(materialized='table') }}

with outcomes as (
    select
        metric,
        role,
        period,
        anticipation_months
    from {{ source('raw', 'raw_study__outcomes') }}
),

metrics as (
    select * from {{ ref('stg_study__metrics') }}
),

waves as (
    select distinct
        survey,
        scale,
        {{ month_of('launched_date') }} as month
    from {{ ref('stg_survey__answers') }}
),

-- Scales that one and the same survey asked in several months of a quarter: a quarter would mix these waves.
surveys_with_monthly_waves as (
    select scale
    from waves
    group by survey, scale, {{ dbt.date_trunc('quarter', 'month') }}
    having count(*) > 1
),

monthly_scales as (
    select distinct scale
    from surveys_with_monthly_waves
),

-- The study's word, else the period follows the waves; what is no survey is asked by quarter.
placed as (
    select
        outcomes.metric,
        outcomes.role,
        coalesce(
            outcomes.period, case when monthly_scales.scale is not null then 'month' else 'quarter' end
        ) as period,
        outcomes.anticipation_months
    from outcomes
    inner join metrics on outcomes.metric = metrics.metric
    left join monthly_scales
        on
            metrics.of_what = monthly_scales.scale
            and metrics.panel = 'pnl_surveys'
)

select
    placed.metric,
    placed.role,
    placed.period,
    -- In periods of the outcome, one that is begun counted whole.
    cast(
        ceil(placed.anticipation_months / case placed.period when 'month' then 1.0 else 3.0 end) as bigint
    ) as anticipation,
    metrics.label,
    metrics.family,
    metrics.unit,
    metrics.written_as,
    metrics.kind,
    metrics.panel,
    metrics.source,
    metrics.measure,
    metrics.of_what,
    metrics.direction,
    metrics.lowest,
    metrics.highest,
    metrics.closing_days,
    metrics.link
from placed
inner join metrics on placed.metric = metrics.metric

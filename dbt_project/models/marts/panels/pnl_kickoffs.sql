{# Beside the layer before: a closed period keeps the kick-offs of its cells. #}
-- The first treated period exists once, here. Periods are dates: a wave that was not held is a gap and moves nothing.
with kickoffs as (
    select distinct
        outcomes.metric,
        outcomes.period,
        units.kickoff_date
    from {{ ref('cell_units') }} as units
    cross join {{ ref('stg_study__outcomes') }} as outcomes
    where units.kickoff_date is not null
),

observed as (
    select * from {{ ref('pnl_calendar') }}
),

last_periods as (
    select
        metric,
        max(period_start) as period_start
    from observed
    group by metric
),

placed as (
    select
        kickoffs.metric,
        kickoffs.kickoff_date,
        kickoffs.period,
        {{ period_of('kickoffs.kickoff_date', 'kickoffs.period') }} as kickoff_period_start
    from kickoffs
),

-- What was observed in the kick-off's own period: nothing, all of it on one side of the day, or some on both.
judged as (
    select
        placed.*,
        coalesce(observed.first_observed_date < placed.kickoff_date, false) as has_before,
        coalesce(observed.last_observed_date >= placed.kickoff_date, false) as has_after
    from placed
    left join observed
        on
            placed.metric = observed.metric
            and placed.kickoff_period_start = observed.period_start
),

begun as (
    select
        judged.*,
        cast(
            case
                when not judged.has_before then judged.kickoff_period_start
                when judged.period = 'month' then {{ dbt.dateadd('month', 1, 'judged.kickoff_period_start') }}
                else {{ dbt.dateadd('month', 3, 'judged.kickoff_period_start') }}
            end as date
        ) as first_period_start
    from judged
)

select
    begun.metric,
    begun.kickoff_date,
    case when begun.first_period_start <= last_periods.period_start then begun.first_period_start end
        as cohort_period_start,
    case when begun.has_before and begun.has_after then begun.kickoff_period_start end as cut_period_start
from begun
inner join last_periods on begun.metric = last_periods.metric

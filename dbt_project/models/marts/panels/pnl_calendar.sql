{# When each period of an outcome closes. From then on its figures stay as they were first published: what comes late
   waits for a restatement (docs/decisions/0006). #}
with observed as (
    select
        metric,
        period_start,
        min(first_observed_date) as first_observed_date,
        max(last_observed_date) as last_observed_date,
        max(case when first_observed_date <> last_observed_date then 1 else 0 end) as has_several_days
    from {{ ref('pnl_values') }}
    group by metric, period_start
),

outcomes as (
    select
        metric,
        panel,
        source,
        period,
        closing_days
    from {{ ref('stg_study__outcomes') }}
),

-- A missing log does not mean that there were no check-ins.
logs as (
    select max(month) as last_month from {{ ref('int_checkins') }}
),

programme as (
    select survey_open_days from {{ ref('stg_study__programmes') }}
),

-- A wave closes `survey_open_days` after its launch. If any period of the metric holds several waves, none of its
-- periods closes before it ends: another wave may follow.
dated as (
    select
        observed.metric,
        observed.period_start,
        observed.first_observed_date,
        observed.last_observed_date,
        case
            when outcomes.panel <> 'pnl_surveys'
                then {{ dbt.dateadd('day', 'outcomes.closing_days', 'observed.last_observed_date') }}
            when max(observed.has_several_days) over (partition by observed.metric) = 0
                then {{ dbt.dateadd('day', 'programme.survey_open_days', 'observed.last_observed_date') }}
            else
                greatest(
                    {{ dbt.dateadd('day', 'programme.survey_open_days', 'observed.last_observed_date') }},
                    {{ period_end('observed.period_start', 'outcomes.period') }}
                )
        end as closes_on
    from observed
    inner join outcomes on observed.metric = outcomes.metric
    cross join programme
),

-- A study that asks by quarter now has nothing to do with the months that it asked by before.
kept as (
    select
        periods.metric,
        periods.period_start,
        periods.first_observed_date,
        periods.last_observed_date,
        periods.closes_on
    from {{ source('closed', 'periods') }} as periods
    inner join outcomes
        on
            periods.metric = outcomes.metric
            and periods.period = outcomes.period
    where periods.closes_on <= {{ as_of() }}
),

united as (
    select
        kept.metric,
        kept.period_start,
        kept.first_observed_date,
        kept.last_observed_date,
        kept.closes_on,
        true as is_kept
    from kept
    union all
    select
        dated.metric,
        dated.period_start,
        dated.first_observed_date,
        dated.last_observed_date,
        cast(dated.closes_on as date) as closes_on,
        false as is_kept
    from dated
    left join kept
        on
            dated.metric = kept.metric
            and dated.period_start = kept.period_start
    where kept.metric is null
)

select
    united.metric,
    outcomes.period,
    united.period_start,
    united.first_observed_date,
    united.last_observed_date,
    united.closes_on,
    united.is_kept or (
        united.closes_on <= {{ as_of() }}
        and (
            outcomes.source <> 'checkins'
            or coalesce(logs.last_month >= {{ month_of('united.last_observed_date') }}, false)
        )
    ) as is_closed,
    united.is_kept
from united
inner join outcomes on united.metric = outcomes.metric
cross join logs

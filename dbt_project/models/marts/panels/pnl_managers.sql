with outcomes as (
    select
        metric,
        period
    from {{ ref('stg_study__outcomes') }}
    where panel = 'pnl_managers'
),

observation as (
    select observed_through_date from {{ ref('int_observation_window') }}
),

lines as (
    select
        person_id,
        month,
        manager_person_id,
        n_direct_reports
    from {{ ref('int_reporting_lines') }}
),

-- All direct reports count, in the study or not.
spans as (
    select
        outcomes.metric,
        outcomes.period,
        lines.person_id,
        {{ period_of('lines.month', 'outcomes.period') }} as period_start,
        sum(cast(lines.n_direct_reports as double)) / count(*) as value
    from lines
    cross join outcomes
    where lines.n_direct_reports > 0
    group by
        outcomes.metric, outcomes.period, lines.person_id, {{ period_of('lines.month', 'outcomes.period') }}
),

-- A manager counts where most of the reports are assigned.
led as (
    select
        outcomes.metric,
        lines.manager_person_id,
        {{ period_of('lines.month', 'outcomes.period') }} as period_start,
        observed.unit_id,
        observed.cohort,
        observed.arm,
        observed.kickoff_date,
        row_number() over (
            partition by outcomes.metric, lines.manager_person_id, {{ period_of('lines.month', 'outcomes.period') }}
            order by count(*) desc, observed.unit_id asc
        ) as row_rank
    from lines
    cross join outcomes
    inner join {{ ref('int_observed') }} as observed
        on
            lines.person_id = observed.person_id
            and lines.month = observed.month
    where lines.manager_person_id is not null
    group by
        outcomes.metric,
        lines.manager_person_id,
        {{ period_of('lines.month', 'outcomes.period') }},
        observed.unit_id,
        observed.cohort,
        observed.arm,
        observed.kickoff_date
),

closing as (
    select
        spans.metric,
        spans.person_id,
        led.unit_id,
        led.cohort,
        led.arm,
        led.kickoff_date,
        spans.period_start,
        spans.value,
        {{ period_end('spans.period_start', 'spans.period') }} as observed_date
    from spans
    inner join led
        on
            spans.metric = led.metric
            and spans.person_id = led.manager_person_id
            and spans.period_start = led.period_start
            and led.row_rank = 1
)

select
    closing.metric,
    'manager' as subject_kind,
    closing.person_id as subject_id,
    closing.unit_id,
    closing.cohort,
    closing.arm,
    closing.kickoff_date,
    closing.period_start as observed_from_date,
    closing.observed_date,
    closing.period_start,
    closing.value,
    cast(null as {{ dbt.type_string() }}) as missing_reason
from closing
cross join observation
where closing.observed_date <= observation.observed_through_date

with outcomes as (
    select
        metric,
        period
    from {{ ref('stg_study__outcomes') }}
    where panel = 'pnl_cadence'
),

observation as (
    select observed_through_date from {{ ref('int_observation_window') }}
),

people as (
    select distinct
        outcomes.metric,
        outcomes.period,
        observed.person_id,
        observed.unit_id,
        observed.cohort,
        observed.arm,
        observed.kickoff_date,
        {{ period_of('observed.month', 'outcomes.period') }} as period_start
    from {{ ref('int_observed') }} as observed
    cross join outcomes
),

held as (
    select distinct
        person_id,
        due_date
    from {{ ref('int_checkins') }}
    where
        event = 'checkin'
        and status = 'held'
        and person_id is not null
),

followed as (
    select
        person_id,
        due_date,
        lag(due_date) over (partition by person_id order by due_date) as due_before_date
    from held
),

-- A gap belongs to the period in which it ended.
gaps as (
    select
        person_id,
        due_date,
        {{ dbt.datediff('due_before_date', 'due_date', 'day') }}
            as n_days
    from followed
),

medians as (
    select
        outcomes.metric,
        gaps.person_id,
        {{ period_of('gaps.due_date', 'outcomes.period') }} as period_start,
        cast(percentile_cont(0.5) within group (order by gaps.n_days) as double) as value
    from gaps
    cross join outcomes
    where gaps.n_days is not null
    group by outcomes.metric, gaps.person_id, {{ period_of('gaps.due_date', 'outcomes.period') }}
),

closing as (
    select
        people.*,
        medians.value,
        {{ period_end('people.period_start', 'people.period') }} as observed_date
    from people
    left join medians
        on
            people.metric = medians.metric
            and people.person_id = medians.person_id
            and people.period_start = medians.period_start
)

select
    closing.metric,
    'person' as subject_kind,
    closing.person_id as subject_id,
    closing.unit_id,
    closing.cohort,
    closing.arm,
    closing.kickoff_date,
    closing.period_start as observed_from_date,
    closing.observed_date,
    closing.period_start,
    closing.value,
    case when closing.value is null then 'no second check-in held' end as missing_reason
from closing
cross join observation
where closing.observed_date <= observation.observed_through_date

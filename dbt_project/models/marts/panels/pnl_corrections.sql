with observed as (
    select * from {{ ref('pnl_observed') }}
),

outcomes as (
    select
        metric,
        panel
    from {{ ref('stg_study__outcomes') }}
),

programme as (
    select
        min_group_size,
        survey_open_days
    from {{ ref('stg_study__programmes') }}
),

released as (
    select * from {{ ref('int_released_observations') }}
),

-- A period is over when its last day has passed, a wave when nobody is asked any more.
ready as (
    select
        observed.metric,
        observed.period_start
    from observed
    inner join outcomes on observed.metric = outcomes.metric
    cross join programme
    group by observed.metric, observed.period_start
    having
        max(
            {{ dbt.dateadd(
                'day',
                "case when outcomes.panel = 'pnl_surveys' then programme.survey_open_days else 0 end",
                'observed.last_observed_date'
            ) }}
        ) <= {{ as_of() }}
),

compared as (
    select
        coalesce(observed.metric, released.metric) as metric,
        coalesce(observed.period_start, released.period_start) as period_start,
        observed.cohort as observed_cohort,
        released.cohort as released_cohort,
        coalesce(observed.subject_kind, released.subject_kind) as subject_kind,
        case
            when
                observed.subject_id is null or released.subject_id is null
                or observed.unit_id <> released.unit_id
                or observed.cohort <> released.cohort
                or coalesce(observed.value, -1e300) <> coalesce(released.value, -1e300)
                then 1
            else 0
        end as is_different,
        -- Who was and is silent is no company for a late answer.
        case
            when coalesce(observed.value, -1e300) <> coalesce(released.value, -1e300) then 1
            when observed.value is not null and observed.cohort <> released.cohort then 1
            else 0
        end as is_changed
    from observed
    full outer join released
        on
            observed.metric = released.metric
            and observed.period_start = released.period_start
            and observed.subject_id = released.subject_id
),

-- Who moves from one cohort to another changes both.
touched as (
    select
        metric,
        period_start,
        observed_cohort as cohort,
        subject_kind,
        is_changed,
        is_different
    from compared
    where observed_cohort is not null
    union all
    select
        metric,
        period_start,
        released_cohort as cohort,
        subject_kind,
        is_changed,
        is_different
    from compared
    where
        released_cohort is not null
        and released_cohort <> coalesce(observed_cohort, '')
),

-- Seats of an anonymous wave are numbered anew with each answer, so nobody knows whose changed: they stay as told.
counted as (
    select
        metric,
        period_start,
        cohort,
        case when max(subject_kind) = 'seat' then 0 else sum(is_changed) end as n_changed,
        sum(is_different) as n_different
    from touched
    group by metric, period_start, cohort
),

released_periods as (
    select distinct
        metric,
        period_start
    from released
)

select
    counted.metric,
    counted.period_start,
    counted.cohort,
    cast(counted.n_changed as bigint) as n_changed,
    ready.metric is not null as is_ready,
    released_periods.metric is not null as is_released,
    -- A cohort that nothing happened to does not hold the others up; one in which few changed does.
    min(
        case when counted.n_different = 0 or counted.n_changed >= programme.min_group_size then 1 else 0 end
    ) over (partition by counted.metric, counted.period_start) = 1 as is_batch
from counted
cross join programme
left join ready
    on
        counted.metric = ready.metric
        and counted.period_start = ready.period_start
left join released_periods
    on
        counted.metric = released_periods.metric
        and counted.period_start = released_periods.period_start

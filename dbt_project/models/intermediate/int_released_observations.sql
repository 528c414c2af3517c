with released as (
    select * from {{ source('remembered', 'released_observations') }}
),

asked as (
    select
        metric,
        period
    from {{ ref('stg_study__outcomes') }}
),

firsts as (
    select
        metric,
        period_start,
        min(released_date) as first_released_date
    from released
    group by metric, period_start
),

-- A look back to before the first release of a period sees it as that one told it: else the two could be subtracted.
looked_from as (
    select
        metric,
        period_start,
        greatest(first_released_date, {{ as_of() }}) as day
    from firsts
)

select
    released.metric,
    released.subject_kind,
    released.subject_id,
    released.unit_id,
    released.cohort,
    released.arm,
    released.kickoff_date,
    released.period_start,
    released.last_observed_date,
    released.value
from released
-- A study that asks by quarter now has nothing to do with the months that it asked by before.
inner join asked
    on
        released.metric = asked.metric
        and released.period = asked.period
inner join looked_from
    on
        released.metric = looked_from.metric
        and released.period_start = looked_from.period_start
where
    released.released_date <= looked_from.day
    and (released.replaced_date is null or released.replaced_date > looked_from.day)
    and released.last_observed_date <= {{ as_of() }}

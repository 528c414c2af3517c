with workers as (
    select distinct
        person_id,
        snapshot_month
    from {{ ref('stg_hris__workers') }}
),

assignments as (
    select
        person_id,
        unit_id,
        cohort
    from {{ ref('int_assignments') }}
),

spells as (
    select
        person_id,
        hired_date,
        left_date
    from {{ ref('int_person_spells') }}
    where not is_superseded
),

observation as (
    select
        first_month,
        last_month
    from {{ ref('int_observation_window') }}
),

counted as (
    select
        person_id,
        snapshot_month as month,
        1 as is_listed,
        0 as has_left,
        0 as is_joiner
    from workers
    union all
    select
        person_id,
        {{ month_of('left_date') }} as month,
        0 as is_listed,
        1 as has_left,
        0 as is_joiner
    from spells
    where left_date is not null
    union all
    select
        person_id,
        {{ month_of('hired_date') }} as month,
        0 as is_listed,
        0 as has_left,
        1 as is_joiner
    from spells
)

select
    counted.month,
    coalesce(assignments.unit_id, 'none') as unit_id,
    coalesce(assignments.cohort, 'not in the study') as cohort,
    cast(sum(counted.is_listed) as bigint) as n_listed,
    cast(sum(counted.is_joiner) as bigint) as n_joiners,
    cast(sum(counted.has_left) as bigint) as n_leavers
from counted
cross join observation
left join assignments on counted.person_id = assignments.person_id
where counted.month between observation.first_month and observation.last_month
group by
    counted.month,
    coalesce(assignments.unit_id, 'none'),
    coalesce(assignments.cohort, 'not in the study')

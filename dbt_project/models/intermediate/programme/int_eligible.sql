with assignments as (
    select * from {{ ref('int_assignments') }}
),

excluded as (
    select person_id from {{ ref('int_excluded') }}
),

movers as (
    select distinct person_id from {{ ref('int_crossings') }}
)

select
    assignments.person_id,
    assignments.unit_id,
    assignments.assigned_unit_id,
    assignments.stratum,
    assignments.cohort,
    assignments.arm,
    assignments.kickoff_date,
    movers.person_id is not null as is_mover
from assignments
left join excluded on assignments.person_id = excluded.person_id
left join movers on assignments.person_id = movers.person_id
where excluded.person_id is null

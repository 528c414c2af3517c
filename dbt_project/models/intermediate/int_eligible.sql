with assignments as (
    select * from {{ ref('int_assignments') }}
),

excluded as (
    select person_id from {{ ref('int_excluded') }}
)

select
    assignments.person_id,
    assignments.unit_id,
    assignments.cohort,
    assignments.arm,
    assignments.kickoff_date,
    assignments.is_mover
from assignments
left join excluded on assignments.person_id = excluded.person_id
where excluded.person_id is null

with assignments as (
    select
        person_id,
        assigned_month,
        coalesce(cohort, 'not in the study') as cohort
    from {{ ref('int_assignments') }}
),

memberships as (
    select
        person_id,
        month,
        unit_id
    from {{ ref('int_unit_memberships') }}
),

units as (
    select
        unit_id,
        cohort
    from {{ ref('int_unit_assignments') }}
)

-- Seen later in a unit of another cohort: still analysed as assigned, and counted.
select
    assignments.person_id,
    assignments.cohort as from_cohort,
    coalesce(units.cohort, 'not in the study') as to_cohort,
    min(memberships.month) as first_month
from assignments
inner join memberships
    on
        assignments.person_id = memberships.person_id
        and assignments.assigned_month < memberships.month
left join units on memberships.unit_id = units.unit_id
where
    assignments.cohort <> coalesce(units.cohort, 'not in the study')
    -- Not known where is not somewhere else.
    and memberships.unit_id is not null
group by assignments.person_id, assignments.cohort, coalesce(units.cohort, 'not in the study')

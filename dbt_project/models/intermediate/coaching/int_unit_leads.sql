with units as (
    select
        unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ ref('int_unit_assignments') }}
),

roster as (
    select
        unit,
        coach_id,
        case when trained_date <= {{ as_of() }} then trained_date end as trained_date
    from {{ ref('stg_roster__assignments') }}
),

people as (
    select
        known_as,
        person_id
    from {{ ref('int_known_people') }}
    where known_by = 'id'
),

managers as (
    select
        unit_id,
        month,
        manager_person_id
    from {{ ref('int_unit_managers') }}
    where is_lead
),

programme as (
    select min(kickoff_date) as first_kickoff_date from units
),

-- The manager of the month in which the unit was first exposed (control: in which the programme began), or of the
-- nearest month before.
found as (
    select
        units.unit_id,
        managers.manager_person_id,
        row_number() over (partition by units.unit_id order by managers.month desc) as row_rank
    from units
    cross join programme
    inner join managers
        on
            units.unit_id = managers.unit_id
            and managers.month <= coalesce(units.kickoff_date, programme.first_kickoff_date)
),

completed as (
    select
        person_id,
        min(completed_date) as completed_date
    from {{ ref('int_trainings') }}
    where
        status = 'completed'
        and person_id is not null
    group by person_id
)

select
    units.unit_id,
    units.cohort,
    units.arm,
    units.kickoff_date,
    coalesce(people.person_id, found.manager_person_id) as lead_person_id,
    case
        when people.person_id is not null then 'named in the roster'
        when found.manager_person_id is not null then 'manager when the programme began'
        else 'nobody found'
    end as resolution,
    coalesce(roster.trained_date, completed.completed_date) as trained_date
from units
left join roster on units.unit_id = roster.unit
left join people on roster.coach_id = people.known_as
left join found
    on
        units.unit_id = found.unit_id
        and found.row_rank = 1
left join completed on coalesce(people.person_id, found.manager_person_id) = completed.person_id

with memberships as (
    select
        person_id,
        month,
        hired_date,
        unit_id
    from {{ ref('int_team_memberships') }}
),

units as (
    select
        unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ ref('int_unit_assignments') }}
),

programme as (
    select min(kickoff_date) as first_kickoff_date from units
),

-- Everybody belongs for good to the unit in which the programme first found them: the first month at or after the
-- first kick-off, or, for those who had left by then, their last month. Later moves do not change it.
ranked as (
    select
        memberships.person_id,
        memberships.unit_id,
        memberships.month,
        programme.first_kickoff_date,
        min(memberships.hired_date) over (partition by memberships.person_id) as first_hired_date,
        row_number() over (
            partition by memberships.person_id
            order by
                case when memberships.month >= {{ month_of('programme.first_kickoff_date') }} then 0 else 1 end,
                case
                    when memberships.month >= {{ month_of('programme.first_kickoff_date') }} then memberships.month
                end,
                memberships.month desc
        ) as turn
    from memberships
    cross join programme
),

assigned as (
    select
        person_id,
        unit_id,
        month as assigned_month,
        first_hired_date,
        first_kickoff_date
    from ranked
    where turn = 1
),

-- Seen later in a unit of another cohort: still analysed as assigned, and counted as a mover.
movers as (
    select distinct assigned.person_id
    from assigned
    inner join memberships
        on
            assigned.person_id = memberships.person_id
            and assigned.assigned_month < memberships.month
    left join units as assigned_units on assigned.unit_id = assigned_units.unit_id
    left join units as later_units on memberships.unit_id = later_units.unit_id
    where coalesce(assigned_units.cohort, '') <> coalesce(later_units.cohort, '')
)

select
    assigned.person_id,
    assigned.unit_id,
    assigned.assigned_month,
    assigned.first_hired_date,
    assigned.first_kickoff_date,
    units.cohort,
    units.arm,
    units.kickoff_date,
    movers.person_id is not null as is_mover
from assigned
left join units on assigned.unit_id = units.unit_id
left join movers on assigned.person_id = movers.person_id
union all
-- In the files, but never seen employed: their exit lies before the first snapshot.
select
    workers.person_id,
    cast(null as {{ dbt.type_string() }}) as unit_id,
    cast(null as date) as assigned_month,
    min(workers.hired_date) as first_hired_date,
    cast(null as date) as first_kickoff_date,
    cast(null as {{ dbt.type_string() }}) as cohort,
    cast(null as {{ dbt.type_string() }}) as arm,
    cast(null as date) as kickoff_date,
    false as is_mover
from {{ ref('stg_hris__workers') }} as workers
left join memberships on workers.person_id = memberships.person_id
where memberships.person_id is null
group by workers.person_id

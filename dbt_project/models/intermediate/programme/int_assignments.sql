with memberships as (
    select
        person_id,
        month,
        hired_date,
        unit_id
    from {{ ref('int_unit_memberships') }}
),

units as (
    select
        unit_id,
        stratum,
        cohort,
        arm,
        kickoff_date
    from {{ ref('int_unit_assignments') }}
),

start as (
    select min(kickoff_date) as first_kickoff_date from units
),

programme as (
    select
        programmes.assignment_unit,
        start.first_kickoff_date
    from {{ ref('stg_study__programmes') }} as programmes
    cross join start
),

-- Everybody belongs for good to the unit in which the programme first found them: the first month at or after the
-- first kick-off, or, for those who had left by then, their last month. Later moves do not change it.
ranked as (
    select
        memberships.person_id,
        memberships.unit_id,
        memberships.month,
        programme.assignment_unit,
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
        ) as row_rank
    from memberships
    cross join programme
),

-- What they were then: segments and covariates are of that month and do not change either.
described as (
    select
        ranked.*,
        people.department,
        people.site,
        people.job_level,
        people.employment_type,
        people.fte,
        people.birth_year,
        people.hired_date
    from ranked
    inner join {{ ref('int_team_memberships') }} as people
        on
            ranked.person_id = people.person_id
            and ranked.month = people.month
    where ranked.row_rank = 1
)

select
    described.person_id,
    described.unit_id as assigned_unit_id,
    -- Where people were assigned one by one, those of one cohort and stratum are counted together: no cell is a person.
    case
        when described.assignment_unit = 'person' then {{ dbt.concat(['units.cohort', "' / '", 'units.stratum']) }}
        else described.unit_id
    end as unit_id,
    described.month as assigned_month,
    described.first_hired_date,
    described.first_kickoff_date,
    units.stratum,
    units.cohort,
    units.arm,
    units.kickoff_date,
    described.department,
    described.site,
    described.job_level,
    described.employment_type,
    described.fte,
    described.birth_year,
    described.hired_date
from described
left join units on described.unit_id = units.unit_id
union all
-- In the files, but never seen employed: their exit lies before the first snapshot.
select
    workers.person_id,
    cast(null as {{ dbt.type_string() }}) as assigned_unit_id,
    cast(null as {{ dbt.type_string() }}) as unit_id,
    cast(null as date) as assigned_month,
    min(workers.hired_date) as first_hired_date,
    cast(null as date) as first_kickoff_date,
    cast(null as {{ dbt.type_string() }}) as stratum,
    cast(null as {{ dbt.type_string() }}) as cohort,
    cast(null as {{ dbt.type_string() }}) as arm,
    cast(null as date) as kickoff_date,
    cast(null as {{ dbt.type_string() }}) as department,
    cast(null as {{ dbt.type_string() }}) as site,
    cast(null as {{ dbt.type_string() }}) as job_level,
    cast(null as {{ dbt.type_string() }}) as employment_type,
    cast(null as double) as fte,
    cast(null as integer) as birth_year,
    min(workers.hired_date) as hired_date
from {{ ref('stg_hris__workers') }} as workers
left join memberships on workers.person_id = memberships.person_id
where memberships.person_id is null
group by workers.person_id

with programme as (
    select unlisted_units from {{ ref('stg_study__programmes') }}
),

listed as (
    select
        unit as unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ ref('stg_roster__assignments') }}
    union all
    select
        unit as unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ source('raw', 'raw_study__assignments') }}
),

-- A unit that two lists name belongs to the cohort that exposed it first.
first_exposed as (
    select
        unit_id,
        cohort,
        arm,
        kickoff_date,
        row_number() over (
            partition by unit_id order by case when arm = 'pilot' then 0 else 1 end, kickoff_date, cohort
        ) as turn
    from listed
),

unlisted as (
    select distinct memberships.unit_id
    from {{ ref('int_team_memberships') }} as memberships
    cross join programme
    left join listed on memberships.unit_id = listed.unit_id
    where
        memberships.unit_id is not null
        and listed.unit_id is null
        and programme.unlisted_units = 'control'
),

assigned as (
    select
        unit_id,
        cohort,
        arm,
        kickoff_date,
        min(kickoff_date) over (partition by cohort) as earliest_date,
        max(kickoff_date) over (partition by cohort) as latest_date
    from first_exposed
    where turn = 1
)

-- Units of one wave that start on different days are different cohorts: each is compared from its own day on.
select
    unit_id,
    case
        when earliest_date <> latest_date
            then {{ dbt.concat(['cohort', "' from '", 'cast(kickoff_date as ' ~ dbt.type_string() ~ ')']) }}
        else cohort
    end as cohort,
    arm,
    kickoff_date
from assigned
union all
select
    unit_id,
    'control' as cohort,
    'control' as arm,
    cast(null as date) as kickoff_date
from unlisted

with programme as (
    select unlisted_units from {{ ref('stg_study__programmes') }}
),

listed as (
    select
        unit as unit_id,
        stratum,
        cohort,
        later_cohort,
        arm,
        kickoff_date
    from {{ ref('stg_roster__assignments') }}
    union all
    select
        unit as unit_id,
        cast(null as {{ dbt.type_string() }}) as stratum,
        cohort,
        cast(null as {{ dbt.type_string() }}) as later_cohort,
        arm,
        kickoff_date
    from {{ source('raw', 'raw_study__assignments') }}
),

strata as (
    select
        unit as unit_id,
        stratum
    from {{ source('raw', 'raw_study__strata') }}
),

-- A unit that two lists name belongs to the cohort that exposed it first.
first_exposed as (
    select
        listed.*,
        row_number() over (
            partition by listed.unit_id
            order by case when listed.arm = 'pilot' then 0 else 1 end, listed.kickoff_date, listed.cohort
        ) as row_rank
    from listed
),

unlisted as (
    select distinct memberships.unit_id
    from {{ ref('int_unit_memberships') }} as memberships
    cross join programme
    left join listed on memberships.unit_id = listed.unit_id
    where
        memberships.unit_id is not null
        and listed.unit_id is null
        and programme.unlisted_units = 'control'
),

assigned as (
    select
        first_exposed.*,
        min(first_exposed.kickoff_date) over (partition by first_exposed.cohort) as earliest_date,
        max(first_exposed.kickoff_date) over (partition by first_exposed.cohort) as latest_date
    from first_exposed
    where first_exposed.row_rank = 1
),

united as (
    -- Units of one wave that start on different days are different cohorts: each is compared from its own day on.
    select
        unit_id,
        stratum,
        case
            when earliest_date <> latest_date
                then {{ dbt.concat(['cohort', "' from '", 'cast(kickoff_date as ' ~ dbt.type_string() ~ ')']) }}
            else cohort
        end as cohort,
        later_cohort,
        arm,
        kickoff_date
    from assigned
    union all
    select
        unit_id,
        cast(null as {{ dbt.type_string() }}) as stratum,
        'control' as cohort,
        cast(null as {{ dbt.type_string() }}) as later_cohort,
        'control' as arm,
        cast(null as date) as kickoff_date
    from unlisted
)

select
    united.unit_id,
    coalesce(united.stratum, strata.stratum, 'all') as stratum,
    united.cohort,
    united.later_cohort,
    united.arm,
    united.kickoff_date
from united
left join strata on united.unit_id = strata.unit_id

with respondents as (
    select * from {{ ref('int_respondents') }}
    where not is_late
),

eligible as (
    select
        person_id,
        unit_id,
        cohort,
        arm
    from {{ ref('int_eligible') }}
),

units as (
    select
        unit_id,
        cohort,
        arm
    from {{ ref('int_unit_assignments') }}
),

programme as (
    select assignment_unit from {{ ref('stg_study__programmes') }}
),

waves as (
    select
        survey,
        launched_date,
        max(case when resolution = 'anonymous' then 0 else 1 end) = 1 as is_identified
    from respondents
    group by survey, launched_date
),

grouped as (
    select
        respondents.*,
        waves.is_identified,
        case programme.assignment_unit
            when 'department' then respondents.department
            when 'site' then respondents.site
            when 'team' then respondents.team
        end as own_unit_id
    from respondents
    cross join programme
    inner join waves
        on
            respondents.survey = waves.survey
            and respondents.launched_date = waves.launched_date
)

-- A known respondent answers for the unit they were assigned in, an anonymous one for the unit that the response names.
-- A response without a person in a wave that knows persons is nobody's.
select
    grouped.load_id,
    grouped.response_id,
    grouped.launched_date,
    grouped.survey,
    'person' as subject_kind,
    eligible.unit_id,
    eligible.cohort,
    eligible.arm
from grouped
inner join eligible on grouped.person_id = eligible.person_id
where grouped.is_identified
union all
select
    grouped.load_id,
    grouped.response_id,
    grouped.launched_date,
    grouped.survey,
    'seat' as subject_kind,
    units.unit_id,
    units.cohort,
    units.arm
from grouped
inner join units on grouped.own_unit_id = units.unit_id
where not grouped.is_identified

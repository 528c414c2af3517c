with assignments as (
    select * from {{ ref('int_assignments') }}
),

programme as (
    select joiners from {{ ref('stg_study__programmes') }}
),

employment_types as (
    select employment_type from {{ source('raw', 'raw_study__employment_types') }}
),

rule as (
    select count(*) > 0 as is_given from employment_types
),

judged as (
    select
        assignments.person_id,
        assignments.unit_id,
        assignments.cohort,
        case
            when assignments.assigned_month is null and assignments.first_hired_date > {{ as_of() }}
                then 'hired after the as-of date'
            when assignments.assigned_month is null then 'left before the first snapshot'
            when assignments.assigned_unit_id is null then 'no assignment unit recorded'
            when assignments.cohort is null then 'unit is not in the study'
            when
                rule.is_given
                and employment_types.employment_type is null
                then 'employment type is not in the study'
            -- Their team chose them, and they it, after the programme began.
            when
                programme.joiners = 'excluded'
                and assignments.first_hired_date > assignments.first_kickoff_date
                then 'hired after the first kick-off'
        end as reason
    from assignments
    cross join programme
    cross join rule
    left join employment_types on assignments.employment_type = employment_types.employment_type
)

select
    person_id,
    unit_id,
    cohort,
    reason
from judged
where reason is not null

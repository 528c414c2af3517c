with assignments as (
    select * from {{ ref('int_assignments') }}
),

programme as (
    select joiners from {{ ref('stg_study__programmes') }}
),

judged as (
    select
        assignments.person_id,
        assignments.unit_id,
        assignments.cohort,
        case
            when assignments.assigned_month is null then 'left before the first snapshot'
            when assignments.unit_id is null then 'no assignment unit recorded'
            when assignments.cohort is null then 'unit is not in the study'
            -- Their team chose them, and they it, after the programme began.
            when
                programme.joiners = 'excluded'
                and assignments.first_hired_date > assignments.first_kickoff_date
                then 'hired after the first kick-off'
        end as reason
    from assignments
    cross join programme
)

select
    person_id,
    unit_id,
    cohort,
    reason
from judged
where reason is not null

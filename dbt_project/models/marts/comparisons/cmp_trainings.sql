with trainings as (
    select * from {{ ref('int_trainings') }}
),

leads as (
    select
        lead_person_id,
        min(cohort) as cohort
    from {{ ref('int_unit_leads') }}
    where arm = 'pilot'
    group by lead_person_id
),

programme as (
    select programme from {{ ref('stg_study__programmes') }}
)

-- Records of people whom nobody can find in the HR files are counted too, as such.
select
    programme.programme,
    trainings.course,
    case
        when trainings.person_id is null then 'person not found'
        else coalesce(leads.cohort, 'no coach of this programme')
    end as cohort,
    trainings.status,
    cast(count(*) as bigint) as n_records,
    cast(count(distinct trainings.person_id) as bigint) as n_people,
    min(trainings.completed_date) as first_completed_date,
    max(trainings.completed_date) as last_completed_date
from trainings
cross join programme
left join leads on trainings.person_id = leads.lead_person_id
group by
    programme.programme,
    trainings.course,
    case
        when trainings.person_id is null then 'person not found'
        else coalesce(leads.cohort, 'no coach of this programme')
    end,
    trainings.status

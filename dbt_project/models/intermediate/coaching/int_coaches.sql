with leads as (
    select
        unit_id,
        cohort,
        lead_person_id,
        kickoff_date,
        trained_date
    from {{ ref('int_unit_leads') }}
    where
        arm = 'pilot'
        and lead_person_id is not null
),

eligible as (
    select
        assigned_unit_id,
        count(*) as n_people
    from {{ ref('int_eligible') }}
    group by assigned_unit_id
)

-- Load: the people of all units that a coach was given, as assigned.
select
    leads.lead_person_id as coach_person_id,
    min(leads.kickoff_date) as first_kickoff_date,
    min(leads.trained_date) as trained_date,
    cast(count(*) as bigint) as n_units,
    cast(coalesce(sum(eligible.n_people), 0) as bigint) as n_people
from leads
left join eligible on leads.unit_id = eligible.assigned_unit_id
group by leads.lead_person_id

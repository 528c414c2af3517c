{# Beside the layer before: a cohort is described by its assignment. #}
with units as (
    select
        unit_id,
        stratum,
        cohort,
        later_cohort,
        arm,
        kickoff_date
    from {{ ref('int_unit_assignments') }}
),

leads as (
    select
        unit_id,
        lead_person_id,
        trained_date
    from {{ ref('int_unit_leads') }}
),

people as (
    select
        assigned_unit_id as unit_id,
        count(*) as n_people,
        sum(case when is_mover then 1 else 0 end) as n_movers
    from {{ ref('int_eligible') }}
    group by assigned_unit_id
),

withdrawn as (
    select distinct person_id
    from {{ ref('int_trainings') }}
    where status = 'withdrawn'
)

select
    units.cohort,
    units.arm,
    units.stratum,
    min(units.kickoff_date) as kickoff_date,
    cast(count(*) as bigint) as n_units,
    cast(count(people.unit_id) as bigint) as n_units_with_people,
    cast(coalesce(sum(people.n_people), 0) as bigint) as n_people,
    cast(coalesce(sum(people.n_movers), 0) as bigint) as n_movers,
    cast(sum(case when units.later_cohort is not null then 1 else 0 end) as bigint) as n_units_reassigned,
    cast(
        count(distinct case when units.arm = 'pilot' then leads.lead_person_id end) as bigint
    ) as n_coaches,
    cast(
        count(distinct case
            when units.arm = 'pilot' and leads.trained_date <= units.kickoff_date then leads.lead_person_id
        end) as bigint
    ) as n_coaches_trained_in_time,
    cast(
        count(distinct case when units.arm = 'pilot' and leads.trained_date is not null then leads.lead_person_id end)
        as bigint
    ) as n_coaches_trained,
    cast(count(distinct case when units.arm = 'pilot' then withdrawn.person_id end) as bigint) as n_coaches_withdrawn
from units
left join people on units.unit_id = people.unit_id
left join leads on units.unit_id = leads.unit_id
left join withdrawn on leads.lead_person_id = withdrawn.person_id
group by units.cohort, units.arm, units.stratum

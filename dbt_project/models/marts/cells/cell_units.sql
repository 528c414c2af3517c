{# Beside the layer before: units are assigned, not observed. #}
{# How each unit came to its arm, and whether its coach was trained: what strata, hazards and compliance need. #}
with units as (
    select distinct
        unit_id,
        cohort,
        arm,
        stratum,
        kickoff_date
    from {{ ref('int_assignments') }}
    where cohort is not null
),

withdrawn as (
    select distinct person_id
    from {{ ref('int_trainings') }}
    where status = 'withdrawn'
),

trained as (
    select distinct leads.unit_id
    from {{ ref('int_unit_leads') }} as leads
    left join withdrawn on leads.lead_person_id = withdrawn.person_id
    where
        leads.trained_date is not null
        and withdrawn.person_id is null
)

select
    units.unit_id,
    units.cohort,
    units.arm,
    units.stratum,
    min(units.kickoff_date) as kickoff_date,
    coalesce(units.arm = 'pilot' and trained.unit_id is not null, false) as is_coach_trained
from units
left join trained on units.unit_id = trained.unit_id
group by units.unit_id, units.cohort, units.arm, units.stratum, trained.unit_id
union all
-- What closed with a unit that is assigned no more stays where it was.
select
    kept.unit_id,
    kept.cohort,
    kept.arm,
    kept.stratum,
    kept.kickoff_date,
    kept.is_coach_trained
from {{ source('closed', 'cell_units') }} as kept
left join units on kept.unit_id = units.unit_id
where units.unit_id is null

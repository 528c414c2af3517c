{# Beside the layer before: who changed sides is a fact of the assignment. #}
with people as (
    select crossings.*
    from {{ ref('int_crossings') }} as crossings
    inner join {{ ref('int_eligible') }} as eligible on crossings.person_id = eligible.person_id
),

leads as (
    select
        managers.manager_person_id as person_id,
        managers.month,
        managers.unit_id
    from {{ ref('int_unit_managers') }} as managers
    cross join {{ ref('stg_study__programmes') }} as programme
    where
        managers.is_main_unit
        -- Who leads people that were assigned one by one is on no side.
        and programme.assignment_unit <> 'person'
),

units as (
    select
        unit_id,
        cohort
    from {{ ref('int_unit_assignments') }}
),

programme as (
    select min(kickoff_date) as first_kickoff_date from {{ ref('int_unit_assignments') }}
),

placed as (
    select
        leads.person_id,
        leads.month,
        coalesce(units.cohort, 'not in the study') as cohort,
        programme.first_kickoff_date,
        row_number() over (partition by leads.person_id order by leads.month) as row_rank
    from leads
    cross join programme
    left join units on leads.unit_id = units.unit_id
    where leads.month >= {{ month_of('programme.first_kickoff_date') }}
),

began as (
    select
        person_id,
        cohort
    from placed
    where row_rank = 1
),

-- Whoever led people of one cohort when the programme first found them leading, and of another one later: a coached way
-- of leading goes with them.
managers as (
    select
        began.person_id,
        began.cohort as from_cohort,
        placed.cohort as to_cohort,
        min(placed.month) as first_month
    from began
    inner join placed on began.person_id = placed.person_id
    where began.cohort <> placed.cohort
    group by began.person_id, began.cohort, placed.cohort
),

both_kinds as (
    select
        'people' as who,
        from_cohort,
        to_cohort,
        first_month,
        person_id
    from people
    union all
    select
        'managers' as who,
        from_cohort,
        to_cohort,
        first_month,
        person_id
    from managers
)

select
    both_kinds.who,
    both_kinds.from_cohort,
    both_kinds.to_cohort,
    cast(count(*) as bigint) as n_people,
    min(both_kinds.first_month) as first_month
from both_kinds
group by both_kinds.who, both_kinds.from_cohort, both_kinds.to_cohort

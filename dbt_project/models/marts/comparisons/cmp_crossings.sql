{# Beside the layer before: who changed sides is a fact of the assignment. #}
with people as (
    select crossings.*
    from {{ ref('int_crossings') }} as crossings
    inner join {{ ref('int_eligible') }} as eligible on crossings.person_id = eligible.person_id
),

managers as (
    select * from {{ ref('int_manager_crossings') }}
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

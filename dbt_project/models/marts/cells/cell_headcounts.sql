{# Beside the layer before: movements are of everybody, in the study or not. #}
with movements as (
    select * from {{ ref('int_headcount_movements') }}
),

units as (
    select
        unit_id,
        cohort
    from {{ ref('int_unit_assignments') }}
)

select
    movements.month,
    movements.unit_id,
    coalesce(units.cohort, 'not in the study') as cohort,
    movements.movement,
    cast(sum(movements.amount) as bigint) as n_people
from movements
left join units on movements.unit_id = units.unit_id
group by movements.month, movements.unit_id, coalesce(units.cohort, 'not in the study'), movements.movement

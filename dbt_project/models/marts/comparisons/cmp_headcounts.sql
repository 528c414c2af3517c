{# Beside the layer before: movements are of everybody, in the study or not. #}
{% set corrections = ['listed_late', 'listed_again', 'not_listed_before_exit', 'vanished'] %}
with cells as (
    select
        movements.month,
        movements.movement,
        movements.amount as n_people,
        coalesce(units.cohort, 'not in the study') as cohort
    from {{ ref('int_headcount_movements') }} as movements
    left join {{ ref('int_unit_assignments') }} as units on movements.unit_id = units.unit_id
)

-- Units of one cohort together: a transfer between two of them is one out and one in.
select
    cells.month,
    cells.cohort,
    cast(sum(case when cells.movement = 'opening' then cells.n_people else 0 end) as bigint) as n_opening,
    cast(sum(case when cells.movement in ('hire', 'rehire') then cells.n_people else 0 end) as bigint) as n_hires,
    cast(sum(case when cells.movement = 'transfer_in' then cells.n_people else 0 end) as bigint) as n_transfers_in,
    cast(sum(case when cells.movement = 'leaver' then -cells.n_people else 0 end) as bigint) as n_leavers,
    cast(sum(case when cells.movement = 'transfer_out' then -cells.n_people else 0 end) as bigint) as n_transfers_out,
    {%- for correction in corrections %}
        cast(
            sum(case when cells.movement = '{{ correction }}' then cells.n_people else 0 end) as bigint
        ) as n_{{ correction }},
    {%- endfor %}
    cast(sum(cells.n_people) as bigint) as n_closing
from cells
group by cells.month, cells.cohort

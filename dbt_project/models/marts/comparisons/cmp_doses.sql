with cells as (
    select
        cells.*,
        cast(cells.n_held as double) / nullif(cells.n_person_months, 0) as held_per_month
    from {{ ref('cell_doses') }} as cells
),

programme as (
    select programme from {{ ref('stg_study__programmes') }}
)

select
    programme.programme,
    cells.cohort,
    cells.arm,
    cast(count(*) as bigint) as n_units,
    cast(sum(cells.n_people) as bigint) as n_people,
    cast(min(cells.n_people) as bigint) as n_people_smallest_unit,
    cast(sum(cells.n_without) as bigint) as n_people_without,
    cast(sum(cells.n_held) as double) / nullif(sum(cells.n_person_months), 0) as held_per_person_month,
    {{ exact_sum('cells.n_minutes') }} / nullif(sum(cells.n_person_months), 0) as minutes_per_person_month,
    cast(percentile_cont(0.1) within group (order by cells.held_per_month) as double) as low_unit,
    cast(percentile_cont(0.5) within group (order by cells.held_per_month) as double) as median_unit,
    cast(percentile_cont(0.9) within group (order by cells.held_per_month) as double) as high_unit
from cells
cross join programme
group by programme.programme, cells.cohort, cells.arm

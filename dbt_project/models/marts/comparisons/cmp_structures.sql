with cells as (
    select * from {{ ref('cell_structures') }}
),

programme as (
    select
        programme,
        top_layer
    from {{ ref('stg_study__programmes') }}
)

select
    programme.programme,
    cells.month,
    max(programme.top_layer) as top_layer,
    cast(sum(case when cells.layer = 'not reached' then 0 else 1 end) as bigint) as n_layers,
    cast(sum(cells.n_people) as bigint) as n_people,
    cast(sum(cells.n_managers) as bigint) as n_managers,
    cast(sum(cells.n_direct_reports) as double) / nullif(sum(cells.n_managers), 0) as mean_span,
    cast(sum(cells.n_managers) as double) / sum(cells.n_people) as managers_per_person,
    cast(sum(case when cells.layer = 'not reached' then cells.n_people else 0 end) as bigint) as n_without_layer
from cells
cross join programme
group by programme.programme, cells.month

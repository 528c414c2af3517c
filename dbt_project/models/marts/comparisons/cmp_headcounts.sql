with cells as (
    select * from {{ ref('cell_headcounts') }}
),

programme as (
    select programme from {{ ref('stg_study__programmes') }}
)

select
    programme.programme,
    cells.month,
    cells.cohort,
    cast(sum(cells.n_listed) as bigint) as n_listed,
    cast(sum(cells.n_joiners) as bigint) as n_joiners,
    cast(sum(cells.n_leavers) as bigint) as n_leavers
from cells
cross join programme
group by programme.programme, cells.month, cells.cohort

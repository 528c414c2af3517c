with cells as (
    select * from {{ ref('cell_readiness') }}
),

programme as (
    select programme from {{ ref('stg_study__programmes') }}
)

select
    programme.programme,
    cells.assessed_date,
    cells.cohort,
    cells.arm,
    cells.readiness_before,
    cells.readiness,
    cells.n_managers
from cells
cross join programme

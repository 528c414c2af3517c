select
    programme.programme,
    cells.metric,
    cells.cohort,
    cells.period_start,
    cells.status,
    cells.reason,
    cells.n_observations
from {{ ref('cell_flows') }} as cells
cross join {{ ref('stg_study__programmes') }} as programme

select
    unit_id,
    cohort,
    arm,
    cast(sum(n_first_seen) as bigint) as n_people,
    cast(sum(n_first_seen) - sum(n_first_held) as bigint) as n_without,
    cast(sum(n_person_months) as bigint) as n_person_months,
    cast(sum(n_held) as bigint) as n_held,
    {{ exact_sum('n_minutes') }} as n_minutes
from {{ ref('cell_dose_months') }}
group by unit_id, cohort, arm

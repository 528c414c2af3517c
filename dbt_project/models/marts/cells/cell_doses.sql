select
    unit_id,
    cohort,
    arm,
    cast(count(*) as bigint) as n_people,
    cast(sum(case when n_held = 0 then 1 else 0 end) as bigint) as n_without,
    cast(sum(n_months) as bigint) as n_person_months,
    cast(sum(n_held) as bigint) as n_held,
    {{ exact_sum('n_minutes') }} as n_minutes
from {{ ref('int_doses') }}
group by unit_id, cohort, arm

with readiness as (
    select * from {{ ref('int_readiness') }}
),

programme as (
    select programme from {{ ref('stg_study__programmes') }}
)

-- Managers by state and by the state before; who is assessed for the first time came from nowhere.
select
    programme.programme,
    readiness.assessed_date,
    readiness.cohort,
    readiness.arm,
    coalesce(readiness.readiness_before, 'first assessed') as readiness_before,
    readiness.readiness,
    cast(count(*) as bigint) as n_managers
from readiness
cross join programme
group by
    programme.programme,
    readiness.assessed_date,
    readiness.cohort,
    readiness.arm,
    coalesce(readiness.readiness_before, 'first assessed'),
    readiness.readiness

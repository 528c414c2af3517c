{# Beside the layer before: who is in the study is known before the panels. #}
with eligible as (
    select
        cohort,
        case when is_mover then 'eligible, later moved to another cohort' else 'eligible' end as population,
        1 as is_eligible
    from {{ ref('int_eligible') }}
),

excluded as (
    select
        coalesce(cohort, 'not in the study') as cohort,
        reason as population,
        0 as is_eligible
    from {{ ref('int_excluded') }}
),

pooled as (
    select
        cohort,
        population,
        is_eligible
    from eligible
    union all
    select
        cohort,
        population,
        is_eligible
    from excluded
)

select
    pooled.cohort,
    pooled.population,
    cast(max(pooled.is_eligible) as bigint) = 1 as is_eligible,
    cast(count(*) as bigint) as n_people
from pooled
group by pooled.cohort, pooled.population

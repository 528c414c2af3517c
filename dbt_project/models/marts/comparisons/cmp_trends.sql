with cells as (
    select * from {{ ref('cell_means') }}
    where segment = 'all'
),

programme as (
    select programme from {{ ref('stg_study__programmes') }}
)

-- Every outcome as it went, by cohort: what happened, not what the programme did.
select
    programme.programme,
    cells.metric,
    cells.cohort,
    cells.arm,
    cells.period_start,
    coalesce(cells.period_start >= cells.cohort_period_start, false) as is_exposed,
    cast(sum(cells.n_eligible) as bigint) as n_eligible,
    cast(sum(cells.n_observed) as bigint) as n_observed,
    cast(count(distinct case when cells.n_observed > 0 then cells.unit_id end) as bigint) as n_units,
    {{ exact_sum('cells.value_sum') }} / nullif(sum(cells.n_observed), 0) as mean
from cells
cross join programme
group by
    programme.programme,
    cells.metric,
    cells.cohort,
    cells.arm,
    cells.period_start,
    coalesce(cells.period_start >= cells.cohort_period_start, false)

with cells as (
    select
        metric,
        unit_id,
        closed_cohort as cohort,
        closed_arm as arm,
        period_start,
        cohort_period_start,
        n_eligible,
        n_observed,
        value_sum,
        centred_sum_of_squares
    from {{ ref('cell_means') }}
    where segment = 'all'
),

scopes as (
    select 'cohort' as scope
    union all
    select 'arm' as scope
),

-- Each cohort, and the arms as a whole.
scoped as (
    select
        scopes.scope,
        case when scopes.scope = 'arm' then cells.arm else cells.cohort end as group_name,
        cells.*
    from cells
    cross join scopes
),

sums as (
    select
        metric,
        scope,
        group_name,
        arm,
        period_start,
        max(case when period_start >= cohort_period_start then 1 else 0 end) = 1 as is_exposed,
        sum(n_eligible) as n_eligible,
        sum(n_observed) as n_observed,
        count(distinct case when n_observed > 0 then unit_id end) as n_units,
        {{ exact_sum('value_sum') }} as value_sum
    from scoped
    group by metric, scope, group_name, arm, period_start
),

-- What varies within cells plus what varies between them.
spreads as (
    select
        scoped.metric,
        scoped.scope,
        scoped.group_name,
        scoped.arm,
        scoped.period_start,
        {{ exact_sum(
            'scoped.centred_sum_of_squares + scoped.n_observed'
            ~ ' * (scoped.value_sum / scoped.n_observed - sums.value_sum / sums.n_observed)'
            ~ ' * (scoped.value_sum / scoped.n_observed - sums.value_sum / sums.n_observed)'
        ) }} as centred_sum_of_squares
    from scoped
    inner join sums
        on
            scoped.metric = sums.metric
            and scoped.scope = sums.scope
            and scoped.group_name = sums.group_name
            and scoped.arm = sums.arm
            and scoped.period_start = sums.period_start
    where scoped.n_observed > 0
    group by scoped.metric, scoped.scope, scoped.group_name, scoped.arm, scoped.period_start
),

largest as (
    select
        scopes.scope,
        case when scopes.scope = 'arm' then cell_values.arm else cell_values.cohort end as group_name,
        cell_values.metric,
        cell_values.arm,
        cell_values.period_start,
        cell_values.value
    from {{ ref('cell_largest_values') }} as cell_values
    cross join scopes
),

ranked as (
    select
        largest.*,
        row_number() over (
            partition by largest.scope, largest.metric, largest.group_name, largest.arm, largest.period_start
            order by largest.value desc
        ) as value_rank
    from largest
),

two_largest as (
    select
        scope,
        metric,
        group_name,
        arm,
        period_start,
        max(case when value_rank = 1 then value end) as largest_value,
        max(case when value_rank = 2 then value end) as second_largest_value
    from ranked
    where value_rank <= 2
    group by scope, metric, group_name, arm, period_start
)

-- Every outcome as it went: what happened, not what the programme did.
select
    sums.metric,
    sums.scope,
    sums.group_name,
    sums.arm,
    sums.period_start,
    sums.is_exposed,
    cast(sums.n_eligible as bigint) as n_eligible,
    cast(sums.n_observed as bigint) as n_observed,
    cast(sums.n_units as bigint) as n_units,
    sums.value_sum / nullif(sums.n_observed, 0) as mean,
    sqrt(
        cast(spreads.centred_sum_of_squares as double) / nullif(sums.n_observed - 1, 0) / nullif(sums.n_observed, 0)
    ) as std_error,
    two_largest.largest_value,
    two_largest.second_largest_value
from sums
left join spreads
    on
        sums.metric = spreads.metric
        and sums.scope = spreads.scope
        and sums.group_name = spreads.group_name
        and sums.arm = spreads.arm
        and sums.period_start = spreads.period_start
left join two_largest
    on
        sums.metric = two_largest.metric
        and sums.scope = two_largest.scope
        and sums.group_name = two_largest.group_name
        and sums.arm = two_largest.arm
        and sums.period_start = two_largest.period_start

{# Beside the layer before: open periods have no cells yet. #}
{# For analysts: what the files say of periods that are still open. Provisional, in no estimate and in no release. #}
with open_periods as (
    select * from {{ ref('pnl_calendar') }}
    where not is_closed
)

select
    people.metric,
    people.period_start,
    people.arm,
    open_periods.closes_on,
    cast(count(*) as bigint) as n_eligible,
    cast(count(people.value) as bigint) as n_observed,
    {{ exact_sum('people.value') }} / nullif(count(people.value), 0) as mean
from {{ ref('pnl_values') }} as people
inner join open_periods
    on
        people.metric = open_periods.metric
        and people.period_start = open_periods.period_start
group by people.metric, people.period_start, people.arm, open_periods.closes_on

{# Within-person differences from a base period: for persons assigned one by one, and for adjusted estimates. #}
{% set cell_window = 'over (partition by metric, unit_id, period_start, base_period_start)' %}
with averaged as (
    select
        changes.*,
        {{ exact_sum('change', over=cell_window) }} / count(*) {{ cell_window }} as cell_mean
    from {{ ref('pnl_changes') }} as changes
)

select
    metric,
    unit_id,
    cohort,
    arm,
    period_start,
    base_period_start,
    cast(count(*) as bigint) as n_people,
    {{ exact_sum('change') }} as change_sum,
    {{ exact_sum('(change - cell_mean) * (change - cell_mean)') }} as centred_sum_of_squares
from averaged
group by metric, unit_id, cohort, arm, period_start, base_period_start

{# Within-person differences from a base period: for persons assigned one by one, and for adjusted estimates. #}
{% set cell_window = 'over (partition by metric, unit_id, period_start, base_period_start)' %}
with averaged as (
    select
        changes.*,
        {{ exact_sum('change', over=cell_window) }} / count(*) {{ cell_window }} as cell_mean
    from {{ ref('pnl_changes') }} as changes
),

united as (
    select
        metric,
        unit_id,
        period_start,
        base_period_start,
        cast(count(*) as bigint) as n_people,
        {{ exact_sum('change') }} as change_sum,
        {{ exact_sum('(change - cell_mean) * (change - cell_mean)') }} as centred_sum_of_squares
    from averaged
    group by metric, unit_id, period_start, base_period_start
    union all
    select
        kept.metric,
        kept.unit_id,
        kept.period_start,
        kept.base_period_start,
        kept.n_people,
        kept.change_sum,
        kept.centred_sum_of_squares
    from {{ source('closed', 'cell_differences') }} as kept
    inner join {{ ref('pnl_pairs') }} as pairs
        on
            kept.metric = pairs.metric
            and kept.period_start = pairs.period_start
            and kept.base_period_start = pairs.base_period_start
            and pairs.is_kept
)

select
    united.metric,
    united.unit_id,
    units.cohort,
    units.arm,
    united.period_start,
    united.base_period_start,
    united.n_people,
    united.change_sum,
    united.centred_sum_of_squares
from united
inner join {{ ref('cell_units') }} as units on united.unit_id = units.unit_id

with panel as (
    select * from {{ ref('pnl_retention') }}
),

numbers as (
    {{ number_series(36) }}
)

-- Kaplan–Meier's convention: who is censored in a month was at risk in it.
select
    panel.metric,
    panel.unit_id,
    panel.cohort,
    panel.comparison_cohort,
    panel.comparison_arm,
    panel.phase,
    'all' as segment,
    numbers.month_number,
    cast(count(*) as bigint) as n_at_risk,
    cast(
        sum(case when panel.has_left and panel.months_followed = numbers.month_number then 1 else 0 end) as bigint
    ) as n_events
from panel
inner join numbers on panel.months_followed >= numbers.month_number
group by
    panel.metric,
    panel.unit_id,
    panel.cohort,
    panel.comparison_cohort,
    panel.comparison_arm,
    panel.phase,
    numbers.month_number

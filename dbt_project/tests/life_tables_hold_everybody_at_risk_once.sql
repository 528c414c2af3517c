{{ config(meta={'dagster': {'ref': {'name': 'cell_life_tables'}}}) }}
-- Conservation: people who enter a window = those at risk in its first month; people who left = events in its months.
with panel as (
    select
        comparison_cohort,
        phase,
        count(*) as n_entered,
        sum(case when has_left then 1 else 0 end) as n_left
    from {{ ref('pnl_retention') }}
    group by comparison_cohort, phase
),

cells as (
    select
        comparison_cohort,
        phase,
        sum(case when month_number = 1 then n_at_risk else 0 end) as n_entered,
        sum(n_events) as n_left
    from {{ ref('cell_life_tables') }}
    where segment = 'all'
    group by comparison_cohort, phase
)

select
    panel.comparison_cohort,
    panel.phase
from panel
full outer join cells
    on
        panel.comparison_cohort = cells.comparison_cohort
        and panel.phase = cells.phase
where
    panel.phase is null
    or cells.phase is null
    or panel.n_entered <> cells.n_entered
    or panel.n_left <> cells.n_left

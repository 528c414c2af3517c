{{ config(meta={'dagster': {'ref': {'name': 'cell_means'}}}) }}
-- Conservation: values in the panels (one per person and period) = n_observed over the cells, and their sums agree, in
-- every closed period; where an earlier release has published it, in the cells that were kept of it.
with panel as (
    select
        metric,
        subject_id,
        period_start,
        avg(value) as value
    from (
        {% for panel in var('panels') %}
            select
                metric,
                subject_id,
                period_start,
                value
            from {{ ref(panel) }}
            {% if not loop.last %}union all{% endif %}
        {% endfor %}
    ) as values_of_people
    where value is not null
    group by metric, subject_id, period_start
),

calendar as (
    select * from {{ ref('pnl_calendar') }}
    where is_closed
),

expected as (
    select
        panel.metric,
        panel.period_start,
        cast(1 as bigint) as n,
        panel.value as total
    from panel
    inner join calendar
        on
            panel.metric = calendar.metric
            and panel.period_start = calendar.period_start
            and not calendar.is_kept
    union all
    select
        kept.metric,
        kept.period_start,
        kept.n_observed as n,
        kept.value_sum as total
    from {{ source('closed', 'cell_means') }} as kept
    inner join calendar
        on
            kept.metric = calendar.metric
            and kept.period_start = calendar.period_start
            and calendar.is_kept
    where
        kept.segment = 'all'
        and kept.n_observed > 0
),

panels as (
    select
        metric,
        period_start,
        sum(n) as n,
        sum(total) as total
    from expected
    group by metric, period_start
),

cells as (
    select
        metric,
        period_start,
        sum(n_observed) as n,
        sum(value_sum) as total
    from {{ ref('cell_means') }}
    where
        n_observed > 0
        and segment = 'all'
    group by metric, period_start
)

select
    coalesce(panels.metric, cells.metric) as metric,
    coalesce(panels.period_start, cells.period_start) as period_start,
    panels.n as n_panel,
    cells.n as n_cells
from panels
full outer join cells
    on
        panels.metric = cells.metric
        and panels.period_start = cells.period_start
where
    panels.metric is null
    or cells.metric is null
    or panels.n <> cells.n
    or abs(panels.total - cells.total) > 1e-6 * greatest(abs(panels.total), 1)

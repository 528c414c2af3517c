{{ config(meta={'dagster': {'ref': {'name': 'cell_means'}}}) }}
-- Conservation: values in the panels (one per person and period) = n_observed over the cells, and their sums agree, in
-- every period that is over. A period that a release told before may be told as then instead: pnl_periods = cells.
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

told as (
    select distinct
        metric,
        period_start,
        is_ready and (not is_released or is_batch) as is_as_observed
    from {{ ref('pnl_corrections') }}
    where is_ready or is_released
),

released as (
    select
        metric,
        subject_id,
        period_start,
        value
    from {{ ref('int_released_observations') }}
    where value is not null
),

expected as (
    select
        panel.metric,
        panel.period_start,
        panel.value
    from panel
    inner join told
        on
            panel.metric = told.metric
            and panel.period_start = told.period_start
    where told.is_as_observed
    union all
    select
        released.metric,
        released.period_start,
        released.value
    from released
    inner join told
        on
            released.metric = told.metric
            and released.period_start = told.period_start
    where not told.is_as_observed
),

panels as (
    select
        metric,
        period_start,
        count(*) as n,
        sum(value) as total
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

{{ config(meta={'dagster': {'ref': {'name': 'cell_means'}}}) }}
-- Conservation: values in the panels (one per person and period) = n_observed over the cells, and their sums agree.
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

panels as (
    select
        metric,
        count(*) as n,
        sum(value) as total
    from panel
    group by metric
),

cells as (
    select
        metric,
        sum(n_observed) as n,
        sum(value_sum) as total
    from {{ ref('cell_means') }}
    where
        n_observed > 0
        and segment = 'all'
    group by metric
)

select
    panels.metric,
    panels.n as n_panel,
    cells.n as n_cells
from panels
full outer join cells on panels.metric = cells.metric
where
    panels.metric is null
    or cells.metric is null
    or panels.n <> cells.n
    or abs(panels.total - cells.total) > 1e-6 * greatest(abs(panels.total), 1)

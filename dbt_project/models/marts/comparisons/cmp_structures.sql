{# Beside the layer before: the whole organisation, not its units; there are no cells of it. #}
with cells as (
    select
        month,
        coalesce(cast(layer as {{ dbt.type_string() }}), 'not reached') as layer,
        cast(count(*) as bigint) as n_people,
        cast(sum(case when n_direct_reports > 0 then 1 else 0 end) as bigint) as n_managers,
        cast(sum(n_direct_reports) as bigint) as n_direct_reports
    from {{ ref('int_reporting_lines') }}
    group by month, coalesce(cast(layer as {{ dbt.type_string() }}), 'not reached')
),

programme as (
    select top_layer from {{ ref('stg_study__programmes') }}
)

select
    cells.month,
    max(programme.top_layer) as top_layer,
    cast(sum(case when cells.layer = 'not reached' then 0 else 1 end) as bigint) as n_layers,
    cast(sum(cells.n_people) as bigint) as n_people,
    cast(sum(cells.n_managers) as bigint) as n_managers,
    cast(sum(cells.n_direct_reports) as double) / nullif(sum(cells.n_managers), 0) as mean_span,
    cast(sum(cells.n_managers) as double) / sum(cells.n_people) as managers_per_person,
    cast(sum(case when cells.layer = 'not reached' then cells.n_people else 0 end) as bigint) as n_without_layer
from cells
cross join programme
group by cells.month

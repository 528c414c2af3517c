select
    month,
    coalesce(cast(layer as {{ dbt.type_string() }}), 'not reached') as layer,
    cast(count(*) as bigint) as n_people,
    cast(sum(case when n_direct_reports > 0 then 1 else 0 end) as bigint) as n_managers,
    cast(sum(n_direct_reports) as bigint) as n_direct_reports
from {{ ref('int_reporting_lines') }}
group by month, coalesce(cast(layer as {{ dbt.type_string() }}), 'not reached')

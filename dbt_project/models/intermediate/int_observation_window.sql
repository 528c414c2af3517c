with workers as (
    select snapshot_month from {{ ref('stg_hris__workers') }}
)

select
    min(snapshot_month) as first_month,
    max(snapshot_month) as last_month,
    -- What happened after the last snapshot's month is not known, and nothing after the day looked from.
    least(cast({{ dbt.last_day('max(snapshot_month)', 'month') }} as date), {{ as_of() }}) as observed_through_date
from workers

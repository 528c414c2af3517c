with months as (
    select
        min(snapshot_month) as first_month,
        max(snapshot_month) as last_month
    from {{ ref('stg_hris__workers') }}
),

rule as (
    select closing_days from {{ ref('stg_study__metrics') }}
    where metric = 'retention'
),

-- The first day of a month that has not closed by the day looked from.
edge as (
    select
        {{ dbt.date_trunc('month', dbt.dateadd('day', '1 - rule.closing_days', as_of())) }} as first_open_date
    from rule
)

select
    months.first_month,
    months.last_month,
    -- What happened after the last snapshot's month is not known, and nothing after the day looked from.
    least(cast({{ dbt.last_day('months.last_month', 'month') }} as date), {{ as_of() }}) as observed_through_date,
    -- The last month in which exits are known: one snapshot may report them late.
    least(
        cast({{ dbt.last_day('months.last_month', 'month') }} as date),
        cast({{ dbt.dateadd('day', -1, 'edge.first_open_date') }} as date)
    ) as closed_through_date
from months
cross join edge

with memberships as (
    select
        person_id,
        month
    from {{ ref('int_team_memberships') }}
),

-- Anonymous responses have no person to find.
records as (
    select
        'survey' as source,
        {{ month_of('launched_date') }} as month,
        person_id
    from {{ ref('stg_survey__responses') }}
    where person_id is not null
    union all
    select
        'checkins' as source,
        {{ month_of('due_date') }} as month,
        person_id
    from {{ ref('stg_checkins__events') }}
)

select
    records.source,
    records.month,
    cast(count(*) as bigint) as n_records,
    cast(count(memberships.person_id) as bigint) as n_matched
from records
left join memberships
    on
        records.person_id = memberships.person_id
        and records.month = memberships.month
group by records.source, records.month

-- Anonymous responses have no person to find.
with records as (
    select
        'survey' as source,
        {{ month_of('launched_date') }} as month,
        person_id
    from {{ ref('int_respondents') }}
    where resolution <> 'anonymous'
    union all
    select
        'checkins' as source,
        month,
        person_id
    from {{ ref('int_checkins') }}
)

select
    source,
    month,
    cast(count(*) as bigint) as n_records,
    cast(count(person_id) as bigint) as n_matched
from records
group by source, month

with events as (
    select
        events.*,
        {{ month_of('events.due_date') }} as month
    from {{ ref('stg_checkins__events') }} as events
),

memberships as (
    select
        person_id,
        month
    from {{ ref('int_team_memberships') }}
),

addresses as (
    select
        month,
        email_key,
        person_id
    from {{ ref('int_addresses') }}
)

select
    events.event,
    events.event_id,
    events.month,
    events.due_date,
    events.status,
    events.set_by,
    -- By id, and where no employee of the month has it, by an address that exactly one employee has.
    coalesce(memberships.person_id, addresses.person_id) as person_id
from events
left join memberships
    on
        events.person_id = memberships.person_id
        and events.month = memberships.month
left join addresses
    on
        events.email_key = addresses.email_key
        and events.month = addresses.month

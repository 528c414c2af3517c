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
),

links as (
    select
        person_id,
        month,
        manager_person_id
    from {{ ref('int_manager_links') }}
),

found as (
    select
        events.*,
        -- By id, and where no employee of the month has it, by an address that exactly one employee has.
        coalesce(memberships.person_id, addresses.person_id) as found_person_id,
        coalesce(events.led_by_id, leaders.person_id) as led_by_person_id
    from events
    left join memberships
        on
            events.person_id = memberships.person_id
            and events.month = memberships.month
    left join addresses
        on
            events.email_key = addresses.email_key
            and events.month = addresses.month
    left join addresses as leaders
        on
            events.led_by_email_key = leaders.email_key
            and events.month = leaders.month
)

select
    found.mapping,
    found.event,
    found.event_id,
    found.month,
    found.due_date,
    found.status,
    found.set_by,
    found.found_person_id as person_id,
    found.submitted_date,
    found.reviewed_date,
    found.agenda_set_by,
    found.priority,
    found.n_minutes,
    found.is_late,
    found.reports_priorities,
    found.reports_reviews,
    found.reports_timing,
    found.led_by_person_id,
    links.manager_person_id
from found
left join links
    on
        found.found_person_id = links.person_id
        and found.month = links.month

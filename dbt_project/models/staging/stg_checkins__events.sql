with events as (
    select * from {{ source('raw', 'raw_checkins__events') }}
    where due_date <= {{ as_of() }}
),

loads as (
    select
        load_id,
        file_date,
        version,
        sequence
    from {{ ref('stg_loads') }}
),

-- A goal exported again with another status: the later export tells.
ranked as (
    select
        events.event,
        events.event_id,
        events.person_id,
        events.due_date,
        events.status,
        events.set_by,
        row_number() over (
            partition by events.event, events.event_id
            order by loads.file_date desc nulls last, loads.version desc, loads.sequence desc, events.line desc
        ) as turn
    from events
    inner join loads on events.load_id = loads.load_id
)

select
    event,
    event_id,
    person_id,
    due_date,
    status,
    set_by
from ranked
where turn = 1

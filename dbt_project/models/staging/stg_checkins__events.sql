with crosswalk as (
    select
        old_person_id,
        person_id
    from {{ ref('stg_hris__crosswalk') }}
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
        events.load_id,
        events.email_key,
        coalesce(crosswalk.person_id, events.person_id) as person_id,
        events.due_date,
        events.status,
        events.set_by,
        row_number() over (
            partition by events.event, events.event_id
            order by loads.file_date desc nulls last, loads.version desc, loads.sequence desc, events.line desc
        ) as turn
    from {{ source('raw', 'raw_checkins__events') }} as events
    inner join loads on events.load_id = loads.load_id
    left join crosswalk on events.person_id = crosswalk.old_person_id
    where events.due_date <= {{ as_of() }}
)

select
    load_id,
    event,
    event_id,
    person_id,
    email_key,
    due_date,
    status,
    set_by
from ranked
where turn = 1

with crosswalk as (
    select
        old_person_id,
        person_id
    from {{ ref('stg_hris__crosswalk') }}
),

loads as (
    select
        load_id,
        mapping,
        file_date,
        version,
        sequence
    from {{ ref('stg_loads') }}
),

-- A goal exported again with another status: the later export counts. Two tools may give the same number.
ranked as (
    select
        events.*,
        loads.mapping,
        row_number() over (
            partition by loads.mapping, events.event, events.event_id
            order by loads.file_date desc nulls last, loads.version desc, loads.sequence desc, events.line desc
        ) as row_rank
    from {{ source('raw', 'raw_checkins__events') }} as events
    inner join loads on events.load_id = loads.load_id
),

-- A day that was moved counts as it was moved to; what lies ahead of the day looked from waits.
newest as (
    select * from ranked
    where
        row_rank = 1
        and due_date <= {{ as_of() }}
),

-- A field that a tool never fills says nothing; one that it fills for some says "no" where it is blank.
reporting as (
    select
        mapping,
        event,
        count(priority) > 0 as reports_priorities,
        count(reviewed_at) > 0 as reports_reviews,
        count(submitted_at) + count(is_late) > 0 as reports_timing
    from newest
    group by mapping, event
)

select
    newest.load_id,
    newest.mapping,
    newest.event,
    newest.event_id,
    coalesce(people.person_id, newest.person_id) as person_id,
    newest.email_key,
    newest.due_date,
    newest.status,
    newest.set_by,
    cast(newest.submitted_at as date) as submitted_date,
    cast(newest.reviewed_at as date) as reviewed_date,
    coalesce(leaders.person_id, newest.led_by_id) as led_by_id,
    newest.led_by_email_key,
    newest.agenda_set_by,
    newest.priority,
    newest.n_minutes,
    newest.is_late,
    reporting.reports_priorities,
    reporting.reports_reviews,
    reporting.reports_timing
from newest
inner join reporting
    on
        newest.mapping = reporting.mapping
        and newest.event = reporting.event
left join crosswalk as people on newest.person_id = people.old_person_id
left join crosswalk as leaders on newest.led_by_id = leaders.old_person_id

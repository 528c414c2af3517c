{# Beside the layer before: it compares every load; staging holds what counts now. #}
with loads as (
    select * from {{ ref('stg_loads') }}
),

workers as (
    select
        person_id,
        hired_date,
        left_date,
        load_id,
        snapshot_month,
        lag(load_id) over (
            partition by person_id, hired_date, job_id order by snapshot_date, sequence, line
        ) as load_id_before,
        lag(snapshot_month) over (
            partition by person_id, hired_date, job_id order by snapshot_date, sequence, line
        ) as snapshot_month_before,
        lag(left_date) over (
            partition by person_id, hired_date, job_id order by snapshot_date, sequence, line
        ) as left_date_before
    from {{ ref('stg_hris__workers') }}
),

-- An exit of a month that an earlier snapshot had reported otherwise.
exits as (
    select
        load_id,
        case
            when left_date_before is null then 'late termination'
            when left_date is null then 'exit withdrawn'
            else 'exit date corrected'
        end as restatement,
        {{ month_of('coalesce(left_date, left_date_before)') }} as month
    from workers
    where
        load_id <> load_id_before
        and coalesce(left_date, left_date_before) is not null
        and (
            left_date_before <> left_date
            or left_date is null
            or (left_date_before is null and {{ month_of('left_date') }} <= snapshot_month_before)
        )
),

-- Snapshots that were sent again: who differs between a file and the one that it replaced.
editions as (
    select
        raw_workers.load_id,
        raw_workers.snapshot_date,
        lag(raw_workers.load_id) over (
            partition by loads.mapping, loads.part, raw_workers.snapshot_date order by loads.version, loads.sequence
        ) as replaced_load_id
    from (select distinct
        load_id,
        snapshot_date
    from {{ source('raw', 'raw_hris__workers') }}) as raw_workers
    inner join loads on raw_workers.load_id = loads.load_id
    where
        loads.rows_are = 'snapshots'
        and loads.delivery = 'full'
        and raw_workers.snapshot_date <= {{ as_of() }}
),

compared as (
    select
        editions.load_id,
        editions.snapshot_date,
        raw_workers.person_id,
        {{ dbt.concat(worker_words('raw_workers.')) }} as content,
        count(distinct raw_workers.load_id) as n_editions
    from editions
    inner join {{ source('raw', 'raw_hris__workers') }} as raw_workers
        on
            (editions.load_id = raw_workers.load_id or editions.replaced_load_id = raw_workers.load_id)
            and editions.snapshot_date = raw_workers.snapshot_date
    where editions.replaced_load_id is not null
    group by
        editions.load_id,
        editions.snapshot_date,
        raw_workers.person_id,
        {{ dbt.concat(worker_words('raw_workers.')) }}
),

snapshots as (
    select distinct
        load_id,
        'row of a replaced snapshot' as restatement,
        {{ month_of('snapshot_date') }} as month,
        person_id
    from compared
    where n_editions = 1
),

-- Check-ins and answers that a later export reports otherwise.
events as (
    select
        events.load_id,
        events.status,
        {{ month_of('events.due_date') }} as month,
        lag(events.status) over (
            partition by loads.mapping, events.event, events.event_id
            order by loads.file_date nulls first, loads.version, loads.sequence, events.line
        ) as status_before
    from {{ source('raw', 'raw_checkins__events') }} as events
    inner join loads on events.load_id = loads.load_id
    where events.due_date <= {{ as_of() }}
),

responses as (
    select
        responses.load_id,
        {{ month_of('responses.launched_date') }} as month,
        row_number() over (
            partition by loads.mapping, loads.part, responses.launched_date, responses.response_id
            order by responses.recorded_at, loads.file_date nulls first, loads.version, loads.sequence, responses.line
        ) as row_rank,
        responses.recorded_at,
        min(responses.recorded_at) over (
            partition by loads.mapping, loads.part, responses.launched_date, responses.response_id
        ) as first_recorded_at
    from {{ source('raw', 'raw_survey__responses') }} as responses
    inner join loads on responses.load_id = loads.load_id
    where responses.launched_date <= {{ as_of() }}
),

waves as (
    select
        responses.launched_date,
        {{ dbt.concat(['loads.mapping', "' '", 'loads.part']) }} as survey,
        responses.load_id,
        row_number() over (
            partition by loads.mapping, loads.part, responses.launched_date
            order by loads.file_date desc nulls last, loads.version desc, loads.sequence desc
        ) as recency
    from (select distinct
        load_id,
        launched_date
    from {{ source('raw', 'raw_survey__responses') }}) as responses
    inner join loads on responses.load_id = loads.load_id
),

-- Responses that an export had and a newer one of the whole wave has not.
withdrawn as (
    select distinct
        newest.load_id,
        {{ month_of('responses.launched_date') }} as month,
        responses.response_id
    from {{ source('raw', 'raw_survey__responses') }} as responses
    inner join loads on responses.load_id = loads.load_id
    inner join waves as newest
        on
            responses.launched_date = newest.launched_date
            and newest.survey = {{ dbt.concat(['loads.mapping', "' '", 'loads.part']) }}
            and newest.recency = 1
    left join {{ ref('stg_survey__responses') }} as kept
        on
            responses.response_id = kept.response_id
            and responses.launched_date = kept.launched_date
            and newest.survey = kept.survey
    where
        kept.response_id is null
        and responses.launched_date <= {{ as_of() }}
),

restated as (
    select
        load_id,
        restatement,
        month
    from exits
    union all
    select
        load_id,
        restatement,
        month
    from snapshots
    union all
    select
        load_id,
        'status of a check-in or goal' as restatement,
        month
    from events
    where status <> status_before
    union all
    select
        load_id,
        'survey response' as restatement,
        month
    from responses
    where
        row_rank > 1
        and recorded_at > first_recorded_at
    union all
    select
        load_id,
        'survey response withdrawn' as restatement,
        month
    from withdrawn
)

select
    restated.restatement,
    restated.load_id,
    loads.source,
    loads.file_name,
    loads.known_date,
    restated.month,
    cast(count(*) as bigint) as n_rows
from restated
inner join loads on restated.load_id = loads.load_id
group by
    restated.restatement,
    restated.load_id,
    loads.source,
    loads.file_name,
    loads.known_date,
    restated.month

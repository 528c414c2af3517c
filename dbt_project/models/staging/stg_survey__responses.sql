with responses as (
    select * from {{ source('raw', 'raw_survey__responses') }}
    where launched_date <= {{ as_of() }}
),

loads as (
    select
        load_id,
        file_date,
        version,
        sequence
    from {{ ref('stg_loads') }}
),

-- The same response in two exports of one wave: the later export tells. One person twice in a wave: the last answer.
ranked as (
    select
        responses.load_id,
        responses.response_id,
        responses.person_id,
        responses.launched_date,
        responses.recorded_at,
        row_number() over (
            partition by coalesce(responses.person_id, responses.response_id), responses.launched_date
            order by responses.recorded_at desc nulls last, loads.version desc, loads.sequence desc, responses.line desc
        ) as turn
    from responses
    inner join loads on responses.load_id = loads.load_id
)

select
    load_id,
    response_id,
    person_id,
    launched_date,
    recorded_at
from ranked
where turn = 1

with responses as (
    select * from {{ ref('stg_survey__responses') }}
),

frames as (
    select
        launched_date,
        person_id,
        email_key
    from {{ ref('int_survey_frames') }}
),

-- An address stands for a person only while exactly one of those asked has it.
addresses as (
    select
        launched_date,
        email_key,
        min(person_id) as person_id
    from frames
    where email_key is not null
    group by launched_date, email_key
    having count(*) = 1
),

found as (
    select
        responses.load_id,
        responses.response_id,
        responses.launched_date,
        responses.survey,
        responses.recorded_at,
        responses.department,
        responses.site,
        responses.team,
        coalesce(frames.person_id, addresses.person_id) as person_id,
        case
            when responses.person_id is null and responses.email_key is null then 'anonymous'
            when frames.person_id is not null then 'by id'
            when addresses.person_id is not null then 'by e-mail'
            else 'not found'
        end as resolution
    from responses
    left join frames
        on
            responses.launched_date = frames.launched_date
            and responses.person_id = frames.person_id
    left join addresses
        on
            responses.launched_date = addresses.launched_date
            and responses.email_key = addresses.email_key
),

-- One person twice in a wave: the last answer. Two surveys may be launched on one day.
ranked as (
    select
        found.*,
        row_number() over (
            partition by
                found.survey,
                found.launched_date,
                coalesce(found.person_id, {{ dbt.concat(['found.load_id', 'found.response_id']) }})
            order by found.recorded_at desc nulls last, found.response_id desc, found.load_id desc
        ) as turn
    from found
)

select
    load_id,
    response_id,
    launched_date,
    survey,
    recorded_at,
    person_id,
    resolution,
    department,
    site,
    team
from ranked
where turn = 1

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

programme as (
    select survey_open_days from {{ ref('stg_study__programmes') }}
),

completeness as (
    select
        load_id,
        response_id,
        launched_date,
        sum(case when is_scored then 1 else 0 end) as n_scored,
        sum(n_answered) as n_answered
    from {{ ref('int_response_scales') }}
    group by load_id, response_id, launched_date
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
        end as resolution,
        -- Answers after the wave's closing day belong to no wave.
        coalesce(
            cast(responses.recorded_at as date)
            > {{ dbt.dateadd('day', 'programme.survey_open_days', 'responses.launched_date') }},
            false
        ) as is_late,
        coalesce(completeness.n_scored, 0) as n_scored,
        coalesce(completeness.n_answered, 0) as n_answered
    from responses
    cross join programme
    left join completeness
        on
            responses.load_id = completeness.load_id
            and responses.response_id = completeness.response_id
            and responses.launched_date = completeness.launched_date
    left join frames
        on
            responses.launched_date = frames.launched_date
            and responses.person_id = frames.person_id
    left join addresses
        on
            responses.launched_date = addresses.launched_date
            and responses.email_key = addresses.email_key
),

-- One person twice in a wave: the response that gives most scores, then most answers, then the latest. Two surveys may
-- be launched on one day.
ranked as (
    select
        found.*,
        row_number() over (
            partition by
                found.survey,
                found.launched_date,
                coalesce(found.person_id, {{ dbt.concat(['found.load_id', 'found.response_id']) }})
            order by
                found.is_late asc,
                found.n_scored desc,
                found.n_answered desc,
                found.recorded_at desc nulls last,
                found.response_id desc,
                found.load_id desc
        ) as response_rank
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
    is_late,
    department,
    site,
    team
from ranked
where response_rank = 1

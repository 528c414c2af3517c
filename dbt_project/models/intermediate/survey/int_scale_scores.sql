with responses as (
    select
        load_id,
        response_id,
        launched_date,
        survey,
        person_id,
        resolution
    from {{ ref('int_respondents') }}
    where not is_late
),

answers as (
    select
        load_id,
        response_id,
        launched_date,
        survey,
        item,
        scale,
        answer,
        lowest,
        highest,
        score
    from {{ ref('stg_survey__answers') }}
),

programme as (
    select * from {{ ref('stg_study__programmes') }}
),

scales as (
    select * from {{ ref('int_response_scales') }}
),

judged as (
    select
        answers.*,
        case when answers.score >= programme.favourable_from then 1.0 else 0.0 end as is_favourable,
        -- Promoters and detractors are defined on one range of answers; on another one nobody is either.
        case
            when answers.lowest <> programme.enps_lowest or answers.highest <> programme.enps_highest then null
            when answers.answer >= programme.enps_promoters_from then 100.0
            when answers.answer <= programme.enps_detractors_to then -100.0
            else 0.0
        end as net_promoter
    from answers
    cross join programme
),

scored as (
    select
        load_id,
        response_id,
        launched_date,
        scale,
        -- Centred at the middle of 0–100, so that squares keep their digits.
        {{ exact_sum('score - 50.0') }} as deviation_sum,
        {{ exact_sum('score') }} / count(*) as score,
        {{ exact_sum('is_favourable') }} / count(*) as favourable,
        {{ exact_sum('net_promoter') }} / count(net_promoter) as net_promoter
    from judged
    group by load_id, response_id, launched_date, scale
)

select
    responses.load_id,
    responses.response_id,
    responses.launched_date,
    responses.survey,
    responses.person_id,
    responses.resolution,
    scored.scale,
    scales.n_items,
    scales.n_answered,
    scales.is_scored,
    scored.deviation_sum,
    scored.score,
    scored.favourable,
    scored.net_promoter
from scored
inner join responses
    on
        scored.load_id = responses.load_id
        and scored.response_id = responses.response_id
        and scored.launched_date = responses.launched_date
inner join scales
    on
        scored.load_id = scales.load_id
        and scored.response_id = scales.response_id
        and scored.launched_date = scales.launched_date
        and scored.scale = scales.scale

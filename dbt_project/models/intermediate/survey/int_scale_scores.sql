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
)

select
    responses.load_id,
    responses.response_id,
    responses.launched_date,
    responses.survey,
    responses.person_id,
    responses.resolution,
    judged.scale,
    scales.n_items,
    scales.n_answered,
    scales.is_scored,
    {{ exact_sum('judged.score') }} / count(*) as score,
    {{ exact_sum('judged.is_favourable') }} / count(*) as favourable,
    {{ exact_sum('judged.net_promoter') }} / count(judged.net_promoter) as net_promoter
from judged
inner join responses
    on
        judged.load_id = responses.load_id
        and judged.response_id = responses.response_id
        and judged.launched_date = responses.launched_date
inner join scales
    on
        judged.load_id = scales.load_id
        and judged.response_id = scales.response_id
        and judged.launched_date = scales.launched_date
        and judged.scale = scales.scale
group by
    responses.load_id,
    responses.response_id,
    responses.launched_date,
    responses.survey,
    responses.person_id,
    responses.resolution,
    judged.scale,
    scales.n_items,
    scales.n_answered,
    scales.is_scored

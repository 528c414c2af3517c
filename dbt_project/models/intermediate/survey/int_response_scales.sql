with answers as (
    select
        load_id,
        response_id,
        launched_date,
        survey,
        item,
        scale
    from {{ ref('stg_survey__answers') }}
),

scale_sizes as (
    select
        survey,
        launched_date,
        scale,
        count(distinct item) as n_items
    from answers
    group by survey, launched_date, scale
)

-- A scale is scored when at least half of its items were answered.
select
    answers.load_id,
    answers.response_id,
    answers.launched_date,
    answers.survey,
    answers.scale,
    cast(max(scale_sizes.n_items) as bigint) as n_items,
    cast(count(*) as bigint) as n_answered,
    2 * count(*) >= max(scale_sizes.n_items) as is_scored
from answers
inner join scale_sizes
    on
        answers.survey = scale_sizes.survey
        and answers.launched_date = scale_sizes.launched_date
        and answers.scale = scale_sizes.scale
group by answers.load_id, answers.response_id, answers.launched_date, answers.survey, answers.scale

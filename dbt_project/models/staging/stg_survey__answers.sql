{{ config(materialized="table") }}

with answers as (
    select * from {{ source('raw', 'raw_survey__answers') }}
),

responses as (
    select
        load_id,
        response_id,
        launched_date,
        survey
    from {{ ref('stg_survey__responses') }}
)

select
    responses.load_id,
    responses.response_id,
    responses.launched_date,
    responses.survey,
    answers.item,
    answers.scale,
    answers.answer,
    answers.lowest,
    answers.highest,
    answers.is_reversed,
    -- Every item on 0–100 with 100 the favourable end, so that scales of different length can be compared.
    100.0 * case
        when answers.is_reversed then answers.highest - answers.answer
        else answers.answer - answers.lowest
    end / (answers.highest - answers.lowest) as score
from answers
inner join responses
    on
        answers.load_id = responses.load_id
        and answers.response_id = responses.response_id

with respondents as (
    select * from {{ ref('int_respondent_units') }}
),

answers as (
    select
        load_id,
        response_id,
        launched_date,
        survey,
        scale,
        item,
        answer,
        score
    from {{ ref('stg_survey__answers') }}
),

-- What a wave asked. Managers may be asked more than others: what somebody was not asked shows as no answer.
asked as (
    select distinct
        survey,
        launched_date,
        scale,
        item
    from answers
)

-- Histograms: how many gave which answer. An empty answer is a blank or a "don't know".
select
    respondents.unit_id,
    respondents.cohort,
    respondents.arm,
    respondents.launched_date,
    asked.scale,
    asked.item,
    coalesce(cast(answers.answer as {{ dbt.type_string() }}), 'no answer') as answer,
    answers.score,
    cast(count(*) as bigint) as n_people
from respondents
inner join asked
    on
        respondents.survey = asked.survey
        and respondents.launched_date = asked.launched_date
left join answers
    on
        respondents.load_id = answers.load_id
        and respondents.response_id = answers.response_id
        and respondents.launched_date = answers.launched_date
        and asked.scale = answers.scale
        and asked.item = answers.item
group by
    respondents.unit_id,
    respondents.cohort,
    respondents.arm,
    respondents.launched_date,
    asked.scale,
    asked.item,
    coalesce(cast(answers.answer as {{ dbt.type_string() }}), 'no answer'),
    answers.score

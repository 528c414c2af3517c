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

programme as (
    select favourable_from from {{ ref('stg_study__programmes') }}
),

-- Who answered too few items of a scale is in none of its figures: items are of the very people that its score is of.
scored as (
    select
        load_id,
        response_id,
        launched_date,
        survey,
        scale,
        score,
        favourable
    from {{ ref('int_scale_scores') }}
    where is_scored
),

-- What a wave asked. Managers may be asked more than others: what somebody was not asked shows as no answer.
asked as (
    select distinct
        survey,
        launched_date,
        scale,
        item
    from answers
),

-- An empty answer is a blank or a "don't know"; it counts as the mean of the person's other answers, as it does in the
-- score. Else a score and its items would be of groups that differ by the few who left one out, and the difference
-- would be theirs.
counted as (
    select
        respondents.unit_id,
        respondents.cohort,
        respondents.arm,
        respondents.launched_date,
        asked.scale,
        asked.item,
        coalesce(cast(answers.answer as {{ dbt.type_string() }}), 'no answer') as answer,
        answers.score,
        coalesce(answers.score, scored.score) as counted_score,
        case
            when answers.score is null then scored.favourable
            when answers.score >= programme.favourable_from then 1.0
            else 0.0
        end as counted_favourable
    from respondents
    cross join programme
    inner join asked
        on
            respondents.survey = asked.survey
            and respondents.launched_date = asked.launched_date
    inner join scored
        on
            respondents.load_id = scored.load_id
            and respondents.response_id = scored.response_id
            and respondents.launched_date = scored.launched_date
            and asked.survey = scored.survey
            and asked.scale = scored.scale
    left join answers
        on
            respondents.load_id = answers.load_id
            and respondents.response_id = answers.response_id
            and respondents.launched_date = answers.launched_date
            and asked.scale = answers.scale
            and asked.item = answers.item
)

-- Histograms: how many gave which answer.
select
    unit_id,
    cohort,
    arm,
    launched_date,
    scale,
    item,
    answer,
    score,
    counted_score,
    counted_favourable,
    cast(count(*) as bigint) as n_people
from counted
group by
    unit_id,
    cohort,
    arm,
    launched_date,
    scale,
    item,
    answer,
    score,
    counted_score,
    counted_favourable

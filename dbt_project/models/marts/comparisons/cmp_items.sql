{# Beside the layer before: items are of a wave and an arm; nothing else is made of them, so there are no cells. #}
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
        respondents.arm,
        respondents.launched_date,
        asked.scale,
        asked.item,
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
),

-- The dictionary: how the mappings of the wave describe the item.
items as (
    select
        launched_date,
        scale,
        item,
        min(lowest) as lowest,
        max(highest) as highest,
        max(case when is_reversed then 1 else 0 end) = 1 as is_reversed
    from {{ ref('stg_survey__answers') }}
    group by launched_date, scale, item
),

-- Who answered every item of the scale.
complete as (
    select
        arm,
        launched_date,
        scale,
        sum(n_people) as n_complete
    from {{ ref('cell_scales') }}
    where item = '(total)'
    group by arm, launched_date, scale
)

select
    counted.launched_date,
    counted.scale,
    counted.item,
    counted.arm,
    items.lowest,
    items.highest,
    items.is_reversed,
    cast(count(*) as bigint) as n_respondents,
    cast(coalesce(max(complete.n_complete), 0) as bigint) as n_complete,
    cast(count(counted.score) as bigint) as n_answered,
    cast(count(*) - count(counted.score) as double) / count(*) as no_answer_share,
    {{ exact_sum('counted.counted_score') }} / count(*) as mean_score,
    {{ exact_sum('counted.counted_favourable') }} / count(*) as favourable_share
from counted
inner join items
    on
        counted.launched_date = items.launched_date
        and counted.scale = items.scale
        and counted.item = items.item
left join complete
    on
        counted.arm = complete.arm
        and counted.launched_date = complete.launched_date
        and counted.scale = complete.scale
group by
    counted.launched_date,
    counted.scale,
    counted.item,
    counted.arm,
    items.lowest,
    items.highest,
    items.is_reversed

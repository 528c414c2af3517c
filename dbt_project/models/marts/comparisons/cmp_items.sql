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
),

cells as (
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
    cells.launched_date,
    cells.scale,
    cells.item,
    cells.arm,
    items.lowest,
    items.highest,
    items.is_reversed,
    cast(sum(cells.n_people) as bigint) as n_respondents,
    cast(coalesce(max(complete.n_complete), 0) as bigint) as n_complete,
    cast(sum(case when cells.score is not null then cells.n_people else 0 end) as bigint) as n_answered,
    cast(sum(case when cells.score is null then cells.n_people else 0 end) as double)
    / sum(cells.n_people) as no_answer_share,
    {{ exact_sum('cells.counted_score * cells.n_people') }} / sum(cells.n_people) as mean_score,
    {{ exact_sum('cells.counted_favourable * cells.n_people') }} / sum(cells.n_people) as favourable_share
from cells
inner join items
    on
        cells.launched_date = items.launched_date
        and cells.scale = items.scale
        and cells.item = items.item
left join complete
    on
        cells.arm = complete.arm
        and cells.launched_date = complete.launched_date
        and cells.scale = complete.scale
group by
    cells.launched_date,
    cells.scale,
    cells.item,
    cells.arm,
    items.lowest,
    items.highest,
    items.is_reversed

{# Beside the layer before: the items of a scale are no metric, so no panel holds them. #}
{# Who answered every item of a scale: sums of each item and of the total, from which Cronbach's alpha follows. #}
with respondents as (
    select * from {{ ref('int_respondent_units') }}
),

answers as (
    select
        load_id,
        response_id,
        launched_date,
        scale,
        item,
        -- Centred at the middle of 0–100, so that squares keep their digits.
        score - 50.0 as deviation
    from {{ ref('stg_survey__answers') }}
),

complete as (
    select
        scores.load_id,
        scores.response_id,
        scores.launched_date,
        scores.scale,
        scores.n_items
    from {{ ref('int_scale_scores') }} as scores
    where scores.n_answered = scores.n_items
),

parts as (
    select
        complete.load_id,
        complete.response_id,
        complete.launched_date,
        complete.scale,
        complete.n_items,
        answers.item,
        answers.deviation
    from complete
    inner join answers
        on
            complete.load_id = answers.load_id
            and complete.response_id = answers.response_id
            and complete.launched_date = answers.launched_date
            and complete.scale = answers.scale
),

with_totals as (
    select
        load_id,
        response_id,
        launched_date,
        scale,
        n_items,
        item,
        deviation
    from parts
    union all
    select
        load_id,
        response_id,
        launched_date,
        scale,
        n_items,
        '(total)' as item,
        {{ exact_sum('deviation') }} as deviation
    from parts
    group by load_id, response_id, launched_date, scale, n_items
)

select
    respondents.unit_id,
    respondents.cohort,
    respondents.arm,
    with_totals.launched_date,
    with_totals.scale,
    with_totals.item,
    cast(max(with_totals.n_items) as bigint) as n_items,
    cast(count(*) as bigint) as n_people,
    {{ exact_sum('with_totals.deviation') }} as deviation_sum,
    {{ exact_sum('with_totals.deviation * with_totals.deviation') }} as deviation_sum_of_squares
from with_totals
inner join respondents
    on
        with_totals.load_id = respondents.load_id
        and with_totals.response_id = respondents.response_id
        and with_totals.launched_date = respondents.launched_date
group by
    respondents.unit_id,
    respondents.cohort,
    respondents.arm,
    with_totals.launched_date,
    with_totals.scale,
    with_totals.item

{# Beside the layer before: the items of a scale are no metric, so no panel holds them. #}
{# Who answered every item of a scale: sums of each item and of the total, from which Cronbach's alpha follows. #}
with respondents as (
    select * from {{ ref('int_respondent_units') }}
),

complete as (
    select
        scores.load_id,
        scores.response_id,
        scores.launched_date,
        scores.scale,
        scores.n_items,
        scores.deviation_sum,
        respondents.unit_id,
        respondents.cohort,
        respondents.arm
    from {{ ref('int_scale_scores') }} as scores
    inner join respondents
        on
            scores.load_id = respondents.load_id
            and scores.response_id = respondents.response_id
            and scores.launched_date = respondents.launched_date
    where scores.n_answered = scores.n_items
),

deviations as (
    select
        complete.unit_id,
        complete.cohort,
        complete.arm,
        complete.launched_date,
        complete.scale,
        answers.item,
        complete.n_items,
        answers.score - 50.0 as deviation
    from complete
    inner join {{ ref('stg_survey__answers') }} as answers
        on
            complete.load_id = answers.load_id
            and complete.response_id = answers.response_id
            and complete.launched_date = answers.launched_date
            and complete.scale = answers.scale
    union all
    select
        unit_id,
        cohort,
        arm,
        launched_date,
        scale,
        '(total)' as item,
        n_items,
        deviation_sum as deviation
    from complete
)

select
    unit_id,
    cohort,
    arm,
    launched_date,
    scale,
    item,
    cast(max(n_items) as bigint) as n_items,
    cast(count(*) as bigint) as n_people,
    {{ exact_sum('deviation') }} as deviation_sum,
    {{ exact_sum('deviation * deviation') }} as deviation_sum_of_squares
from deviations
group by unit_id, cohort, arm, launched_date, scale, item

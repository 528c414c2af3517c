with observed as (
    select * from {{ ref('int_observed') }}
),

responses as (
    select
        response_id,
        person_id,
        launched_date
    from {{ ref('stg_survey__responses') }}
),

answers as (
    select
        response_id,
        launched_date,
        scale,
        score
    from {{ ref('stg_survey__answers') }}
),

outcomes as (
    select
        metric,
        period
    from {{ ref('stg_study__outcomes') }}
    where source = 'survey'
),

waves as (
    select distinct launched_date from responses
),

scale_sizes as (
    select
        launched_date,
        scale,
        count(distinct item) as n_items
    from {{ ref('stg_survey__answers') }}
    group by launched_date, scale
),

-- A scale is scored when at least half of its items were answered.
scores as (
    select
        responses.person_id,
        answers.launched_date,
        answers.scale,
        avg(answers.score) as score
    from answers
    inner join responses on answers.response_id = responses.response_id
    inner join scale_sizes
        on
            answers.launched_date = scale_sizes.launched_date
            and answers.scale = scale_sizes.scale
    group by responses.person_id, answers.launched_date, answers.scale
    having 2 * count(*) >= max(scale_sizes.n_items)
)

-- One row per person who could have answered: employed in the month of the launch. Silence is a row without a value.
select
    outcomes.metric,
    observed.person_id,
    observed.unit_id,
    observed.cohort,
    observed.arm,
    observed.kickoff_date,
    waves.launched_date as observed_date,
    {{ period_of('waves.launched_date', 'outcomes.period') }} as period_start,
    scores.score as value,
    scores.score is not null as is_observed
from observed
inner join waves on observed.month = {{ month_of('waves.launched_date') }}
cross join outcomes
left join scores
    on
        observed.person_id = scores.person_id
        and waves.launched_date = scores.launched_date
        and outcomes.metric = {{ dbt.concat(['scores.scale', "'_score'"]) }}

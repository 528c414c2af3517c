with eligible as (
    select
        person_id,
        unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ ref('int_eligible') }}
),

frames as (
    select
        launched_date,
        person_id
    from {{ ref('int_survey_frames') }}
),

respondents as (
    select
        load_id,
        response_id,
        person_id,
        launched_date
    from {{ ref('int_respondents') }}
    where resolution <> 'anonymous'
),

answers as (
    select
        load_id,
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

-- A wave in which nobody could be known has groups to compare, but no silent people.
waves as (
    select distinct launched_date from respondents
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
        respondents.person_id,
        answers.launched_date,
        answers.scale,
        {{ exact_sum('answers.score') }} / count(*) as score
    from answers
    inner join respondents
        on
            answers.load_id = respondents.load_id
            and answers.response_id = respondents.response_id
            and answers.launched_date = respondents.launched_date
    inner join scale_sizes
        on
            answers.launched_date = scale_sizes.launched_date
            and answers.scale = scale_sizes.scale
    where respondents.person_id is not null
    group by respondents.person_id, answers.launched_date, answers.scale
    having 2 * count(*) >= max(scale_sizes.n_items)
)

-- One row per person who could have answered: employed on the day of the launch. Silence is a row without a value. The
-- unit is the assigned one, not the one of the day: intention to treat.
select
    outcomes.metric,
    eligible.person_id,
    eligible.unit_id,
    eligible.cohort,
    eligible.arm,
    eligible.kickoff_date,
    frames.launched_date as observed_date,
    {{ period_of('frames.launched_date', 'outcomes.period') }} as period_start,
    scores.score as value,
    scores.score is not null as is_observed
from eligible
inner join frames on eligible.person_id = frames.person_id
inner join waves on frames.launched_date = waves.launched_date
cross join outcomes
left join scores
    on
        eligible.person_id = scores.person_id
        and frames.launched_date = scores.launched_date
        and outcomes.metric = {{ dbt.concat(['scores.scale', "'_score'"]) }}

with eligible as (
    select
        person_id,
        unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ ref('int_eligible') }}
),

units as (
    select
        unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ ref('int_unit_assignments') }}
),

programme as (
    select assignment_unit from {{ ref('stg_study__programmes') }}
),

frames as (
    select
        launched_date,
        person_id,
        department,
        site,
        team
    from {{ ref('int_survey_frames') }}
),

all_respondents as (
    select * from {{ ref('int_respondents') }}
),

respondents as (
    select * from all_respondents
    where not is_late
),

outcomes as (
    select
        metric,
        period,
        measure,
        of_what as scale
    from {{ ref('stg_study__outcomes') }}
    where panel = 'pnl_surveys'
),

scores as (
    select
        scores.*,
        outcomes.metric,
        case
            when not scores.is_scored then null
            when outcomes.measure = 'score' then scores.score
            when outcomes.measure = 'favourable' then scores.favourable
            when outcomes.measure = 'net_promoter' then scores.net_promoter
        end as value
    from {{ ref('int_scale_scores') }} as scores
    inner join outcomes on scores.scale = outcomes.scale
),

-- A wave in which nobody could be known has groups to compare, and no persons.
waves as (
    select
        survey,
        launched_date,
        max(case when resolution = 'anonymous' then 0 else 1 end) = 1 as is_identified
    from respondents
    group by survey, launched_date
),

-- What a wave did not ask nobody was silent about.
asked as (
    select distinct
        waves.survey,
        waves.launched_date,
        waves.is_identified,
        outcomes.metric,
        outcomes.period
    from scores
    inner join waves
        on
            scores.survey = waves.survey
            and scores.launched_date = waves.launched_date
    inner join outcomes on scores.metric = outcomes.metric
),

answered as (
    select
        survey,
        person_id,
        launched_date,
        min(case when is_late then 1 else 0 end) = 1 as is_late
    from all_respondents
    where person_id is not null
    group by survey, person_id, launched_date
),

-- One row per person who could have answered: employed on the day of the launch. Silence is a row without a value. The
-- unit is the assigned one, not the one of the day: intention to treat.
people as (
    select
        asked.metric,
        asked.period,
        'person' as subject_kind,
        eligible.person_id as subject_id,
        eligible.unit_id,
        eligible.cohort,
        eligible.arm,
        eligible.kickoff_date,
        frames.launched_date,
        scores.value,
        case
            when answered.person_id is null then 'did not answer'
            when answered.is_late then 'answered after the wave had closed'
            else 'answered too few of the items'
        end as why_missing
    from asked
    inner join frames on asked.launched_date = frames.launched_date
    inner join eligible on frames.person_id = eligible.person_id
    left join answered
        on
            frames.person_id = answered.person_id
            and frames.launched_date = answered.launched_date
            and asked.survey = answered.survey
    left join scores
        on
            frames.person_id = scores.person_id
            and frames.launched_date = scores.launched_date
            and asked.survey = scores.survey
            and asked.metric = scores.metric
    where asked.is_identified
),

-- Anonymous waves: as many seats in a unit as it had employees on the day, and its responses sit on them.
seats as (
    select
        placed.survey,
        placed.launched_date,
        placed.unit_id,
        row_number() over (
            partition by placed.survey, placed.launched_date, placed.unit_id order by placed.person_id
        ) as seat
    from (
        select
            waves.survey,
            frames.launched_date,
            frames.person_id,
            case programme.assignment_unit
                when 'department' then frames.department
                when 'site' then frames.site
                when 'team' then frames.team
            end as unit_id
        from frames
        cross join programme
        inner join waves on frames.launched_date = waves.launched_date
        where not waves.is_identified
    ) as placed
    inner join units on placed.unit_id = units.unit_id
),

sitting as (
    select
        survey,
        launched_date,
        load_id,
        response_id,
        unit_id,
        row_number() over (partition by survey, launched_date, unit_id order by load_id, response_id) as seat
    from {{ ref('int_respondent_units') }}
    where subject_kind = 'seat'
),

seated as (
    select
        coalesce(seats.survey, sitting.survey) as survey,
        coalesce(seats.launched_date, sitting.launched_date) as launched_date,
        coalesce(seats.unit_id, sitting.unit_id) as unit_id,
        coalesce(seats.seat, sitting.seat) as seat,
        sitting.load_id,
        sitting.response_id
    from seats
    full outer join sitting
        on
            seats.survey = sitting.survey
            and seats.launched_date = sitting.launched_date
            and seats.unit_id = sitting.unit_id
            and seats.seat = sitting.seat
),

groups as (
    select
        asked.metric,
        asked.period,
        'seat' as subject_kind,
        {{ dbt.concat(['seated.unit_id', "' '", 'cast(seated.seat as ' ~ dbt.type_string() ~ ')']) }} as subject_id,
        seated.unit_id,
        units.cohort,
        units.arm,
        units.kickoff_date,
        seated.launched_date,
        scores.value,
        case
            when seated.response_id is null then 'did not answer'
            else 'answered too few of the items'
        end as why_missing
    from asked
    inner join seated
        on
            asked.survey = seated.survey
            and asked.launched_date = seated.launched_date
    inner join units on seated.unit_id = units.unit_id
    left join scores
        on
            seated.load_id = scores.load_id
            and seated.response_id = scores.response_id
            and seated.launched_date = scores.launched_date
            and asked.metric = scores.metric
),

both_kinds as (
    select * from people
    union all
    select * from groups
)

-- A scale that two surveys of one day asked is answered once: by their mean.
select
    metric,
    subject_kind,
    subject_id,
    unit_id,
    cohort,
    arm,
    kickoff_date,
    launched_date as observed_from_date,
    launched_date as observed_date,
    {{ period_of('launched_date', 'period') }} as period_start,
    {{ exact_sum('value') }} / count(value) as value,
    case when count(value) = 0 then max(why_missing) end as missing_reason
from both_kinds
group by metric, subject_kind, subject_id, unit_id, cohort, arm, kickoff_date, launched_date, period

with crosswalk as (
    select
        old_person_id,
        person_id
    from {{ ref('stg_hris__crosswalk') }}
),

loads as (
    select
        load_id,
        file_date,
        version,
        sequence
    from {{ ref('stg_loads') }}
),

-- A record exported again: the later export counts.
ranked as (
    select
        trainings.*,
        coalesce(people.person_id, trainings.person_id) as known_person_id,
        coalesce(trainers.person_id, trainings.trained_by_id) as known_trainer_id,
        coalesce(people.person_id, trainings.person_id, trainings.email_key, trainings.name_key) as who,
        coalesce(trainings.enrolled_date, trainings.completed_date) as attended_date,
        max(coalesce(trainings.enrolled_date, trainings.completed_date)) over (
            partition by
                coalesce(people.person_id, trainings.person_id, trainings.email_key, trainings.name_key),
                trainings.course
        ) as last_attended_date,
        row_number() over (
            partition by
                coalesce(people.person_id, trainings.person_id, trainings.email_key, trainings.name_key),
                trainings.course,
                coalesce(trainings.enrolled_date, trainings.completed_date)
            order by loads.file_date desc nulls last, loads.version desc, loads.sequence desc, trainings.line desc
        ) as row_rank
    from {{ source('raw', 'raw_roster__trainings') }} as trainings
    inner join loads on trainings.load_id = loads.load_id
    left join crosswalk as people on trainings.person_id = people.old_person_id
    left join crosswalk as trainers on trainings.trained_by_id = trainers.old_person_id
)

select
    load_id,
    line,
    known_person_id as person_id,
    email_key,
    name_key,
    course,
    -- What lies ahead of the day looked from has not happened yet.
    case
        when status = 'completed' and completed_date > {{ as_of() }} then 'enrolled'
        else status
    end as status,
    invited_date,
    enrolled_date,
    case when completed_date <= {{ as_of() }} then completed_date end as completed_date,
    withdrawn_date,
    known_trainer_id as trained_by_id,
    trained_by_email_key,
    n_minutes
from ranked
where
    row_rank = 1
    -- An invitation without a day is followed by whatever has one.
    and (attended_date is not null or last_attended_date is null)

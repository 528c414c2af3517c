with trainings as (
    select * from {{ ref('stg_roster__trainings') }}
),

people as (
    select * from {{ ref('int_known_people') }}
)

select
    trainings.load_id,
    trainings.line,
    trainings.course,
    trainings.status,
    trainings.invited_date,
    trainings.enrolled_date,
    trainings.completed_date,
    trainings.withdrawn_date,
    trainings.n_minutes,
    coalesce(by_id.person_id, by_address.person_id, by_name.person_id) as person_id,
    coalesce(trainers.person_id, trainers_by_address.person_id) as trained_by_person_id,
    trainings.trained_by_id is not null or trainings.trained_by_email_key is not null as is_trainer_named
from trainings
left join people as by_id
    on
        by_id.known_by = 'id'
        and trainings.person_id = by_id.known_as
left join people as by_address
    on
        by_address.known_by = 'e-mail'
        and trainings.email_key = by_address.known_as
left join people as by_name
    on
        by_name.known_by = 'name'
        and trainings.name_key = by_name.known_as
left join people as trainers
    on
        trainers.known_by = 'id'
        and trainings.trained_by_id = trainers.known_as
left join people as trainers_by_address
    on
        trainers_by_address.known_by = 'e-mail'
        and trainings.trained_by_email_key = trainers_by_address.known_as

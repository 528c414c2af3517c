with workers as (
    select * from {{ ref('int_worker_sightings') }}
),

spells as (
    select
        person_id,
        hired_date,
        left_date
    from {{ ref('int_person_spells') }}
),

-- Employed on some day of the month: a row that only reports last month's exit, or a hire that lies ahead, makes nobody
-- a member.
employed as (
    select workers.*
    from workers
    inner join spells
        on
            workers.person_id = spells.person_id
            and workers.hired_date = spells.hired_date
    where
        {{ month_of('spells.hired_date') }} <= workers.snapshot_month
        and (spells.left_date is null or {{ month_of('spells.left_date') }} >= workers.snapshot_month)
),

ranked as (
    select
        employed.person_id,
        employed.snapshot_month as month,
        employed.hired_date,
        employed.department,
        employed.site,
        employed.team,
        employed.name_key,
        employed.email_key,
        employed.manager_id,
        employed.manager_name_key,
        employed.manager_email_key,
        employed.output_value,
        employed.fte,
        employed.job_level,
        employed.employment_type,
        employed.birth_year,
        employed.load_id,
        employed.line,
        row_number() over (
            partition by employed.person_id, employed.snapshot_month
            order by employed.snapshot_date desc, employed.hired_date desc
        ) as row_rank
    from employed
)

select
    person_id,
    month,
    hired_date,
    department,
    site,
    team,
    name_key,
    email_key,
    manager_id,
    manager_name_key,
    manager_email_key,
    output_value,
    fte,
    job_level,
    employment_type,
    birth_year,
    load_id,
    line
from ranked
where row_rank = 1

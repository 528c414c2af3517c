{{ config(materialized="table") }}

with sightings as (
    select * from {{ ref('int_job_sightings') }}
),

jobs as (
    select
        person_id,
        hired_date,
        job_id,
        left_date,
        stint_hired_date,
        is_superseded
    from {{ ref('int_job_stints') }}
),

placed as (
    select
        sightings.*,
        jobs.stint_hired_date,
        jobs.left_date is null or jobs.left_date >= sightings.snapshot_month as is_running
    from sightings
    inner join jobs
        on
            sightings.person_id = jobs.person_id
            and sightings.hired_date = jobs.hired_date
            and sightings.job_id = jobs.job_id
),

-- Of jobs at once the primary one describes the person: the declared one, else the largest, else the oldest.
ranked as (
    select
        placed.*,
        row_number() over (
            partition by placed.person_id, placed.snapshot_date, placed.stint_hired_date
            order by
                placed.is_running desc,
                placed.is_primary desc,
                coalesce(placed.fte, 1.0) desc,
                placed.hired_date asc,
                placed.sequence desc,
                placed.job_id asc,
                placed.line asc
        ) as job_rank
    from placed
),

-- Working time is that of all jobs that one system lists and that have not ended. A primary job without one is full
-- time; another job without one adds nothing that is known.
summed as (
    select
        ranked.*,
        sum(
            case
                when ranked.is_running and ranked.job_rank = 1 then coalesce(ranked.fte, 1.0)
                when ranked.is_running then ranked.fte
            end
        ) over (
            partition by ranked.person_id, ranked.snapshot_date, ranked.stint_hired_date, ranked.mapping
        ) as fte_of_jobs
    from ranked
)

select
    person_id,
    load_id,
    line,
    snapshot_date,
    snapshot_month,
    stint_hired_date as hired_date,
    is_gone,
    department,
    site,
    team,
    manager_id,
    name_key,
    email_key,
    manager_name_key,
    manager_email_key,
    output_value,
    coalesce(fte_of_jobs, fte, 1.0) as fte,
    job_level,
    employment_type,
    birth_year,
    sequence
from summed
where job_rank = 1

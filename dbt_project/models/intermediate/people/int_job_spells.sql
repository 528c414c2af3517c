with sightings as (
    select
        sightings.*,
        max(case when not coalesce(sightings.is_gone, false) then sightings.snapshot_date end) over (
            partition by sightings.person_id, sightings.hired_date, sightings.job_id
        ) as last_present_date
    from {{ ref('int_job_sightings') }} as sightings
),

workers as (
    select
        sightings.*,
        min(
            case
                when
                    sightings.is_gone
                    and (sightings.last_present_date is null or sightings.snapshot_date > sightings.last_present_date)
                    then sightings.snapshot_date
            end
        ) over (partition by sightings.person_id, sightings.hired_date, sightings.job_id) as gone_by_date
    from sightings
),

observation as (
    select last_month from {{ ref('int_observation_window') }}
),

-- The newest snapshot that speaks of a job gives its end: an exit that shows a month late is put where it happened, and
-- one that was withdrawn is withdrawn.
latest as (
    select
        person_id,
        hired_date,
        job_id,
        left_date,
        termination_type,
        is_regretted,
        -- The day by which the job had ended, where no file says when: the first snapshot that says so in words, or
        -- that should have listed it.
        case when is_gone then gone_by_date else due_again_date end as ended_by_date,
        min(snapshot_date) over (partition by person_id, hired_date, job_id) as first_seen_date,
        max(snapshot_date) over (partition by person_id, hired_date, job_id) as last_seen_date,
        min(snapshot_month) over (partition by person_id, hired_date, job_id) as first_seen_month,
        max(snapshot_month) over (partition by person_id, hired_date, job_id) as last_seen_month,
        row_number() over (
            partition by person_id, hired_date, job_id order by snapshot_date desc, sequence desc, line desc
        ) as recency
    from workers
),

jobs as (
    select * from latest
    where recency = 1
),

-- What the report of somebody who came back still shows of the stint before.
former_exits as (
    select
        jobs.person_id,
        jobs.hired_date,
        jobs.job_id,
        max(returned.former_left_date) as left_date
    from jobs
    inner join sightings as returned
        on
            jobs.person_id = returned.person_id
            and jobs.hired_date <= returned.former_left_date
            and jobs.hired_date < returned.hired_date
    group by jobs.person_id, jobs.hired_date, jobs.job_id
),

former_causes as (
    select
        person_id,
        former_left_date,
        max(former_termination_type) as termination_type,
        coalesce(max(case when is_former_regretted then 1 else 0 end) = 1, false) as is_regretted
    from sightings
    where former_left_date is not null
    group by person_id, former_left_date
),

-- The next job that is listed once this one is listed no more.
next_jobs as (
    select
        jobs.person_id,
        jobs.hired_date,
        jobs.job_id,
        min(later.first_seen_month) as next_seen_month
    from jobs
    inner join jobs as later
        on
            jobs.person_id = later.person_id
            and jobs.hired_date <> later.hired_date
            and jobs.last_seen_date < later.first_seen_date
    group by jobs.person_id, jobs.hired_date, jobs.job_id
),

followed as (
    select
        jobs.person_id,
        jobs.hired_date,
        jobs.job_id,
        jobs.ended_by_date,
        jobs.first_seen_month,
        jobs.last_seen_month,
        next_jobs.next_seen_month,
        coalesce(jobs.left_date, former_exits.left_date) as left_date,
        case when jobs.left_date is null then former_causes.termination_type else jobs.termination_type end
            as termination_type,
        case when jobs.left_date is null then former_causes.is_regretted else jobs.is_regretted end as is_regretted
    from jobs
    left join next_jobs
        on
            jobs.person_id = next_jobs.person_id
            and jobs.hired_date = next_jobs.hired_date
            and jobs.job_id = next_jobs.job_id
    left join former_exits
        on
            jobs.person_id = former_exits.person_id
            and jobs.hired_date = former_exits.hired_date
            and jobs.job_id = former_exits.job_id
    left join former_causes
        on
            former_exits.person_id = former_causes.person_id
            and former_exits.left_date = former_causes.former_left_date
),

-- A job without an end that goes straight over into another one is the same job with its hire date corrected.
judged as (
    select
        followed.*,
        coalesce(
            followed.left_date is null
            and followed.next_seen_month
            <= cast({{ dbt.dateadd('month', 1, 'followed.last_seen_month') }} as date),
            false
        ) as is_superseded
    from followed
),

-- An exit without a day is put on the day before the first snapshot that shows it.
ended as (
    select
        judged.*,
        judged.left_date is null
        and not judged.is_superseded
        and judged.ended_by_date is not null as is_end_inferred
    from judged
)

select
    ended.person_id,
    ended.hired_date,
    ended.job_id,
    ended.termination_type,
    ended.is_regretted,
    ended.first_seen_month,
    ended.last_seen_month,
    ended.is_superseded,
    ended.is_end_inferred,
    case
        when ended.is_end_inferred
            then cast({{ dbt.dateadd('day', -1, 'ended.ended_by_date') }} as date)
        else ended.left_date
    end as left_date,
    -- Gone from the files without an exit: neither stayed nor left; censored at the last sight, and counted.
    ended.left_date is null
    and not ended.is_end_inferred
    and not ended.is_superseded
    and ended.last_seen_month < observation.last_month as is_vanished
from ended
cross join observation

-- Jobs that overlap are one stint: who ends a side job has not left. A corrected hire date stays beside its successor.
with jobs as (
    select
        jobs.*,
        cast(
            case
                when jobs.left_date is not null then jobs.left_date
                when jobs.is_vanished then {{ dbt.last_day('jobs.last_seen_month', 'month') }}
                else cast('9999-12-31' as date)
            end as date
        ) as ended_date
    from {{ ref('int_job_spells') }} as jobs
),

real_jobs as (
    select
        jobs.*,
        max(jobs.ended_date) over (
            partition by jobs.person_id
            order by jobs.hired_date, jobs.ended_date, jobs.job_id
            rows between unbounded preceding and 1 preceding
        ) as ended_before_date
    from jobs
    where not jobs.is_superseded
),

counted as (
    select
        real_jobs.*,
        sum(
            case
                when real_jobs.ended_before_date is null or real_jobs.hired_date > real_jobs.ended_before_date then 1
                else 0
            end
        ) over (
            partition by real_jobs.person_id
            order by real_jobs.hired_date, real_jobs.ended_date, real_jobs.job_id
            rows between unbounded preceding and current row
        ) as stint_number
    from real_jobs
),

numbered as (
    select
        counted.*,
        min(counted.hired_date) over (partition by counted.person_id, counted.stint_number) as stint_hired_date,
        -- The job that ends last says how the stint ended.
        row_number() over (
            partition by counted.person_id, counted.stint_number
            order by
                counted.ended_date desc, counted.left_date desc nulls last, counted.hired_date asc, counted.job_id asc
        ) = 1 as is_last_job
    from counted
)

select
    person_id,
    hired_date,
    job_id,
    stint_hired_date,
    is_last_job,
    left_date,
    termination_type,
    is_regretted,
    first_seen_month,
    last_seen_month,
    is_superseded,
    is_end_inferred,
    is_vanished
from numbered
union all
select
    person_id,
    hired_date,
    job_id,
    hired_date as stint_hired_date,
    row_number() over (partition by person_id, hired_date order by job_id) = 1 as is_last_job,
    left_date,
    termination_type,
    is_regretted,
    first_seen_month,
    last_seen_month,
    is_superseded,
    is_end_inferred,
    is_vanished
from jobs
where is_superseded

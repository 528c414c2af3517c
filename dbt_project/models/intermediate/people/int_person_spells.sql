with jobs as (
    select * from {{ ref('int_job_stints') }}
)

select
    person_id,
    stint_hired_date as hired_date,
    max(case when is_last_job then termination_type end) as termination_type,
    coalesce(max(case when is_last_job and is_regretted then 1 else 0 end) = 1, false) as is_regretted,
    min(first_seen_month) as first_seen_month,
    max(last_seen_month) as last_seen_month,
    is_superseded,
    max(case when is_last_job and is_end_inferred then 1 else 0 end) = 1 as is_end_inferred,
    max(case when is_last_job then left_date end) as left_date,
    max(case when is_last_job and is_vanished then 1 else 0 end) = 1 as is_vanished
from jobs
group by person_id, stint_hired_date, is_superseded

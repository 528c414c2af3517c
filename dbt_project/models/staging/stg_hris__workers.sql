{{ config(materialized="table") }}

with reported as (
    select * from {{ ref('stg_hris__snapshots') }}
    union all
    select * from {{ ref('stg_hris__deltas') }}
    union all
    select * from {{ ref('stg_hris__histories') }}
),

crosswalk as (
    select
        old_person_id,
        person_id
    from {{ ref('stg_hris__crosswalk') }}
),

-- Ids of before a migration are the ids of today.
identified as (
    select
        reported.*,
        coalesce(people.person_id, reported.person_id) as known_person_id,
        coalesce(managers.person_id, reported.manager_id) as known_manager_id,
        -- Somebody who came back: the exit before the hire date is the former stint's.
        coalesce(
            reported.left_date < reported.hired_date and coalesce(reported.worker_status, 'active') <> 'left', false
        ) as shows_former_exit
    from reported
    left join crosswalk as people on reported.person_id = people.old_person_id
    left join crosswalk as managers on reported.manager_id = managers.old_person_id
),

-- The posting of the month; of several the one asked first, and of those the one that began last.
postings as (
    select
        identified.load_id,
        identified.line,
        identified.snapshot_date,
        postings.field,
        postings.word,
        row_number() over (
            partition by identified.load_id, identified.line, identified.snapshot_date, postings.field
            order by postings.priority asc, postings.valid_from_date desc, postings.word asc
        ) as row_rank
    from identified
    inner join {{ ref('stg_hris__postings') }} as postings
        on
            identified.known_person_id = postings.person_id
            and postings.valid_from_date
            <= cast({{ dbt.last_day('identified.snapshot_date', 'month') }} as date)
            and identified.snapshot_date <= postings.valid_to_date
),

posted as (
    select
        load_id,
        line,
        snapshot_date,
        max(case when field = 'department' then word end) as department,
        max(case when field = 'site' then word end) as site,
        max(case when field = 'team' then word end) as team,
        max(case when field = 'job_level' then word end) as job_level,
        max(case when field = 'manager_id' then word end) as manager_id
    from postings
    where row_rank = 1
    group by load_id, line, snapshot_date
)

select
    identified.known_person_id as person_id,
    identified.load_id,
    identified.line,
    identified.mapping,
    identified.snapshot_date,
    {{ month_of('identified.snapshot_date') }} as snapshot_month,
    -- A directory without hire dates: employed since the first file that knows the person.
    coalesce(
        identified.hired_date, min(identified.snapshot_date) over (partition by identified.known_person_id)
    ) as hired_date,
    coalesce(identified.job_id, '') as job_id,
    coalesce(identified.is_primary, false) as is_primary,
    identified.part,
    -- An exit that lies ahead has not happened yet: it waits until the run looks from a later day.
    case
        when identified.left_date <= {{ as_of() }} and not identified.shows_former_exit then identified.left_date
    end as left_date,
    case when not identified.shows_former_exit then identified.termination_type end as termination_type,
    case when identified.shows_former_exit then identified.left_date end as former_left_date,
    case when identified.shows_former_exit then identified.termination_type end as former_termination_type,
    case when identified.shows_former_exit then identified.is_regretted end as is_former_regretted,
    -- Listed, but said to have left, without a day: gone.
    coalesce(identified.worker_status = 'left' and identified.left_date is null, false) as is_gone,
    -- What the worker's own row does not say, the posting says.
    coalesce(identified.department, posted.department) as department,
    coalesce(identified.site, posted.site) as site,
    coalesce(identified.team, posted.team) as team,
    coalesce(identified.known_manager_id, posted.manager_id) as manager_id,
    identified.name_key,
    identified.email_key,
    identified.manager_name_key,
    identified.manager_email_key,
    identified.output_value,
    identified.fte,
    coalesce(identified.job_level, posted.job_level) as job_level,
    identified.employment_type,
    case when not identified.shows_former_exit then identified.is_regretted end as is_regretted,
    identified.birth_year,
    identified.sequence,
    identified.due_again_date
from identified
left join posted
    on
        identified.load_id = posted.load_id
        and identified.line = posted.line
        and identified.snapshot_date = posted.snapshot_date

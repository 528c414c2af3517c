with told as (
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
        told.*,
        coalesce(people.person_id, told.person_id) as known_person_id,
        coalesce(managers.person_id, told.manager_id) as known_manager_id
    from told
    left join crosswalk as people on told.person_id = people.old_person_id
    left join crosswalk as managers on told.manager_id = managers.old_person_id
)

select
    known_person_id as person_id,
    load_id,
    line,
    snapshot_date,
    {{ month_of('snapshot_date') }} as snapshot_month,
    -- A directory without hire dates: employed since the first file that knows the person.
    coalesce(hired_date, min(snapshot_date) over (partition by known_person_id)) as hired_date,
    -- An exit that lies ahead has not happened yet: it waits until the run looks from a later day.
    case when left_date <= {{ as_of() }} then left_date end as left_date,
    termination_type,
    department,
    site,
    team,
    known_manager_id as manager_id,
    name_key,
    email_key,
    manager_name_key,
    manager_email_key,
    output_value,
    sequence
from identified

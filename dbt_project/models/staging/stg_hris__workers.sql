with workers as (
    select * from {{ source('raw', 'raw_hris__workers') }}
    where snapshot_date <= {{ as_of() }}
),

loads as (
    select
        load_id,
        sequence
    from {{ source('raw', 'load_log') }}
),

-- A later file about the same snapshot date replaces the earlier one whole: it is a correction, not an addition.
latest_loads as (
    select
        workers.snapshot_date,
        max(loads.sequence) as sequence
    from workers
    inner join loads on workers.load_id = loads.load_id
    group by workers.snapshot_date
)

select
    workers.person_id,
    workers.snapshot_date,
    {{ month_of('workers.snapshot_date') }} as snapshot_month,
    workers.hired_date,
    -- An exit that lies ahead has not happened yet: it waits until the run looks from a later day.
    case when workers.left_date <= {{ as_of() }} then workers.left_date end as left_date,
    workers.termination_type,
    workers.department,
    workers.site,
    workers.team,
    workers.manager_id,
    workers.name_key,
    workers.email_key,
    workers.manager_name_key,
    workers.manager_email_key,
    workers.output_value,
    loads.sequence
from workers
inner join loads on workers.load_id = loads.load_id
inner join latest_loads
    on
        workers.snapshot_date = latest_loads.snapshot_date
        and loads.sequence = latest_loads.sequence

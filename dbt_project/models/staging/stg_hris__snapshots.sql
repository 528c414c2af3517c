with workers as (
    select * from {{ source('raw', 'raw_hris__workers') }}
    where snapshot_date <= {{ as_of() }}
),

loads as (
    select * from {{ ref('stg_loads') }}
    where
        rows_are = 'snapshots'
        and delivery = 'full'
),

spoken_of as (
    select distinct
        workers.snapshot_date,
        loads.mapping,
        loads.part,
        loads.load_id,
        loads.version,
        loads.sequence,
        loads.on_missing_person
    from workers
    inner join loads on workers.load_id = loads.load_id
),

-- A later file about the same snapshot date replaces the earlier one whole: it is a correction, not an addition. Files
-- of other systems, and other parts of one delivery, stand beside it.
ranked as (
    select
        spoken_of.*,
        row_number() over (
            partition by spoken_of.mapping, spoken_of.part, spoken_of.snapshot_date
            order by spoken_of.version desc, spoken_of.sequence desc
        ) as row_rank
    from spoken_of
),

-- Where the mapping says that absence ends a stint, the next snapshot must list whoever is still there.
chosen as (
    select
        load_id,
        mapping,
        part,
        snapshot_date,
        sequence,
        case
            when on_missing_person = 'ended'
                then lead(snapshot_date) over (partition by mapping, part order by snapshot_date)
        end as due_again_date
    from ranked
    where row_rank = 1
)

select
    workers.load_id,
    workers.line,
    workers.snapshot_date,
    chosen.sequence,
    chosen.mapping,
    workers.person_id,
    workers.job_id,
    workers.is_primary,
    chosen.part,
    workers.hired_date,
    workers.left_date,
    workers.termination_type,
    workers.worker_status,
    workers.department,
    workers.site,
    workers.team,
    workers.manager_id,
    workers.name_key,
    workers.email_key,
    workers.manager_name_key,
    workers.manager_email_key,
    workers.output_value,
    workers.fte,
    workers.job_level,
    workers.employment_type,
    workers.is_regretted,
    workers.birth_year,
    chosen.due_again_date
from workers
inner join chosen
    on
        workers.load_id = chosen.load_id
        and workers.snapshot_date = chosen.snapshot_date

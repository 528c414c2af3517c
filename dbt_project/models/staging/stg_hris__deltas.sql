with loads as (
    select * from {{ ref('stg_loads') }}
    where
        rows_are = 'snapshots'
        and delivery = 'delta'
),

changes as (
    select
        workers.*,
        loads.mapping,
        loads.version,
        loads.sequence,
        loads.on_blank,
        {{ month_of('workers.snapshot_date') }} as snapshot_month
    from {{ source('raw', 'raw_hris__workers') }} as workers
    inner join loads on workers.load_id = loads.load_id
    where workers.snapshot_date <= {{ as_of() }}
),

counted as (
    select
        changes.*,
        {{ counted_fields('mapping, person_id, job_id', 'snapshot_date, version, sequence, line') }}
    from changes
),

-- A blank in a delta keeps what was said before, or erases it, as the mapping declares.
filled as (
    select
        load_id,
        line,
        snapshot_date,
        snapshot_month,
        version,
        sequence,
        mapping,
        person_id,
        job_id,
        left_date is not null as tells_exit,
        {{ kept_fields('mapping, person_id, job_id') }}
    from counted
),

spans as (
    select
        mapping,
        min(snapshot_month) as first_month,
        max(snapshot_month) as last_month
    from changes
    group by mapping
),

-- What a delta leaves out goes on as it was, up to the newest file of that system.
months as (
    select
        spans.mapping,
        cast({{ dbt.dateadd('month', 'series.month_number - 1', 'spans.first_month') }} as date) as month
    from spans
    inner join ({{ number_series(600) }}) as series
        on series.month_number - 1 <= {{ dbt.datediff('spans.first_month', 'spans.last_month', 'month') }}
),

-- Somebody who came back: the exit that is kept, and the status of having left, are the former stint's.
stints as (
    select
        filled.*,
        coalesce(filled.left_date < filled.hired_date and not filled.tells_exit, false) as is_former_exit
    from filled
),

ranked as (
    select
        stints.*,
        months.month,
        row_number() over (
            partition by months.mapping, months.month, stints.person_id, stints.job_id
            order by stints.snapshot_date desc, stints.version desc, stints.sequence desc, stints.line desc
        ) as row_rank
    from months
    inner join stints
        on
            months.mapping = stints.mapping
            and months.month >= stints.snapshot_month
)

select
    load_id,
    line,
    case when snapshot_month = month then snapshot_date else month end as snapshot_date,
    sequence,
    mapping,
    person_id,
    job_id,
    is_primary,
    '' as part,
    hired_date,
    case when not is_former_exit then left_date end as left_date,
    case when not is_former_exit then termination_type end as termination_type,
    case when not (is_former_exit and worker_status = 'left') then worker_status end as worker_status,
    department,
    site,
    team,
    manager_id,
    name_key,
    email_key,
    manager_name_key,
    manager_email_key,
    output_value,
    fte,
    job_level,
    employment_type,
    is_regretted,
    birth_year,
    cast(null as date) as due_again_date
from ranked
where
    row_rank = 1
    -- Nobody is listed after their exit; the file that reports it does so once.
    and (left_date is null or is_former_exit or month <= greatest({{ month_of('left_date') }}, snapshot_month))

with loads as (
    select * from {{ ref('stg_loads') }}
    where rows_are = 'history'
),

exported as (
    select
        load_id,
        max(snapshot_date) as exported_date
    from {{ source('raw', 'raw_hris__workers') }}
    where snapshot_date <= {{ as_of() }}
    group by load_id
),

-- History is rebuilt, not patched: the newest file of a system holds all of it.
newest as (
    select
        loads.load_id,
        loads.mapping,
        loads.part,
        loads.sequence,
        exported.exported_date,
        row_number() over (
            partition by loads.mapping, loads.part
            order by exported.exported_date desc, loads.version desc, loads.sequence desc
        ) as row_rank
    from loads
    inner join exported on loads.load_id = exported.load_id
),

-- A history may reach back for decades, with nobody in it who left before it was switched on: three years before the
-- first kick-off are enough to compare with.
kickoffs as (
    select kickoff_date from {{ ref('stg_roster__assignments') }}
    union all
    select kickoff_date from {{ source('raw', 'raw_study__assignments') }}
),

programme as (
    select {{ month_of(dbt.dateadd('year', -3, 'min(kickoff_date)')) }} as first_month from kickoffs
),

-- What begins after the file was written waits; a version whose end lies before its start counts nowhere.
versions as (
    select
        workers.*,
        newest.mapping,
        newest.part,
        newest.sequence,
        greatest(
            {{ month_of('workers.valid_from_date') }},
            {{ month_of('coalesce(workers.hired_date, workers.valid_from_date)') }},
            coalesce(programme.first_month, {{ month_of('workers.valid_from_date') }})
        ) as first_month,
        -- Nobody is listed after their exit, but a version that begins later still reports it once.
        least(
            coalesce(workers.valid_to_date, newest.exported_date),
            newest.exported_date,
            greatest(coalesce(workers.left_date, newest.exported_date), workers.valid_from_date)
        ) as last_date
    from {{ source('raw', 'raw_hris__workers') }} as workers
    inner join newest on workers.load_id = newest.load_id
    cross join programme
    where
        newest.row_rank = 1
        and workers.valid_from_date <= newest.exported_date
        and (workers.valid_to_date is null or workers.valid_to_date >= workers.valid_from_date)
),

monthly as (
    select
        versions.*,
        cast({{ dbt.dateadd('month', 'series.month_number - 1', 'versions.first_month') }} as date) as month
    from versions
    inner join ({{ number_series(1200) }}) as series
        on series.month_number - 1 <= {{ dbt.datediff('versions.first_month', 'versions.last_date', 'month') }}
),

-- One row per month in which a version held on some day; of two in one month the later one.
ranked as (
    select
        monthly.*,
        row_number() over (
            partition by monthly.mapping, monthly.person_id, monthly.hired_date, monthly.job_id, monthly.month
            order by monthly.valid_from_date desc, monthly.line desc
        ) as row_rank
    from monthly
)

select
    load_id,
    line,
    month as snapshot_date,
    sequence,
    mapping,
    person_id,
    job_id,
    is_primary,
    part,
    hired_date,
    left_date,
    termination_type,
    worker_status,
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
where row_rank = 1

{{ config(meta={'dagster': {'ref': {'name': 'stg_hris__snapshots'}}}) }}
-- Conservation: rows of snapshots known by then = rows in staging + rows of files that a later one replaced.
-- If this fails, head-counts and everything after them are wrong.
with loads as (
    select * from {{ ref('stg_loads') }}
    where
        rows_are = 'snapshots'
        and delivery = 'full'
),

raw_rows as (
    select
        loads.mapping,
        loads.part,
        workers.snapshot_date,
        loads.version,
        loads.sequence,
        count(*) as n_rows
    from {{ source('raw', 'raw_hris__workers') }} as workers
    inner join loads on workers.load_id = loads.load_id
    where workers.snapshot_date <= {{ as_of() }}
    group by loads.mapping, loads.part, workers.snapshot_date, loads.version, loads.sequence
),

expected as (
    select sum(raw_rows.n_rows) as n_rows
    from raw_rows
    left join raw_rows as later
        on
            raw_rows.mapping = later.mapping
            and raw_rows.part = later.part
            and raw_rows.snapshot_date = later.snapshot_date
            and (
                raw_rows.version < later.version
                or (raw_rows.version = later.version and raw_rows.sequence < later.sequence)
            )
    where later.mapping is null
),

staged as (
    select count(*) as n_rows from {{ ref('stg_hris__snapshots') }}
)

select
    expected.n_rows as n_expected,
    staged.n_rows as n_staged
from expected
cross join staged
where coalesce(expected.n_rows, 0) <> staged.n_rows

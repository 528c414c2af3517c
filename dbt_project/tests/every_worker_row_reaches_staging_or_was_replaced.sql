{{ config(meta={'dagster': {'ref': {'name': 'stg_hris__workers'}}}) }}
-- Conservation: rows of snapshots known by then = rows in staging + rows of files that a later one replaced.
-- If this fails, head-counts and everything after them are wrong.
with loads as (
    select
        load_id,
        sequence
    from {{ source('raw', 'load_log') }}
),

raw_rows as (
    select
        workers.snapshot_date,
        loads.sequence,
        count(*) as n_rows
    from {{ source('raw', 'raw_hris__workers') }} as workers
    inner join loads on workers.load_id = loads.load_id
    where workers.snapshot_date <= {{ as_of() }}
    group by workers.snapshot_date, loads.sequence
),

expected as (
    select sum(n_rows) as n_rows
    from (
        select
            n_rows,
            sequence = max(sequence) over (partition by snapshot_date) as is_latest
        from raw_rows
    ) as ranked
    where is_latest
),

staged as (
    select count(*) as n_rows from {{ ref('stg_hris__workers') }}
)

select
    expected.n_rows as n_expected,
    staged.n_rows as n_staged
from expected
cross join staged
where coalesce(expected.n_rows, 0) <> staged.n_rows

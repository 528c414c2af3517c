with workers as (
    select * from {{ ref('stg_hris__workers') }}
),

observation as (
    select last_month from {{ ref('int_observation_window') }}
),

-- The newest snapshot that speaks of a stint tells its end: an exit that shows a month late is put where it happened,
-- and one that was withdrawn is withdrawn.
latest as (
    select
        person_id,
        hired_date,
        left_date,
        termination_type,
        min(snapshot_month) over (partition by person_id, hired_date) as first_seen_month,
        max(snapshot_month) over (partition by person_id, hired_date) as last_seen_month,
        row_number() over (
            partition by person_id, hired_date order by snapshot_date desc, sequence desc
        ) as turn
    from workers
),

followed as (
    select
        latest.*,
        lead(latest.first_seen_month) over (
            partition by latest.person_id order by latest.first_seen_month, latest.hired_date
        ) as next_seen_month
    from latest
    where latest.turn = 1
),

-- A stint without an end that goes straight over into another one is the same stint with its hire date corrected.
judged as (
    select
        followed.*,
        coalesce(
            followed.left_date is null
            and followed.next_seen_month
            <= cast({{ dbt.dateadd('month', 1, 'followed.last_seen_month') }} as date),
            false
        ) as is_superseded
    from followed
)

select
    judged.person_id,
    judged.hired_date,
    judged.left_date,
    judged.termination_type,
    judged.first_seen_month,
    judged.last_seen_month,
    judged.is_superseded,
    -- Gone from the files without an exit: neither stayed nor left; censored at the last sight, and counted.
    judged.left_date is null
    and not judged.is_superseded
    and judged.last_seen_month < observation.last_month as is_vanished
from judged
cross join observation

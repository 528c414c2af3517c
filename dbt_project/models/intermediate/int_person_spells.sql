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
        due_again_date,
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
),

-- Where a mapping says that absence ends a stint: the day before the first snapshot that should have listed it. Else
-- absence says nothing.
ended as (
    select
        judged.*,
        judged.left_date is null
        and not judged.is_superseded
        and judged.due_again_date is not null as is_end_inferred
    from judged
)

select
    ended.person_id,
    ended.hired_date,
    ended.termination_type,
    ended.first_seen_month,
    ended.last_seen_month,
    ended.is_superseded,
    ended.is_end_inferred,
    case
        when ended.is_end_inferred
            then cast({{ dbt.dateadd('day', -1, 'ended.due_again_date') }} as date)
        else ended.left_date
    end as left_date,
    -- Gone from the files without an exit: neither stayed nor left; censored at the last sight, and counted.
    ended.left_date is null
    and not ended.is_end_inferred
    and not ended.is_superseded
    and ended.last_seen_month < observation.last_month as is_vanished
from ended
cross join observation

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
)

select
    latest.person_id,
    latest.hired_date,
    latest.left_date,
    latest.termination_type,
    latest.first_seen_month,
    latest.last_seen_month,
    -- Gone from the files without an exit: neither stayed nor left; censored at the last sight, and counted.
    latest.left_date is null and latest.last_seen_month < observation.last_month as is_vanished
from latest
cross join observation
where latest.turn = 1

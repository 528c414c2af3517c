with sightings as (
    select
        workers.*,
        max(case when not coalesce(workers.is_gone, false) then workers.snapshot_date end) over (
            partition by workers.person_id, workers.hired_date
        ) as last_present_date
    from {{ ref('stg_hris__workers') }} as workers
),

workers as (
    select
        sightings.*,
        min(
            case
                when
                    sightings.is_gone
                    and (sightings.last_present_date is null or sightings.snapshot_date > sightings.last_present_date)
                    then sightings.snapshot_date
            end
        ) over (partition by sightings.person_id, sightings.hired_date) as gone_by_date
    from sightings
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
        is_regretted,
        -- The day by which the stint had ended, where no file says when: the first snapshot that says so in words, or
        -- that should have listed it.
        case when is_gone then gone_by_date else due_again_date end as ended_by_date,
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

-- An exit without a day is put on the day before the first snapshot that shows it.
ended as (
    select
        judged.*,
        judged.left_date is null
        and not judged.is_superseded
        and judged.ended_by_date is not null as is_end_inferred
    from judged
)

select
    ended.person_id,
    ended.hired_date,
    ended.termination_type,
    ended.is_regretted,
    ended.first_seen_month,
    ended.last_seen_month,
    ended.is_superseded,
    ended.is_end_inferred,
    case
        when ended.is_end_inferred
            then cast({{ dbt.dateadd('day', -1, 'ended.ended_by_date') }} as date)
        else ended.left_date
    end as left_date,
    -- Gone from the files without an exit: neither stayed nor left; censored at the last sight, and counted.
    ended.left_date is null
    and not ended.is_end_inferred
    and not ended.is_superseded
    and ended.last_seen_month < observation.last_month as is_vanished
from ended
cross join observation

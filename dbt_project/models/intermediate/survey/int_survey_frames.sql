with waves as (
    select distinct
        launched_date,
        {{ month_of('launched_date') }} as month
    from {{ ref('stg_survey__responses') }}
),

workers as (
    select * from {{ ref('int_worker_sightings') }}
),

spells as (
    select
        person_id,
        hired_date,
        left_date,
        last_seen_month
    from {{ ref('int_person_spells') }}
),

observation as (
    select last_month from {{ ref('int_observation_window') }}
),

-- Employed on the day of the launch, in the newest snapshot of that day or before; who was hired since then, in the
-- first one after it. Who was gone from the files by the launch without an exit is not there.
employed as (
    select
        waves.launched_date,
        workers.person_id,
        workers.snapshot_date,
        workers.department,
        workers.site,
        workers.team,
        workers.email_key,
        row_number() over (
            partition by waves.launched_date, workers.person_id
            order by
                case when workers.snapshot_date <= waves.launched_date then 0 else 1 end,
                case
                    when workers.snapshot_date <= waves.launched_date
                        then {{ dbt.datediff('workers.snapshot_date', 'waves.launched_date', 'day') }}
                    else {{ dbt.datediff('waves.launched_date', 'workers.snapshot_date', 'day') }}
                end,
                workers.hired_date desc,
                workers.sequence desc,
                workers.load_id asc,
                workers.line asc
        ) as row_rank
    from waves
    cross join observation
    inner join workers
        on
            workers.snapshot_month >= cast({{ dbt.dateadd('month', -12, 'waves.month') }} as date)
            and workers.snapshot_month <= cast({{ dbt.dateadd('month', 1, 'waves.month') }} as date)
    inner join spells
        on
            workers.person_id = spells.person_id
            and workers.hired_date = spells.hired_date
            and waves.launched_date >= spells.hired_date
            and (spells.left_date is null or waves.launched_date <= spells.left_date)
            and waves.month <= spells.last_seen_month
    where waves.month <= observation.last_month
)

select
    launched_date,
    person_id,
    snapshot_date,
    department,
    site,
    team,
    email_key
from employed
where row_rank = 1

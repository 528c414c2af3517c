with roster as (
    select * from {{ source('raw', 'raw_roster__assignments') }}
),

loads as (
    select
        load_id,
        file_date,
        version,
        sequence
    from {{ ref('stg_loads') }}
),

latest as (
    select
        roster.unit,
        roster.cohort,
        roster.arm,
        roster.kickoff_date,
        roster.coach_id,
        roster.trained_date,
        row_number() over (
            partition by roster.unit
            order by loads.file_date desc nulls last, loads.version desc, loads.sequence desc, roster.line desc
        ) as turn
    from roster
    inner join loads on roster.load_id = loads.load_id
)

select
    unit,
    arm,
    kickoff_date,
    coach_id,
    trained_date,
    case when arm = 'control' then 'control' else coalesce(cohort, 'pilot') end as cohort
from latest
where turn = 1

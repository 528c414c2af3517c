{% set days = 90 %}
with outcomes as (
    select
        metric,
        period
    from {{ ref('stg_study__outcomes') }}
    where panel = 'pnl_new_hires'
),

observation as (
    select
        first_month,
        observed_through_date
    from {{ ref('int_observation_window') }}
),

spells as (
    select
        person_id,
        hired_date,
        left_date,
        first_seen_month,
        is_vanished
    from {{ ref('int_person_spells') }}
    where not is_superseded
),

units as (
    select
        unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ ref('int_unit_assignments') }}
),

memberships as (
    select
        person_id,
        month,
        unit_id
    from {{ ref('int_unit_memberships') }}
),

-- Somebody who left before the first file that names them was a member in no month, and was hired all the same.
first_told as (
    select
        workers.person_id,
        workers.hired_date,
        case programme.assignment_unit
            when 'department' then workers.department
            when 'site' then workers.site
            when 'team' then workers.team
        end as unit_id,
        programme.assignment_unit,
        row_number() over (
            partition by workers.person_id, workers.hired_date
            order by workers.snapshot_date, workers.sequence, workers.line
        ) as row_rank
    from {{ ref('int_worker_sightings') }} as workers
    cross join {{ ref('stg_study__programmes') }} as programme
),

out_of_study as (
    select person_id from {{ ref('int_excluded') }}
    where reason = 'employment type is not in the study'
),

-- The unit is the one that hired them. These people were not there when units were assigned: the comparison is one of
-- units, before and after, not of people.
hires as (
    select
        outcomes.metric,
        outcomes.period,
        spells.person_id,
        spells.hired_date,
        spells.left_date,
        spells.is_vanished,
        units.unit_id,
        units.cohort,
        units.arm,
        units.kickoff_date,
        cast({{ dbt.dateadd('day', days, 'spells.hired_date') }} as date) as judged_date
    from spells
    cross join outcomes
    cross join observation
    inner join first_told
        on
            spells.person_id = first_told.person_id
            and spells.hired_date = first_told.hired_date
            and first_told.row_rank = 1
    left join memberships
        on
            spells.person_id = memberships.person_id
            and spells.first_seen_month = memberships.month
    inner join units on coalesce(memberships.unit_id, first_told.unit_id) = units.unit_id
    left join out_of_study on spells.person_id = out_of_study.person_id
    where
        spells.hired_date >= observation.first_month
        and out_of_study.person_id is null
        -- Where people were assigned one by one, nobody was hired into a unit.
        and first_told.assignment_unit <> 'person'
),

judged as (
    select
        hires.*,
        case
            when hires.left_date < hires.judged_date then 1.0
            when hires.is_vanished then null
            else 0.0
        end as has_left,
        -- Early leavers are known before stayers are: a quarter's hires all wait until the last can be judged.
        cast({{ dbt.dateadd('day', days, dbt.last_day('hires.hired_date', 'quarter')) }} as date)
        <= observation.observed_through_date as is_closed
    from hires
    cross join observation
)

select
    metric,
    'new hire' as subject_kind,
    {{ dbt.concat(['person_id', "' '", 'cast(hired_date as ' ~ dbt.type_string() ~ ')']) }} as subject_id,
    unit_id,
    cohort,
    arm,
    kickoff_date,
    hired_date as observed_from_date,
    hired_date as observed_date,
    {{ period_of('hired_date', 'period') }} as period_start,
    has_left as value,
    case when has_left is null then 'no longer in the files, without an exit' end as missing_reason
from judged
where is_closed

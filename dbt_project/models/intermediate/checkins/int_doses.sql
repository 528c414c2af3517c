with months as (
    select
        person_id,
        month,
        unit_id,
        cohort,
        arm,
        kickoff_date,
        checkins_held,
        checkin_minutes
    from {{ ref('int_person_months') }}
),

programme as (
    select min(kickoff_date) as first_kickoff_date from {{ ref('int_unit_assignments') }}
),

-- Without any log of check-ins nobody knows how many were held: that is no zero.
logs as (
    select count(*) > 0 as is_kept from {{ ref('int_checkins') }}
    where event = 'checkin'
)

-- Since the unit's own kick-off; in the control since the first one.
select
    months.person_id,
    months.unit_id,
    months.cohort,
    months.arm,
    months.month,
    coalesce({{ exact_sum('months.checkins_held') }}, 0) as n_held,
    coalesce({{ exact_sum('months.checkin_minutes') }}, 0) as n_minutes
from months
cross join programme
cross join logs
where
    logs.is_kept
    and months.month >= {{ month_of('coalesce(months.kickoff_date, programme.first_kickoff_date)') }}
group by months.person_id, months.unit_id, months.cohort, months.arm, months.month

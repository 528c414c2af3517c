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

-- Since the unit's own kick-off; in the control since the first one.
since as (
    select
        months.person_id,
        months.unit_id,
        months.cohort,
        months.arm,
        count(*) as n_months,
        coalesce({{ exact_sum('months.checkins_held') }}, 0) as n_held,
        coalesce({{ exact_sum('months.checkin_minutes') }}, 0) as n_minutes
    from months
    cross join programme
    where months.month >= {{ month_of('coalesce(months.kickoff_date, programme.first_kickoff_date)') }}
    group by months.person_id, months.unit_id, months.cohort, months.arm
)

select
    unit_id,
    cohort,
    arm,
    cast(count(*) as bigint) as n_people,
    cast(sum(case when n_held = 0 then 1 else 0 end) as bigint) as n_without,
    cast(sum(n_months) as bigint) as n_person_months,
    cast(sum(n_held) as bigint) as n_held,
    {{ exact_sum('n_minutes') }} as n_minutes
from since
group by unit_id, cohort, arm

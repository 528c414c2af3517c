with eligible as (
    select * from {{ ref('int_eligible') }}
),

spells as (
    select * from {{ ref('int_person_spells') }}
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

programme as (
    select
        retention_months,
        assignment_unit
    from {{ ref('stg_study__programmes') }}
),

observation as (
    select
        first_month,
        closed_through_date
    from {{ ref('int_observation_window') }}
),

asked as (
    select
        metric,
        measure
    from {{ ref('stg_study__outcomes') }}
    where panel = 'pnl_retention'
),

kickoffs as (
    select distinct
        cohort,
        kickoff_date
    from units
    where arm = 'pilot'
),

-- Each cohort is watched from its kick-off, and for the same time before it: what differed already is taken off. And
-- for the same time before that: whether the arms moved apart from the one to the other, with no programme yet.
windows as (
    select
        kickoffs.cohort,
        kickoffs.kickoff_date,
        'after' as phase,
        kickoffs.kickoff_date as entry_date
    from kickoffs
    union all
    select
        kickoffs.cohort,
        kickoffs.kickoff_date,
        'before' as phase,
        cast({{ dbt.dateadd('month', '-programme.retention_months', 'kickoffs.kickoff_date') }} as date) as entry_date
    from kickoffs
    cross join programme
    union all
    select
        kickoffs.cohort,
        kickoffs.kickoff_date,
        'earlier' as phase,
        cast(
            {{ dbt.dateadd('month', '-2 * programme.retention_months', 'kickoffs.kickoff_date') }} as date
        ) as entry_date
    from kickoffs
    cross join programme
),

-- Only windows that the snapshots cover from their first day on.
covered as (
    select windows.*
    from windows
    cross join observation
    where
        windows.entry_date >= observation.first_month
        and windows.entry_date <= observation.closed_through_date
),

-- Before kick-off people belong where they stood on the window's first day (the month before it, of whom left at once):
-- whoever moved in later cannot have left before.
stood as (
    select
        covered.*,
        memberships.person_id,
        units.unit_id,
        units.cohort as own_cohort,
        units.arm,
        units.kickoff_date as own_kickoff_date,
        row_number() over (
            partition by covered.cohort, covered.phase, memberships.person_id order by memberships.month desc
        ) as row_rank
    from covered
    inner join {{ ref('int_unit_memberships') }} as memberships
        on
            memberships.month <= {{ month_of('covered.entry_date') }}
            and memberships.month >= {{ month_of(dbt.dateadd('month', -1, 'covered.entry_date')) }}
    inner join eligible on memberships.person_id = eligible.person_id
    left join units on memberships.unit_id = units.unit_id
    where covered.phase <> 'after'
),

members as (
    select
        covered.cohort,
        covered.kickoff_date,
        covered.phase,
        covered.entry_date,
        eligible.person_id,
        eligible.unit_id,
        eligible.cohort as own_cohort,
        eligible.arm,
        eligible.kickoff_date as own_kickoff_date
    from covered
    cross join programme
    cross join eligible
    where
        covered.phase = 'after'
        or programme.assignment_unit = 'person'
    union all
    select
        stood.cohort,
        stood.kickoff_date,
        stood.phase,
        stood.entry_date,
        stood.person_id,
        stood.unit_id,
        stood.own_cohort,
        stood.arm,
        stood.own_kickoff_date
    from stood
    cross join programme
    where
        stood.row_rank = 1
        and stood.unit_id is not null
        and programme.assignment_unit <> 'person'
),

-- Control of a cohort: units never treated, and units whose own kick-off comes after the whole window.
watched as (
    select
        members.cohort as comparison_cohort,
        members.phase,
        members.entry_date,
        members.kickoff_date,
        members.person_id,
        members.unit_id,
        members.own_cohort as cohort,
        case when members.own_cohort = members.cohort then 'pilot' else 'control' end as comparison_arm
    from members
    cross join programme
    where
        members.own_cohort = members.cohort
        or members.arm = 'control'
        or members.own_kickoff_date
        >= cast({{ dbt.dateadd('month', 'programme.retention_months', 'members.kickoff_date') }} as date)
),

at_risk as (
    select
        watched.*,
        -- Of later months not all exits are known yet.
        case when spells.left_date <= observation.closed_through_date then spells.left_date end as left_date,
        spells.termination_type,
        spells.is_regretted,
        case
            when spells.is_vanished
                then least(
                    cast({{ dbt.last_day('spells.last_seen_month', 'month') }} as date),
                    observation.closed_through_date
                )
            else observation.closed_through_date
        end as known_until_date,
        programme.retention_months,
        case watched.phase
            when 'before' then programme.retention_months
            when 'earlier' then 2 * programme.retention_months
            else 0
        end as months_before,
        row_number() over (
            partition by watched.comparison_cohort, watched.phase, watched.person_id order by spells.hired_date desc
        ) as row_rank
    from watched
    inner join spells
        on
            watched.person_id = spells.person_id
            and watched.entry_date >= spells.hired_date
            and (spells.left_date is null or watched.entry_date <= spells.left_date)
            and watched.entry_date <= cast({{ dbt.last_day('spells.last_seen_month', 'month') }} as date)
    cross join programme
    cross join observation
),

-- The month of the window (1 is the first) in which the person left, and the last one that is known in full. Months are
-- counted from the kick-off in both directions, so that no day lies between the two windows or in both.
timed as (
    select
        at_risk.*,
        {{ whole_months('at_risk.kickoff_date', 'at_risk.left_date') }}
        + 1 + at_risk.months_before as left_month_number,
        {{ whole_months('at_risk.kickoff_date', dbt.dateadd('day', 1, 'at_risk.known_until_date')) }}
        + at_risk.months_before as known_months
    from at_risk
    -- Two jobs at once are one person: the newer one counts.
    where at_risk.row_rank = 1
),

-- Of one metric everybody who leaves has left; of the other those who chose to: who leaves for another reason (the end
-- of a contract, a layoff, no reason given) is known until then, as whoever is still there on the last day is.
followed as (
    select
        timed.*,
        asked.metric,
        coalesce(timed.left_month_number <= timed.retention_months, false) as is_gone,
        coalesce(timed.left_month_number <= timed.retention_months, false)
        and (asked.measure = 'still_employed' or coalesce(timed.termination_type = 'voluntary', false)) as has_left
    from timed
    cross join asked
)

select
    metric,
    comparison_cohort,
    comparison_arm,
    phase,
    entry_date,
    person_id,
    unit_id,
    cohort,
    has_left,
    case when has_left then coalesce(termination_type, 'unknown') end as cause,
    has_left and coalesce(is_regretted, false) as is_regretted,
    cast(
        case when is_gone then left_month_number else least(known_months, retention_months) end as integer
    ) as months_followed
from followed
-- Followed for less than a month and still there: nothing is known about this window yet.
where is_gone or known_months >= 1

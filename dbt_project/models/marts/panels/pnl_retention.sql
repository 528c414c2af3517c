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
    select retention_months from {{ ref('stg_study__programmes') }}
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

-- Control of a cohort: units never treated, and units whose own kick-off comes after the whole window.
watched as (
    select
        covered.cohort as comparison_cohort,
        covered.phase,
        covered.entry_date,
        covered.kickoff_date,
        eligible.person_id,
        eligible.unit_id,
        eligible.cohort,
        case when eligible.cohort = covered.cohort then 'pilot' else 'control' end as comparison_arm
    from covered
    cross join programme
    inner join eligible
        on
            covered.cohort = eligible.cohort
            or eligible.arm = 'control'
            or eligible.kickoff_date
            >= cast({{ dbt.dateadd('month', 'programme.retention_months', 'covered.kickoff_date') }} as date)
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

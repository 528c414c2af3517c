-- Only who can be met again: seats of anonymous waves and new hires cannot.
with people as (
    select
        metric,
        subject_id,
        unit_id,
        cohort,
        arm,
        period_start,
        value
    from {{ ref('pnl_periods') }}
    where
        subject_kind = 'person'
        and value is not null
),

told as (
    select
        metric,
        period_start,
        {{ fingerprint(['subject_id', 'unit_id', 'cohort', 'arm', 'value']) }} as fingerprint
    from people
    group by metric, period_start
),

periods as (
    select
        told.*,
        lag(told.period_start) over (partition by told.metric order by told.period_start) as period_before
    from told
),

kickoffs as (
    select
        metric,
        cohort_period_start,
        coalesce(cut_period_start, cohort_period_start) as first_mixed_period_start
    from {{ ref('pnl_kickoffs') }}
    where cohort_period_start is not null
),

-- The last period that lies wholly before the kick-off, and in which something was observed.
starts as (
    select
        kickoffs.metric,
        kickoffs.cohort_period_start,
        max(periods.period_start) as base_period_start
    from kickoffs
    inner join periods
        on
            kickoffs.metric = periods.metric
            and kickoffs.first_mixed_period_start > periods.period_start
    group by kickoffs.metric, kickoffs.cohort_period_start, kickoffs.first_mixed_period_start
),

bases as (
    select
        metric,
        period_start,
        period_before as base_period_start
    from periods
    where period_before is not null
    union
    select
        later.metric,
        later.period_start,
        starts.base_period_start
    from periods as later
    inner join starts
        on
            later.metric = starts.metric
            and later.period_start >= starts.cohort_period_start
)

-- A base is the period before, or the last one before a cohort's kick-off: what ATT(g,t) compares with. The fingerprint
-- says whether a pair is as it was when its changes were computed.
select
    bases.metric,
    bases.period_start,
    bases.base_period_start,
    {{ dbt.concat(['later.fingerprint', "' '", 'earlier.fingerprint']) }} as fingerprint
from bases
inner join periods as later
    on
        bases.metric = later.metric
        and bases.period_start = later.period_start
inner join periods as earlier
    on
        bases.metric = earlier.metric
        and bases.base_period_start = earlier.period_start

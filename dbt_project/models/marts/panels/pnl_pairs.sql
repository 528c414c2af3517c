-- Only who can be met again: seats of anonymous waves and new hires cannot.
with people as (
    select
        metric,
        subject_id,
        unit_id,
        cohort,
        arm,
        kickoff_date,
        period_start,
        last_observed_date,
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
        max(last_observed_date) as last_observed_date,
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
    select distinct
        metric,
        kickoff_date
    from people
    where kickoff_date is not null
),

-- The first period in which something was observed on or after a kick-off, as in cell_means.
starts as (
    select
        kickoffs.metric,
        kickoffs.kickoff_date,
        min(periods.period_start) as cohort_period_start
    from kickoffs
    inner join periods
        on
            kickoffs.metric = periods.metric
            and kickoffs.kickoff_date <= periods.last_observed_date
    group by kickoffs.metric, kickoffs.kickoff_date
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
        first_treated.period_before as base_period_start
    from periods as later
    inner join starts
        on
            later.metric = starts.metric
            and later.period_start >= starts.cohort_period_start
    inner join periods as first_treated
        on
            starts.metric = first_treated.metric
            and starts.cohort_period_start = first_treated.period_start
    where first_treated.period_before is not null
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

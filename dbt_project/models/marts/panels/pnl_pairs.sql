-- Changes of a person are the largest table there would be. They are made of the outcomes that the study decides by,
-- for estimates adjusted for covariates; of all where people were assigned one by one, whose effect is their change.
with asked as (
    select outcomes.metric
    from {{ ref('stg_study__outcomes') }} as outcomes
    cross join {{ ref('stg_study__programmes') }} as programme
    where
        outcomes.role in ('primary', 'guardrail')
        or programme.assignment_unit = 'person'
),

-- Only who can be met again: seats of anonymous waves and new hires cannot.
reported as (
    select distinct
        people.metric,
        people.period_start
    from {{ ref('pnl_values') }} as people
    inner join asked on people.metric = asked.metric
    inner join {{ ref('pnl_calendar') }} as calendar
        on
            people.metric = calendar.metric
            and people.period_start = calendar.period_start
    where
        calendar.is_closed
        and people.subject_kind = 'person'
        and people.value is not null
),

kept as (
    select distinct
        closed_cells.metric,
        closed_cells.period_start,
        closed_cells.base_period_start
    from {{ source('closed', 'cell_differences') }} as closed_cells
    inner join {{ ref('pnl_calendar') }} as calendar
        on
            closed_cells.metric = calendar.metric
            and closed_cells.period_start = calendar.period_start
    where calendar.is_kept
),

periods as (
    select
        reported.*,
        lag(reported.period_start) over (partition by reported.metric order by reported.period_start) as period_before
    from reported
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
    union
    select
        metric,
        period_start,
        base_period_start
    from kept
)

-- A base is the period before, or the last one before a cohort's kick-off: what ATT(g,t) compares with.
select
    bases.metric,
    bases.period_start,
    bases.base_period_start,
    kept.metric is not null as is_kept
from bases
left join kept
    on
        bases.metric = kept.metric
        and bases.period_start = kept.period_start
        and bases.base_period_start = kept.base_period_start

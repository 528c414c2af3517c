{# Beside the layer before: segments are facts of the assignment. #}
{# Cells of closed periods: what an earlier release was made of stays, the rest is computed. #}
with calendar as (
    select * from {{ ref('pnl_calendar') }}
    where is_closed
),

closed as (
    select
        people.metric,
        people.unit_id,
        people.subject_id,
        people.period_start,
        people.value,
        calendar.is_kept,
        -- Whoever has a value counts once in the size of the unit: in the first period with one.
        min(case when people.value is not null then people.period_start end)
            over (partition by people.metric, people.unit_id, people.subject_id) as first_period_start
    from {{ ref('pnl_values') }} as people
    inner join calendar
        on
            people.metric = calendar.metric
            and people.period_start = calendar.period_start
),

people as (
    select * from closed
    where not is_kept
),

segments as (
    select
        member_kind,
        member_id,
        segment
    from {{ ref('int_segments') }}
),

segmented as (
    select
        people.*,
        'all' as segment
    from people
    union all
    select
        people.*,
        segments.segment
    from people
    inner join segments
        on
            segments.member_kind = 'person'
            and people.subject_id = segments.member_id
),

sums as (
    select
        metric,
        unit_id,
        period_start,
        segment,
        count(*) as n_eligible,
        count(value) as n_observed,
        sum(case when value is not null and period_start = first_period_start then 1 else 0 end) as n_first_observed,
        coalesce({{ exact_sum('value') }}, 0) as value_sum
    from segmented
    group by metric, unit_id, period_start, segment
),

-- Centred at the cell's own mean before squaring: raw squares lose the digits that a variance is made of.
spreads as (
    select
        segmented.metric,
        segmented.unit_id,
        segmented.period_start,
        segmented.segment,
        {{ exact_sum(
            '(segmented.value - sums.value_sum / sums.n_observed) * (segmented.value - sums.value_sum / sums.n_observed)'
        ) }} as centred_sum_of_squares
    from segmented
    inner join sums
        on
            segmented.metric = sums.metric
            and segmented.unit_id = sums.unit_id
            and segmented.period_start = sums.period_start
            and segmented.segment = sums.segment
    where segmented.value is not null
    group by segmented.metric, segmented.unit_id, segmented.period_start, segmented.segment
),

of_people as (
    select
        sums.metric,
        sums.unit_id,
        sums.period_start,
        sums.segment,
        sums.n_eligible,
        sums.n_observed,
        sums.n_first_observed,
        sums.value_sum,
        coalesce(spreads.centred_sum_of_squares, 0) as centred_sum_of_squares,
        cast(null as varchar) as closed_cohort,
        cast(null as varchar) as closed_arm
    from sums
    left join spreads
        on
            sums.metric = spreads.metric
            and sums.unit_id = spreads.unit_id
            and sums.period_start = spreads.period_start
            and sums.segment = spreads.segment
    union all
    select
        kept.metric,
        kept.unit_id,
        kept.period_start,
        kept.segment,
        kept.n_eligible,
        kept.n_observed,
        kept.n_first_observed,
        kept.value_sum,
        kept.centred_sum_of_squares,
        kept.cohort as closed_cohort,
        kept.arm as closed_arm
    from {{ source('closed', 'cell_means') }} as kept
    inner join calendar
        on
            kept.metric = calendar.metric
            and kept.period_start = calendar.period_start
            and calendar.is_kept
),

united as (
    select
        of_people.*,
        false as is_segment_of_units
    from of_people
    union all
    -- A segment of units has their cells as they are.
    select
        of_people.metric,
        of_people.unit_id,
        of_people.period_start,
        segments.segment,
        of_people.n_eligible,
        of_people.n_observed,
        of_people.n_first_observed,
        of_people.value_sum,
        of_people.centred_sum_of_squares,
        of_people.closed_cohort,
        of_people.closed_arm,
        true as is_segment_of_units
    from of_people
    inner join segments
        on
            segments.member_kind = 'unit'
            and of_people.unit_id = segments.member_id
    where of_people.segment = 'all'
)

-- Estimates use the cohort, arm and kick-off of the present list; levels use those of the day the period closed. A unit
-- that a later list moves therefore stays where it was in the levels.
select
    united.metric,
    united.unit_id,
    units.cohort,
    units.arm,
    coalesce(united.closed_cohort, units.cohort) as closed_cohort,
    coalesce(united.closed_arm, units.arm) as closed_arm,
    united.period_start,
    united.segment,
    united.is_segment_of_units,
    kickoffs.cohort_period_start,
    kickoffs.cut_period_start,
    cast(united.n_eligible as bigint) as n_eligible,
    cast(united.n_observed as bigint) as n_observed,
    cast(united.n_first_observed as bigint) as n_first_observed,
    cast(
        sum(united.n_first_observed) over (partition by united.metric, united.unit_id, united.segment) as bigint
    ) as n_people,
    united.value_sum,
    united.centred_sum_of_squares
from united
inner join {{ ref('cell_units') }} as units on united.unit_id = units.unit_id
left join {{ ref('pnl_kickoffs') }} as kickoffs
    on
        united.metric = kickoffs.metric
        and units.kickoff_date = kickoffs.kickoff_date

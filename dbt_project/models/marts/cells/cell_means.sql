with people as (
    select * from {{ ref('pnl_periods') }}
),

kickoffs as (
    select * from {{ ref('pnl_kickoffs') }}
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
        cohort,
        arm,
        kickoff_date,
        period_start,
        segment,
        count(*) as n_eligible,
        count(value) as n_observed,
        coalesce({{ exact_sum('value') }}, 0) as value_sum
    from segmented
    group by metric, unit_id, cohort, arm, kickoff_date, period_start, segment
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

unit_sizes as (
    select
        metric,
        unit_id,
        segment,
        count(distinct subject_id) as n_people
    from segmented
    where value is not null
    group by metric, unit_id, segment
),

cells as (
    select
        sums.metric,
        sums.unit_id,
        sums.cohort,
        sums.arm,
        sums.period_start,
        sums.segment,
        kickoffs.cohort_period_start,
        kickoffs.cut_period_start,
        cast(sums.n_eligible as bigint) as n_eligible,
        cast(sums.n_observed as bigint) as n_observed,
        cast(coalesce(unit_sizes.n_people, 0) as bigint) as n_people,
        sums.value_sum,
        coalesce(spreads.centred_sum_of_squares, 0) as centred_sum_of_squares
    from sums
    left join spreads
        on
            sums.metric = spreads.metric
            and sums.unit_id = spreads.unit_id
            and sums.period_start = spreads.period_start
            and sums.segment = spreads.segment
    left join kickoffs
        on
            sums.metric = kickoffs.metric
            and sums.kickoff_date = kickoffs.kickoff_date
    left join unit_sizes
        on
            sums.metric = unit_sizes.metric
            and sums.unit_id = unit_sizes.unit_id
            and sums.segment = unit_sizes.segment
)

select * from cells
union all
-- A segment of units has their cells as they are.
select
    cells.metric,
    cells.unit_id,
    cells.cohort,
    cells.arm,
    cells.period_start,
    segments.segment,
    cells.cohort_period_start,
    cells.cut_period_start,
    cells.n_eligible,
    cells.n_observed,
    cells.n_people,
    cells.value_sum,
    cells.centred_sum_of_squares
from cells
inner join segments
    on
        segments.member_kind = 'unit'
        and cells.unit_id = segments.member_id
where cells.segment = 'all'

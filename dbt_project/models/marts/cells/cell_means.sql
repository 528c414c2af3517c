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
        calendar.is_kept
    from {{ ref('pnl_values') }} as people
    inner join calendar
        on
            people.metric = calendar.metric
            and people.period_start = calendar.period_start
),

segments as (
    select
        member_kind,
        member_id,
        segment
    from {{ ref('int_segments') }}
),

-- Squares are taken of distances from about the unit's mean: raw ones lose the digits that a variance is made of.
centres as (
    select
        metric,
        unit_id,
        round({{ exact_sum('value') }} / count(value)) as centre
    from closed
    where value is not null
    group by metric, unit_id
),

people as (
    select
        closed.metric,
        closed.unit_id,
        closed.subject_id,
        closed.period_start,
        closed.value,
        closed.value - centres.centre as distance
    from closed
    left join centres
        on
            closed.metric = centres.metric
            and closed.unit_id = centres.unit_id
    where not closed.is_kept
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
        coalesce({{ exact_sum('value') }}, 0) as value_sum,
        -- Σ(x − m)² = Σ(x − c)² − (Σ(x − c))²/n; of values that are all the same it is nothing, not a rounding error.
        case
            when min(value) < max(value)
                then greatest(
                    {{ exact_sum('distance * distance') }}
                    - {{ exact_sum('distance') }} * {{ exact_sum('distance') }} / count(value),
                    0
                )
            else 0
        end as centred_sum_of_squares
    from segmented
    group by metric, unit_id, period_start, segment
),

-- Whoever has a value counts once in the size of the unit: in the first period with one.
firsts as (
    select
        metric,
        unit_id,
        subject_id,
        min(period_start) as period_start
    from closed
    where value is not null
    group by metric, unit_id, subject_id
),

first_seen as (
    select
        metric,
        unit_id,
        period_start,
        'all' as segment,
        count(*) as n_first_observed
    from firsts
    group by metric, unit_id, period_start
    union all
    select
        firsts.metric,
        firsts.unit_id,
        firsts.period_start,
        segments.segment,
        count(*) as n_first_observed
    from firsts
    inner join segments
        on
            segments.member_kind = 'person'
            and firsts.subject_id = segments.member_id
    group by firsts.metric, firsts.unit_id, firsts.period_start, segments.segment
),

of_people as (
    select
        sums.metric,
        sums.unit_id,
        sums.period_start,
        sums.segment,
        sums.n_eligible,
        sums.n_observed,
        coalesce(first_seen.n_first_observed, 0) as n_first_observed,
        sums.value_sum,
        sums.centred_sum_of_squares,
        cast(null as varchar) as closed_cohort,
        cast(null as varchar) as closed_arm
    from sums
    left join first_seen
        on
            sums.metric = first_seen.metric
            and sums.unit_id = first_seen.unit_id
            and sums.period_start = first_seen.period_start
            and sums.segment = first_seen.segment
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

sized as (
    select
        of_people.*,
        sum(of_people.n_first_observed) over (
            partition by of_people.metric, of_people.unit_id, of_people.segment
        ) as n_people
    from of_people
),

united as (
    select
        metric,
        unit_id,
        period_start,
        segment,
        n_eligible,
        n_observed,
        n_first_observed,
        n_people,
        value_sum,
        centred_sum_of_squares,
        closed_cohort,
        closed_arm,
        false as is_segment_of_units
    from sized
    union all
    -- A segment of units has their cells as they are.
    select
        sized.metric,
        sized.unit_id,
        sized.period_start,
        segments.segment,
        sized.n_eligible,
        sized.n_observed,
        sized.n_first_observed,
        sized.n_people,
        sized.value_sum,
        sized.centred_sum_of_squares,
        sized.closed_cohort,
        sized.closed_arm,
        true as is_segment_of_units
    from sized
    inner join segments
        on
            segments.member_kind = 'unit'
            and sized.unit_id = segments.member_id
    where sized.segment = 'all'
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
    cast(united.n_people as bigint) as n_people,
    united.value_sum,
    united.centred_sum_of_squares
from united
inner join {{ ref('cell_units') }} as units on united.unit_id = units.unit_id
left join {{ ref('pnl_kickoffs') }} as kickoffs
    on
        united.metric = kickoffs.metric
        and units.kickoff_date = kickoffs.kickoff_date

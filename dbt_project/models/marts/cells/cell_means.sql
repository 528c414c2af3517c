with panel as (
    select metric, person_id, unit_id, cohort, arm, kickoff_date, period_start, value, is_observed
    from {{ ref('pnl_engagement') }}
    union all
    select metric, person_id, unit_id, cohort, arm, kickoff_date, period_start, value, is_observed
    from {{ ref('pnl_productivity') }}
),

outcomes as (
    select metric, period from {{ ref('stg_study__outcomes') }}
),

-- Two waves in one period make one value per person, so that a person counts once.
people as (
    select
        metric,
        unit_id,
        cohort,
        arm,
        kickoff_date,
        period_start,
        person_id,
        avg(value) as value
    from panel
    group by metric, unit_id, cohort, arm, kickoff_date, period_start, person_id
),

cell_averages as (
    select
        people.*,
        avg(value) over (partition by metric, unit_id, period_start) as cell_mean
    from people
),

unit_sizes as (
    select metric, unit_id, count(distinct person_id) as n_people
    from people
    where value is not null
    group by metric, unit_id
)

select
    cell_averages.metric,
    cell_averages.unit_id,
    cell_averages.cohort,
    cell_averages.arm,
    cell_averages.period_start,
    'all' as segment,
    cast({{ period_of('cell_averages.kickoff_date', 'outcomes.period') }} as date) as cohort_period_start,
    cast(count(*) as bigint) as n_eligible,
    cast(count(cell_averages.value) as bigint) as n_observed,
    cast(coalesce(max(unit_sizes.n_people), 0) as bigint) as n_people,
    cast(coalesce(sum(cell_averages.value), 0) as double) as value_sum,
    -- Centred at the cell's own mean before squaring: raw squares lose the digits that a variance is made of.
    cast(
        coalesce(
            sum(
                (cell_averages.value - cell_averages.cell_mean)
                * (cell_averages.value - cell_averages.cell_mean)
            ),
            0
        ) as double
    ) as centred_sum_of_squares
from cell_averages
inner join outcomes on cell_averages.metric = outcomes.metric
left join unit_sizes
    on
        cell_averages.metric = unit_sizes.metric
        and cell_averages.unit_id = unit_sizes.unit_id
group by
    cell_averages.metric,
    cell_averages.unit_id,
    cell_averages.cohort,
    cell_averages.arm,
    cell_averages.period_start,
    cell_averages.kickoff_date,
    outcomes.period

{% set cell_window = 'over (partition by people.metric, people.unit_id, people.period_start)' %}

with panel as (
    select
        metric,
        person_id,
        unit_id,
        cohort,
        arm,
        kickoff_date,
        observed_date,
        period_start,
        value
    from {{ ref('pnl_engagement') }}
    union all
    select
        metric,
        person_id,
        unit_id,
        cohort,
        arm,
        kickoff_date,
        observed_date,
        period_start,
        value
    from {{ ref('pnl_productivity') }}
),

-- A cohort's first treated period is the first in which something was observed on or after its kick-off: a survey
-- launched in the kick-off's quarter but before its day still belongs to the time before.
periods as (
    select
        metric,
        period_start,
        max(observed_date) as last_observed_date
    from panel
    group by metric, period_start
),

first_treated as (
    select
        panel_kickoffs.metric,
        panel_kickoffs.kickoff_date,
        min(periods.period_start) as cohort_period_start
    from (select distinct
        metric,
        kickoff_date
    from panel
    where kickoff_date is not null) as panel_kickoffs
    inner join periods
        on
            panel_kickoffs.metric = periods.metric
            and panel_kickoffs.kickoff_date <= periods.last_observed_date
    group by panel_kickoffs.metric, panel_kickoffs.kickoff_date
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
        {{ exact_sum('value') }} / count(value) as value
    from panel
    group by metric, unit_id, cohort, arm, kickoff_date, period_start, person_id
),

cell_averages as (
    select
        people.*,
        {{ exact_sum('people.value', over=cell_window) }} / count(people.value) {{ cell_window }} as cell_mean
    from people
),

unit_sizes as (
    select
        metric,
        unit_id,
        count(distinct person_id) as n_people
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
    first_treated.cohort_period_start,
    cast(count(*) as bigint) as n_eligible,
    cast(count(cell_averages.value) as bigint) as n_observed,
    cast(coalesce(max(unit_sizes.n_people), 0) as bigint) as n_people,
    coalesce({{ exact_sum('cell_averages.value') }}, 0) as value_sum,
    -- Centred at the cell's own mean before squaring: raw squares lose the digits that a variance is made of.
    coalesce(
        {{ exact_sum(
            '(cell_averages.value - cell_averages.cell_mean) * (cell_averages.value - cell_averages.cell_mean)'
        ) }},
        0
    ) as centred_sum_of_squares
from cell_averages
left join first_treated
    on
        cell_averages.metric = first_treated.metric
        and cell_averages.kickoff_date = first_treated.kickoff_date
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
    first_treated.cohort_period_start

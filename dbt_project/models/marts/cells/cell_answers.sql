-- Histograms of what a survey metric was, for bounds that trim the arm that answers more. By cohort and not by unit:
-- a bound has no leave-one-out value, and counts of single answers in a team would be persons.
with people as (
    select people.*
    from {{ ref('pnl_values') }} as people
    inner join {{ ref('pnl_calendar') }} as calendar
        on
            people.metric = calendar.metric
            and people.period_start = calendar.period_start
    where calendar.is_closed
),

outcomes as (
    select metric from {{ ref('stg_study__outcomes') }}
    where panel = 'pnl_surveys' and kind = 'mean'
),

starts as (
    select distinct
        metric,
        cohort,
        cohort_period_start
    from {{ ref('cell_means') }}
    where segment = 'all'
)

select
    people.metric,
    people.cohort,
    people.arm,
    people.period_start,
    starts.cohort_period_start,
    people.value,
    cast(count(*) as bigint) as n_people
from people
inner join outcomes on people.metric = outcomes.metric
left join starts
    on
        people.metric = starts.metric
        and people.cohort = starts.cohort
where people.value is not null
group by
    people.metric,
    people.cohort,
    people.arm,
    people.period_start,
    starts.cohort_period_start,
    people.value

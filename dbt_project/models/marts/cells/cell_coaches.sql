{{ config(schema='restricted', access='private') }}
{# Restricted: one coach's units are one coach. Never part of a release. #}
with cells as (
    select * from {{ ref('cell_means') }}
    where segment = 'all'
),

leads as (
    select
        unit_id,
        lead_person_id
    from {{ ref('int_unit_leads') }}
    where
        arm = 'pilot'
        and lead_person_id is not null
),

coaches as (
    select
        coach_person_id,
        n_units,
        n_people as n_people_coached
    from {{ ref('int_coaches') }}
),

pooled as (
    select
        leads.lead_person_id as coach_person_id,
        cells.metric,
        cells.period_start,
        sum(cells.n_eligible) as n_eligible,
        sum(cells.n_observed) as n_observed,
        {{ exact_sum('cells.value_sum') }} as value_sum,
        -- Each unit around its own mean; what lies between a coach's units is in their sums.
        {{ exact_sum('cells.centred_sum_of_squares') }} as within_unit_sum_of_squares
    from cells
    inner join leads on cells.unit_id = leads.unit_id
    group by leads.lead_person_id, cells.metric, cells.period_start
)

select
    pooled.coach_person_id,
    coaches.n_units,
    coaches.n_people_coached,
    pooled.metric,
    pooled.period_start,
    cast(pooled.n_eligible as bigint) as n_eligible,
    cast(pooled.n_observed as bigint) as n_observed,
    pooled.value_sum,
    pooled.within_unit_sum_of_squares
from pooled
inner join coaches on pooled.coach_person_id = coaches.coach_person_id

{{ config(meta={'dagster': {'ref': {'name': 'int_assignments'}}}) }}
-- Conservation: assigned people = eligible + excluded with a reason. If this fails, people drop out without trace.
with counts as (
    select
        (select count(*) from {{ ref('int_assignments') }}) as n_assigned,
        (select count(*) from {{ ref('int_eligible') }}) as n_eligible,
        (select count(*) from {{ ref('int_excluded') }}) as n_excluded
)

select * from counts
where n_assigned <> n_eligible + n_excluded

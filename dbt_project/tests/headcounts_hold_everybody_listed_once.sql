{{ config(meta={'dagster': {'ref': {'name': 'cmp_headcounts'}}}) }}
-- Conservation: distinct people per snapshot month = n_listed over the cohorts.
with listed as (
    select
        snapshot_month as month,
        count(distinct person_id) as n_people
    from {{ ref('stg_hris__workers') }}
    group by snapshot_month
),

counted as (
    select
        month,
        sum(n_listed) as n_people
    from {{ ref('cmp_headcounts') }}
    group by month
)

select
    listed.month,
    listed.n_people,
    counted.n_people as n_counted
from listed
full outer join counted on listed.month = counted.month
where coalesce(listed.n_people, 0) <> coalesce(counted.n_people, 0)

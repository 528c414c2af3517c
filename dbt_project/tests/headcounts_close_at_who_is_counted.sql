{{ config(meta={'dagster': {'ref': {'name': 'cmp_headcounts'}}}) }}
-- The bridge: opening plus every movement = people listed in the month and not gone by its end, counted on their own;
-- and each month opens as the one before closed.
with spells as (
    select
        person_id,
        hired_date,
        left_date
    from {{ ref('int_person_spells') }}
),

counted as (
    select
        memberships.month,
        count(*) as n_people
    from {{ ref('int_team_memberships') }} as memberships
    inner join spells
        on
            memberships.person_id = spells.person_id
            and memberships.hired_date = spells.hired_date
    where
        spells.left_date is null
        or {{ month_of('spells.left_date') }} <> memberships.month
    group by memberships.month
),

bridges as (
    select
        month,
        sum(n_opening) as n_opening,
        sum(n_closing) as n_closing,
        sum(
            n_opening + n_hires + n_transfers_in - n_leavers - n_transfers_out
            + n_listed_late + n_listed_again + n_not_listed_before_exit + n_vanished - n_closing
        ) as n_unexplained,
        lag(sum(n_closing)) over (order by month) as n_closing_before
    from {{ ref('cmp_headcounts') }}
    group by month
),

units as (
    select
        unit_id,
        month,
        sum(case when movement = 'opening' then amount else 0 end) as n_opening,
        lag(sum(amount)) over (partition by unit_id order by month) as n_closing_before,
        lag(month) over (partition by unit_id order by month) as month_before
    from {{ ref('int_headcount_movements') }}
    group by unit_id, month
)

-- Each unit by itself as well; a unit without anybody in between has no row.
select
    month,
    n_closing_before as n_people,
    n_opening,
    null as n_closing
from units
where
    month_before = cast({{ dbt.dateadd('month', -1, 'month') }} as date)
    and n_opening <> n_closing_before
union all
select
    bridges.month,
    counted.n_people,
    bridges.n_opening,
    bridges.n_closing
from bridges
full outer join counted on bridges.month = counted.month
where
    bridges.n_unexplained <> 0
    or coalesce(bridges.n_closing, 0) <> coalesce(counted.n_people, 0)
    or bridges.n_opening <> coalesce(bridges.n_closing_before, bridges.n_opening)

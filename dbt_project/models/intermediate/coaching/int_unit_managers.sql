with memberships as (
    select
        person_id,
        month,
        unit_id
    from {{ ref('int_unit_memberships') }}
    where unit_id is not null
),

links as (
    select
        person_id,
        month,
        manager_person_id
    from {{ ref('int_manager_links') }}
    where manager_person_id is not null
),

counted as (
    select
        memberships.unit_id,
        memberships.month,
        links.manager_person_id,
        count(*) as n_reports
    from memberships
    inner join links
        on
            memberships.person_id = links.person_id
            and memberships.month = links.month
    group by memberships.unit_id, memberships.month, links.manager_person_id
)

-- Who leads a unit is whom most of its people report to.
select
    unit_id,
    month,
    manager_person_id,
    cast(n_reports as bigint) as n_reports,
    row_number() over (partition by unit_id, month order by n_reports desc, manager_person_id asc) = 1 as is_lead,
    row_number() over (partition by manager_person_id, month order by n_reports desc, unit_id asc) = 1 as is_main_unit
from counted

with memberships as (
    select
        person_id,
        month,
        hired_date,
        department,
        site,
        team
    from {{ ref('int_team_memberships') }}
),

links as (
    select
        person_id,
        month,
        manager_person_id
    from {{ ref('int_manager_links') }}
),

programme as (
    select assignment_unit from {{ ref('stg_study__programmes') }}
)

-- Where managers were assigned, a unit is whoever reports to one; where people were, everybody is one.
select
    memberships.person_id,
    memberships.month,
    memberships.hired_date,
    case programme.assignment_unit
        when 'department' then memberships.department
        when 'site' then memberships.site
        when 'team' then memberships.team
        when 'manager' then links.manager_person_id
        else memberships.person_id
    end as unit_id
from memberships
cross join programme
left join links
    on
        memberships.person_id = links.person_id
        and memberships.month = links.month

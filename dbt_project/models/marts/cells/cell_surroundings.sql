{# Beside the layer before: who works where is a fact of the assignment. #}
{# Where a unit stands, and how much of the programme it has around it: what errors a level up and spillover need. #}
with people as (
    select
        unit_id,
        arm,
        person_id,
        department,
        site,
        first_kickoff_date
    from {{ ref('int_assignments') }}
    where cohort is not null
),

-- Most of a unit's people.
places as (
    select
        unit_id,
        department,
        site,
        row_number() over (partition by unit_id order by count(*) desc, department asc, site asc) as row_rank
    from people
    group by unit_id, department, site
),

leads as (
    select
        unit_id,
        lead_person_id
    from {{ ref('int_unit_leads') }}
),

links as (
    select
        person_id,
        month,
        manager_person_id
    from {{ ref('int_manager_links') }}
),

programme as (
    select {{ month_of('min(first_kickoff_date)') }} as first_month from people
),

upper_managers as (
    select
        leads.unit_id,
        links.manager_person_id
    from leads
    cross join programme
    inner join links
        on
            leads.lead_person_id = links.person_id
            and programme.first_month = links.month
),

units as (
    select
        unit_id,
        arm,
        cast(count(*) as double) as n_people,
        cast(sum(case when arm = 'pilot' then 1 else 0 end) as double) as n_coached
    from people
    group by unit_id, arm
),

described as (
    select
        units.unit_id,
        units.n_people,
        units.n_coached,
        places.department,
        places.site,
        upper_managers.manager_person_id
    from units
    left join places
        on
            units.unit_id = places.unit_id
            and places.row_rank = 1
    left join upper_managers on units.unit_id = upper_managers.unit_id
),

around as (
    select
        described.unit_id,
        described.department,
        described.site,
        case
            when described.manager_person_id is not null
                then sum(described.n_people) over (partition by described.manager_person_id) - described.n_people
        end as n_under_manager,
        sum(described.n_coached) over (partition by described.manager_person_id)
        - described.n_coached as n_coached_under_manager,
        case
            when described.site is not null
                then
                    sum(described.n_people) over (partition by described.department, described.site)
                    - described.n_people
        end as n_at_place,
        sum(described.n_coached) over (partition by described.department, described.site)
        - described.n_coached as n_coached_at_place
    from described
)

select
    unit_id,
    department,
    site,
    round(
        case
            when n_under_manager > 0 then n_coached_under_manager / n_under_manager
            when n_at_place > 0 then n_coached_at_place / n_at_place
        end, 9
    ) as share_coached_around
from around

with newest as (
    select
        load_id,
        mapping,
        part
    from {{ ref('stg_loads') }}
    where is_newest
),

positions as (
    select
        positions.*,
        case when coalesce(positions.is_primary, true) then 1 else 3 end as priority
    from {{ source('raw', 'raw_hris__positions') }} as positions
    inner join newest on positions.load_id = newest.load_id
),

organisations as (
    select organisations.*
    from {{ source('raw', 'raw_hris__organisations') }} as organisations
    inner join newest on organisations.load_id = newest.load_id
),

memberships as (
    select
        memberships.person_id,
        memberships.valid_from_date,
        memberships.valid_to_date,
        organisations.organisation_kind,
        organisations.organisation_name,
        organisations.manager_id,
        organisations.site,
        above.organisation_name as organisation_above
    from {{ source('raw', 'raw_hris__memberships') }} as memberships
    inner join newest on memberships.load_id = newest.load_id
    inner join organisations on memberships.organisation_id = organisations.organisation_id
    left join organisations as above on organisations.parent_organisation_id = above.organisation_id
),

-- What an organisation says about its members, and the position about its holder: the organisation is asked first, then
-- the main position; the unit above a team is its department where no other is named.
said as (
    select
        person_id,
        valid_from_date,
        valid_to_date,
        0 as priority,
        organisation_kind as field,
        organisation_name as word
    from memberships
    where organisation_kind in ('team', 'department', 'site')
    union all
    select
        person_id,
        valid_from_date,
        valid_to_date,
        0 as priority,
        'manager_id' as field,
        manager_id as word
    from memberships
    where
        organisation_kind = 'team'
        and manager_id <> person_id
    union all
    select
        person_id,
        valid_from_date,
        valid_to_date,
        4 as priority,
        'department' as field,
        organisation_above as word
    from memberships
    where organisation_kind = 'team'
    union all
    select
        person_id,
        valid_from_date,
        valid_to_date,
        2 as priority,
        'site' as field,
        site as word
    from memberships
    {% for field in ['department', 'site', 'team', 'job_level', 'manager_id'] -%}
        union all
        select
            person_id,
            valid_from_date,
            valid_to_date,
            priority,
            '{{ field }}' as field,
            {{ field }} as word
        from positions
    {% endfor %}
),

crosswalk as (
    select
        old_person_id,
        person_id
    from {{ ref('stg_hris__crosswalk') }}
)

-- A version whose end lies before its start counts nowhere. Ids of before a migration are the ids of today.
select
    coalesce(people.person_id, said.person_id) as person_id,
    said.field,
    said.valid_from_date,
    coalesce(said.valid_to_date, cast('9999-12-31' as date)) as valid_to_date,
    said.priority,
    max(coalesce(managers.person_id, said.word)) as word
from said
left join crosswalk as people on said.person_id = people.old_person_id
left join crosswalk as managers
    on
        said.word = managers.old_person_id
        and said.field = 'manager_id'
where
    said.word is not null
    and (said.valid_to_date is null or said.valid_to_date >= said.valid_from_date)
group by
    coalesce(people.person_id, said.person_id),
    said.field,
    said.valid_from_date,
    coalesce(said.valid_to_date, cast('9999-12-31' as date)),
    said.priority

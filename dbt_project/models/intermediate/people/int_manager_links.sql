with memberships as (
    select
        person_id,
        month,
        name_key,
        email_key,
        manager_id,
        manager_name_key,
        manager_email_key
    from {{ ref('int_team_memberships') }}
),

named as (
    select * from memberships
    where coalesce(manager_id, manager_email_key, manager_name_key) is not null
),

-- A name stands for a person only while exactly one employee has it.
names as (
    select
        month,
        name_key,
        min(person_id) as person_id,
        count(*) as n_people
    from memberships
    where name_key is not null
    group by month, name_key
),

addresses as (
    select
        month,
        email_key,
        person_id,
        n_people
    from {{ ref('int_addresses') }}
),

found as (
    select
        named.person_id,
        named.month,
        by_id.person_id as id_person_id,
        addresses.person_id as email_person_id,
        case when names.n_people = 1 then names.person_id end as name_person_id,
        coalesce(names.n_people > 1 or addresses.n_people > 1, false) as is_ambiguous
    from named
    left join memberships as by_id
        on
            named.month = by_id.month
            and named.manager_id = by_id.person_id
    left join addresses
        on
            named.month = addresses.month
            and named.manager_email_key = addresses.email_key
    left join names
        on
            named.month = names.month
            and named.manager_name_key = names.name_key
),

resolved as (
    select
        found.*,
        coalesce(found.id_person_id, found.email_person_id, found.name_person_id) as found_person_id
    from found
)

select
    person_id,
    month,
    case when found_person_id <> person_id then found_person_id end as manager_person_id,
    case
        when found_person_id = person_id then 'reports to themselves'
        when id_person_id is not null then 'by id'
        when email_person_id is not null then 'by e-mail'
        when name_person_id is not null then 'by name'
        when is_ambiguous then 'several people have the manager''s name or e-mail'
        else 'the manager is not in the snapshot'
    end as resolution
from resolved

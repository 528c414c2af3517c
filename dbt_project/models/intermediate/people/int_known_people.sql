-- Who is meant by an id, an address or a name that stands in a list without a month: somebody, if exactly one person
-- ever had it.
with memberships as (
    select distinct
        person_id,
        email_key,
        name_key
    from {{ ref('int_team_memberships') }}
)

select
    'id' as known_by,
    person_id as known_as,
    person_id
from memberships
group by person_id
union all
select
    'e-mail' as known_by,
    email_key as known_as,
    min(person_id) as person_id
from memberships
where email_key is not null
group by email_key
having count(distinct person_id) = 1
union all
select
    'name' as known_by,
    name_key as known_as,
    min(person_id) as person_id
from memberships
where name_key is not null
group by name_key
having count(distinct person_id) = 1

-- An address stands for a person only while exactly one employee has it.
select
    month,
    email_key,
    case when count(*) = 1 then min(person_id) end as person_id,
    cast(count(*) as bigint) as n_people
from {{ ref('int_team_memberships') }}
where email_key is not null
group by month, email_key

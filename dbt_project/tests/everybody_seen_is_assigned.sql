{{ config(meta={'dagster': {'ref': {'name': 'int_assignments'}}}) }}
-- Conservation: everybody who was ever a member of the organisation has exactly one assignment (perhaps to no unit).
select memberships.person_id
from (select distinct person_id from {{ ref('int_team_memberships') }}) as memberships
full outer join {{ ref('int_assignments') }} as assignments on memberships.person_id = assignments.person_id
where memberships.person_id is null or assignments.person_id is null

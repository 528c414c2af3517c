{{ config(meta={'dagster': {'ref': {'name': 'int_assignments'}}}) }}
-- Conservation: everybody in the HR files has exactly one assignment (perhaps to no unit, then with a reason).
select people.person_id
from (select distinct person_id from {{ ref('stg_hris__workers') }}) as people
full outer join {{ ref('int_assignments') }} as assignments on people.person_id = assignments.person_id
where people.person_id is null or assignments.person_id is null

with crosswalk as (
    select
        crosswalk.old_person_id,
        crosswalk.person_id,
        row_number() over (
            partition by crosswalk.old_person_id order by loads.version desc, loads.sequence desc, crosswalk.line desc
        ) as row_rank
    from {{ source('raw', 'raw_hris__crosswalk') }} as crosswalk
    inner join {{ ref('stg_loads') }} as loads on crosswalk.load_id = loads.load_id
    where crosswalk.old_person_id <> crosswalk.person_id
),

latest as (
    select
        old_person_id,
        person_id
    from crosswalk
    where row_rank = 1
)

-- Up to four migrations in a row; the last id found is the person's.
select
    first_step.old_person_id,
    coalesce(fourth_step.person_id, third_step.person_id, second_step.person_id, first_step.person_id) as person_id
from latest as first_step
left join latest as second_step on first_step.person_id = second_step.old_person_id
left join latest as third_step on second_step.person_id = third_step.old_person_id
left join latest as fourth_step on third_step.person_id = fourth_step.old_person_id

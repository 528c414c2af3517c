with crosswalk as (
    select
        old_person_id,
        person_id
    from {{ ref('stg_hris__crosswalk') }}
),

loads as (
    select
        load_id,
        file_date,
        version,
        sequence
    from {{ ref('stg_loads') }}
),

ranked as (
    select
        readiness.load_id,
        readiness.line,
        coalesce(people.person_id, readiness.person_id) as person_id,
        readiness.email_key,
        readiness.assessed_date,
        readiness.readiness,
        row_number() over (
            partition by coalesce(readiness.person_id, readiness.email_key), readiness.assessed_date
            order by loads.file_date desc nulls last, loads.version desc, loads.sequence desc, readiness.line desc
        ) as row_rank
    from {{ source('raw', 'raw_roster__readiness') }} as readiness
    inner join loads on readiness.load_id = loads.load_id
    left join crosswalk as people on readiness.person_id = people.old_person_id
    where readiness.assessed_date <= {{ as_of() }}
)

select
    load_id,
    line,
    person_id,
    email_key,
    assessed_date,
    readiness
from ranked
where row_rank = 1

with loads as (
    select
        load_id,
        mapping,
        part,
        file_date,
        version,
        sequence
    from {{ ref('stg_loads') }}
),

crosswalk as (
    select
        old_person_id,
        person_id
    from {{ ref('stg_hris__crosswalk') }}
),

-- The same response in two exports of one wave: the later answer tells, then the later export. Many tools number their
-- responses from 1, so that an id says something within one export's mapping, part and wave only.
ranked as (
    select
        responses.load_id,
        responses.response_id,
        responses.email_key,
        responses.launched_date,
        {{ dbt.concat(['loads.mapping', "' '", 'loads.part']) }} as survey,
        responses.recorded_at,
        responses.department,
        responses.site,
        responses.team,
        coalesce(crosswalk.person_id, responses.person_id) as person_id,
        row_number() over (
            partition by loads.mapping, loads.part, responses.launched_date, responses.response_id
            order by
                responses.recorded_at desc nulls last,
                loads.file_date desc nulls last,
                loads.version desc,
                loads.sequence desc,
                responses.line desc
        ) as turn
    from {{ source('raw', 'raw_survey__responses') }} as responses
    inner join loads on responses.load_id = loads.load_id
    left join crosswalk on responses.person_id = crosswalk.old_person_id
    where responses.launched_date <= {{ as_of() }}
)

select
    load_id,
    response_id,
    person_id,
    email_key,
    launched_date,
    survey,
    recorded_at,
    department,
    site,
    team
from ranked
where turn = 1

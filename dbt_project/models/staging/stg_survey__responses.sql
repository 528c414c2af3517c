{{ config(materialized="table") }}

with loads as (
    select
        load_id,
        file_name,
        mapping,
        part,
        delivery,
        file_date,
        version,
        sequence
    from {{ ref('stg_loads') }}
),

sent as (
    select
        responses.load_id,
        responses.line,
        responses.response_id,
        responses.person_id,
        responses.launched_date,
        responses.recorded_at,
        loads.file_name,
        loads.mapping,
        loads.part,
        loads.delivery,
        row_number() over (
            partition by loads.mapping, loads.part, responses.launched_date
            order by loads.file_date nulls first, loads.version, loads.sequence, responses.line
        ) as export_order
    from {{ source('raw', 'raw_survey__responses') }} as responses
    inner join loads on responses.load_id = loads.load_id
    where responses.launched_date <= {{ as_of() }}
),

exports as (
    select
        load_id,
        launched_date,
        file_name,
        mapping,
        part,
        delivery,
        max(export_order) as export_order,
        count(*) as n_responses
    from sent
    group by load_id, launched_date, file_name, mapping, part, delivery
),

again as (
    select
        earlier.load_id,
        earlier.launched_date,
        later.load_id as later_load_id,
        count(*) as n_again
    from sent as earlier
    inner join sent as later
        on
            earlier.mapping = later.mapping
            and earlier.part = later.part
            and earlier.launched_date = later.launched_date
            and earlier.response_id = later.response_id
            and earlier.load_id <> later.load_id
            and coalesce(earlier.person_id, '') = coalesce(later.person_id, '')
            and coalesce(cast(earlier.recorded_at as {{ dbt.type_string() }}), '')
            = coalesce(cast(later.recorded_at as {{ dbt.type_string() }}), '')
    group by earlier.load_id, earlier.launched_date, later.load_id
),

-- A wave that was exported again, whole: under the same name, or with at least half of its responses. What the newer
-- export lacks was withdrawn. A file of the wave under another name with other responses stands beside it.
replaced as (
    select distinct
        earlier.load_id,
        earlier.launched_date
    from exports as earlier
    inner join exports as later
        on
            earlier.mapping = later.mapping
            and earlier.part = later.part
            and earlier.launched_date = later.launched_date
            and earlier.export_order < later.export_order
    left join again
        on
            earlier.load_id = again.load_id
            and earlier.launched_date = again.launched_date
            and later.load_id = again.later_load_id
    where
        later.delivery = 'full'
        and (earlier.file_name = later.file_name or 2 * coalesce(again.n_again, 0) >= earlier.n_responses)
),

crosswalk as (
    select
        old_person_id,
        person_id
    from {{ ref('stg_hris__crosswalk') }}
),

-- The same response in two exports of one wave: the later answer counts, then the later export. Many tools number their
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
        ) as recency
    from {{ source('raw', 'raw_survey__responses') }} as responses
    inner join loads on responses.load_id = loads.load_id
    left join crosswalk on responses.person_id = crosswalk.old_person_id
    left join replaced
        on
            responses.load_id = replaced.load_id
            and responses.launched_date = replaced.launched_date
    where
        responses.launched_date <= {{ as_of() }}
        and replaced.load_id is null
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
where recency = 1

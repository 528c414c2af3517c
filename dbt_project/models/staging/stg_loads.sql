with loads as (
    select * from {{ source('raw', 'load_log') }}
    where status = 'loaded'
),

first_landing as (
    select min(known_date) as first_known_date from loads
)

-- What was known on the day looked from. Before the first landing nothing was: what that one brought answers then.
select
    loads.load_id,
    loads.source,
    loads.file_name,
    loads.mapping,
    coalesce(loads.part, '') as part,
    coalesce(loads.version, 0) as version,
    loads.file_date,
    loads.known_date,
    loads.sequence,
    coalesce(loads.rows_are, 'snapshots') as rows_are,
    coalesce(loads.delivery, 'full') as delivery,
    coalesce(loads.on_blank, 'erases') as on_blank,
    coalesce(loads.on_missing_person, 'nothing') as on_missing_person,
    -- Of a table that every export holds whole, the newest one counts.
    row_number() over (
        partition by loads.mapping, coalesce(loads.part, '')
        order by loads.file_date desc nulls last, coalesce(loads.version, 0) desc, loads.sequence desc
    ) = 1 as is_newest
from loads
cross join first_landing
where
    loads.known_date is null
    or loads.known_date <= {{ as_of() }}
    or loads.known_date = first_landing.first_known_date

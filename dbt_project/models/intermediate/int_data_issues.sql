with links as (
    select
        person_id,
        month,
        manager_person_id,
        resolution
    from {{ ref('int_manager_links') }}
),

observation as (
    select last_month from {{ ref('int_observation_window') }}
),

-- Managers as the last snapshot knows them; what cannot be resolved is reported, not guessed.
unresolved as (
    select
        {{ dbt.concat(["'manager unresolved: '", 'links.resolution']) }} as issue,
        links.person_id
    from links
    inner join observation on links.month = observation.last_month
    where links.manager_person_id is null
),

vanished as (
    select
        'gone from the snapshots without an exit' as issue,
        person_id
    from {{ ref('int_person_spells') }}
    where is_vanished
),

corrected as (
    select
        'hire date corrected between snapshots' as issue,
        person_id
    from {{ ref('int_person_spells') }}
    where is_superseded
),

reversed as (
    select
        'last day before the hire date' as issue,
        person_id
    from {{ ref('int_person_spells') }}
    where left_date < hired_date
),

issues as (
    select
        issue,
        person_id
    from unresolved
    union all
    select
        issue,
        person_id
    from vanished
    union all
    select
        issue,
        person_id
    from corrected
    union all
    select
        issue,
        person_id
    from reversed
)

select
    issue,
    cast(count(distinct person_id) as bigint) as n_people
from issues
group by issue

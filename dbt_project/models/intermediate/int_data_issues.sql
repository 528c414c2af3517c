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

-- A name that the organisation does not know: misspelt, or written otherwise than in the export.
unknown_units as (
    select units.unit_id
    from {{ ref('int_unit_assignments') }} as units
    left join {{ ref('int_team_memberships') }} as memberships on units.unit_id = memberships.unit_id
    where memberships.unit_id is null
),

issues as (
    select
        issue,
        person_id as subject_id,
        'people' as about
    from unresolved
    union all
    select
        issue,
        person_id as subject_id,
        'people' as about
    from vanished
    union all
    select
        issue,
        person_id as subject_id,
        'people' as about
    from corrected
    union all
    select
        issue,
        person_id as subject_id,
        'people' as about
    from reversed
    union all
    select
        'listed in the study, but in no snapshot' as issue,
        unit_id as subject_id,
        'units' as about
    from unknown_units
)

select
    issue,
    about,
    cast(count(distinct subject_id) as bigint) as n
from issues
group by issue, about

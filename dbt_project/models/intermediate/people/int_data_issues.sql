{# Beside the layer before: findings about files are no statement of a source, so staging has no model of them. #}
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

inferred as (
    select
        'left without a day: taken as the day before the first snapshot that shows it' as issue,
        person_id
    from {{ ref('int_person_spells') }}
    where is_end_inferred
),

shared as (
    select
        'one e-mail address, several people' as issue,
        memberships.person_id
    from {{ ref('int_team_memberships') }} as memberships
    inner join observation on memberships.month = observation.last_month
    inner join {{ ref('int_addresses') }} as addresses
        on memberships.month = addresses.month and memberships.email_key = addresses.email_key
    where addresses.n_people > 1
),

newest_loads as (
    select distinct workers.load_id
    from {{ ref('stg_hris__workers') }} as workers
    inner join observation on workers.snapshot_month = observation.last_month
),

-- What the last snapshots contradict in themselves, found when they were loaded. What other files may settle
-- (managers, addresses, last days) is asked above, of all of them.
contradictions as (
    select distinct
        found.issue,
        found.subject_id as person_id
    from {{ source('raw', 'data_issues') }} as found
    inner join newest_loads on found.load_id = newest_loads.load_id
    where
        found.about = 'people'
        and found.issue in (
            'valid_to before valid_from',
            'born after, or less than 14 years before the hire date',
            'is their own manager''s manager',
            'one of several people without a manager',
            'overlapping stints',
            'attribute that does not fit its mapping'
        )
),

late as (
    select coalesce(person_id, response_id) as person_id
    from {{ ref('int_respondents') }}
    where is_late
),

early as (
    select distinct
        found.issue,
        found.subject_id as person_id
    from {{ source('raw', 'data_issues') }} as found
    inner join {{ ref('stg_loads') }} as loads on found.load_id = loads.load_id
    where found.source = 'survey'
),

-- A name that the organisation does not know: misspelt, or written otherwise than in the export.
unknown_units as (
    select units.unit_id
    from {{ ref('int_unit_assignments') }} as units
    left join {{ ref('int_unit_memberships') }} as memberships on units.unit_id = memberships.unit_id
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
        issue,
        person_id as subject_id,
        'people' as about
    from inferred
    union all
    select
        issue,
        person_id as subject_id,
        'people' as about
    from shared
    union all
    select
        issue,
        person_id as subject_id,
        'people' as about
    from contradictions
    union all
    select
        issue,
        person_id as subject_id,
        'people' as about
    from early
    union all
    select
        'answered after the wave had closed' as issue,
        person_id as subject_id,
        'people' as about
    from late
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

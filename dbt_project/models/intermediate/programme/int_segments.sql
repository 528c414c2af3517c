with eligible as (
    select person_id from {{ ref('int_eligible') }}
),

assignments as (
    select assignments.*
    from {{ ref('int_assignments') }} as assignments
    inner join eligible on assignments.person_id = eligible.person_id
),

tenures as (
    select
        person_id,
        value as tenure_years
    from {{ ref('int_characteristics') }}
    where characteristic = 'tenure_years'
),

dimensions as (
    select dimension from {{ source('raw', 'raw_study__segments') }}
),

bands as (
    select
        dimension,
        band,
        lowest,
        below
    from {{ source('raw', 'raw_study__bands') }}
),

units as (
    select
        unit_id,
        arm
    from {{ ref('int_unit_assignments') }}
),

roster as (
    select
        unit,
        variant,
        nomination_rank
    from {{ ref('stg_roster__assignments') }}
    where arm = 'pilot'
),

leads as (
    select
        unit_id,
        arm,
        lead_person_id
    from {{ ref('int_unit_leads') }}
),

of_people as (
    {% for dimension in ['department', 'site', 'job_level', 'employment_type'] %}
        select
            person_id,
            '{{ dimension }}' as dimension,
            {{ dimension }} as word
        from assignments
        union all
    {% endfor %}
    select
        tenures.person_id,
        bands.dimension,
        bands.band as word
    from tenures
    inner join bands
        on
            bands.dimension = 'tenure'
            and (bands.lowest is null or tenures.tenure_years >= bands.lowest)
            and (bands.below is null or tenures.tenure_years < bands.below)
),

of_pilot_units as (
    select
        unit as unit_id,
        'variant' as dimension,
        variant as word
    from roster
    union all
    select
        unit as unit_id,
        'nomination_rank' as dimension,
        cast(nomination_rank as {{ dbt.type_string() }}) as word
    from roster
    union all
    select
        leads.unit_id,
        'cascade_depth' as dimension,
        cast(cascade.depth as {{ dbt.type_string() }}) as word
    from leads
    inner join {{ ref('int_cascade') }} as cascade on leads.lead_person_id = cascade.person_id
    where leads.arm = 'pilot'
    union all
    select
        leads.unit_id,
        bands.dimension,
        bands.band as word
    from leads
    inner join {{ ref('int_coaches') }} as coaches on leads.lead_person_id = coaches.coach_person_id
    inner join bands
        on
            bands.dimension = 'coach_load'
            and (bands.lowest is null or coaches.n_people >= bands.lowest)
            and (bands.below is null or coaches.n_people < bands.below)
    where leads.arm = 'pilot'
    union all
    select
        leads.unit_id,
        'readiness' as dimension,
        readiness.readiness as word
    from leads
    inner join {{ ref('int_readiness') }} as readiness
        on
            leads.lead_person_id = readiness.person_id
            and readiness.is_baseline
    where leads.arm = 'pilot'
),

-- Where people were assigned one by one, a unit is a person.
kinds as (
    select case when assignment_unit = 'person' then 'person' else 'unit' end as unit_kind
    from {{ ref('stg_study__programmes') }}
),

reported as (
    select
        'person' as member_kind,
        of_people.person_id as member_id,
        of_people.dimension,
        of_people.word
    from of_people
    inner join dimensions on of_people.dimension = dimensions.dimension
    where of_people.word is not null
    union all
    select
        kinds.unit_kind as member_kind,
        of_pilot_units.unit_id as member_id,
        of_pilot_units.dimension,
        of_pilot_units.word
    from of_pilot_units
    inner join dimensions on of_pilot_units.dimension = dimensions.dimension
    cross join kinds
    where of_pilot_units.word is not null
),

-- What is true of a coached unit only is compared with the whole control.
of_the_control as (
    select distinct
        kinds.unit_kind as member_kind,
        units.unit_id as member_id,
        reported.dimension,
        reported.word
    from reported
    cross join kinds
    inner join units on units.arm = 'control'
    where reported.dimension in ('cascade_depth', 'coach_load', 'readiness', 'variant', 'nomination_rank')
),

members as (
    select * from reported
    union
    select * from of_the_control
)

select
    member_kind,
    member_id,
    dimension,
    word,
    {{ dbt.concat(['dimension', "': '", 'word']) }} as segment
from members

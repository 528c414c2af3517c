with crosswalk as (
    select
        old_person_id,
        person_id
    from {{ ref('stg_hris__crosswalk') }}
),

roster as (
    select
        roster.*,
        -- People are listed by id, everything else by name.
        coalesce(people.person_id, roster.person_id, roster.unit) as unit_name,
        coalesce(coaches.person_id, roster.coach_id) as coach_person_id,
        case when roster.arm = 'control' then 'control' else coalesce(roster.cohort, 'pilot') end as cohort_name
    from {{ source('raw', 'raw_roster__assignments') }} as roster
    left join crosswalk as people on roster.person_id = people.old_person_id
    left join crosswalk as coaches on roster.coach_id = coaches.old_person_id
    -- Where study.yml lists the units itself, no roster is read.
    inner join {{ ref('stg_study__programmes') }} as programmes on programmes.assignment_source = 'roster'
),

loads as (
    select
        load_id,
        file_date,
        version,
        sequence
    from {{ ref('stg_loads') }}
),

-- A list holds until the day of the next one that names the unit.
editions as (
    select
        roster.*,
        lead(loads.file_date) over (
            partition by roster.unit_name
            order by loads.file_date nulls first, loads.version, loads.sequence, roster.line
        ) as replaced_date,
        row_number() over (
            partition by roster.unit_name
            order by loads.file_date desc nulls last, loads.version desc, loads.sequence desc, roster.line desc
        ) as turn_back
    from roster
    inner join loads on roster.load_id = loads.load_id
),

-- Exposed once is exposed for good: a later list that moves the unit after its kick-off changes nothing in whom it is
-- compared with. What a list says of units that were not yet exposed is replaced by the next one.
ranked as (
    select
        editions.*,
        row_number() over (
            partition by editions.unit_name
            order by
                case when editions.arm = 'pilot' and editions.kickoff_date < editions.replaced_date then 0 else 1 end,
                case when editions.kickoff_date < editions.replaced_date then editions.kickoff_date end,
                editions.turn_back
        ) as row_rank
    from editions
),

first_exposed as (
    select * from ranked
    where row_rank = 1
),

newest as (
    select * from editions
    where turn_back = 1
),

-- Dates and coach as the newest list has them that names the same arm and cohort: they may have been corrected.
described as (
    select
        editions.*,
        row_number() over (partition by editions.unit_name order by editions.turn_back) as row_rank
    from editions
    inner join first_exposed
        on
            editions.unit_name = first_exposed.unit_name
            and editions.arm = first_exposed.arm
            and editions.cohort_name = first_exposed.cohort_name
)

select
    described.unit_name as unit,
    described.stratum,
    described.arm,
    described.kickoff_date,
    described.coach_person_id as coach_id,
    described.trained_date,
    described.variant,
    -- Half a rank is none.
    case
        when described.nomination_rank = floor(described.nomination_rank)
            then cast(described.nomination_rank as integer)
    end as nomination_rank,
    described.cohort_name as cohort,
    case when newest.cohort_name <> described.cohort_name then newest.cohort_name end as later_cohort
from described
inner join newest on described.unit_name = newest.unit_name
where described.row_rank = 1

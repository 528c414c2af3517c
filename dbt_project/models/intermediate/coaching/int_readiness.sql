with people as (
    select * from {{ ref('int_known_people') }}
),

programme as (
    select
        readiness_scale,
        readiness_resistant_below,
        readiness_driver_from
    from {{ ref('stg_study__programmes') }}
),

-- Who leads a coached unit and another one is a coach.
ranked_leads as (
    select
        lead_person_id,
        cohort,
        arm,
        kickoff_date,
        row_number() over (
            partition by lead_person_id
            order by case arm when 'pilot' then 0 else 1 end, kickoff_date, cohort
        ) as row_rank
    from {{ ref('int_unit_leads') }}
    where lead_person_id is not null
),

leads as (
    select * from ranked_leads
    where row_rank = 1
),

reported as (
    select
        coalesce(by_id.person_id, by_address.person_id) as person_id,
        roster.assessed_date,
        roster.readiness,
        0 as priority
    from {{ ref('stg_roster__readiness') }} as roster
    left join people as by_id
        on
            by_id.known_by = 'id'
            and roster.person_id = by_id.known_as
    left join people as by_address
        on
            by_address.known_by = 'e-mail'
            and roster.email_key = by_address.known_as
    union all
    select
        scores.person_id,
        scores.launched_date as assessed_date,
        case
            when scores.score < programme.readiness_resistant_below then 'resistant'
            when scores.score >= programme.readiness_driver_from then 'driver'
            else 'neutral'
        end as readiness,
        1 as priority
    from {{ ref('int_scale_scores') }} as scores
    inner join programme on scores.scale = programme.readiness_scale
    where scores.is_scored
),

-- Words of a person who assessed come before a score.
ranked as (
    select
        reported.*,
        row_number() over (
            partition by reported.person_id, reported.assessed_date order by reported.priority, reported.readiness
        ) as row_rank
    from reported
    where reported.person_id is not null
),

waved as (
    select
        leads.lead_person_id as person_id,
        leads.cohort,
        leads.arm,
        leads.kickoff_date,
        ranked.assessed_date,
        ranked.readiness,
        lag(ranked.readiness) over (
            partition by leads.lead_person_id order by ranked.assessed_date
        ) as readiness_before,
        lag(ranked.assessed_date) over (
            partition by leads.lead_person_id order by ranked.assessed_date
        ) as assessed_before_date
    from ranked
    inner join leads on ranked.person_id = leads.lead_person_id
    where ranked.row_rank = 1
),

programme_start as (
    select min(kickoff_date) as first_kickoff_date from {{ ref('int_unit_assignments') }}
)

select
    waved.person_id,
    waved.cohort,
    waved.arm,
    waved.assessed_date,
    waved.readiness,
    waved.readiness_before,
    waved.assessed_before_date,
    -- The last one before their own unit was exposed; where there is none, nothing is baseline.
    row_number() over (
        partition by waved.person_id
        order by
            case
                when waved.assessed_date <= coalesce(waved.kickoff_date, programme_start.first_kickoff_date) then 0
                else 1
            end,
            waved.assessed_date desc
    ) = 1
    and waved.assessed_date <= coalesce(waved.kickoff_date, programme_start.first_kickoff_date) as is_baseline
from waved
cross join programme_start

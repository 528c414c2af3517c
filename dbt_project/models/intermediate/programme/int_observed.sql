with eligible as (
    select
        person_id,
        unit_id,
        cohort,
        arm,
        kickoff_date
    from {{ ref('int_eligible') }}
),

memberships as (
    select
        person_id,
        month,
        load_id,
        line,
        fte,
        output_value
    from {{ ref('int_team_memberships') }}
)

-- The unit is the assigned one, not the one of the month: intention to treat.
select
    eligible.person_id,
    memberships.month,
    eligible.unit_id,
    eligible.cohort,
    eligible.arm,
    eligible.kickoff_date,
    memberships.load_id,
    memberships.line,
    memberships.fte,
    memberships.output_value
from eligible
inner join memberships on eligible.person_id = memberships.person_id

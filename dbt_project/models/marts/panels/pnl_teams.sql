with outcomes as (
    select
        metric,
        period
    from {{ ref('stg_study__outcomes') }}
    where panel = 'pnl_teams'
),

observation as (
    select observed_through_date from {{ ref('int_observation_window') }}
),

memberships as (
    select
        memberships.person_id,
        memberships.month,
        coalesce(memberships.team, observed.unit_id) as team,
        observed.unit_id,
        observed.cohort,
        observed.arm,
        observed.kickoff_date
    from {{ ref('int_team_memberships') }} as memberships
    left join {{ ref('int_observed') }} as observed
        on
            memberships.person_id = observed.person_id
            and memberships.month = observed.month
),

-- A team counts where most of its members are assigned.
placed as (
    select
        outcomes.metric,
        memberships.team,
        {{ period_of('memberships.month', 'outcomes.period') }} as period_start,
        memberships.unit_id,
        memberships.cohort,
        memberships.arm,
        memberships.kickoff_date,
        row_number() over (
            partition by outcomes.metric, memberships.team, {{ period_of('memberships.month', 'outcomes.period') }}
            order by count(*) desc, memberships.unit_id asc
        ) as row_rank
    from memberships
    cross join outcomes
    where
        memberships.team is not null
        and memberships.unit_id is not null
    group by
        outcomes.metric,
        memberships.team,
        {{ period_of('memberships.month', 'outcomes.period') }},
        memberships.unit_id,
        memberships.cohort,
        memberships.arm,
        memberships.kickoff_date
),

meetings as (
    select
        outcomes.metric,
        memberships.team,
        {{ period_of('memberships.month', 'outcomes.period') }} as period_start,
        checkins.led_by_person_id
    from {{ ref('int_checkins') }} as checkins
    cross join outcomes
    inner join memberships
        on
            checkins.person_id = memberships.person_id
            and checkins.month = memberships.month
    where
        checkins.event = 'checkin'
        and checkins.status = 'held'
        and checkins.led_by_person_id is not null
),

-- Everybody who could have led: the team's members, and whoever led from outside.
leaders as (
    select
        outcomes.metric,
        memberships.team,
        {{ period_of('memberships.month', 'outcomes.period') }} as period_start,
        memberships.person_id
    from memberships
    cross join outcomes
    union
    select
        metric,
        team,
        period_start,
        led_by_person_id as person_id
    from meetings
),

led as (
    select
        leaders.metric,
        leaders.team,
        leaders.period_start,
        leaders.person_id,
        count(meetings.led_by_person_id) as n_led
    from leaders
    left join meetings
        on
            leaders.metric = meetings.metric
            and leaders.team = meetings.team
            and leaders.period_start = meetings.period_start
            and leaders.person_id = meetings.led_by_person_id
    group by leaders.metric, leaders.team, leaders.period_start, leaders.person_id
),

ranked as (
    select
        led.*,
        row_number()
            over (partition by led.metric, led.team, led.period_start order by led.n_led, led.person_id)
            as n_th,
        count(*) over (partition by led.metric, led.team, led.period_start) as n_leaders
    from led
),

-- Gini: Σ (2i − n − 1) x_i ÷ (n Σ x), the x sorted upwards.
ginis as (
    select
        metric,
        team,
        period_start,
        cast(sum((2 * n_th - n_leaders - 1) * n_led) as double)
        / nullif(max(n_leaders) * sum(n_led), 0) as value
    from ranked
    group by metric, team, period_start
),

closing as (
    select
        placed.*,
        ginis.value,
        {{ period_end('placed.period_start', 'outcomes.period') }} as observed_date
    from placed
    inner join outcomes on placed.metric = outcomes.metric
    left join ginis
        on
            placed.metric = ginis.metric
            and placed.team = ginis.team
            and placed.period_start = ginis.period_start
    where placed.row_rank = 1
)

select
    closing.metric,
    'team' as subject_kind,
    closing.team as subject_id,
    closing.unit_id,
    closing.cohort,
    closing.arm,
    closing.kickoff_date,
    closing.period_start as observed_from_date,
    closing.observed_date,
    closing.period_start,
    closing.value,
    case when closing.value is null then 'no check-in held with a known leader' end as missing_reason
from closing
cross join observation
where closing.observed_date <= observation.observed_through_date

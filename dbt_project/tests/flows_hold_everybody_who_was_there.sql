{{ config(meta={'dagster': {'ref': {'name': 'cell_flows'}}}) }}
-- Conservation: of every outcome of persons, observed + missing + excluded (by reason) = who was there, counted on its
-- own: employed on the day of a wave that asked, listed in some month of a period, employed when a window began.
with outcomes as (
    select
        metric,
        panel,
        period
    from {{ ref('stg_study__outcomes') }}
),

occasions as (
    select distinct
        metric,
        period_start
    from {{ ref('cell_flows') }}
),

waves as (
    select distinct
        metric,
        observed_date,
        period_start
    from {{ ref('pnl_surveys') }}
    where subject_kind = 'person'
),

there as (
    select
        waves.metric,
        waves.period_start,
        count(*) as n_there
    from waves
    inner join {{ ref('int_survey_frames') }} as frames on waves.observed_date = frames.launched_date
    group by waves.metric, waves.period_start
    union all
    select
        outcomes.metric,
        occasions.period_start,
        count(distinct memberships.person_id) as n_there
    from outcomes
    inner join occasions on outcomes.metric = occasions.metric
    inner join {{ ref('int_team_memberships') }} as memberships
        on occasions.period_start = {{ period_of('memberships.month', 'outcomes.period') }}
    where outcomes.panel in ('pnl_activity', 'pnl_cadence')
    group by outcomes.metric, occasions.period_start
    union all
    select
        outcomes.metric,
        occasions.period_start,
        count(distinct spells.person_id) as n_there
    from outcomes
    inner join occasions on outcomes.metric = occasions.metric
    inner join {{ ref('int_person_spells') }} as spells
        on
            not spells.is_superseded
            and occasions.period_start >= spells.hired_date
            and (spells.left_date is null or occasions.period_start <= spells.left_date)
            and {{ month_of('occasions.period_start') }} <= spells.last_seen_month
    where outcomes.panel = 'pnl_retention'
    group by outcomes.metric, occasions.period_start
),

flows as (
    select
        metric,
        period_start,
        sum(n_observations) as n_told
    from {{ ref('cell_flows') }}
    group by metric, period_start
)

select
    there.metric,
    there.period_start,
    there.n_there,
    flows.n_told
from there
left join flows
    on
        there.metric = flows.metric
        and there.period_start = flows.period_start
where coalesce(flows.n_told, 0) <> there.n_there

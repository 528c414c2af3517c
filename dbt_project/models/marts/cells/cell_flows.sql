{# Beside the layer before: who was expected and left out is known before the panels. #}
{# Participant flow: everybody who was there when an outcome was observed, as excluded, missing or observed. #}
with panel as (
    {% for panel in var('panels') %}
        select
            metric,
            cohort,
            period_start,
            observed_date,
            subject_kind,
            subject_id,
            value,
            missing_reason
        from {{ ref(panel) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

judged as (
    select
        metric,
        cohort,
        period_start,
        case when value is null then 'missing' else 'observed' end as status,
        coalesce(missing_reason, '') as reason
    from panel
),

-- When an outcome of persons was looked at: the days of its waves, or its periods.
occasions as (
    select distinct
        panel.metric,
        panel.period_start,
        panel.observed_date,
        outcomes.panel,
        outcomes.period
    from panel
    inner join {{ ref('stg_study__outcomes') }} as outcomes on panel.metric = outcomes.metric
    where panel.subject_kind = 'person'
),

excluded as (
    select
        person_id,
        cohort,
        reason
    from {{ ref('int_excluded') }}
),

left_out as (
    select
        occasions.metric,
        coalesce(excluded.cohort, 'not in the study') as cohort,
        occasions.period_start,
        excluded.reason
    from occasions
    inner join {{ ref('int_survey_frames') }} as frames on occasions.observed_date = frames.launched_date
    inner join excluded on frames.person_id = excluded.person_id
    where occasions.panel = 'pnl_surveys'
    union all
    select
        occasions.metric,
        coalesce(excluded.cohort, 'not in the study') as cohort,
        occasions.period_start,
        excluded.reason
    from occasions
    inner join {{ ref('int_team_memberships') }} as memberships
        on occasions.period_start = {{ period_of('memberships.month', 'occasions.period') }}
    inner join excluded on memberships.person_id = excluded.person_id
    where occasions.panel <> 'pnl_surveys'
    group by
        occasions.metric,
        occasions.period_start,
        occasions.observed_date,
        memberships.person_id,
        excluded.cohort,
        excluded.reason
),

-- Retention is looked at on the first day of each cohort's window: who was employed that day.
windows as (
    select distinct
        metric,
        entry_date
    from {{ ref('pnl_retention') }}
    where phase = 'after'
),

watched as (
    select distinct
        metric,
        entry_date,
        person_id
    from {{ ref('pnl_retention') }}
    where phase = 'after'
),

employed as (
    select distinct
        windows.metric,
        windows.entry_date,
        spells.person_id
    from windows
    inner join {{ ref('int_person_spells') }} as spells
        on
            not spells.is_superseded
            and windows.entry_date >= spells.hired_date
            and (spells.left_date is null or windows.entry_date <= spells.left_date)
            and windows.entry_date <= cast({{ dbt.last_day('spells.last_seen_month', 'month') }} as date)
),

stayers as (
    select
        employed.metric,
        coalesce(assignments.cohort, 'not in the study') as cohort,
        employed.entry_date as period_start,
        case
            when excluded.person_id is not null then 'excluded'
            when watched.person_id is not null then 'observed'
            else 'missing'
        end as status,
        case
            when excluded.person_id is not null then excluded.reason
            when watched.person_id is not null then ''
            when assignments.arm = 'pilot' and assignments.kickoff_date < employed.entry_date
                then 'coached already'
            when assignments.arm = 'pilot' and assignments.kickoff_date > employed.entry_date
                then 'coached before the window ends'
            else 'followed for less than a month'
        end as reason
    from employed
    inner join {{ ref('int_assignments') }} as assignments on employed.person_id = assignments.person_id
    left join excluded on employed.person_id = excluded.person_id
    left join watched
        on
            employed.metric = watched.metric
            and employed.entry_date = watched.entry_date
            and employed.person_id = watched.person_id
),

united as (
    select * from judged
    union all
    select
        metric,
        cohort,
        period_start,
        'excluded' as status,
        reason
    from left_out
    union all
    select * from stayers
)

select
    metric,
    cohort,
    period_start,
    status,
    reason,
    cast(count(*) as bigint) as n_observations
from united
group by metric, cohort, period_start, status, reason

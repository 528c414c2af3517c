with outcomes as (
    select
        metric,
        period,
        measure,
        of_what
    from {{ ref('stg_study__outcomes') }}
    where panel = 'pnl_leads'
),

observation as (
    select observed_through_date from {{ ref('int_observation_window') }}
),

-- Where people were assigned one by one, nobody leads a unit.
units as (
    select
        units.unit_id,
        units.cohort,
        units.arm,
        units.kickoff_date
    from {{ ref('int_unit_assignments') }} as units
    inner join {{ ref('stg_study__programmes') }} as programme on programme.assignment_unit <> 'person'
),

led as (
    select
        manager_person_id,
        month,
        unit_id
    from {{ ref('int_unit_managers') }}
    where
        is_lead
        and is_main_unit
),

-- A manager counts once in a period, in the unit led first in it.
ranked as (
    select
        outcomes.metric,
        outcomes.period,
        outcomes.measure,
        outcomes.of_what,
        led.manager_person_id,
        {{ period_of('led.month', 'outcomes.period') }} as period_start,
        led.month as first_month,
        led.unit_id,
        row_number() over (
            partition by outcomes.metric, led.manager_person_id, {{ period_of('led.month', 'outcomes.period') }}
            order by led.month, led.unit_id
        ) as row_rank
    from led
    cross join outcomes
),

leads as (
    select
        ranked.metric,
        ranked.period,
        ranked.measure,
        ranked.of_what,
        ranked.manager_person_id,
        ranked.period_start,
        ranked.first_month,
        units.unit_id,
        units.cohort,
        units.arm,
        units.kickoff_date,
        {{ period_end('ranked.period_start', 'ranked.period') }} as period_end_date
    from ranked
    inner join units on ranked.unit_id = units.unit_id
    where ranked.row_rank = 1
),

frames as (
    select
        launched_date,
        person_id
    from {{ ref('int_survey_frames') }}
),

answers as (
    select
        scale,
        launched_date,
        person_id,
        {{ exact_sum('case when is_scored then score end') }} / count(case when is_scored then 1 end) as score
    from {{ ref('int_scale_scores') }}
    where person_id is not null
    group by scale, launched_date, person_id
),

waves as (
    select distinct
        scale,
        launched_date
    from answers
),

-- Silence is a row without a value.
answered as (
    select
        leads.*,
        waves.launched_date as observed_from_date,
        waves.launched_date as observed_date,
        answers.score as value,
        'did not answer' as why_missing
    from leads
    inner join waves
        on
            leads.of_what = waves.scale
            and leads.period_start = {{ period_of('waves.launched_date', 'leads.period') }}
    inner join frames
        on
            waves.launched_date = frames.launched_date
            and leads.manager_person_id = frames.person_id
    left join answers
        on
            waves.scale = answers.scale
            and waves.launched_date = answers.launched_date
            and leads.manager_person_id = answers.person_id
    where leads.measure = 'lead_score'
),

checkins as (
    select
        month,
        status,
        n_minutes,
        manager_person_id,
        -- Where the log does not say who led it, the manager of the person did.
        coalesce(led_by_person_id, manager_person_id) as leader_person_id
    from {{ ref('int_checkins') }}
    where event = 'checkin'
),

led_checkins as (
    select
        leader_person_id,
        month,
        count(*) as n_held,
        count(n_minutes) as n_timed,
        {{ exact_sum('n_minutes') }} as n_minutes
    from checkins
    where status = 'held'
    group by leader_person_id, month
),

logged as (
    select distinct
        manager_person_id,
        month
    from checkins
    where manager_person_id is not null
),

-- Months in which the log has nothing of a manager's people are not known, and no months without check-ins.
counted as (
    select
        leads.metric,
        leads.manager_person_id,
        leads.period_start,
        count(*) as n_months,
        coalesce(sum(led_checkins.n_held), 0) as n_held,
        coalesce(sum(led_checkins.n_timed), 0) as n_timed,
        {{ exact_sum('led_checkins.n_minutes') }} as n_minutes
    from leads
    inner join led
        on
            leads.manager_person_id = led.manager_person_id
            and leads.period_start = {{ period_of('led.month', 'leads.period') }}
    inner join logged
        on
            led.manager_person_id = logged.manager_person_id
            and led.month = logged.month
    left join led_checkins
        on
            led.manager_person_id = led_checkins.leader_person_id
            and led.month = led_checkins.month
    where leads.measure = 'lead_checkin_hours'
    group by leads.metric, leads.manager_person_id, leads.period_start
),

-- A check-in without a length is as long as the manager's others.
busy as (
    select
        leads.*,
        leads.period_start as observed_from_date,
        leads.period_end_date as observed_date,
        case
            when counted.n_held = 0 then 0.0
            when counted.n_timed > 0
                then counted.n_minutes / counted.n_timed * counted.n_held / 60.0 / counted.n_months
        end as value,
        case
            when counted.metric is null then 'no check-in of the manager''s people in the log'
            else 'no check-in that the manager led has a length'
        end as why_missing
    from leads
    left join counted
        on
            leads.metric = counted.metric
            and leads.manager_person_id = counted.manager_person_id
            and leads.period_start = counted.period_start
    where leads.measure = 'lead_checkin_hours'
),

-- Of whoever led a unit in the period's first month: who then led it in turn is no loss of the one before.
employed as (
    select
        leads.*,
        leads.period_start as observed_from_date,
        leads.period_end_date as observed_date,
        spells.left_date,
        spells.is_vanished,
        row_number() over (
            partition by leads.metric, leads.manager_person_id, leads.period_start order by spells.hired_date desc
        ) as row_rank
    from leads
    inner join {{ ref('int_person_spells') }} as spells
        on
            leads.manager_person_id = spells.person_id
            and not spells.is_superseded
            and {{ dbt.last_day('leads.first_month', 'month') }} >= spells.hired_date
            and (spells.left_date is null or leads.period_start <= spells.left_date)
    where
        leads.measure = 'lead_left'
        and leads.first_month = leads.period_start
),

left_or_not as (
    select
        employed.*,
        case
            when employed.left_date <= employed.period_end_date then 1.0
            when employed.is_vanished then null
            else 0.0
        end as value,
        'no longer in the files, without an exit' as why_missing
    from employed
    where employed.row_rank = 1
),

united as (
    {% for part in ['answered', 'busy', 'left_or_not'] %}
        select
            metric,
            manager_person_id,
            unit_id,
            cohort,
            arm,
            kickoff_date,
            observed_from_date,
            observed_date,
            period_start,
            value,
            why_missing
        from {{ part }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    united.metric,
    'manager' as subject_kind,
    united.manager_person_id as subject_id,
    united.unit_id,
    united.cohort,
    united.arm,
    united.kickoff_date,
    united.observed_from_date,
    united.observed_date,
    united.period_start,
    united.value,
    case when united.value is null then united.why_missing end as missing_reason
from united
cross join observation
where united.observed_date <= observation.observed_through_date
